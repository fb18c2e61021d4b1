/**
 * Time contracts in the control protocol: what `cox deadlines`, `ps --json`, the summary and
 * `cox timeline` are told. Data only. Must not know: sockets, the driver.
 */

/** One contract in `ps --json`, in the summary and in `cox deadlines`. */
export interface DeadlineSnapshot {
  /** Who keeps it. */
  readonly process: string;
  readonly kind:
    | "span"
    | "heartbeat"
    | "cycle"
    | "steps"
    | "gap"
    | "latency"
    | "liveliness"
    | "path";
  /** False: more are missed than tolerated, and it has not recovered since. */
  readonly holds: boolean;
  /** Outcomes since the crew started, over all instances. */
  readonly kept: number;
  readonly missed: number;
  readonly warned: number;
  /** Times that it broke. */
  readonly broken: number;
  /** Missed among the last `window` outcomes, of which `tolerated` may be. */
  readonly missedInWindow: number;
  readonly window: number;
  readonly tolerated: number;
  /** Of a cycle its budget. */
  readonly limitMs: number;
  /** How far beyond a limit it was, at most. */
  readonly worstLateMs: number;
  /** RFC 3339 wall-clock time; null: none yet. */
  readonly lastMiss: string | null;
  /** Signs, passes or steps of the live instance; null: nobody counts them there. */
  readonly count: number | null;
  /** Since the last of them; null: there was none. */
  readonly ageMs: number | null;
  /**
   * Distributions. gap: from sign to sign. start: how late a pass began. pass: how long it took.
   * step: from one to the next. span: how long it took. age: how old samples were at their receipt,
   * those that a look came upon; of a relayed pipe none.
   */
  readonly times: Readonly<Partial<Record<DeadlineTimes, TimesSnapshot>>>;
}

/** What is distributed. */
export type DeadlineTimes = "gap" | "start" | "pass" | "step" | "span" | "age";

/** A distribution, milliseconds, to about 3%; of an empty one all are 0. */
export interface TimesSnapshot {
  readonly count: number;
  readonly minMs: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/** By name of the contract. */
export type DeadlineSnapshots = Readonly<Record<string, DeadlineSnapshot>>;

/** The last seconds of what processes have stamped, and of what became of them. */
export interface StampsReport {
  /** Times are milliseconds since the supervisor started. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly processes: readonly ProcessStamps[];
}

/** One process's. */
export interface ProcessStamps {
  readonly process: string;
  readonly cycles: readonly CycleStamps[];
  readonly steps: readonly StepStamps[];
  /** What the event log says of it, in order. */
  readonly marks: readonly StampMark[];
}

/** The passes of one cycle. */
export interface CycleStamps {
  readonly cycle: string;
  readonly periodMs: number;
  readonly budgetMs: number;
  /** In order, over all instances. */
  readonly passes: readonly PassStamps[];
}

/**
 * Start, end and due time; an end or due time that is not known is null. `isCut`: the instance ended
 * within the pass, and then.
 */
export type PassStamps = readonly [
  startMs: number,
  endMs: number | null,
  dueMs: number | null,
  isCut?: boolean,
];

/** The checkpoints of one line of steps. */
export interface StepStamps {
  readonly steps: string;
  readonly passed: readonly (readonly [atMs: number, step: string])[];
}

/** Something that happened to a process. */
export interface StampMark {
  readonly atMs: number;
  readonly kind: "spawn" | "ready" | "exit" | "warn" | "miss" | "excused" | "recovered";
  readonly text: string;
}
