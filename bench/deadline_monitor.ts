/**
 * Claim: to watch a thousand contracts of 100 Hz takes the monitor at most 3% of a core, and to have
 * contracts costs an idle crew next to nothing. CPU time of the monitor's own thread by the kernel's
 * count, beside a C program that looks at the very same memory at the same time in the same way.
 *
 * Twenty programs keep fifty cycles each. Their due times are spread evenly over the period, the
 * worst that there is: one every ten microseconds, and none of them at the same time.
 */
import type { Config, DeadlinesConfig } from "../src/config/config.ts";
import { makeRow, type Row } from "./row.ts";
import { BenchCrew } from "./support/crew.ts";
import { threadByName, threadUse, usedBetween } from "./support/procfs.ts";
import { median, spreadOf } from "./support/stats.ts";
import { runToEnd, Workshop } from "./support/workshop.ts";

export const name = "deadline_monitor";

const PROGRAMS = 20;
const CYCLES = 50;
const PERIOD_US = 10_000;
/** A machine that is shared keeps this; what is late is missed, and costs more than it should. */
const LATE_MS = 8;
const WINDOW_S = 5;
const WINDOWS = 4;
const SETTLE_MS = 5000;
/** As long as V8 takes until it has looked at its heap for the last time; see idle.ts. */
const IDLE_SETTLE_MS = 45_000;
const IDLE_WINDOW_MS = 20_000;
/**
 * Contracts that do not come due: the monitor wakes once a second, so that an absence of its own
 * shows, and the control loop as often, so that there is a window to tell of around a miss.
 */
const AT_REST: DeadlinesConfig = {
  heartbeat: { by: "notify", within: "1h" },
  stop: { within: "1s" },
};
/** The runtime's name for the thread of a Worker; the supervisor has no other. */
const MONITOR = "worker-1";

/** Measures. */
export async function run(): Promise<Row[]> {
  await using workshop = await Workshop.open();
  // They settle while the other is measured.
  await using without = await BenchCrew.start(workshop, "plain", sleeping({}));
  await using resting = await BenchCrew.start(workshop, "resting", sleeping(AT_REST));
  const startMs = performance.now();
  const busy = await busyRow(workshop);
  await delay(Math.max(0, IDLE_SETTLE_MS - (performance.now() - startMs)));
  return [busy, ...await idleRows(without, resting)];
}

async function busyRow(workshop: Workshop): Promise<Row> {
  const program = await workshop.compile("cycle_keeper");
  const standIn = await workshop.compile("look_stand_in");
  await using crew = await BenchCrew.start(workshop, "thousand", thousand(program));
  const { supervisorPid, processes } = await crew.until(
    "all run",
    ({ processes }) => Object.values(processes).every(({ state }) => state === "running"),
  );
  await delay(SETTLE_MS);
  const thread = threadByName(supervisorPid, MONITOR);
  if (thread === null) {
    throw new Error(`No thread ${MONITOR} watches ${PROGRAMS * CYCLES} contracts`);
  }
  const pids = Object.values(processes).map(({ pid }) => `${pid}`);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let window = 0; window < WINDOWS; window++) {
    const before = threadUse(supervisorPid);
    const startMs = performance.now();
    const text = await runToEnd([standIn, `${WINDOW_S}`, `${LATE_MS * 1000}`, ...pids]);
    const windowNs = (performance.now() - startMs) * 1e6;
    const cpuNs = threadUse(supervisorPid).get(thread)!.cpuNs - before.get(thread)!.cpuNs;
    ours.push(cpuNs / windowNs * 100);
    theirs.push(Number(/cpu (\d+)/.exec(text)![1]) / windowNs * 100);
  }
  return makeRow({
    claim: `CPU time of the monitor with ${PROGRAMS * CYCLES} contracts of 100 Hz`,
    measured: median(ours),
    unit: "% of a core",
    baseline: { name: "the same looks in C", value: median(theirs) },
    target: { of: "measured", rule: "at most", value: 3 },
    spread: spreadOf(ours),
    runs: ours.length,
  });
}

/** What contracts cost that hardly ever come due, and that there is no thread without any. */
async function idleRows(without: BenchCrew, resting: BenchCrew): Promise<Row[]> {
  const pids = [
    (await without.snapshot()).supervisorPid,
    (await resting.snapshot()).supervisorPid,
  ] as const;
  const threads = pids.map((pid) => threadByName(pid, MONITOR));
  const before = pids.map(threadUse);
  const startMs = performance.now();
  await delay(IDLE_WINDOW_MS);
  const elapsedMs = performance.now() - startMs;
  const [bare, watched] = pids.map((pid, at) => usedBetween(before[at]!, threadUse(pid)));
  const aSecond = (switches: number) => switches / (elapsedMs / 1000);
  return [
    makeRow({
      claim: "wake-ups (context switches) of a supervisor whose contracts are all at rest",
      measured: aSecond(watched!.switches),
      unit: "a second",
      baseline: { name: "without contracts", value: Math.max(aSecond(bare!.switches), 0.001) },
      target: { of: "measured", rule: "at most", value: 5 },
      spread: { cpuPercent: watched!.cpuNs / (elapsedMs * 1e4) },
      runs: 1,
    }),
    makeRow({
      claim: "threads of the monitor in a crew without contracts",
      measured: threads[0] === null ? 0 : 1,
      unit: "threads",
      baseline: { name: "with contracts", value: threads[1] === null ? 0 : 1 },
      target: { of: "measured", rule: "at most", value: 0 },
      spread: {},
      runs: 1,
    }),
  ];
}

function sleeping(deadlines: DeadlinesConfig): Config {
  const run = { kind: "command", argv: ["sleep", "1000000"] } as const;
  return { name: "sleeping", processes: { sleeper: { run, deadlines } } };
}

function thousand(program: string): Config {
  const contracts = PROGRAMS * CYCLES;
  const cycles = (process: number) =>
    Object.fromEntries(
      Array.from({ length: CYCLES }, (_, cycle) => {
        const offset = `${(cycle * PROGRAMS + process) * PERIOD_US / contracts}us` as const;
        const period = `${PERIOD_US}us` as const;
        return [`cycle-${cycle}`, { period, offset, late: `${LATE_MS}ms`, miss: [] } as const];
      }),
    );
  const names = Array.from({ length: PROGRAMS }, (_, process) => process);
  return {
    name: "thousand",
    processes: Object.fromEntries(names.map((process) => [
      `keeper-${process}`,
      { run: { kind: "command", argv: [program] }, deadlines: { cycles: cycles(process) } },
    ])),
  };
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
