/**
 * Whether cycles fit the CPUs that they run on: utilisation, and response times for fixed priorities
 * (Joseph and Pandya 1986; Audsley et al. 1993). Pure; the arithmetic is part of the result, so that
 * it can be shown. Must not know: the configuration, the machine.
 *
 * What it says is as good as what it is told: a budget is taken for compute time, and what else runs
 * on a CPU (interrupts, programs without a contract at the same or a higher priority) is not there.
 */

/** One periodic job. */
export interface Task {
  readonly name: string;
  readonly periodNs: number;
  readonly budgetNs: number;
  /** How late a start may be. */
  readonly latenessNs: number;
  /** CPUs that it may run on; null: all. */
  readonly cpus: readonly number[] | null;
  readonly policy:
    /** SCHED_FIFO, SCHED_RR: 1 … 99. */
    | { readonly kind: "fixed"; readonly priority: number }
    /** SCHED_DEADLINE: the kernel gives it `runtimeNs` each `periodNs`, before all others. */
    | { readonly kind: "deadline"; readonly runtimeNs: number; readonly periodNs: number }
    /** No promise. */
    | { readonly kind: "fair" };
}

/** What of the machine matters. */
export interface Cpus {
  /** Their numbers. */
  readonly online: readonly number[];
  /** Part of a CPU that real-time policies may use: sched_rt_runtime_us / sched_rt_period_us; 1: all. */
  readonly realTimePart: number;
}

/** One job's part of a sum. */
export interface Share {
  readonly name: string;
  readonly budgetNs: number;
  readonly periodNs: number;
  /** budget / period. */
  readonly part: number;
}

/** budget / period, summed up over jobs that share CPUs. */
export interface Utilisation {
  /** The CPUs that all of these jobs are confined to. */
  readonly cpus: readonly number[];
  /** real-time: jobs of real-time policies alone. */
  readonly of: "all" | "real-time";
  readonly shares: readonly Share[];
  readonly sum: number;
  /** What the sum must not exceed. */
  readonly bound: number;
  readonly fits: boolean;
}

/** The longest that a job of fixed priority can take from its due time to its end. */
export interface ResponseTime {
  readonly name: string;
  readonly cpu: number;
  readonly budgetNs: number;
  /** Who can keep it from running, each for its budget in each of its periods. */
  readonly delayedBy: readonly {
    readonly name: string;
    readonly budgetNs: number;
    readonly periodNs: number;
  }[];
  /** R = budget + Σ ⌈R / period⌉ × budget, from R = budget on until it stays as it is. */
  readonly steps: readonly number[];
  /** null: it exceeds the limit before it comes to rest. */
  readonly responseNs: number | null;
  /** It must have started within its lateness, and ended before the next is due. */
  readonly limitNs: number;
  readonly fits: boolean;
}

/** All that was computed. */
export interface Analysis {
  readonly utilisations: readonly Utilisation[];
  readonly responseTimes: readonly ResponseTime[];
  /** How many response times were not computed: there are more than {@link RESPONSE_TIMES_MAX}. */
  readonly notComputed: number;
  readonly fits: boolean;
}

/** The work grows by the square, and nobody gives more jobs priorities by hand. */
export const RESPONSE_TIMES_MAX = 200;

/** Of a sum of divisions in floating point. */
const ROUNDING = 1e-9;
/** A response time of more steps than this is not looked for: it grows by a budget with each. */
const STEPS_MAX = 1000;

/** Computes what can be said about these jobs. */
export function analyse(tasks: readonly Task[], cpus: Cpus): Analysis {
  const sets = cpuSets(tasks, cpus);
  const utilisations = sets.flatMap((set) => utilisationsOf(tasks, set, cpus));
  // Who may run on several is not held to one of them, so that nothing is known of its neighbours.
  const pinned = tasks.filter((task) =>
    task.policy.kind === "fixed" && cpusOf(task, cpus).length === 1
  );
  const isComputed = pinned.length <= RESPONSE_TIMES_MAX;
  const responseTimes = !isComputed
    ? []
    : pinned.map((task) => responseTime(task, cpusOf(task, cpus)[0]!, tasks, cpus));
  const fits = [...utilisations, ...responseTimes].every((result) => result.fits);
  return { utilisations, responseTimes, notComputed: isComputed ? 0 : pinned.length, fits };
}

/** Each set of CPUs that some job is confined to, and all; the smallest first. */
function cpuSets(tasks: readonly Task[], cpus: Cpus): readonly (readonly number[])[] {
  const sets = new Map<string, readonly number[]>();
  for (const set of [...tasks.map((task) => cpusOf(task, cpus)), sorted(cpus.online)]) {
    sets.set(set.join(), set);
  }
  return [...sets.values()].sort((a, b) => a.length - b.length || a[0]! - b[0]!);
}

function utilisationsOf(
  tasks: readonly Task[],
  set: readonly number[],
  cpus: Cpus,
): Utilisation[] {
  const confined = tasks.filter((task) => cpusOf(task, cpus).every((cpu) => set.includes(cpu)));
  if (confined.length === 0) return [];
  const all = utilisation(confined, set, { of: "all", bound: set.length });
  const realTime = confined.filter(({ policy }) => policy.kind !== "fair");
  if (realTime.length === 0 || cpus.realTimePart >= 1) return [all];
  const bound = set.length * cpus.realTimePart;
  return [all, utilisation(realTime, set, { of: "real-time", bound })];
}

function utilisation(
  tasks: readonly Task[],
  cpus: readonly number[],
  { of, bound }: Pick<Utilisation, "of" | "bound">,
): Utilisation {
  const shares = tasks.map((task) => {
    const { budgetNs, periodNs } = demand(task);
    return { name: task.name, budgetNs, periodNs, part: budgetNs / periodNs };
  });
  const sum = shares.reduce((total, { part }) => total + part, 0);
  return { cpus, of, shares, sum, bound, fits: sum <= bound + ROUNDING };
}

function responseTime(
  task: Task,
  cpu: number,
  tasks: readonly Task[],
  cpus: Cpus,
): ResponseTime {
  const { name, budgetNs, periodNs, latenessNs } = task;
  const delayedBy = tasks.filter((other) =>
    other !== task && cpusOf(other, cpus).join() === `${cpu}` && comesBefore(other, task)
  ).map((other) => ({ name: other.name, ...demand(other) }));
  const limitNs = Math.min(periodNs, latenessNs + budgetNs);
  const steps = [budgetNs];
  for (;;) {
    const lastNs = steps.at(-1)!;
    const nextNs = delayedBy.reduce(
      (sum, other) => sum + Math.ceil(lastNs / other.periodNs) * other.budgetNs,
      budgetNs,
    );
    const common = { name, cpu, budgetNs, delayedBy, limitNs };
    if (nextNs === lastNs) {
      return { ...common, steps, responseNs: lastNs, fits: lastNs <= limitNs };
    }
    steps.push(nextNs);
    if (nextNs > limitNs || steps.length >= STEPS_MAX) {
      return { ...common, steps, responseNs: null, fits: false };
    }
  }
}

/** Whether `other` can keep `task` waiting. Of equal priority either can: the first that runs. */
function comesBefore({ policy }: Task, task: Task): boolean {
  if (policy.kind === "deadline") return true;
  if (policy.kind === "fair" || task.policy.kind !== "fixed") return false;
  return policy.priority >= task.policy.priority;
}

/** What it may use of a CPU. */
function demand({ policy, budgetNs, periodNs }: Task): { budgetNs: number; periodNs: number } {
  return policy.kind === "deadline"
    ? { budgetNs: policy.runtimeNs, periodNs: policy.periodNs }
    : { budgetNs, periodNs };
}

function cpusOf(task: Task, { online }: Cpus): readonly number[] {
  const own = (task.cpus ?? online).filter((cpu) => online.includes(cpu));
  return sorted(own.length === 0 ? online : own);
}

function sorted(cpus: readonly number[]): readonly number[] {
  return [...new Set(cpus)].sort((a, b) => a - b);
}
