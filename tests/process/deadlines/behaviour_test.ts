/** Programs that misbehave in time, one way each, and what is found of them. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { coxCommand, eventually, startCrew, type TestCrew } from "../../support/crew.ts";
import { BEATING, eventsOf, missesOf, PATIENT, PATIENT_MS } from "./support.ts";

const runs = (crew: TestCrew, name: string, instance = 1) =>
  crew.until(
    `${name}#${instance} runs`,
    ({ processes }) =>
      processes[name]!.state === "running" && processes[name]!.instance === instance,
  );

async function cox(crew: TestCrew, ...words: string[]): Promise<string> {
  const [command = "", ...args] = coxCommand([...words, "--run-dir", crew.runDir]);
  const { stdout } = await new Deno.Command(command, { args, env: { NO_COLOR: "1" } }).output();
  return new TextDecoder().decode(stdout);
}

Deno.test("a loop that computes without end is found while it runs, and restarted", async () => {
  const program = `
import { cycle, ready } from "coxswain/child";
await ready();
let busy = false;
Deno.addSignalListener("SIGUSR2", () => void (busy = true));
for await (const _ of cycle("work")) while (busy);
`;
  await using crew = await startCrew(
    `
import { defineConfig, deno } from "coxswain";
export default defineConfig({
  name: "busy",
  processes: {
    busy: {
      run: deno("./loop.ts"),
      ready: { by: "notify", within: "20s" },
      stop: { timeout: "2s" },
      deadlines: { cycles: { work: {
        period: "20ms", budget: "15ms", late: "20ms", tolerate: { misses: 40, in: 50 }, miss: [],
        broken: "restart",
      } } },
    },
  },
});`,
    { files: { "loop.ts": program } },
  );
  const { processes } = await runs(crew, "busy");
  await eventually("it has made some passes", async () => {
    const { kept, missed } = (await crew.snapshot()).deadlines["busy.cycle.work"]!;
    return kept + missed >= 20;
  });
  Deno.kill(processes["busy"]!.pid!, "SIGUSR2");
  await runs(crew, "busy", 2);
  const broke = missesOf(crew).find((miss) => miss.broke)!;
  assertEquals([broke.contract, broke.instance], ["busy.cycle.work", 1]);
  assertEquals(broke.did, ["restart"]);
  await eventually("the stamps are written", () => eventsOf(crew, "traceWritten").length > 0);
  const trace = JSON.parse(
    Deno.readTextFileSync((await cox(crew, "trace")).trim().split("\n")[0]!),
  );
  assertEquals(trace.displayTimeUnit, "ms");
  const passes = trace.traceEvents.filter(({ ph }: { ph: string }) => ph === "X");
  assert(passes.length >= 20, `${passes.length} passes`);
  const picture = `${crew.projectDir}/last.svg`;
  await cox(crew, "timeline", "--svg", picture, "--last", "1m");
  const drawn = Deno.readTextFileSync(picture);
  assertStringIncludes(drawn, ">work (20 ms)</text>");
  // The endless pass of the instance that is gone.
  assertEquals(drawn.match(/; the process ended within it/g)?.length, 1);
  assertStringIncludes(await cox(crew, "deadlines"), "busy.cycle.work");
  const { lastExit } = await crew.process("busy");
  assert(lastExit !== null && "cause" in lastExit && lastExit.cause === "deadline");
});

Deno.test("one that is blocked by a full pipe is found, and the one that does not drain it is named", async () => {
  const writer = JSON.stringify(`
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
s.send(b"READY=1")
while True:
    s.send(b"WATCHDOG=1")
    os.write(1, b"x" * 4096)
`);
  await using crew = await startCrew(`
import { command, defineConfig, pipe } from "coxswain";
export default defineConfig({
  name: "blocked",
  processes: {
    writer: {
      run: command(["python3", "-c", ${writer}]),
      ready: { by: "notify", within: "20s" },
      deadlines: { heartbeat: { by: "notify", within: "${PATIENT}", miss: [] } },
    },
    reader: { run: command(["sh", "-c", "exec cat > /dev/null"]) },
  },
  channels: { data: pipe({ from: "writer.stdout", to: "reader.stdin" }) },
});`);
  await runs(crew, "writer");
  const { pid } = await crew.process("reader");
  Deno.kill(pid!, "SIGSTOP");
  await eventually("the writer is missed", () => missesOf(crew).length > 0);
  const { evidence, reason } = missesOf(crew)[0]!;
  assertEquals([reason, evidence!.call, evidence!.callOn], ["silent", "write", "data"]);
  const [data] = evidence!.channels;
  assertEquals([data!.side, data!.state, data!.other], ["writes", "full", ["reader"]]);
  const story = await cox(crew, "why", "writer");
  assertStringIncludes(story, "it waited for room in data, which reader does not drain");
  assert(story.trim().split("\n").length <= 10, story);
  Deno.kill(pid!, "SIGCONT");
  await eventually("it holds again", () => eventsOf(crew, "deadlineRecovered").length > 0);
  await crew.stop();
  const [source = "", ...afterwards] = (await cox(crew, "why", "writer")).split("\n");
  assertStringIncludes(source, `No supervisor is running: from ${crew.runDir}/events.jsonl`);
  assertStringIncludes(afterwards[0]!, "writer missed ");
});

Deno.test("one that is slow to start is warned of, then missed, and lives on", async () => {
  const slow = JSON.stringify(
    BEATING.replace(
      's.send(b"READY=1")',
      `time.sleep(${2 * PATIENT_MS / 1000})\ns.send(b"READY=1")`,
    ),
  );
  await using crew = await startCrew(`
import { command, defineConfig } from "coxswain";
export default defineConfig({
  name: "slow",
  processes: {
    slow: {
      run: command(["python3", "-c", ${slow}]),
      ready: { by: "notify", within: "20s" },
      deadlines: {
        ready: { warn: "200ms", within: "400ms" },
        heartbeat: { by: "notify", within: "${PATIENT}" },
      },
    },
  },
});`);
  await runs(crew, "slow");
  const found = eventsOf(crew, "deadline").map(({ contract, kind }) => [contract, kind]);
  assertEquals(found, [["slow.ready", "warn"], ["slow.ready", "miss"]]);
  assertEquals((await crew.process("slow")).restarts, 0);
});

Deno.test("when the whole crew and its supervisor stand still for a while, nobody is blamed", async () => {
  await using crew = await startCrew(`
import { command, defineConfig } from "coxswain";
const beating = command(["python3", "-c", ${JSON.stringify(BEATING)}]);
const ready = { by: "notify", within: "20s" } as const;
const deadlines = { heartbeat: { by: "notify", within: "${PATIENT}", miss: "restart" } } as const;
export default defineConfig({
  name: "pause",
  processes: { one: { run: beating, ready, deadlines }, two: { run: beating, ready, deadlines } },
});`);
  await runs(crew, "one");
  const { processes, supervisorPid } = await runs(crew, "two");
  const pids = [supervisorPid, processes["one"]!.pid!, processes["two"]!.pid!];
  for (const pid of pids) Deno.kill(pid, "SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, 3 * PATIENT_MS));
  for (const pid of pids.toReversed()) Deno.kill(pid, "SIGCONT");
  await eventually("the absence is told of", () => eventsOf(crew, "deadlinesExcused").length > 0);
  const { kept } = (await crew.snapshot()).deadlines["one.heartbeat"]!;
  await eventually(
    "they are judged on",
    async () => (await crew.snapshot()).deadlines["one.heartbeat"]!.kept > kept + 20,
  );
  assertEquals(missesOf(crew), []);
});

Deno.test("a storm of restarts next to it makes nobody miss who keeps his contract", async () => {
  const crashing = '{ run: command(["/bin/false"]), restart: { policy: "permanent", ' +
    'backoff: { initial: "1ms", max: "10ms" } } }';
  await using crew = await startCrew(`
import { command, defineConfig } from "coxswain";
export default defineConfig({
  name: "storm",
  processes: {
    steady: {
      run: command(["python3", "-c", ${JSON.stringify(BEATING)}]),
      ready: { by: "notify", within: "20s" },
      deadlines: { heartbeat: { by: "notify", within: "${PATIENT}", miss: "restart" } },
    },
    a: ${crashing}, b: ${crashing}, c: ${crashing}, d: ${crashing},
  },
});`);
  await runs(crew, "steady");
  await crew.until("it has stormed", ({ processes }) => processes["a"]!.restarts > 200);
  assertEquals(missesOf(crew), []);
  const { pid } = await crew.process("steady");
  Deno.kill(pid!, "SIGUSR1");
  await eventually("a hang is found in the storm", () => missesOf(crew).length > 0);
  await runs(crew, "steady", 2);
});
