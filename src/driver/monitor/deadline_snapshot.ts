/** What is known of each contract, as `ps`, the summary and `cox deadlines` show it. */
import type {
  DeadlineSnapshot,
  DeadlineTimes,
  TimesSnapshot,
} from "../../control/deadline_report.ts";
import { Histogram } from "../../deadline/histogram.ts";
import type { ContractIndex, ContractPlan } from "../../plan/contract.ts";
import type { Plan } from "../../plan/plan.ts";
import type { ContractRecord } from "./deadline_desk.ts";
import type { ContractFigures } from "./figures.ts";

/** What it is made from. */
export interface DeadlineSnapshotSources {
  readonly plan: Plan;
  readonly figures: readonly ContractFigures[];
  readonly recordOf: (contract: ContractIndex) => Readonly<ContractRecord>;
  /** Signs, passes or steps so far, and when the last was, in nanoseconds of the clock. */
  readonly pulseOf: (
    contract: ContractPlan,
  ) => { readonly count: number; readonly lastNs: number | null } | null;
  readonly nowNs: number;
  readonly wallOf: (ns: number) => string;
}

/** By name, in the order of the plan. */
export function deadlineSnapshots(
  sources: DeadlineSnapshotSources,
): Record<string, DeadlineSnapshot> {
  const { plan, figures } = sources;
  const byContract = new Map(figures.map((found) => [found.contract, found]));
  return Object.fromEntries(
    plan.contracts.map((contract, index) => [
      contract.name,
      snapshotOf(sources, contract, index, byContract.get(index)),
    ]),
  );
}

function snapshotOf(
  sources: DeadlineSnapshotSources,
  contract: ContractPlan,
  index: ContractIndex,
  found: ContractFigures | undefined,
): DeadlineSnapshot {
  const { worstLateNs, lastMissNs } = sources.recordOf(index);
  const pulse = sources.pulseOf(contract);
  const lastNs = pulse?.lastNs ?? null;
  return {
    process: sources.plan.processes[contract.process]?.name ?? `#${contract.process}`,
    kind: contract.kind,
    holds: !(found?.broken ?? false),
    kept: found?.tally.kept ?? 0,
    missed: found?.tally.missed ?? 0,
    warned: found?.tally.warned ?? 0,
    broken: found?.tally.broken ?? 0,
    missedInWindow: found?.missedInWindow ?? 0,
    window: contract.tolerate.window,
    tolerated: contract.tolerate.misses,
    limitMs: limitNs(contract) / 1e6,
    worstLateMs: round(worstLateNs),
    lastMiss: lastMissNs === null ? null : sources.wallOf(lastMissNs),
    count: pulse?.count ?? null,
    ageMs: lastNs === null ? null : round(Math.max(0, sources.nowNs - lastNs)),
    times: timesOf(found),
  };
}

function timesOf(found: ContractFigures | undefined): DeadlineSnapshot["times"] {
  const times: Partial<Record<DeadlineTimes, TimesSnapshot>> = {};
  for (const { of, histogram } of found?.times ?? []) {
    const figures = Histogram.from(histogram).figures();
    times[of] = {
      count: figures.count,
      minMs: round(figures.minNs),
      meanMs: round(figures.meanNs),
      p50Ms: round(figures.p50Ns),
      p90Ms: round(figures.p90Ns),
      p99Ms: round(figures.p99Ns),
      p999Ms: round(figures.p999Ns),
      maxMs: round(figures.maxNs),
    };
  }
  return times;
}

function limitNs(contract: ContractPlan): number {
  switch (contract.kind) {
    case "cycle":
      return contract.budgetNs;
    case "steps":
      return Math.max(0, ...contract.order.map(({ withinNs }) => withinNs));
    default:
      return contract.missNs;
  }
}

/** Milliseconds, to the microsecond. */
function round(ns: number): number {
  return Math.round(ns / 1e3) / 1e3;
}
