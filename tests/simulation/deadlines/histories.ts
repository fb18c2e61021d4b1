/**
 * Random histories of one process under the eyes of one judge, looked at in time, too late, and in
 * between, compared with the reference. Must not know: the real judges (they are parameters).
 */
import { assert, assertEquals } from "@std/assert";
import type { Judge } from "../../../src/deadline/judge.ts";
import { cycleLine, HEARTBEAT, PulseMemory, stepsLine } from "../../support/pulse_memory.ts";
import { cycle, heartbeat, Scribe, steps } from "../../unit/deadline/support.ts";
import type { Random } from "../random.ts";
import type { Deadline } from "./deadline_types.ts";
import {
  breaches,
  cycleOutcomes,
  type Outcome,
  type Pass,
  type Passed,
  type Run,
  silenceOutcomes,
  stepOutcomes,
} from "./reference.ts";

/** Something that the process writes. */
interface Write {
  readonly atNs: number;
  readonly write: () => void;
}

/** How looks come: at the due time, or late by up to so much; and so often without a reason. */
interface Looks {
  readonly lateNs: number;
  readonly extra: number;
  /** What happens so long after a look began is seen by it all the same. */
  readonly aheadNs: number;
}

function randomLooks(random: Random, periodNs: number): Looks {
  return {
    lateNs: random.pick([0, 0, 10, periodNs, 5 * periodNs]),
    extra: random.pick([0, 0.1, 0.5]),
    aheadNs: random.pick([0, 0, Math.floor(periodNs / 5), periodNs]),
  };
}

/** Lets the history happen under the eyes of a judge, up to `endNs`. */
function watch(
  judge: Judge,
  writes: readonly Write[],
  { random, looks, endNs }: { random: Random; looks: Looks; endNs: number },
): void {
  let dueNs = judge.arm(0);
  let next = 0;
  const write = (untilNs: number) => {
    while (next < writes.length && writes[next]!.atNs <= untilNs) writes[next++]!.write();
  };
  for (;;) {
    let lookNs = dueNs + random.integer(0, looks.lateNs);
    const eventNs = writes[next]?.atNs ?? Infinity;
    if (random.chance(looks.extra)) lookNs = Math.min(lookNs, eventNs + random.integer(0, 2));
    if (lookNs >= endNs) break;
    write(lookNs + looks.aheadNs);
    dueNs = judge.examine(lookNs);
    assert(dueNs > lookNs, `the next look is due at ${dueNs}, is ${lookNs}`);
  }
  write(endNs);
  judge.examine(endNs);
  judge.disarm(endNs);
}

function compare(
  judge: Judge,
  court: Scribe,
  outcomes: readonly Outcome[],
  broken: number[],
): void {
  const missed = outcomes.filter((outcome) => outcome.missed).length;
  const { kept, missed: found } = judge.tally;
  assertEquals({ missed: found, kept }, { missed, kept: outcomes.length - missed });
  const told = court.verdicts.reduce((sum, { count }) => sum + count, 0);
  assertEquals(told, missed, "each miss is told once");
  assertEquals(court.verdicts.filter(({ broke }) => broke).length, broken.length, "breaches");
}

function randomTolerance(random: Random) {
  const window = random.pick([1, 1, 2, 3, 10, 33]);
  const tolerate = { misses: random.integer(0, window - 1), window };
  return { tolerate, recoverAfter: random.pick([1, 2, 5]) };
}

/** A program that keeps its pace as the client does, with the faults that programs have. */
function randomRuns(
  random: Random,
  limits: { periodNs: number; budgetNs: number; latenessNs: number },
) {
  const { periodNs, budgetNs, latenessNs } = limits;
  const runs: Run[] = [];
  let nowNs = random.integer(1, 3 * periodNs);
  for (let run = random.integer(1, 3); run > 0; run--) {
    let anchorNs = nowNs;
    const passes: Pass[] = [];
    let dueNs = anchorNs;
    for (let pass = random.integer(1, 30); pass > 0; pass--) {
      const delay = random.pick([0, 0, 1, 5, latenessNs, latenessNs + 1, periodNs, 4 * periodNs]);
      let startNs = Math.max(nowNs, dueNs) + (random.chance(0.7) ? 0 : delay);
      if (startNs >= dueNs + periodNs) {
        dueNs = anchorNs + Math.floor((startNs - anchorNs) / periodNs) * periodNs;
      }
      startNs = Math.max(startNs, dueNs);
      const took = random.pick([
        0,
        1,
        budgetNs >> 1,
        budgetNs,
        budgetNs + 1,
        periodNs,
        3 * periodNs,
      ]);
      const endNs = startNs + (random.chance(0.7) ? Math.min(took, budgetNs) : took);
      // Due times before the first pass are none.
      if (passes.length === 0) anchorNs = dueNs;
      passes.push({ startNs, endNs });
      nowNs = endNs;
      dueNs += periodNs;
    }
    // What it leaves undone when it leaves would depend on who looks when.
    const lateNs = Math.min(latenessNs, periodNs);
    if (nowNs + 1 > dueNs + lateNs) {
      runs.push({ anchorNs, passes, leftNs: Infinity });
      break;
    }
    runs.push({ anchorNs, passes, leftNs: run > 1 || random.chance(0.5) ? nowNs + 1 : Infinity });
    if (runs.at(-1)!.leftNs === Infinity) break;
    nowNs += random.integer(2, 5 * periodNs);
  }
  return runs;
}

function cycleWrites(memory: PulseMemory, runs: readonly Run[], periodNs: number): Write[] {
  return runs.flatMap(({ anchorNs, passes, leftNs }) => {
    const writes = passes.flatMap(({ startNs, endNs }) => {
      const dueNs = startNs - (startNs - anchorNs) % periodNs;
      return [
        { atNs: startNs, write: () => memory.begin(0, startNs, dueNs) },
        { atNs: endNs, write: () => memory.end(0, endNs) },
      ];
    });
    return leftNs === Infinity
      ? writes
      : [...writes, { atNs: leftNs, write: () => memory.leave(0) }];
  });
}

/** @throws {AssertionError} where the judge and the reference disagree. */
export function playCycle({ CycleJudge, CycleSource }: Deadline, random: Random): void {
  const periodNs = random.pick([10, 100, 1000]);
  const budgetNs = random.integer(1, periodNs);
  const latenessNs = random.integer(0, periodNs + 5);
  const tolerance = randomTolerance(random);
  const limits = { periodNs, budgetNs, latenessNs };
  const memory = new PulseMemory([cycleLine("sample", periodNs, 256)]);
  const court = new Scribe();
  const plan = cycle({ ...limits, ...tolerance });
  const judge = new CycleJudge(0, plan, new CycleSource(memory.views, memory.place(0)), court);
  const runs = randomRuns(random, limits);
  const writes = cycleWrites(memory, runs, periodNs);
  const endNs = writes.at(-1)!.atNs + random.integer(0, 8 * periodNs);
  const looks = randomLooks(random, periodNs);
  watch(judge, writes, { random, looks, endNs });
  const outcomes = cycleOutcomes(runs, limits, endNs);
  const { broke } = breaches(outcomes, tolerance.tolerate, tolerance.recoverAfter);
  compare(judge, court, outcomes, broke);
  if (looks.lateNs > 0) return;
  // Looked at in time, what has not happened is told at the first nanosecond of its lateness; of the
  // first pass of a run a little later.
  const latestNs = Math.max(1, periodNs / 16 + 1);
  for (const { atNs, noticedNs, dueNs, reason, item } of court.verdicts) {
    if (atNs !== null || reason === "skipped") continue;
    const limitNs = item === 1 ? latestNs : 1;
    assert(noticedNs - dueNs <= limitNs, `${reason} ${item}: ${noticedNs - dueNs} ns late`);
  }
}

/** @throws {AssertionError} where the judge and the reference disagree. */
export function playSilence({ SilenceJudge, PulseSigns }: Deadline, random: Random): void {
  const missNs = random.pick([10, 100, 1000]);
  const tolerance = randomTolerance(random);
  const memory = new PulseMemory([HEARTBEAT]);
  const court = new Scribe();
  const signs: number[] = [];
  let nowNs = 0;
  for (let count = random.integer(0, 60); count > 0; count--) {
    nowNs += random.chance(0.8)
      ? random.integer(1, missNs)
      : random.pick([missNs, missNs + 1, 2 * missNs, 7 * missNs]);
    signs.push(nowNs);
  }
  const writes = signs.map((atNs) => ({ atNs, write: () => memory.sign(0, atNs) }));
  const endNs = nowNs + random.integer(1, 3 * missNs);
  const source = new PulseSigns(memory.views, memory.place(0));
  const plan = heartbeat({ missNs, ...tolerance });
  const judge = new SilenceJudge(0, plan, source, court);
  const looks = randomLooks(random, missNs);
  watch(judge, writes, { random, looks, endNs });
  const outcomes = silenceOutcomes(signs, missNs, 0, endNs);
  const { broke } = breaches(outcomes, tolerance.tolerate, tolerance.recoverAfter);
  if (looks.lateNs === 0 && looks.aheadNs === 0) return compare(judge, court, outcomes, broke);
  // Silences that came and went between two looks may stay unseen; none is made up.
  const silent = outcomes.filter(({ missed }) => missed).map(({ decidedNs }) => decidedNs - missNs);
  assert(judge.tally.missed <= silent.length);
  assertEquals(judge.tally.missed + judge.tally.kept, outcomes.length);
  const all = [0, ...signs];
  for (const { dueNs, atNs, noticedNs } of court.verdicts) {
    const toNs = atNs ?? noticedNs;
    const isReal = all.some((fromNs, at) =>
      fromNs >= dueNs - missNs && fromNs <= toNs && (all[at + 1] ?? endNs) - fromNs > missNs
    );
    assert(isReal, `no silence from ${dueNs - missNs} to ${toNs}`);
  }
}

/** @throws {AssertionError} where the judge and the reference disagree. */
export function playSteps({ StepsJudge, StepSource }: Deadline, random: Random): void {
  const withinNs = Array.from(
    { length: random.integer(1, 4) },
    () => random.pick([0, 10, 100, 1000]),
  );
  const order = withinNs.map((within, at) => ({ name: `${at}`, withinNs: within }));
  const tolerance = randomTolerance(random);
  const memory = new PulseMemory([stepsLine("boot", order.map(({ name }) => name), 128)]);
  const court = new Scribe();
  const passed: Passed[] = [];
  let nowNs = random.integer(1, 100);
  let step = 0;
  for (let count = random.integer(0, 60); count > 0; count--) {
    if (random.chance(0.1)) step = random.integer(0, withinNs.length - 1);
    passed.push({ step, atNs: nowNs });
    const limitNs = withinNs[step]! || 50;
    nowNs += random.chance(0.8)
      ? random.integer(1, limitNs)
      : random.pick([limitNs, limitNs + 1, 3 * limitNs]);
    step = (step + 1) % withinNs.length;
  }
  const writes = passed.map(({ step, atNs }) => ({
    atNs,
    write: () => memory.step(0, step, atNs),
  }));
  const endNs = nowNs + random.integer(0, 2000);
  const source = new StepSource(memory.views, memory.place(0));
  const judge = new StepsJudge(0, steps({ order, ...tolerance }), source, court);
  watch(judge, writes, { random, looks: randomLooks(random, 100), endNs });
  const outcomes = stepOutcomes(passed, withinNs, endNs);
  const { broke } = breaches(outcomes, tolerance.tolerate, tolerance.recoverAfter);
  compare(judge, court, outcomes, broke);
}
