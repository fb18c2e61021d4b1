/**
 * The core's state: data only, immutable, one record per process and group.
 * Wanted and actual state are kept apart. Must not know: how it changes.
 */
import type { GroupIndex, Plan } from "../plan/plan.ts";
import type { ProcessStatus } from "./effect.ts";
import type { ExitReason, KillCause } from "./exit_reason.ts";
import type { PlanIndex } from "./plan_index.ts";

/** One process. Fields that only the core reads may be added freely. */
export interface ProcessState {
  readonly status: ProcessStatus;
  readonly wanted: "up" | "down";
  /** Number of the current or last instance; 0 before the first spawn. */
  readonly instance: number;
  /** Of the live instance, else null. */
  readonly pid: number | null;
  /** Spawns attempted. */
  readonly starts: number;
  /** Starts that followed a failure or exit without an operator asking. */
  readonly restarts: number;
  readonly lastExit: ExitReason | null;
  /** When the live instance became ready; null if it is not. */
  readonly readySinceNs: number | null;
  /** Why we sent the live instance a signal to end it; null if we did not. */
  readonly killCause: KillCause | null;
  /** Restarts since the last healthy run: the step of the backoff. */
  readonly attempt: number;
  /** An instance has been ready since an operator last started the process. */
  readonly hasBeenReady: boolean;
  /** The next start was asked for (boot, operator), so it is no restart. */
  readonly asked: boolean;
  /** An operator wants a new instance when the live one has ended, whatever the policy. */
  readonly again: boolean;
  /** When the one timer that belongs to `status` is due; null: none is armed. */
  readonly dueNs: number | null;
  /** The group that stops it in order to restart; it may not start before that is done. */
  readonly heldBy: GroupIndex | null;
  /** The group restart it took part in last; 0: a first start, which awaits every dependency. */
  readonly wave: number;
  /** The group that gave up with it: it ends as `failed`. */
  readonly gaveUp: GroupIndex | null;
  /** When the live instance has ended, its group gives up: a missed contract asks for it. */
  readonly failsGroup: boolean;
}

/** One group. */
export interface GroupState {
  /** Monotonic times of the restarts within the period; at most intensity + 1. */
  readonly restartsNs: readonly number[];
}

/** One channel: which ends were reported as finally ended. */
export interface ChannelState {
  readonly producersEnded: boolean;
  readonly consumersEnded: boolean;
}

/** The whole crew. */
export interface CoreState {
  readonly plan: Plan;
  readonly processes: readonly ProcessState[];
  /** null while the crew is to run. */
  readonly shutdown: ShutdownState | null;
  /** `new` until `boot`; `ended` after the `exit` effect. */
  readonly phase: "new" | "up" | "ended";
  readonly groups: readonly GroupState[];
  readonly channels: readonly ChannelState[];
  /** Derived from the plan once. */
  readonly index: PlanIndex;
  /** State of the pseudo-random generator that draws jitter: 0 … 2^32-1. */
  readonly random: number;
  /** Number of the latest group restart. */
  readonly wave: number;
  /** The fallback set of the plan was started, and the rest stopped. */
  readonly safeMode: boolean;
}

/** How far the end of the crew has come. */
export interface ShutdownState {
  readonly level: 1 | 2 | 3;
  readonly exitCode: 0 | 111;
  /** What the kills are recorded as. */
  readonly cause: "stop" | "guard-lost";
}
