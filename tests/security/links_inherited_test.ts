/** What a Deno program starts has none of its links, although it may start programs. */
import { assertMatch } from "@std/assert";
import { eventually, startCrew } from "../support/crew.ts";

const LISTS = `
import { connect, ready } from "coxswain/child";
const { stdout } = await new Deno.Command("sh", {
  args: ["-c", "for fd in /proc/$$/fd/*; do readlink $fd; done | grep -c ^pipe: ; true"],
  stdin: "null",
  stderr: "null",
}).output();
console.log("pipes: " + new TextDecoder().decode(stdout).trim());
const out = connect("frames", { as: "lines" });
out.send("still mine");
await out.drained();
await ready();
setInterval(() => {}, 1000);
`;

const CONFIG = `
import { command, defineConfig, deno, pipe } from "coxswain";
export default defineConfig({
  name: "marked",
  processes: {
    from: { run: deno("./lists.ts", { permissions: { run: ["sh"] } }), ready: { by: "notify" } },
    to: { run: command(["cat"]) },
  },
  channels: { frames: pipe({ from: "from.frames", to: "to.stdin" }) },
});
`;

Deno.test("a Deno program that may start programs hands none of its links on, and keeps them", async () => {
  await using crew = await startCrew(CONFIG, { files: { "lists.ts": LISTS } });
  await eventually("it has listed", () => crew.output().includes("pipes: "));
  // The one is its output, to the program that asked.
  assertMatch(crew.output(), /pipes: 1$/m);
  await eventually("the link is used", () => crew.output().includes("still mine"));
});
