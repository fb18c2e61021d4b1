/**
 * Claim: a process that dies at once, again and again, costs next to nothing once its backoff has
 * reached its maximum. CPU time of everything that is cox's own, against the same crew asleep.
 */
import type { Config } from "../src/config/config.ts";
import { makeRow, type Row } from "./row.ts";
import { BenchCrew } from "./support/crew.ts";
import { type ThreadUse, threadUse, usedBetween } from "./support/procfs.ts";
import { Workshop } from "./support/workshop.ts";

export const name = "crash_loop";

/** A twelfth of the default, which is 30 s: the loop is as many times as tight. */
const BACKOFF_MAX_MS = 2_500;
const WINDOW_MS = 30_000;
/** What is asleep at the time is started and settled as the other is. */
const SETTLE_MS = 12_000;

/** Measures. */
export async function run(): Promise<Row[]> {
  await using workshop = await Workshop.open();
  await using looping = await BenchCrew.start(workshop, "looping", crewOf(["false"]));
  await using asleep = await BenchCrew.start(workshop, "asleep", crewOf(["sleep", "1000000"]));
  await delay(SETTLE_MS);
  const startsBefore = await startsOf(looping);
  const before = { looping: await usesOf(looping), asleep: await usesOf(asleep) };
  const startMs = performance.now();
  await delay(WINDOW_MS);
  const elapsedMs = performance.now() - startMs;
  const after = { looping: await usesOf(looping), asleep: await usesOf(asleep) };
  const crashes = await startsOf(looping) - startsBefore;
  // At its maximum the backoff gives this many, give or take its jitter and the window's ends.
  const expected = WINDOW_MS / BACKOFF_MAX_MS;
  if (Math.abs(crashes - expected) > expected / 4) {
    throw new Error(`${crashes} crashes in ${elapsedMs} ms, expected about ${expected}`);
  }
  const percent = (side: "looping" | "asleep") =>
    cpuNsBetween(before[side], after[side]) / (elapsedMs * 1e6) * 100;
  return [
    makeRow({
      claim: `CPU time of all of cox in a crash loop, one crash in ${BACKOFF_MAX_MS / 1000} s`,
      measured: percent("looping"),
      unit: "% of a core",
      baseline: { name: "the same crew asleep", value: percent("asleep") },
      target: { of: "measured", rule: "at most", value: 1 },
      spread: {
        crashes,
        msPerCrash: (percent("looping") - percent("asleep")) / 100 * elapsedMs / crashes,
      },
      runs: 1,
    }),
  ];
}

function crewOf(argv: readonly string[]): Config {
  return {
    name: "crash-loop",
    processes: {
      subject: {
        run: { kind: "command", argv: [...argv] },
        restart: { policy: "permanent", backoff: { initial: "100ms", max: `${BACKOFF_MAX_MS}ms` } },
      },
    },
  };
}

async function startsOf(crew: BenchCrew): Promise<number> {
  return (await crew.snapshot()).processes["subject"]!.starts;
}

/** By pid: supervisor, guard and system processes. */
async function usesOf(crew: BenchCrew): Promise<ReadonlyMap<number, ThreadUse>> {
  const { supervisorPid, guardPid, system } = await crew.snapshot();
  const pids = [supervisorPid, guardPid, ...Object.values(system).flatMap(({ pid }) => pid ?? [])];
  return new Map(pids.map((pid) => [pid, threadUse(pid)]));
}

function cpuNsBetween(
  before: ReadonlyMap<number, ThreadUse>,
  after: ReadonlyMap<number, ThreadUse>,
): number {
  let cpuNs = 0;
  for (const [pid, use] of after) {
    const earlier = before.get(pid);
    if (earlier === undefined) throw new Error(`Process ${pid} of cox began meanwhile`);
    cpuNs += usedBetween(earlier, use).cpuNs;
  }
  return cpuNs;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
