/** Stalls of real pipelines: who is named, what is done, and once. */
import { assert, assertEquals } from "@std/assert";
import type { StallEndedEvent, StallEvent } from "../../src/audit/stall_event.ts";
import type { EventRecord } from "../../src/audit/event_record.ts";
import type { RelayedConsumerSnapshot } from "../../src/control/protocol.ts";
import { eventually, startCrew, type TestCrew } from "../support/crew.ts";
import { pidsOf } from "../support/crew_pids.ts";

/** Five in a row; each but the first takes lines and passes them on. */
function pipeline(rules: Readonly<Record<string, string>>, third = "cat"): string {
  const names = ["first", "second", "third", "fourth", "fifth"];
  const programs = ['["yes", "a line of some length"]', '["cat"]', third, '["cat"]', '["cat"]'];
  const processes = names.map((name, index) => {
    const program = programs[index] === "cat" ? '["cat"]' : programs[index];
    return `    ${name}: { run: command(${program}), stop: { timeout: "200ms" } },`;
  });
  const channels = names.slice(1).map((name, index) => {
    const rule = rules[`to_${name}`];
    return `    to_${name}: pipe({ from: "${names[index]}.stdout", to: "${name}.stdin"` +
      `${rule === undefined ? "" : `, stall: ${rule}`} }),`;
  });
  return `
import { command, defineConfig, pipe } from "coxswain";
export default defineConfig({
  name: "five",
  processes: {
${processes.join("\n")}
    sink: { run: command(["sh", "-c", "exec cat > /dev/null"]) },
  },
  channels: {
${channels.join("\n")}
    to_sink: pipe({ from: "fifth.stdout", to: "sink.stdin" }),
  },
});`;
}

const stallsOf = (crew: TestCrew) =>
  crew.events().filter((event): event is EventRecord & StallEvent => event.event === "stall");
const endsOf = (crew: TestCrew) =>
  crew.events().filter((event): event is EventRecord & StallEndedEvent =>
    event.event === "stallEnded"
  );

async function pidOf(crew: TestCrew, name: string): Promise<number> {
  return (await crew.process(name)).pid!;
}

Deno.test("a stall names the suspended third of five, not its victims, and ends when it goes on", async () => {
  const rule = '{ after: "1s", action: ["event", "warn"] }';
  await using crew = await startCrew(pipeline({ to_second: rule, to_third: rule, to_fifth: rule }));
  const third = await pidOf(crew, "third");
  Deno.kill(third, "SIGSTOP");
  await eventually("both pipes before it stall", () => stallsOf(crew).length >= 2);
  const stalls = stallsOf(crew);
  assertEquals(stalls.map(({ channel }) => channel).sort(), ["to_second", "to_third"]);
  for (const { channel, slow, forMs, unit, actions, fill } of stalls) {
    const through = channel === "to_second" ? ["to_second", "to_third"] : ["to_third"];
    assertEquals(slow, [{ process: "third", condition: "suspended", through }]);
    assert(forMs >= 1000 && fill > 0 && unit === "bytes");
    assertEquals(actions, ["event", "warn"]);
  }
  Deno.kill(third, "SIGCONT");
  await eventually("both flow again", () => endsOf(crew).length >= 2);
  for (const { forMs, slow } of endsOf(crew)) {
    assert(forMs >= 1000);
    assertEquals(slow, ["third"]);
  }
  const { channels } = await crew.snapshot();
  const pipe = channels["to_third"]!;
  assert(pipe.kind === "pipe" && pipe.stall !== null);
  assertEquals([pipe.stall.count, pipe.stall.forMs], [1, null]);
  assert(pipe.stall.totalMs >= 1000);
  assertEquals(stallsOf(crew).length, 2, "no other stall, and none twice");
  assert(crew.output().includes("third is suspended by a signal"), crew.output());
});

Deno.test("a stall names the third of five that is only slow, and is one stall though it reads now and then", async () => {
  const slow = `["python3", "-u", "-c", ${
    JSON.stringify(
      "import os,time\nwhile True:\n  d=os.read(0,4096)\n  time.sleep(0.9)\n  os.write(1,d)",
    )
  }]`;
  const rule = '{ after: "300ms", action: "event" }';
  await using crew = await startCrew(pipeline({ to_third: rule }, slow));
  await eventually("it stalls", () => stallsOf(crew).length >= 1);
  const [stall] = stallsOf(crew);
  assertEquals(stall!.slow, [{ process: "third", condition: "running", through: ["to_third"] }]);
  const takenAt = Date.now();
  await eventually("it has read a few times more", () => Date.now() - takenAt > 4000);
  assertEquals([stallsOf(crew).length, endsOf(crew).length], [1, 0]);
});

Deno.test("a stall restarts the slow side once, however many pipes lead to it", async () => {
  const rule = '{ after: "1s", action: "restart" }';
  await using crew = await startCrew(pipeline({ to_second: rule, to_third: rule }));
  const third = await pidOf(crew, "third");
  Deno.kill(third, "SIGSTOP");
  await crew.until(
    "the third runs anew",
    ({ processes }) => processes["third"]?.instance === 2 && processes["third"].state === "running",
  );
  await eventually(
    "what had stalled flows again",
    () => stallsOf(crew).length > 0 && endsOf(crew).length === stallsOf(crew).length,
  );
  const { processes } = await crew.snapshot();
  const instances = Object.fromEntries(
    Object.entries(processes).map(([name, { instance }]) => [name, instance]),
  );
  assertEquals(instances, { first: 1, second: 1, third: 2, fourth: 1, fifth: 1, sink: 1 });
});

Deno.test("a stall signals the slow side with what the rule says", async () => {
  const third = `["sh", "-c", "trap 'exec cat' USR1; while :; do sleep 0.1; done"]`;
  const rule = '{ after: "1s", action: { signal: "SIGUSR1" } }';
  await using crew = await startCrew(pipeline({ to_third: rule }, third));
  await eventually("it was signalled, and flows", () => endsOf(crew).length >= 1);
  assertEquals(stallsOf(crew).map(({ actions }) => actions), [["signal SIGUSR1"]]);
});

Deno.test("a consumer that is not up is named as such, and not restarted", async () => {
  await using crew = await startCrew(`
import { command, defineConfig, pipe } from "coxswain";
export default defineConfig({
  name: "late",
  processes: {
    source: { run: command(["yes"]) },
    never: { run: command(["sleep", "1000"]), ready: { by: "fd", fd: 5, within: "1h" } },
    late: { run: command(["sh", "-c", "exec cat > /dev/null"]), after: { never: "ready" } },
  },
  channels: {
    pipe: pipe({
      from: "source.stdout",
      to: "late.stdin",
      stall: { after: "200ms", action: ["event", "restart"] },
    }),
  },
});`);
  await eventually("it stalls", () => stallsOf(crew).length >= 1);
  assertEquals(stallsOf(crew)[0]!.slow.map(({ process, condition }) => [process, condition]), [
    ["late", "restarting"],
  ]);
  assertEquals((await crew.process("late")).state, "waiting");
});

Deno.test("a rule on pipes that nobody writes to wakes nobody, and finds the stall all the same", async () => {
  await using crew = await startCrew(`
import { command, defineConfig, pipe } from "coxswain";
export default defineConfig({
  name: "quiet",
  processes: {
    source: { run: command(["sh", "-c", "trap 'echo a line' USR1; while :; do sleep 1000 & wait; done"]) },
    reader: { run: command(["sleep", "100000"]) },
  },
  channels: {
    pipe: pipe({
      from: "source.stdout",
      to: "reader.stdin",
      stall: { after: "10ms", action: "event" },
    }),
  },
});`);
  const { supervisor } = pidsOf(crew);
  // A look every 10 ms would be 100 of them.
  await eventually("a second goes by in sleep", async () => {
    const before = switchesOf(supervisor);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return switchesOf(supervisor) - before < 20;
  });
  assertEquals(stallsOf(crew), []);
  Deno.kill(await pidOf(crew, "source"), "SIGUSR1");
  await eventually("it stalls", () => stallsOf(crew).length >= 1);
  assertEquals(stallsOf(crew)[0]!.slow.map(({ process }) => process), ["reader"]);
});

/** A direct pipe into a relayed one to two consumers, which has to wait for both. */
const RELAYED = `
import { command, defineConfig, pipe } from "coxswain";
const sink = { run: command(["sh", "-c", "exec cat > /dev/null"]), stop: { timeout: "200ms" } } as const;
export default defineConfig({
  name: "relayed",
  processes: {
    origin: { run: command(["yes", "a line of some length"]), stop: { timeout: "200ms" } },
    source: { run: command(["cat"]), stop: { timeout: "200ms" } },
    slow: sink,
    fast: sink,
  },
  channels: {
    direct: pipe({
      from: "origin.stdout",
      to: "source.stdin",
      stall: { after: "1s", action: "event" },
    }),
    feed: pipe({
      from: "source.stdout",
      to: ["slow.stdin", "fast.stdin"],
      framing: "lines",
      highWater: { messages: 100 },
      stall: STALL,
    }),
  },
});`;

interface Consumers {
  readonly slow: RelayedConsumerSnapshot;
  readonly fast: RelayedConsumerSnapshot;
}

async function consumersOf(crew: TestCrew): Promise<Consumers> {
  const feed = (await crew.snapshot()).channels["feed"]!;
  assert(feed.kind === "relayed");
  const [slow, fast] = feed.consumers;
  return { slow: slow!, fast: fast! };
}

Deno.test("a stall is followed through a relayed pipe to the consumer that holds it up", async () => {
  const rule = '{ after: "1s", action: "event" }';
  await using crew = await startCrew(RELAYED.replace("STALL", rule));
  await eventually("it flows", async () => (await consumersOf(crew)).fast.messages > 1000);
  Deno.kill(await pidOf(crew, "slow"), "SIGSTOP");
  await eventually(
    "both pipes stall",
    () =>
      ["direct", "feed"].every((name) => stallsOf(crew).some(({ channel }) => channel === name)),
  );
  const stalls = stallsOf(crew);
  for (const { channel, to, slow, unit } of stalls) {
    const through = channel === "direct" ? ["direct", "feed"] : ["feed"];
    assertEquals(slow, [{ process: "slow", condition: "suspended", through }], channel);
    assertEquals(
      [to, unit],
      channel === "direct" ? ["source.stdin", "bytes"] : ["slow.stdin", "messages"],
    );
  }
  assertEquals(stalls.length, 2, "who waits for another is not stalled");
  Deno.kill(await pidOf(crew, "slow"), "SIGCONT");
  await eventually("both flow again", () => endsOf(crew).length === 2);
});

Deno.test("a consumer that reads nothing stalls long before its pipe and its queue are full", async () => {
  const rule = '{ after: "1s", action: "event" }';
  const trickle = `"sh", "-c", "while :; do echo a line; sleep 0.05; done"`;
  const config = RELAYED.replace("STALL", rule).replace(`"yes", "a line of some length"`, trickle);
  await using crew = await startCrew(config);
  await eventually("it flows", async () => (await consumersOf(crew)).slow.messages > 5);
  assertEquals(stallsOf(crew), []);
  Deno.kill(await pidOf(crew, "slow"), "SIGSTOP");
  await eventually("it stalls", () => stallsOf(crew).length > 0);
  const { channel, to, slow } = stallsOf(crew)[0]!;
  assertEquals([channel, to, slow[0]!.condition], ["feed", "slow.stdin", "suspended"]);
  assertEquals((await consumersOf(crew)).slow.queuedMessages, 0);
  Deno.kill(await pidOf(crew, "slow"), "SIGCONT");
  await eventually("it flows again", () => endsOf(crew).length === 1);
  assertEquals(stallsOf(crew).length, 1);
});

Deno.test("a stall switches a consumer's overflow until it has recovered, and back", async () => {
  const rule = '{ after: "1s", action: ["event", { overflow: "drop-oldest" }] }';
  await using crew = await startCrew(RELAYED.replace("STALL", rule));
  await eventually("it flows", async () => (await consumersOf(crew)).fast.messages > 1000);
  assertEquals((await consumersOf(crew)).slow.overflow, "block");
  Deno.kill(await pidOf(crew, "slow"), "SIGSTOP");
  await eventually(
    "it is switched",
    async () => (await consumersOf(crew)).slow.overflow === "drop-oldest",
  );
  const before = (await consumersOf(crew)).fast.messages;
  await eventually("the other goes on, and drops are counted", async () => {
    const { slow, fast } = await consumersOf(crew);
    return fast.messages > before + 1000 && slow.dropped.overflow > 0 && slow.stall?.forMs !== null;
  });
  assertEquals((await consumersOf(crew)).fast.overflow, "block");
  Deno.kill(await pidOf(crew, "slow"), "SIGCONT");
  await eventually(
    "it is switched back",
    async () => (await consumersOf(crew)).slow.overflow === "block",
  );
  const feed = stallsOf(crew).filter(({ channel }) => channel === "feed");
  assertEquals(feed.map(({ actions, to }) => [actions, to]), [
    [["event", "overflow drop-oldest"], "slow.stdin"],
  ]);
  assert(endsOf(crew).some(({ channel, slow }) => channel === "feed" && slow[0] === "slow"));
});

/** Context switches of all threads so far. */
function switchesOf(pid: number): number {
  let sum = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    const status = Deno.readTextFileSync(`/proc/${pid}/task/${name}/status`);
    for (const [, count] of status.matchAll(/voluntary_ctxt_switches:\s+(\d+)$/gm)) {
      sum += Number(count);
    }
  }
  return sum;
}
