/** Requests from many sides at once, and at awkward moments, to real processes. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { EventRecord } from "../../src/audit/event_record.ts";
import { connectControl } from "../../src/control/client.ts";
import { ControlError } from "../../src/control/control_error.ts";
import { RPC_ERROR } from "../../src/control/protocol.ts";
import { coxCommand, eventually, isAlive, startCrew, type TestCrew } from "../support/crew.ts";
import { request } from "../support/request.ts";

/** How it ends when another instance is there. */
const DOUBLE = 75;
/**
 * Holds a lock for as long as it lives. One process all along: a helper that takes the lock would
 * hold it for a moment longer than an instance that is ended at its start.
 */
const ALONE = `exec flock -n -F -E ${DOUBLE} lock sleep 1000`;

function configOf(script: string, more = ""): string {
  return `
import { command, defineConfig, group } from "coxswain";
export default defineConfig({
  name: "requests",
  processes: { p: { run: command(["sh", "-c", ${JSON.stringify(script)}]), ${more} } },
});`;
}

function wasDouble(crew: TestCrew): boolean {
  return crew.events().some((event) =>
    event.event === "exit" && event.reason.kind === "code" && event.reason.code === DOUBLE
  );
}

const OPS = ["start", "restart", "stop"] as const;

Deno.test("twenty cox commands at once never make two instances", async () => {
  await using crew = await startCrew(configOf(ALONE));
  const codes = await Promise.all(Array.from({ length: 20 }, async (_, index) => {
    const [command = "", ...args] = coxCommand([OPS[index % 3]!, "p", "--run-dir", crew.runDir]);
    const { code } = await new Deno.Command(command, { args, stderr: "null", stdout: "null" })
      .output();
    return code;
  }));
  // Each was accepted, true already, or denied: nothing else.
  assert(codes.every((code) => code === 0 || code === 111), codes.join(" "));
  await request(crew, "start", "p");
  assertEquals((await crew.process("p")).state, "running");
  assert(!wasDouble(crew), "two instances at a time");
});

Deno.test("three hundred requests over twenty connections never make two instances", async () => {
  await using crew = await startCrew(configOf(ALONE, `stop: { timeout: "50ms" }`));
  await Promise.all(Array.from({ length: 20 }, async (_, lane) => {
    using client = await connectControl(`${crew.runDir}/control.sock`);
    for (let round = 0; round < 15; round++) {
      await client.call(OPS[(lane + round) % 3]!, { name: "p", wait: (lane + round) % 2 === 0 });
    }
  }));
  await request(crew, "start", "p");
  // A restart that nobody waited for may still be under way.
  const { processes } = await crew.until("it runs", (up) => up.processes.p!.state === "running");
  const { instance, pid } = processes.p!;
  assert(isAlive(pid!));
  const spawns = crew.events().filter((event) => event.event === "spawn" && event.process === "p");
  assertEquals(spawns.length, instance, "every spawn has a number of its own");
  assert(!wasDouble(crew), "two instances at a time");
});

Deno.test("a stop during backoff ends it at once, a start goes on at once", async () => {
  const restart = `restart: { backoff: { initial: "1h", max: "1h" } }`;
  await using crew = await startCrew(configOf("exit 1", restart));
  await crew.until("backoff", ({ processes }) => processes.p!.state === "backoff");
  await request(crew, "stop", "p");
  assertEquals((await crew.process("p")).state, "idle");
  const { starts } = await crew.process("p");
  using client = await connectControl(`${crew.runDir}/control.sock`);
  await client.call("start", { name: "p", wait: false });
  // An operator's request resets the backoff: this failure is a first one, restarted at once.
  await crew.until(
    "two more starts, and backoff again",
    ({ processes: { p } }) => p!.starts === starts + 2 && p!.state === "backoff",
  );
});

Deno.test("a restart during a restart waits for the one end and makes one instance", async () => {
  const script = `trap "" TERM; ${ALONE}`;
  await using crew = await startCrew(configOf(script, `stop: { timeout: "300ms" }`));
  await eventually("it holds its lock", () => isThere(`${crew.projectDir}/lock`));
  await Promise.all([1, 2, 3].map(() => request(crew, "restart", "p")));
  assertEquals((await crew.process("p")).instance, 2);
  assert(!wasDouble(crew), "two instances at a time");
});

Deno.test("a request with an unknown name does nothing, and a name given twice counts once", async () => {
  await using crew = await startCrew(configOf("exec sleep 1000"));
  using client = await connectControl(`${crew.runDir}/control.sock`);
  for (const op of OPS) {
    const error = await assertRejects(() => client.call(op, { name: ["p", "q"] }), ControlError);
    assertEquals(error.code, RPC_ERROR.unknownName);
  }
  const { state, instance } = await crew.process("p");
  assertEquals([state, instance], ["running", 1]);
  const { outcomes } = await client.call("restart", { name: ["p", "p"] });
  assertEquals(outcomes, [{ process: "p", kind: "accepted", reason: null }]);
  assertEquals((await crew.process("p")).instance, 2);
});

Deno.test("a request that is under way already waits for its end all the same", async () => {
  const script = `trap "exec sleep 0.5" TERM; while [ ! -e up ]; do sleep 0.01; done; echo UP; ` +
    `while :; do sleep 0.01; done`;
  await using crew = await startCrew(configOf(script, `ready: { by: "line", pattern: "UP" }`));
  let answered = false;
  const start = request(crew, "start", "p").then(({ outcomes }) => {
    answered = true;
    return outcomes[0];
  });
  await eventually("the request is heard", () => crew.events().some(isRequest));
  assert(!answered, "it was answered before it was true");
  Deno.writeTextFileSync(`${crew.projectDir}/up`, "");
  assertEquals(await start, { process: "p", kind: "ignored", reason: "already starting" });
  assertEquals((await crew.process("p")).state, "running");
  using client = await connectControl(`${crew.runDir}/control.sock`);
  await client.call("stop", { name: "p", wait: false });
  assertEquals((await request(crew, "stop", "p")).outcomes[0]?.kind, "ignored");
  assertEquals((await crew.process("p")).state, "idle");
});

Deno.test("one_for_all restarts every member when one dies, and nobody else", async () => {
  await using crew = await startCrew(`
import { command, defineConfig, group } from "coxswain";
const run = command(["sleep", "1000"]);
export default defineConfig({
  name: "all",
  processes: { a: { run }, b: { run, after: { a: "ready" } }, c: { run } },
  groups: { pair: group(["a", "b"], { strategy: "one_for_all", intensity: 9, period: "10s" }) },
});`);
  const { processes } = await crew.until("all run", (up) => up.processes.b!.state === "running");
  Deno.kill(processes.b!.pid!, "SIGKILL");
  const back = await crew.until(
    "both are new",
    ({ processes: { a, b } }) => a!.instance === 2 && b!.instance === 2 && b!.state === "running",
  );
  assertEquals(back.processes.c!.instance, 1);
  assert(!isAlive(processes.a!.pid!));
});

Deno.test("a dependency that finally fails, fails what waits for it, and the crew ends", async () => {
  await using crew = await startCrew(
    `
import { command, defineConfig } from "coxswain";
export default defineConfig({
  name: "fails",
  processes: {
    base: { run: command(["false"]), restart: { policy: "temporary" } },
    top: { run: command(["sleep", "1000"]), after: { base: "completed" } },
  },
});`,
    { waitForControl: false, args: ["--summary", "summary.json"] },
  );
  assertEquals((await crew.ended()).code, 111, crew.output());
  const { processes } = JSON.parse(Deno.readTextFileSync(`${crew.projectDir}/summary.json`));
  assertEquals([processes.base.state, processes.top.state], ["failed", "failed"]);
  assertEquals(processes.top.starts, 0);
});

Deno.test("the final failure of a critical process stops the others and ends with 111", async () => {
  await using crew = await startCrew(
    `
import { command, defineConfig } from "coxswain";
export default defineConfig({
  name: "critical",
  processes: {
    core: {
      run: command(["sh", "-c", "while [ ! -s pid ]; do sleep 0.01; done; exit 1"]),
      restart: { policy: "temporary" },
      critical: true,
    },
    other: { run: command(["sh", "-c", "echo $$ > pid; exec sleep 1000"]) },
  },
});`,
    { waitForControl: false },
  );
  assertEquals((await crew.ended()).code, 111, crew.output());
  assert(!isAlive(Number(Deno.readTextFileSync(`${crew.projectDir}/pid`))));
});

function isRequest({ event }: EventRecord): boolean {
  return event === "request";
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
