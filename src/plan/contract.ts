/**
 * Time contracts, compiled: what must happen when, and what is done when it does not. Owns the
 * data types only; they are part of the {@link Plan}. Must not know: how a contract is judged
 * (`deadline/`), who watches (`driver/monitor/`), how it is written in a configuration.
 *
 * All times are integer nanoseconds. Every contract has two thresholds: `warnNs` comes before
 * `missNs`, and is 0 where nothing is said before.
 */
import type { ChannelIndex, ProcessIndex } from "./plan.ts";

/** Index into {@link Plan.contracts}. */
export type ContractIndex = number;

/** One time contract. */
export type ContractPlan =
  | SpanContract
  | HeartbeatContract
  | CycleContract
  | StepsContract
  | GapContract
  | LatencyContract
  | LivelinessContract
  | PathContract;

/** What every contract has. */
export interface ContractBase {
  /**
   * Unique, as users see it: `sampler.heartbeat`, `sampler.cycle.sample`, `sampler.steps.boot`,
   * `sampler.ready`, `readings.gap`, `readings.latency@panel`, `path.vitals`.
   */
  readonly name: string;
  /** Who keeps it, and is blamed: for a channel the producer, or the consumer of a latency. */
  readonly process: ProcessIndex;
  /** The hardware watchdog is stroked only while this holds. */
  readonly critical: boolean;
  /** Weakly hard: broken when more than `misses` of any `window` consecutive ones are missed. */
  readonly tolerate: Tolerance;
  /** So many in a row have to be kept before a broken contract holds again, 1 or more. */
  readonly recoverAfter: number;
  /** In this order; `record` is done always and is not among them. */
  readonly onMiss: readonly MissAction[];
  /** Once each time that `tolerate` is exceeded; with 0 of 1 both lists are done at a miss. */
  readonly onBroken: readonly MissAction[];
}

/** At most `misses` in any `window` consecutive ones; 0 of 1: none. */
export interface Tolerance {
  /** 0 … window - 1. */
  readonly misses: number;
  /** 1 … 1024. */
  readonly window: number;
}

/** What is done about a miss besides recording it. */
export type MissAction =
  | { readonly kind: "warn" }
  /** To the process of the contract, at once and by the monitor itself. */
  | { readonly kind: "signal"; readonly signal: number; readonly signalName: string }
  | { readonly kind: "restart" }
  | { readonly kind: "stop" }
  /** Its group is treated as if it had given up. */
  | { readonly kind: "fail-group" }
  /** A program, told of the miss in its environment; bounded in time. */
  | {
    readonly kind: "run";
    readonly argv: readonly string[];
    readonly executable: string;
    readonly timeoutNs: number;
  }
  /** Starts the fallback set of {@link SafeModePlan} and stops the rest. */
  | { readonly kind: "safe-mode" };

/**
 * From one moment in the life of an instance to another. ready: spawn to readiness. run: spawn to
 * exit of a one-shot. stop: stop signal to exit. Armed and disarmed by the supervisor.
 */
export interface SpanContract extends ContractBase {
  readonly kind: "span";
  readonly span: "ready" | "run" | "stop";
  readonly warnNs: number;
  /** 0: no miss of its own; where the core has a timeout (ready, stop) that one acts. */
  readonly missNs: number;
}

/** Longest silence of an instance that is ready. */
export interface HeartbeatContract extends ContractBase {
  readonly kind: "heartbeat";
  readonly source: HeartbeatSource;
  readonly warnNs: number;
  readonly missNs: number;
}

/** What counts as a sign of life. */
export type HeartbeatSource =
  /** A stamp in the process's pulse memory, line `line`. */
  | { readonly by: "pulse"; readonly line: number }
  /** sd_notify's WATCHDOG=1; the supervisor stamps line `line` of the process for it. */
  | { readonly by: "notify"; readonly line: number }
  /** Anything on the captured stdout or stderr. */
  | { readonly by: "output"; readonly line: number }
  /** Anything that it sends on this channel: a mailbox, a pipe, or its in-leg of a relayed one. */
  | { readonly by: "channel"; readonly channel: ChannelIndex };

/**
 * A periodic job, named by the program. Cycle n is due at the first start + n × period (+ offset);
 * it is missed when it starts more than `latenessNs` after that, computes for longer than
 * `budgetNs`, or has not begun when the next one is due.
 */
export interface CycleContract extends ContractBase {
  readonly kind: "cycle";
  /** The program's name for it. */
  readonly cycle: string;
  /** In the pulse memory of the process. */
  readonly line: number;
  readonly periodNs: number;
  readonly offsetNs: number;
  readonly budgetNs: number;
  /** How late a start may be. */
  readonly latenessNs: number;
  /** Of the budget; 0: none. */
  readonly warnNs: number;
}

/** The order of a program's steps, and the longest time from each to the next. */
export interface StepsContract extends ContractBase {
  readonly kind: "steps";
  readonly steps: string;
  readonly line: number;
  /** In this order, again and again; `withinNs` is from this step to the next, 0: no limit. */
  readonly order: readonly { readonly name: string; readonly withinNs: number }[];
  /** Part of `withinNs` after which it is warned of, 0 … 1; 0: none. */
  readonly warnAt: number;
}

/** A channel's samples, seen where they are delivered. */
interface ChannelContract extends ContractBase {
  /**
   * A mailbox; of a relayed pipe the leg: the in-leg of `process` for the producer's side, the
   * out-leg for a consumer's.
   */
  readonly channel: ChannelIndex;
  /** Which consumer of it, from 0 in the order of declaration; null: the producer's side. */
  readonly consumer: number | null;
  readonly warnNs: number;
  readonly missNs: number;
}

/** DDS's deadline: longest gap between two samples. */
export interface GapContract extends ChannelContract {
  readonly kind: "gap";
}

/** DDS's latency budget: source stamp to receipt. */
export interface LatencyContract extends ChannelContract {
  readonly kind: "latency";
}

/** The producer asserts that it lives, with samples or without. */
export interface LivelinessContract extends ChannelContract {
  readonly kind: "liveliness";
  /** Line of the producer's heartbeat, which counts as well; null: it has none that is stamped. */
  readonly line: number | null;
}

/** End to end: from the stamp at the first channel to the receipt from the last. */
export interface PathContract extends ContractBase {
  readonly kind: "path";
  /** In order; of a relayed pipe the out-leg to who carries it on, or to `consumer`. */
  readonly channels: readonly ChannelIndex[];
  /** Which consumer of the last channel. */
  readonly consumer: number;
  /** Which of the paths that end there it is, from 0 in the order of declaration. */
  readonly number: number;
  readonly warnNs: number;
  readonly missNs: number;
}

/** What runs when a contract asks for the safe mode. */
export interface SafeModePlan {
  /** Started; everything else but system processes is stopped. */
  readonly processes: readonly ProcessIndex[];
}

/** The memory in which a process is stamped: one line for each of its contracts that need one. */
export interface PulsePlan {
  /** The program's descriptor of it; null: only the supervisor stamps. */
  readonly fd: number | null;
  /** Of the memory: whole pages. */
  readonly bytes: number;
  /** By line number. */
  readonly lines: readonly PulseLinePlan[];
}

/** What is stamped on a line. */
export type PulseLinePlan =
  /** By the program, or by the supervisor for it. */
  | { readonly kind: "heartbeat"; readonly by: "client" | "notify" | "output" }
  | {
    readonly kind: "cycle";
    readonly name: string;
    readonly periodNs: number;
    readonly offsetNs: number;
    readonly budgetNs: number;
  }
  | { readonly kind: "steps"; readonly name: string; readonly steps: readonly string[] };

/** What is set up for the supervisor itself. */
export interface SupervisorPlan {
  /** Of the monitor's thread, but for `lockMemory`. null: as it is. */
  readonly scheduling: SchedulingPlan | null;
  readonly watchdog: WatchdogPlan | null;
}

/** A hardware watchdog: resets the machine unless it is stroked. */
export interface WatchdogPlan {
  /** Absolute path. */
  readonly device: string;
  /** The device resets the machine after this long without a stroke; whole seconds. */
  readonly timeoutNs: number;
  /** Stroked so often while every critical contract holds. */
  readonly strokeNs: number;
}

/** How a process, or the monitor, is scheduled; what is null is left as it is. */
export interface SchedulingPlan {
  readonly policy: SchedulingPolicy | null;
  /** CPUs it may run on, sorted. */
  readonly cpus: readonly number[] | null;
  readonly ioClass:
    | { readonly kind: "idle" }
    | { readonly kind: "best-effort" | "realtime"; readonly level: number }
    | null;
  /** Of the supervisor alone: its code stays in RAM. */
  readonly lockMemory: boolean;
  /** -1000 … 1000. */
  readonly oomScore: number | null;
  readonly timerSlackNs: number | null;
}

/** sched(7). */
export type SchedulingPolicy =
  | { readonly kind: "fifo" | "rr"; readonly priority: number }
  | { readonly kind: "batch" | "idle" }
  | {
    readonly kind: "deadline";
    readonly runtimeNs: number;
    readonly deadlineNs: number;
    readonly periodNs: number;
  };
