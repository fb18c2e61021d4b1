/**
 * What contracts are about, said a second time and in another way: over the whole list of what
 * happened, with no state, no order of looks and no memory. Slow and plain.
 * Must not know: judges.
 */

/** One decided outcome. */
export interface Outcome {
  readonly missed: boolean;
  /** From one nanosecond after this on everybody can know. */
  readonly decidedNs: number;
}

/** A pass of a cycle as it happened. */
export interface Pass {
  readonly startNs: number;
  /** Infinity: it does not end. */
  readonly endNs: number;
}

/** One time that a program entered its loop and left it again. */
export interface Run {
  readonly anchorNs: number;
  readonly passes: readonly Pass[];
  /** Infinity: it does not leave. */
  readonly leftNs: number;
}

export interface CycleLimits {
  readonly periodNs: number;
  readonly budgetNs: number;
  readonly latenessNs: number;
}

/** The outcomes of all due times that are decided at `nowNs`, in order. */
export function cycleOutcomes(runs: readonly Run[], limits: CycleLimits, nowNs: number): Outcome[] {
  const { periodNs, budgetNs } = limits;
  const lateNs = Math.min(limits.latenessNs, periodNs);
  return runs.flatMap(({ anchorNs, passes, leftNs }) => {
    if (passes.length === 0 || passes[0]!.startNs > nowNs) return [];
    const outcomes: Outcome[] = [];
    for (let dueNs = anchorNs; dueNs <= nowNs; dueNs += periodNs) {
      const pass = passes.find(({ startNs }) =>
        startNs >= dueNs && startNs < dueNs + periodNs && startNs <= nowNs
      );
      const limitNs = dueNs + lateNs;
      if (pass === undefined) {
        if (limitNs < nowNs && limitNs < leftNs) {
          outcomes.push({ missed: true, decidedNs: limitNs });
        }
      } else if (pass.startNs > limitNs) {
        outcomes.push({ missed: true, decidedNs: limitNs });
      } else if (Math.min(pass.endNs, nowNs) - pass.startNs > budgetNs) {
        outcomes.push({ missed: true, decidedNs: pass.startNs + budgetNs });
      } else if (pass.endNs <= nowNs) {
        outcomes.push({ missed: false, decidedNs: pass.endNs });
      }
    }
    return outcomes;
  });
}

/** The outcomes of signs that are `maxNs` apart at most, from `fromNs` on. */
export function silenceOutcomes(
  signs: readonly number[],
  maxNs: number,
  fromNs: number,
  nowNs: number,
): Outcome[] {
  const heard = [fromNs, ...signs.filter((sign) => sign <= nowNs)];
  const outcomes = heard.slice(1).map((sign, at) => ({
    missed: sign - heard[at]! > maxNs,
    decidedNs: sign - heard[at]! > maxNs ? heard[at]! + maxNs : sign,
  }));
  const lastNs = heard.at(-1)!;
  if (nowNs - lastNs > maxNs) outcomes.push({ missed: true, decidedNs: lastNs + maxNs });
  return outcomes;
}

/** A checkpoint as it was passed. */
export interface Passed {
  readonly step: number;
  readonly atNs: number;
}

/** The outcomes of steps in the order 0, 1, … , again and again. */
export function stepOutcomes(
  passed: readonly Passed[],
  withinNs: readonly number[],
  nowNs: number,
): Outcome[] {
  const seen = passed.filter(({ atNs }) => atNs <= nowNs);
  const outcomes = seen.map(({ step, atNs }, at) => {
    const before = seen[at - 1];
    if (before === undefined) return { missed: step !== 0, decidedNs: atNs };
    const limitNs = withinNs[before.step]!;
    const isLate = limitNs > 0 && atNs - before.atNs > limitNs;
    const isNext = step === (before.step + 1) % withinNs.length;
    return { missed: isLate || !isNext, decidedNs: isLate ? before.atNs + limitNs : atNs };
  });
  const last = seen.at(-1);
  if (last !== undefined) {
    const limitNs = withinNs[last.step]!;
    if (limitNs > 0 && nowNs - last.atNs > limitNs) {
      outcomes.push({ missed: true, decidedNs: last.atNs + limitNs });
    }
  }
  return outcomes;
}

/** Numbers of the outcomes, from 0, at which a weakly hard contract broke, and at which it recovered. */
export function breaches(
  outcomes: readonly Outcome[],
  { misses, window }: { readonly misses: number; readonly window: number },
  recoverAfter: number,
): { readonly broke: number[]; readonly recovered: number[] } {
  const [broke, recovered]: number[][] = [[], []];
  let from = 0;
  let isBroken = false;
  for (const at of outcomes.keys()) {
    const past = outcomes.slice(from, at + 1);
    if (isBroken) {
      if (past.length < recoverAfter || past.slice(-recoverAfter).some(({ missed }) => missed)) {
        continue;
      }
      // Misses from before do not count against it again.
      recovered!.push(at);
      isBroken = false;
      from = at + 1;
    } else if (past.slice(-window).filter(({ missed }) => missed).length > misses) {
      broke!.push(at);
      isBroken = true;
    }
  }
  return { broke: broke!, recovered: recovered! };
}
