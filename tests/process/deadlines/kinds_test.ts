/** One of each kind of contract and action that programs of the other tests do not come by. */
import { assert, assertEquals } from "@std/assert";
import { eventually, startCrew, type TestCrew } from "../../support/crew.ts";
import { BEATING, beatingCrew, eventsOf, missesOf, PATIENT, PATIENT_MS } from "./support.ts";

const CHILD = new URL("../../../src/child/mod.ts", import.meta.url).href;

const runs = (crew: TestCrew, name: string) =>
  crew.until(`${name} runs`, ({ processes }) => processes[name]!.state === "running");

/** Publishes; after one SIGUSR2 only calls heartbeat(); after another is silent. */
const FADING = `
import { heartbeat, mailboxProducer, ready, struct } from "${CHILD}";
const samples = mailboxProducer("samples", { schema: struct({ n: "u32" }) });
let asked = 0;
Deno.addSignalListener("SIGUSR2", () => void asked++);
await ready();
for (;;) {
  if (asked === 0 && samples.loan().kind === "loan") samples.publish();
  if (asked === 1) heartbeat();
  await new Promise((resolve) => setTimeout(resolve, 10));
}
`;

const READING = `
import { mailboxConsumer, struct } from "${CHILD}";
using samples = mailboxConsumer(Deno.args[0], { schema: struct({ n: "u32" }) });
for await (const _ of samples);
`;

const fadingCrew = (deadlines: string, channel: string) =>
  startCrew(
    `
import { defineConfig, deno, keepLast, mailbox, struct } from "coxswain";
const schema = struct({ n: "u32" });
export default defineConfig({
  name: "fading",
  processes: {
    fading: {
      run: deno("./fading.ts"), ready: { by: "notify", within: "20s" }, deadlines: ${deadlines},
    },
    reading: { run: deno("./reading.ts", { args: ["samples"] }) },
  },
  channels: {
    samples: mailbox({
      from: "fading.samples", to: "reading.samples", schema, slots: 8, history: keepLast(4),
      ${channel}
    }),
  },
});`,
    { files: { "fading.ts": FADING, "reading.ts": READING } },
  );

async function kept(crew: TestCrew, contract: string, count: number): Promise<void> {
  const of = async () => (await crew.snapshot()).deadlines[contract]!.kept;
  const before = await of();
  await eventually(`${contract} is kept ${count} times`, async () => await of() >= before + count);
}

Deno.test("a mailbox's producer lives while it publishes or gives heartbeats, and not without either", async () => {
  await using crew = await fadingCrew(
    '{ heartbeat: { by: "client", within: "1h" } }',
    `deadline: { within: "300ms" }, liveliness: { within: "${PATIENT}" },`,
  );
  const { processes } = await runs(crew, "fading");
  await kept(crew, "samples.liveliness", 20);
  Deno.kill(processes["fading"]!.pid!, "SIGUSR2");
  const missed = (contract: string) => missesOf(crew).filter((miss) => miss.contract === contract);
  await eventually("samples are missed", () => missed("samples.gap").length > 0);
  // So many are farther apart in all than its limit.
  await kept(crew, "samples.liveliness", PATIENT_MS / 10 + 10);
  assertEquals(missed("samples.liveliness"), []);
  Deno.kill(processes["fading"]!.pid!, "SIGUSR2");
  await eventually("it is missed", () => missed("samples.liveliness").length > 0);
  const [miss] = missed("samples.liveliness");
  assertEquals([miss!.process, miss!.reason, miss!.limitMs], [
    "fading",
    "not-alive",
    PATIENT_MS,
  ]);
});

Deno.test("a heartbeat by a mailbox is its samples, and nothing else that the producer says", async () => {
  await using crew = await fadingCrew(
    `{ heartbeat: { by: { channel: "samples" }, within: "${PATIENT}", miss: "restart" } }`,
    "",
  );
  const { processes } = await runs(crew, "fading");
  await kept(crew, "fading.heartbeat", PATIENT_MS / 10 + 10);
  assertEquals(missesOf(crew), []);
  Deno.kill(processes["fading"]!.pid!, "SIGUSR2");
  await crew.until(
    "it runs again",
    ({ processes: { fading } }) => fading!.instance === 2 && fading!.state === "running",
  );
  const misses = missesOf(crew).map(({ contract, reason, instance }) => [
    contract,
    reason,
    instance,
  ]);
  assertEquals(misses, [["fading.heartbeat", "silent", 1]]);
});

Deno.test("a one-shot that runs for too long is ended for it, and one that is in time is not", async () => {
  const once = (seconds: number, within: string) =>
    `{
    run: command(["sleep", "${seconds}"]),
    restart: { policy: "temporary" },
    deadlines: { run: { within: "${within}", miss: "restart" } },
  }`;
  await using crew = await startCrew(`
import { command, defineConfig } from "coxswain";
export default defineConfig({
  name: "once",
  processes: {
    long: ${once(1000, "300ms")},
    short: ${once(2, "20s")},
    // While one runs, the crew does.
    stays: { run: command(["sleep", "1000"]) },
  },
});`);
  const { processes, deadlines } = await crew.until(
    "both have ended, and the monitor has heard of it",
    ({ processes: { long, short }, deadlines }) =>
      long!.state === "failed" && short!.state === "completed" &&
      deadlines["short.run"]!.times.span !== null,
  );
  assertEquals(missesOf(crew).map(({ contract, reason, did }) => [contract, reason, did]), [
    ["long.run", "too-long", ["restart"]],
  ]);
  const { lastExit } = processes["long"]!;
  assert(lastExit !== null && "cause" in lastExit && lastExit.cause === "deadline");
  const { kept, missed, times } = deadlines["short.run"]!;
  assertEquals([kept, missed, times.span!.count], [1, 0, 1]);
  // It counts from when the supervisor has it, which on a busy machine is some time after it began
  // to sleep.
  assert(times.span!.minMs >= 1000, JSON.stringify(times));
});

Deno.test("EXTEND_TIMEOUT_USEC moves the end of a start that is under way, and no further than it says", async () => {
  const program = (extendedUsec: number) =>
    JSON.stringify(`
import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
s.send(b"EXTEND_TIMEOUT_USEC=${extendedUsec}")
time.sleep(4)
s.send(b"READY=1")
time.sleep(1000)
`);
  const starts = (extendedUsec: number) =>
    `{
    run: command(["python3", "-c", ${program(extendedUsec)}]),
    ready: { by: "notify", within: "30s" },
    deadlines: { ready: { within: "3s", miss: [] } },
  }`;
  await using crew = await startCrew(`
import { command, defineConfig } from "coxswain";
export default defineConfig({
  name: "extends",
  processes: { far: ${starts(25_000_000)}, near: ${starts(1_000)} },
});`);
  await runs(crew, "near");
  const { deadlines } = await runs(crew, "far");
  assertEquals(missesOf(crew).map(({ contract, reason }) => [contract, reason]), [
    ["near.ready", "too-long"],
  ]);
  const { kept, missed, times } = deadlines["far.ready"]!;
  assertEquals([kept, missed], [1, 0]);
  // Longer than was allowed without it.
  assert(times.span!.minMs > 3000, JSON.stringify(times));
});

Deno.test("stop leaves a process down that has missed its contract", async () => {
  const deadlines = `{ heartbeat: { by: "notify", within: "${PATIENT}", miss: "stop" } }`;
  await using crew = await startCrew(
    beatingCrew(deadlines).replace(
      "processes: {",
      'processes: { stays: { run: command(["sleep", "1000"]) },',
    ),
  );
  const { processes } = await runs(crew, "beater");
  Deno.kill(processes["beater"]!.pid!, "SIGUSR1");
  const { processes: { beater, stays } } = await crew.until(
    "it is down",
    ({ processes }) => processes["beater"]!.state === "idle",
  );
  assertEquals([beater!.restarts, stays!.state], [0, "running"]);
  assertEquals(missesOf(crew).map(({ did, instance }) => [did, instance]), [[["stop"], 1]]);
  // The monitor's signal is the only one.
  assertEquals(eventsOf(crew, "signal").filter(({ cause }) => cause !== "leftover"), []);
});

Deno.test("fail-group has a group give up for its first missed contract, and with it the crew", async () => {
  const beater = `{
    run: command(["python3", "-c", ${JSON.stringify(BEATING)}]),
    ready: { by: "notify", within: "20s" },
    deadlines: { heartbeat: { by: "notify", within: "${PATIENT}", miss: "fail-group" } },
  }`;
  await using crew = await startCrew(`
import { command, defineConfig, group } from "coxswain";
const run = command(["sleep", "1000"]);
export default defineConfig({
  name: "fails",
  processes: { beater: ${beater}, mate: { run } },
  groups: { pair: group(["beater", "mate"], { intensity: 100, period: "60s" }) },
});`);
  const { processes } = await runs(crew, "beater");
  Deno.kill(processes["beater"]!.pid!, "SIGUSR1");
  // Nothing is above it: the crew ends.
  assertEquals((await crew.ended()).code, 111, crew.output());
  assertEquals(missesOf(crew).map(({ did, instance }) => [did, instance]), [[["fail-group"], 1]]);
  assertEquals(eventsOf(crew, "groupGaveUp").map(({ group, member }) => [group, member]), [
    ["pair", "beater"],
  ]);
  const ends = eventsOf(crew, "exit").map(({ process, reason }) => [
    process,
    "cause" in reason && reason.cause,
  ]);
  assertEquals(ends.filter(([process]) => process === "beater" || process === "mate"), [
    ["beater", "deadline"],
    ["mate", "group"],
  ]);
});
