/** The README's first configuration does what a reader expects to see. */
import { assert } from "@std/assert";
import { eventually, startCrew } from "../support/crew.ts";

const README = Deno.readTextFileSync(new URL("../../README.md", import.meta.url));

Deno.test("README.md: the example shows its lines, in capitals, while it runs", async () => {
  const blocks = [...README.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);
  const [config = "", program = ""] = blocks;
  assert(config.includes("defineConfig") && config.includes("./clock.ts"), config);
  assert(program.includes("ready()"), program);
  await using crew = await startCrew(config, { files: { "clock.ts": program } });
  await eventually(
    "two lines are seen",
    () => /(shout \| IT IS .*\n[\s\S]*){2}/.test(crew.output()),
  );
});
