/**
 * Claim: restarting for ever costs nothing that grows. Ten children that end at once are restarted
 * 20,000 times; descriptors, zombies and memory of the supervisor are sampled on the way. The first
 * 10,000 are allowed to grow to the size that the work takes, the second 10,000 are not.
 */
import type { Config } from "../src/config/config.ts";
import type { CrewSnapshot } from "../src/control/protocol.ts";
import { makeRow, type Row } from "./row.ts";
import { BenchCrew } from "./support/crew.ts";
import { childPids, descriptorCount, processState, pssBytes } from "./support/procfs.ts";
import { median } from "./support/stats.ts";
import { Workshop } from "./support/workshop.ts";

export const name = "restarts_10000";

const RESTARTS = 20_000;
const CHILDREN = 10;
/** Caches and heaps have their size by then. */
const WARM_RESTARTS = 5_000;
const TAIL_RESTARTS = 10_000;
const SAMPLE_EVERY_MS = 250;
const GIVE_UP_MS = 300_000;
const MIB = 2 ** 20;

interface Sample {
  readonly restarts: number;
  readonly descriptors: number;
  readonly pssBytes: number;
}

/** Measures. */
export async function run(): Promise<Row[]> {
  await using workshop = await Workshop.open();
  await using crew = await BenchCrew.start(workshop, "crew", restless());
  const samples: Sample[] = [];
  const startMs = performance.now();
  let snapshot = await crew.snapshot();
  while (restartsOf(snapshot) < RESTARTS) {
    if (performance.now() - startMs > GIVE_UP_MS) {
      throw new Error(`Only ${restartsOf(snapshot)} restarts in ${GIVE_UP_MS} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, SAMPLE_EVERY_MS));
    snapshot = await crew.snapshot();
    samples.push({
      restarts: restartsOf(snapshot),
      descriptors: descriptorCount(snapshot.supervisorPid),
      pssBytes: pssBytes(snapshot.supervisorPid),
    });
  }
  const zombies = await countLastingZombies(snapshot);
  return toRows(samples, zombies);
}

function toRows(samples: readonly Sample[], zombies: number): Row[] {
  const early = samples.filter(({ restarts }) => restarts <= WARM_RESTARTS);
  const middle = samples.filter(({ restarts }) =>
    restarts > WARM_RESTARTS && restarts <= TAIL_RESTARTS
  );
  const late = samples.filter(({ restarts }) => restarts > TAIL_RESTARTS);
  // Descriptors come and go with each spawn: a leak raises the least that is ever seen.
  const leastOpen = (of: readonly Sample[]) =>
    Math.min(...of.map(({ descriptors }) => descriptors));
  const memory = (of: readonly Sample[]) => median(of.map((sample) => sample.pssBytes)) / MIB;
  return [
    makeRow({
      claim: "descriptors of the supervisor after 20,000 restarts, more than early on",
      measured: leastOpen(late) - leastOpen(early),
      unit: "descriptors",
      baseline: null,
      target: { of: "measured", rule: "at most", value: 0 },
      spread: { early: leastOpen(early), late: leastOpen(late) },
      runs: RESTARTS,
    }),
    makeRow({
      claim: "zombies after 20,000 restarts",
      measured: zombies,
      unit: "zombies",
      baseline: null,
      target: { of: "measured", rule: "at most", value: 0 },
      spread: {},
      runs: RESTARTS,
    }),
    makeRow({
      claim: "memory (PSS) of the supervisor over restarts 10,000 to 20,000",
      measured: memory(late),
      unit: "MiB",
      baseline: { name: "restarts 5,000 to 10,000", value: memory(middle) },
      target: { of: "ratio", rule: "at most", value: 1.1 },
      spread: { early: memory(early), max: Math.max(...samples.map((s) => s.pssBytes)) / MIB },
      runs: samples.length,
    }),
  ];
}

/** A child is a zombie for a moment at each exit; only one that stays was forgotten. */
async function countLastingZombies(snapshot: CrewSnapshot): Promise<number> {
  const zombies = () =>
    [snapshot.supervisorPid, snapshot.guardPid].flatMap(childPids)
      .filter((pid) => processState(pid) === "Z");
  let lasting = new Set(zombies());
  for (let look = 0; look < 5; look++) {
    await new Promise((resolve) => setTimeout(resolve, SAMPLE_EVERY_MS));
    const now = new Set(zombies());
    lasting = lasting.intersection(now);
  }
  return lasting.size;
}

function restartsOf(snapshot: CrewSnapshot): number {
  return Object.values(snapshot.processes).reduce((sum, { restarts }) => sum + restarts, 0);
}

function restless(): Config {
  const names = Array.from({ length: CHILDREN }, (_, index) => `restless-${index}`);
  const process = {
    run: { kind: "command", argv: ["true"] },
    restart: { policy: "permanent", backoff: { initial: "1ms", factor: 1, max: "1ms" } },
  } as const;
  return { name: "restless", processes: Object.fromEntries(names.map((name) => [name, process])) };
}
