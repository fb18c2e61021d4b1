/** Contracts that are judged by what a process writes and delivers, whatever it says of itself. */
import { assert, assertEquals } from "@std/assert";
import { eventually, startCrew } from "../../support/crew.ts";
import { eventsOf, missesOf, PATIENT, PATIENT_MS } from "./support.ts";

/** Writes a line every 20 ms until it is told to stop that, and gives signs of life all the same. */
const LYING = `
import os, signal, socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
idle = False
def rest(*_):
    global idle
    idle = not idle
signal.signal(signal.SIGUSR1, rest)
s.send(b"READY=1")
while True:
    s.send(b"WATCHDOG=1")
    if not idle: print("line", flush=True)
    time.sleep(0.02)
`;

const lying = JSON.stringify(LYING);

Deno.test("a process that lies about its life is caught by the channel that it does not feed", async () => {
  await using crew = await startCrew(`
import { command, defineConfig, pipe } from "coxswain";
export default defineConfig({
  name: "lying",
  processes: {
    liar: {
      run: command(["python3", "-c", ${lying}]),
      ready: { by: "notify", within: "10s" },
      deadlines: { heartbeat: { by: "notify", within: "${PATIENT}", miss: "restart" } },
    },
    reader: { run: command(["sh", "-c", "exec cat > /dev/null"]) },
  },
  channels: {
    lines: pipe({
      from: "liar.stdout", to: "reader.stdin", framing: "lines",
      deadline: { within: "${PATIENT}", miss: "restart" },
    }),
  },
});`);
  await crew.until("it runs", ({ processes }) => processes["liar"]!.state === "running");
  const { pid } = await crew.process("liar");
  // So many are farther apart in all than the limit.
  await eventually("it keeps both for a while", async () => {
    const { deadlines } = await crew.snapshot();
    return ["liar.heartbeat", "lines.gap"].every((name) =>
      deadlines[name]!.kept > PATIENT_MS / 20 + 10
    );
  });
  assertEquals(missesOf(crew), []);
  Deno.kill(pid!, "SIGUSR1");
  await crew.until(
    "it runs again",
    ({ processes }) => processes["liar"]!.instance === 2 && processes["liar"]!.state === "running",
  );
  const [miss] = missesOf(crew);
  assertEquals([miss!.contract, miss!.reason, miss!.instance], ["lines.gap", "gap", 1]);
  assert(
    miss!.evidence!.channels.some(({ channel, side }) => channel === "lines" && side === "writes"),
    JSON.stringify(miss),
  );
});

Deno.test("what a process prints, or sends through a pipe, is a sign of life", async () => {
  const talking = `import signal, time
idle = False
def rest(*_):
    global idle
    idle = True
signal.signal(signal.SIGUSR1, rest)
while True:
    if not idle: print("line", flush=True)
    time.sleep(0.02)
`;
  const run = `command(["python3", "-c", ${JSON.stringify(talking)}])`;
  await using crew = await startCrew(`
import { command, defineConfig, pipe } from "coxswain";
export default defineConfig({
  name: "talking",
  processes: {
    printer: {
      run: ${run},
      deadlines: { heartbeat: { by: "output", within: "${PATIENT}" } },
    },
    sender: {
      run: ${run},
      deadlines: { heartbeat: { by: { channel: "lines" }, within: "${PATIENT}" } },
    },
    reader: { run: command(["sh", "-c", "exec cat > /dev/null"]) },
  },
  channels: { lines: pipe({ from: "sender.stdout", to: "reader.stdin" }) },
});`);
  // From the start of an interpreter to its first line may take longer than that.
  await eventually("both speak", () => crew.output().includes("printer"));
  await new Promise((resolve) => setTimeout(resolve, PATIENT_MS));
  const before = missesOf(crew).length;
  await new Promise((resolve) => setTimeout(resolve, 2 * PATIENT_MS));
  assertEquals(missesOf(crew).length, before, "none while they speak");
  for (const name of ["printer", "sender"]) {
    const { pid } = await crew.process(name);
    Deno.kill(pid!, "SIGUSR1");
    await eventually(
      `${name} is missed`,
      () => missesOf(crew).slice(before).some(({ contract }) => contract === `${name}.heartbeat`),
    );
    const miss = missesOf(crew).findLast(({ process }) => process === name)!;
    assertEquals([miss.reason, miss.came], ["silent", false]);
    // A sound is dated late by a twentieth of its limit, at most.
    assert(miss.lateMs < PATIENT_MS, JSON.stringify(miss));
  }
  assertEquals(eventsOf(crew, "deadlinesExcused"), []);
});

Deno.test("a consumer that stands still is missed by the latency of its channel", async () => {
  const program = JSON.stringify(
    "import time\nwhile True:\n  print('x'*1000, flush=True)\n  time.sleep(0.01)\n",
  );
  const slow = JSON.stringify(
    "import os,signal,time\nidle=False\ndef f(*_):\n  global idle\n  idle=True\n" +
      "signal.signal(signal.SIGUSR1,f)\nwhile True:\n" +
      "  if idle: time.sleep(1)\n  else: os.read(0,65536)\n",
  );
  await using crew = await startCrew(`
import { command, defineConfig, pipe } from "coxswain";
export default defineConfig({
  name: "latency",
  processes: {
    source: { run: command(["python3", "-c", ${program}]) },
    sink: { run: command(["python3", "-c", ${slow}]) },
  },
  channels: {
    lines: pipe({
      from: "source.stdout", to: "sink.stdin", framing: "lines", capacity: "4KiB",
      highWater: { messages: 8 },
      latency: { within: "200ms" },
    }),
  },
});`);
  await crew.until("it runs", ({ processes }) => processes["sink"]!.state === "running");
  const { pid } = await crew.process("sink");
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const before = missesOf(crew).length;
  Deno.kill(pid!, "SIGUSR1");
  await eventually("it is missed", () => missesOf(crew).length > before);
  const miss = missesOf(crew)[before]!;
  assertEquals([miss.contract, miss.process, miss.reason], [
    "lines.latency@sink",
    "sink",
    "late-sample",
  ]);
});

Deno.test("what lies unread in the pipe of a consumer is not received, and what is read in time is never late", async () => {
  const python = (text: string) => `command(["python3", "-c", ${JSON.stringify(text)}])`;
  const source = (everyS: number) =>
    python(`import time\nwhile True:\n  print("x", flush=True)\n  time.sleep(${everyS})`);
  const reader = python(
    "import os, signal, time\nidle = False\ndef turn(*_):\n  global idle\n  idle = not idle\n" +
      "signal.signal(signal.SIGUSR1, turn)\nwhile True:\n" +
      "  if idle: time.sleep(0.02)\n  else: os.read(0, 65536)",
  );
  await using crew = await startCrew(`
import { command, defineConfig, pipe } from "coxswain";
const latency = { within: "${PATIENT}" };
export default defineConfig({
  name: "unread",
  processes: {
    often: { run: ${source(0.02)} },
    seldom: { run: ${source(2)} },
    turns: { run: ${reader} },
    reads: { run: ${reader} },
  },
  channels: {
    many: pipe({ from: "often.stdout", to: "turns.stdin", framing: "lines", latency }),
    few: pipe({ from: "seldom.stdout", to: "reads.stdin", framing: "lines", latency }),
  },
});`);
  const of = async (name: string) => (await crew.snapshot()).deadlines[name]!;
  await eventually("both have read", async () => {
    const [many, few] = [await of("many.latency@turns"), await of("few.latency@reads")];
    return many.kept > 50 && few.kept > 1;
  });
  // The start of an interpreter may have taken longer than that.
  const before = missesOf(crew).length;
  const { pid } = await crew.process("turns");
  Deno.kill(pid!, "SIGUSR1");
  await eventually("it is missed", () => missesOf(crew).length > before);
  const [miss] = missesOf(crew).slice(before);
  assertEquals([miss!.contract, miss!.came], ["many.latency@turns", false]);
  const { kept } = await of("few.latency@reads");
  Deno.kill(pid!, "SIGUSR1");
  await eventually("it holds again", async () => (await of("many.latency@turns")).holds);
  await eventually(
    "the other has read",
    async () => (await of("few.latency@reads")).kept > kept + 1,
  );
  assertEquals(
    missesOf(crew).slice(before).filter(({ contract }) => contract === "few.latency@reads"),
    [],
  );
});

const CHILD = new URL("../../../src/child/mod.ts", import.meta.url).href;

Deno.test("a path is missed by what a stage keeps for too long, however soon it is taken before and after", async () => {
  const delayMs = 1.5 * PATIENT_MS;
  const stage = `
import { mailboxConsumer, mailboxProducer, ready } from "${CHILD}";
const [into, out] = [mailboxConsumer("a"), mailboxProducer("b")];
let delayMs = 0;
Deno.addSignalListener("SIGUSR2", () => void (delayMs = ${delayMs}));
await ready();
for await (const sample of into) {
  const { originNs } = sample;
  sample.release();
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
  out.send(new Uint8Array(4), originNs);
}
`;
  await using crew = await startCrew(
    `
import { defineConfig, deno, keepLast, mailbox } from "coxswain";
const samples = { sampleBytes: "4B", slots: 8, history: keepLast(4) };
export default defineConfig({
  name: "stages",
  processes: {
    source: { run: deno("./source.ts"), after: { stage: "ready", end: "ready" } },
    stage: { run: deno("./stage.ts"), ready: { by: "notify", within: "20s" } },
    end: { run: deno("./end.ts"), ready: { by: "notify", within: "20s" } },
  },
  channels: {
    a: mailbox({ from: "source.a", to: "stage.a", ...samples }),
    b: mailbox({ from: "stage.b", to: "end.b", ...samples }),
  },
  paths: { whole: { through: ["a", "b"], within: "${PATIENT}" } },
});`,
    {
      files: {
        "stage.ts": stage,
        "source.ts": `import { mailboxProducer } from "${CHILD}";
const out = mailboxProducer("a");
setInterval(() => out.send(new Uint8Array(4)), ${2 * PATIENT_MS});`,
        "end.ts": `import { mailboxConsumer, ready } from "${CHILD}";
const into = mailboxConsumer("b");
await ready();
for await (const _ of into);`,
      },
    },
  );
  const path = async () => (await crew.snapshot()).deadlines["path.whole"]!;
  await eventually("three are in time", async () => (await path()).kept >= 3);
  assertEquals((await path()).missed, 0);
  Deno.kill((await crew.process("stage")).pid!, "SIGUSR2");
  await eventually("three are late", async () => (await path()).missed >= 3);
  const { times } = await path();
  assert(times.age!.count >= 5 && times.age!.maxMs >= delayMs - 10, JSON.stringify(times));
  // One may have been under way when it was told.
  assert((await path()).kept <= 6, JSON.stringify(await path()));
  const late = missesOf(crew).filter(({ contract, came }) => contract === "path.whole" && came);
  assert(
    late.some(({ process, limitMs, lateMs }) =>
      process === "end" && limitMs === PATIENT_MS && lateMs > delayMs - PATIENT_MS - 10 &&
      lateMs < delayMs
    ),
    JSON.stringify(late),
  );
  const seen = late.flatMap(({ evidence }) => evidence?.channels ?? [])
    .map(({ channel, side, capacity, unit, other }) => [channel, side, capacity, unit, ...other]);
  assertEquals(seen[0], ["b", "reads", 8, "samples", "stage"]);
});
