/** Relayed pipes between real processes, which are killed in turn: producers, consumers, @relay. */
import { assert, assertEquals } from "@std/assert";
import type { EventRecord } from "../../src/audit/event_record.ts";
import type { CrewSnapshot, RelayedSnapshot } from "../../src/control/protocol.ts";
import { eventually, isAlive, startCrew, type TestCrew } from "../support/crew.ts";

const RESTART = `{ backoff: { initial: "1ms", max: "1ms", jitter: 0 } } as const`;

/**
 * Writes numbered lines that say how long they are, cut anywhere by its flushes. An argument:
 * so many and no more.
 */
const PRODUCER = `
import os, sys, time
me = os.environ["COX_INSTANCE"]
last = int(sys.argv[1]) if len(sys.argv) > 1 else 0
number, held = 0, b""
while last == 0 or number < last:
    number += 1
    text = f"{me} {number} "
    held += (text + "x" * (number * 37 % 900) + f" {number}\\n").encode()
    if len(held) > 3000:
        cut = len(held) * 2 // 3
        os.write(1, held[:cut])
        held = held[cut:]
        if last == 0: time.sleep(0.005)
while held:
    held = held[os.write(1, held):]
`;

/**
 * Writes to a file what it reads, line by line, and where it begins and ends. A second
 * argument: not before this file exists.
 */
const CONSUMER = `
import os, sys, time
while len(sys.argv) > 2 and not os.path.exists(sys.argv[2]): time.sleep(0.01)
log = open(sys.argv[1], "a", buffering=1)
log.write("begin\\n")
for line in sys.stdin:
    log.write(line if line.endswith("\\n") else "torn " + line + "\\n")
log.write("end\\n")
`;

interface Seen {
  readonly lines: number;
  /** By producing instance: the numbers in the order in which they were read. */
  readonly numbers: ReadonlyMap<string, readonly number[]>;
  readonly wrong: readonly string[];
}

/** What a consumer's file says. */
function seenIn(crew: TestCrew, file: string): Seen {
  const numbers = new Map<string, number[]>();
  const wrong: string[] = [];
  let text = "";
  try {
    text = Deno.readTextFileSync(`${crew.projectDir}/${file}`);
  } catch {
    // It has not begun.
  }
  const lines = text.split("\n").slice(0, -1).filter((line) => line !== "begin");
  for (const line of lines) {
    const [, instance, number, filling, again] = /^(\S+) (\d+) (x*) (\d+)$/.exec(line) ?? [];
    if (
      instance === undefined || number !== again || filling!.length !== Number(number) * 37 % 900
    ) {
      wrong.push(line);
      continue;
    }
    numbers.set(instance, [...numbers.get(instance) ?? [], Number(number)]);
  }
  return { lines: lines.length, numbers, wrong };
}

function pidOf({ processes, system }: CrewSnapshot, name: string): number | null {
  return (processes[name] ?? system[name])?.pid ?? null;
}

async function kill(crew: TestCrew, name: string): Promise<void> {
  const now = await crew.until(`${name} runs`, (now) => pidOf(now, name) !== null);
  Deno.kill(pidOf(now, name)!, "SIGKILL");
  await crew.until(`${name} runs again`, (later) => {
    const pid = pidOf(later, name);
    return pid !== null && pid !== pidOf(now, name);
  });
}

/** Whole lines only, each producer's in order and none twice. @returns how many are missing. */
function checkSeen({ numbers, wrong }: Seen): number {
  assertEquals(wrong.slice(0, 3), []);
  let missing = 0;
  for (const [instance, list] of numbers) {
    let previous = 0;
    for (const number of list) {
      assert(number > previous, `${instance}: ${number} comes after ${previous}`);
      missing += number - previous - 1;
      previous = number;
    }
  }
  return missing;
}

function relayedIn({ channels }: CrewSnapshot, name: string): RelayedSnapshot {
  const channel = channels[name];
  assert(channel?.kind === "relayed", JSON.stringify(channel));
  return channel;
}

const eventsOf = <K extends EventRecord["event"]>(crew: TestCrew, event: K) =>
  crew.events().filter((record): record is Extract<EventRecord, { event: K }> =>
    record.event === event
  );

/** Two producers, two consumers. */
function everyoneToEveryone(): Promise<TestCrew> {
  return startCrew(
    `
import { command, defineConfig, pipe } from "coxswain";
const restart = ${RESTART};
export default defineConfig({
  name: "relayed",
  processes: {
    cam: { run: command(["python3", "-SE", "producer.py"]), restart },
    mic: { run: command(["python3", "-SE", "producer.py"]), restart },
    rec: { run: command(["python3", "-SE", "consumer.py", "rec.txt"]), restart },
    view: { run: command(["python3", "-SE", "consumer.py", "view.txt"]), restart },
  },
  channels: {
    feed: pipe({
      from: ["cam.stdout", "mic.stdout"],
      to: ["rec.stdin", "view.stdin"],
      framing: "lines",
      maxMessage: "2KiB",
    }),
  },
});`,
    { files: { "producer.py": PRODUCER, "consumer.py": CONSUMER } },
  );
}

/** Waits until each consumer has read as much again as tells that lines flow. */
async function linesFlow(crew: TestCrew): Promise<void> {
  for (const file of ["rec.txt", "view.txt"]) await linesFlowTo(crew, file);
}

async function linesFlowTo(crew: TestCrew, file: string): Promise<void> {
  const before = sizeOf(crew, file);
  await eventually(`lines come to ${file}`, () => sizeOf(crew, file) > before + 100_000);
}

function sizeOf(crew: TestCrew, file: string): number {
  try {
    return Deno.statSync(`${crew.projectDir}/${file}`).size;
  } catch {
    return 0;
  }
}

/** Waits until a line of this instance has arrived. */
async function isHeard(crew: TestCrew, instance: string, file: string): Promise<void> {
  await eventually(`${instance} is heard`, () => seenIn(crew, file).numbers.has(instance));
}

Deno.test("a relayed pipe takes every line of every producer to every consumer, whole and in order", async () => {
  await using crew = await everyoneToEveryone();
  await linesFlow(crew);
  const { producers, consumers } = relayedIn(await crew.snapshot(), "feed");
  assertEquals(producers.map(({ from }) => from), ["cam.stdout", "mic.stdout"]);
  assertEquals(consumers.map(({ to }) => to), ["rec.stdin", "view.stdin"]);
  for (const { instance, messages, bytes } of [...producers, ...consumers]) {
    assert(instance === 1 && messages > 50 && bytes > messages * 10);
  }
  await crew.stop();
  for (const file of ["rec.txt", "view.txt"]) {
    const seen = seenIn(crew, file);
    assertEquals(checkSeen(seen), 0);
    assertEquals([...seen.numbers.keys()].sort(), ["cam#1", "mic#1"]);
  }
});

for (const victim of ["cam", "rec", "@relay"]) {
  Deno.test(`a relayed pipe keeps lines whole, in order and single while ${victim} is killed again and again`, async () => {
    await using crew = await everyoneToEveryone();
    await linesFlow(crew);
    for (let kills = 1; kills <= 10; kills++) {
      await kill(crew, victim);
      await linesFlow(crew);
      if (victim === "cam") await isHeard(crew, `cam#${kills + 1}`, "rec.txt");
    }
    const { producers, consumers } = relayedIn(await crew.snapshot(), "feed");
    await crew.stop();
    const missing = ["rec.txt", "view.txt"].map((file) => checkSeen(seenIn(crew, file)));
    switch (victim) {
      case "cam":
        // What the program held itself, it had not written.
        assertEquals(missing, [0, 0]);
        assertEquals(seenIn(crew, "rec.txt").numbers.size, 12);
        assertEquals(producers[0]!.instance, 11);
        assert(producers[0]!.dropped.unfinished <= 10);
        break;
      case "rec":
        // What the dead had read is gone with them: no more than a buffer of theirs each.
        assertEquals(missing[1], 0);
        assert(missing[0]! * 20 <= 10 * 65_536, `${missing[0]}`);
        assertEquals(consumers[0]!.instance, 11);
        break;
      case "@relay": {
        const lost = consumers.reduce((sum, { dropped }) => sum + dropped.lost, 0);
        const counted = eventsOf(crew, "messagesDropped").filter(({ reason }) => reason === "lost");
        assertEquals(counted.reduce((sum, { messages }) => sum + messages, 0) > 0, lost > 0);
        assert(producers[0]!.messages > 500, "the counters outlive it");
      }
    }
  });
}

Deno.test("the consumer of a relayed pipe sees the end when the last producer has ended, and has every line", async () => {
  await using crew = await startCrew(
    `
import { command, defineConfig, pipe } from "coxswain";
const restart = { policy: "transient", ...${RESTART} };
const produce = (count: number) => command(["python3", "-SE", "producer.py", String(count)]);
export default defineConfig({
  name: "finite",
  processes: {
    short: { run: produce(10), restart },
    long: { run: produce(20_000), restart },
    rec: { run: command(["python3", "-SE", "consumer.py", "rec.txt"]), restart },
  },
  channels: {
    feed: pipe({
      from: ["short.stdout", "long.stdout"],
      to: "rec.stdin",
      framing: "lines",
      maxMessage: "2KiB",
      producerEnds: "eof",
    }),
  },
});`,
    {
      files: { "producer.py": PRODUCER, "consumer.py": CONSUMER },
      args: ["--summary", "summary.json"],
      waitForControl: false,
    },
  );
  assertEquals((await crew.ended()).code, 0, crew.output());
  const seen = seenIn(crew, "rec.txt");
  assertEquals(seen.wrong, ["end"]);
  assertEquals([...seen.numbers].map(([name, list]) => [name, list.length]).sort(), [
    ["long#1", 20_000],
    ["short#1", 10],
  ]);
  const summary = JSON.parse(Deno.readTextFileSync(`${crew.projectDir}/summary.json`));
  const { producers, consumers } = relayedIn(summary, "feed");
  assertEquals([...producers, ...consumers].map(({ messages }) => messages), [10, 20_000, 20_010]);
  assertEquals(consumers[0]!.queuedMessages, 0);
});

Deno.test("the end of a crew with a relayed pipe leaves nothing, and @relay ends before what shows it", async () => {
  await using crew = await everyoneToEveryone();
  await linesFlow(crew);
  const now = await crew.snapshot();
  const pids = [...Object.values(now.processes), ...Object.values(now.system)].map(({ pid }) =>
    pid!
  );
  assertEquals(pids.length, 6);
  assertEquals((await crew.stop()).code, 0, crew.output());
  for (const pid of [now.supervisorPid, ...pids]) assertEquals(isAlive(pid), false);
  const exits = eventsOf(crew, "exit");
  assertEquals(exits.slice(-2).map(({ process }) => process), ["@relay", "@log"]);
  // It was asked, and did not have to be killed.
  assertEquals(exits.slice(-2).map(({ reason }) => reason.kind === "code" && reason.code), [0, 0]);
  assert(/@relay#1 ended/.test(crew.output()), crew.output());
});

Deno.test("a consumer that stands still costs what the configuration says, is counted, and stops no other", async () => {
  await using crew = await startCrew(
    `
import { command, defineConfig, pipe } from "coxswain";
const restart = ${RESTART};
export default defineConfig({
  name: "overflow",
  processes: {
    cam: { run: command(["python3", "-SE", "producer.py"]), restart },
    rec: { run: command(["python3", "-SE", "consumer.py", "rec.txt"]), restart },
    idle: { run: command(["sleep", "1000"]), restart },
  },
  channels: {
    feed: pipe({
      from: "cam.stdout",
      to: ["rec.stdin", { port: "idle.stdin", overflow: "drop-oldest", highWater: { messages: 50 } }],
      framing: "lines",
      maxMessage: "2KiB",
    }),
  },
});`,
    { files: { "producer.py": PRODUCER, "consumer.py": CONSUMER } },
  );
  const full = await crew.until("much was dropped", (now) => {
    const idle = relayedIn(now, "feed").consumers[1]!;
    return idle.dropped.overflow > 1000;
  });
  const [rec, idle] = relayedIn(full, "feed").consumers;
  assertEquals([idle!.overflow, idle!.messagesMax, idle!.queuedMessages], ["drop-oldest", 50, 50]);
  assert(idle!.peakMessages === 50 && idle!.oldestAgeMs !== null && idle!.blockedForMs !== null);
  assertEquals(rec!.dropped.overflow, 0);
  await eventually(
    "it is said",
    () =>
      eventsOf(crew, "messagesDropped").some((event) =>
        event.process === "idle" && event.reason === "overflow" && event.messages > 0
      ),
  );
  await eventually("the other goes on", () => seenIn(crew, "rec.txt").lines > 2000);
  await crew.stop();
  assertEquals(checkSeen(seenIn(crew, "rec.txt")), 0);
});

Deno.test("an overflow that fails ends its sender's link, which is an event; the next instance has a new one", async () => {
  await using crew = await startCrew(
    `
import { command, defineConfig, pipe } from "coxswain";
const restart = ${RESTART};
export default defineConfig({
  name: "fail",
  processes: {
    cam: { run: command(["python3", "-SE", "producer.py"]), restart: { backoff: { initial: "200ms" } } },
    idle: { run: command(["sleep", "1000"]), restart },
  },
  channels: {
    feed: pipe({
      from: "cam.stdout",
      to: "idle.stdin",
      framing: "lines",
      maxMessage: "2KiB",
      overflow: "fail",
    }),
  },
});`,
    { files: { "producer.py": PRODUCER } },
  );
  await eventually(
    "two instances were cut off",
    () => eventsOf(crew, "linkCut").filter(({ process }) => process === "cam").length >= 2,
  );
  const [first, second] = eventsOf(crew, "linkCut");
  assertEquals([first!.channel, first!.instance, first!.why], ["feed", 1, "overflow"]);
  assertEquals(second!.instance, 2);
  await eventually("it has seen a broken pipe", () => crew.output().includes("BrokenPipeError"));
  await crew.stop();
});

Deno.test("what @relay held when it was killed is lost, no more than the high-water mark, and counted", async () => {
  await using crew = await startCrew(
    `
import { command, defineConfig, pipe } from "coxswain";
const restart = ${RESTART};
export default defineConfig({
  name: "lost",
  processes: {
    cam: { run: command(["python3", "-SE", "producer.py"]), restart },
    rec: { run: command(["python3", "-SE", "consumer.py", "rec.txt", "go"]), restart },
  },
  channels: {
    feed: pipe({
      from: "cam.stdout",
      to: "rec.stdin",
      framing: "lines",
      maxMessage: "2KiB",
      highWater: { messages: 50 },
    }),
  },
});`,
    { files: { "producer.py": PRODUCER, "consumer.py": CONSUMER } },
  );
  // The consumer waits for "go": its pipe fills, then the queue, then the producer's pipe.
  const standsStill = (lost: number) =>
    crew.until(`${lost} are lost and everything is full again`, (now) => {
      const { producers: [cam], consumers: [rec] } = relayedIn(now, "feed");
      return rec!.dropped.lost === lost && rec!.queuedMessages === 50 && cam!.blockedForMs !== null;
    });
  for (let kills = 0; kills < 3; kills++) {
    const { system } = await standsStill(50 * kills);
    Deno.kill(system["@relay"]!.pid!, "SIGKILL");
  }
  const { producers, consumers } = relayedIn(await standsStill(150), "feed");
  assertEquals([producers[0]!.dropped.lost, consumers[0]!.peakMessages], [150, 50]);
  const told = eventsOf(crew, "messagesDropped").map(({ reason, messages }) => [reason, messages]);
  assertEquals(told, [["lost", 50], ["lost", 50], ["lost", 50]]);
  Deno.writeTextFileSync(`${crew.projectDir}/go`, "");
  await linesFlowTo(crew, "rec.txt");
  await crew.stop();
  const seen = seenIn(crew, "rec.txt");
  assertEquals(checkSeen(seen), 150);
  assertEquals([...seen.numbers.keys()], ["cam#1"]);
});
