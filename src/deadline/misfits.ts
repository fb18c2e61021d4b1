/**
 * What of a crew's contracts cannot fit a machine, in words with the arithmetic: CPUs that are asked
 * for too much, response times that are too long, reservations that are too small, and times below
 * what a wake-up is late by. What it finds can be shown to fail; that it finds nothing proves
 * nothing. Pure. Must not know: where the figures of a machine come from, the configuration.
 *
 * References: Liu and Layland 1973 (utilisation); `analysis.ts` (response times); sched(7),
 * "Limiting the CPU usage of real-time and deadline processes".
 */
import type {
  ContractPlan,
  CycleContract,
  SchedulingPlan,
  SchedulingPolicy,
} from "../plan/contract.ts";
import {
  analyse,
  RESPONSE_TIMES_MAX,
  type ResponseTime,
  type Task,
  type Utilisation,
} from "./analysis.ts";

/** What is known of a machine. */
export interface MachineFigures {
  /** CPUs that are online. */
  readonly cpus: readonly number[];
  /** Part of a CPU that real-time policies may use: sched_rt_runtime_us / sched_rt_period_us. */
  readonly realTimeShare: number;
  /** How late a wake-up is at times, under a real-time policy and under none. */
  readonly jitterNs: { readonly realTime: number; readonly other: number };
  /** Whether that was measured, or is assumed. */
  readonly measured: boolean;
}

/** A contract of a process, and how the process is scheduled. */
export interface ScheduledContract {
  readonly contract: ContractPlan;
  readonly scheduling: SchedulingPlan | null;
}

/** Something that cannot fit. */
export interface Misfit {
  /** Names of contracts, the one to blame first. */
  readonly contracts: readonly string[];
  /** A sentence with the arithmetic, without a full stop. */
  readonly message: string;
  readonly fix: string;
}

/** Terms of a sum that are shown. */
const TERMS_MAX = 5;

/**
 * Looks for what cannot fit.
 *
 * @param scheduled All contracts of a crew.
 * @param machine The machine.
 * @returns In order: what is below the jitter, utilisation, response times, reservations.
 */
export function misfits(
  scheduled: readonly ScheduledContract[],
  machine: MachineFigures,
): Misfit[] {
  const tasks = scheduled.flatMap(({ contract, scheduling }) =>
    contract.kind === "cycle" ? [taskOf(contract, scheduling)] : []
  );
  const { cpus, realTimeShare } = machine;
  const found = analyse(tasks, { online: cpus, realTimePart: realTimeShare });
  return [
    ...scheduled.flatMap((each) => belowJitter(each, machine)),
    ...found.utilisations.flatMap((each) => each.fits ? [] : [overload(each)]),
    ...found.responseTimes.flatMap((each) => each.fits ? [] : [tooLate(each)]),
    ...found.notComputed === 0 ? [] : [notComputed(tasks, found.notComputed)],
    ...scheduled.flatMap(({ contract, scheduling }) =>
      contract.kind === "cycle" ? reservation(contract, scheduling) : []
    ),
  ];
}

function taskOf(cycle: CycleContract, scheduling: SchedulingPlan | null): Task {
  const { name, periodNs, budgetNs, latenessNs } = cycle;
  const policy = policyOf(scheduling?.policy ?? null);
  return { name, periodNs, budgetNs, latenessNs, cpus: scheduling?.cpus ?? null, policy };
}

function policyOf(policy: SchedulingPolicy | null): Task["policy"] {
  switch (policy?.kind) {
    case "fifo":
    case "rr":
      return { kind: "fixed", priority: policy.priority };
    case "deadline":
      return { kind: "deadline", runtimeNs: policy.runtimeNs, periodNs: policy.periodNs };
    case "batch":
    case "idle":
    case undefined:
      return { kind: "fair" };
  }
}

/** Times that a wake-up is later than at times. */
function belowJitter(
  { contract, scheduling }: ScheduledContract,
  { jitterNs, measured }: MachineFigures,
): Misfit[] {
  const kind = scheduling?.policy?.kind;
  const isFirst = kind === "fifo" || kind === "rr" || kind === "deadline";
  const jitter = isFirst ? jitterNs.realTime : jitterNs.other;
  const how = measured ? "was late by at times" : "is assumed to be late by at times";
  return timesOf(contract).flatMap(([what, ns]) =>
    ns === 0 || ns >= jitter ? [] : [{
      contracts: [contract.name],
      message: `${what} of ${milliseconds(ns)} is below the ${milliseconds(jitter)} that a ` +
        `wake-up here ${how}`,
      fix: isFirst ? "allow more" : 'allow more, or give the process policy "fifo"',
    }]
  );
}

/** The times of a contract that have to be above the jitter. */
function timesOf(contract: ContractPlan): (readonly [what: string, ns: number])[] {
  switch (contract.kind) {
    case "cycle":
      return [["a period", contract.periodNs], ["a lateness", contract.latenessNs]];
    case "steps":
      return contract.order.map(({ withinNs }) => ["a time between steps", withinNs] as const);
    case "span":
    case "heartbeat":
    case "gap":
    case "latency":
    case "liveliness":
    case "path":
      return [["a limit", contract.missNs]];
  }
}

function overload({ cpus, of, shares, sum, bound }: Utilisation): Misfit {
  const terms = shares.map(({ budgetNs, periodNs }) =>
    `${milliseconds(budgetNs)}/${milliseconds(periodNs)}`
  );
  const on = cpus.length === 1 ? `CPU ${cpus[0]}` : `CPUs ${cpus.join(", ")}`;
  const rule = of === "all"
    ? `${bound}`
    : `${rounded(bound)}, which is what real-time policies may use (sched_rt_runtime_us)`;
  return {
    contracts: shares.map(({ name }) => name),
    message: `${on} cannot give the budgets that are asked of it: ${added(terms)} = ` +
      `${rounded(sum)}, above ${rule}`,
    fix: "lower budgets, raise periods, or let some run on other CPUs",
  };
}

function tooLate({ name, cpu, budgetNs, delayedBy, steps, limitNs }: ResponseTime): Misfit {
  const terms = delayedBy.map((each) =>
    `⌈R/${milliseconds(each.periodNs)}⌉ × ${milliseconds(each.budgetNs)}`
  );
  const reached = milliseconds(steps.at(-1)!);
  return {
    contracts: [name, ...delayedBy.map((each) => each.name)],
    message: `it may end later than ${milliseconds(limitNs)} after it is due: ` +
      `R = ${added([milliseconds(budgetNs), ...terms])} has come to ${reached} (CPU ${cpu})`,
    fix: "raise its priority, lower budgets, or let it run on another CPU",
  };
}

/** Nothing is known, and that is said. */
function notComputed(tasks: readonly Task[], count: number): Misfit {
  return {
    contracts: tasks.filter(({ policy }) => policy.kind === "fixed").slice(0, 1)
      .map(({ name }) => name),
    message:
      `response times are not computed: ${count} cycles of policy fifo or rr have one CPU, ` +
      `and at most ${RESPONSE_TIMES_MAX} are looked at`,
    fix: "none is needed: their budgets were added up all the same",
  };
}

/** A reservation that is less than the cycle it is for. */
function reservation(
  { name, budgetNs, periodNs }: CycleContract,
  scheduling: SchedulingPlan | null,
): Misfit[] {
  const policy = scheduling?.policy ?? null;
  if (policy?.kind !== "deadline") return [];
  const given = policy.runtimeNs / policy.periodNs;
  const needed = budgetNs / periodNs;
  if (given >= needed) return [];
  return [{
    contracts: [name],
    message: `its budget is more than its reservation: ${milliseconds(budgetNs)}/` +
      `${milliseconds(periodNs)} = ${rounded(needed)}, above ${milliseconds(policy.runtimeNs)}/` +
      `${milliseconds(policy.periodNs)} = ${rounded(given)}`,
    fix: "raise scheduling.runtime, or lower the budget",
  }];
}

function added(terms: readonly string[]): string {
  const shown = terms.slice(0, TERMS_MAX).join(" + ");
  return terms.length > TERMS_MAX ? `${shown} + ${terms.length - TERMS_MAX} more` : shown;
}

function milliseconds(ns: number): string {
  return `${Number((ns / 1e6).toFixed(3))} ms`;
}

function rounded(share: number): string {
  return String(Number(share.toFixed(3)));
}
