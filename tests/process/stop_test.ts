/** Stopping: the whole tree goes, whatever it does. */
import { assert, assertEquals } from "@std/assert";
import { eventually, isAlive, startCrew, type TestCrew } from "../support/crew.ts";

/** Reads a pid that a script of the crew has written to a file. */
async function pidIn(crew: TestCrew, file: string): Promise<number> {
  let pid = 0;
  await eventually(`${file} holds a pid`, () => {
    try {
      pid = Number(Deno.readTextFileSync(`${crew.projectDir}/${file}`));
    } catch {
      return false;
    }
    return pid > 0;
  });
  return pid;
}

function configOf(script: string, stop: string): string {
  return `
import { command, defineConfig } from "coxswain";
export default defineConfig({
  name: "stops",
  processes: {
    tree: { run: command(["sh", "-c", ${JSON.stringify(script)}]), stop: ${stop} },
    other: { run: command(["sleep", "1000"]) },
  },
});`;
}

const SHAPES: Readonly<Record<string, string>> = {
  "a grandchild that ignores TERM":
    `sh -c 'trap "" TERM; echo $$ > pid.txt; while :; do sleep 1; done' & wait`,
  "a grandchild in a session of its own":
    `setsid sh -c 'echo $$ > pid.txt; exec sleep 1000' & wait`,
  "a daemonised grandchild (double fork, setsid, /dev/null)":
    `(setsid sh -c 'echo $$ > pid.txt; exec sleep 1000' </dev/null >/dev/null 2>&1 &) ; exec sleep 1000`,
  "a daemonised grandchild without environment":
    `(env -i setsid sh -c 'echo $$ > pid.txt; exec sleep 1000' & ) ; exec sleep 1000`,
};

for (const [shape, script] of Object.entries(SHAPES)) {
  Deno.test(`stop of one process ends ${shape}, and nobody else`, async () => {
    await using crew = await startCrew(
      configOf(script, `{ signal: "SIGTERM", timeout: "200ms" }`),
    );
    const pid = await pidIn(crew, "pid.txt");
    const { processes } = await crew.snapshot();
    const main = processes.tree!.pid!;
    assert(isAlive(pid));
    const { connectControl } = await import("../../src/control/client.ts");
    const client = await connectControl(`${crew.runDir}/control.sock`);
    await client.call("stop", { name: "tree" });
    client.close();
    assertEquals((await crew.process("tree")).state, "idle");
    assert(!isAlive(main));
    await eventually("the grandchild is gone", () => !isAlive(pid));
    assertEquals((await crew.process("other")).instance, 1);
    assertEquals((await crew.process("other")).state, "running");
  });
}

Deno.test("an instance that ignores its signal gets KILL, with the cause stop-timeout", async () => {
  await using crew = await startCrew(
    configOf(
      `trap "" TERM; echo $$ > pid.txt; while :; do sleep 0.1; done`,
      `{ timeout: "100ms" }`,
    ),
  );
  await pidIn(crew, "pid.txt");
  assertEquals((await crew.stop()).code, 0);
  const exit = crew.events().find((event) => event.event === "exit" && event.process === "tree");
  assert(exit?.event === "exit" && exit.reason.kind === "signal");
  assertEquals(exit.reason.signal, "SIGKILL");
  assertEquals(exit.reason.cause, "stop-timeout");
});

Deno.test("a second signal hastens the shutdown, a third kills", async () => {
  await using crew = await startCrew(
    configOf(
      `trap "" TERM; echo $$ > pid.txt; while :; do sleep 0.1; done`,
      `{ timeout: "1h" }`,
    ),
  );
  await pidIn(crew, "pid.txt");
  Deno.kill(crew.pid, "SIGINT");
  await crew.until("it stops", ({ processes }) => processes.tree!.state === "stopping");
  await new Promise((resolve) => setTimeout(resolve, 400));
  Deno.kill(crew.pid, "SIGINT");
  const status = await crew.ended();
  assertEquals(status.code, 0, crew.output());
});

Deno.test("shutdown stops dependents before what they depend on", async () => {
  await using crew = await startCrew(`
import { command, defineConfig } from "coxswain";
const run = command(["sleep", "1000"]);
export default defineConfig({
  name: "order",
  processes: {
    web: { run, after: { app: "ready" } },
    db: { run },
    app: { run, after: { db: "ready" } },
  },
});`);
  await crew.until("all run", ({ processes }) => processes.web!.state === "running");
  await crew.stop();
  const exits = crew.events().flatMap((event) =>
    event.event === "exit" && !event.process.startsWith("@") ? [event.process] : []
  );
  assertEquals(exits, ["web", "app", "db"]);
});

Deno.test("a shutdown during start-up ends at once", async () => {
  await using crew = await startCrew(`
import { command, defineConfig } from "coxswain";
const run = command(["sleep", "1000"]);
export default defineConfig({
  name: "early",
  processes: {
    slow: { run, ready: { by: "notify", within: "1h" } },
    later: { run, after: { slow: "ready" } },
  },
});`);
  await crew.until("slow starts", ({ processes }) => processes.slow!.state === "starting");
  const { code } = await crew.stop();
  assertEquals(code, 0, crew.output());
  assertEquals(crew.events().some(({ event }) => event === "spawnFailed"), false);
});
