/**
 * The core's state: data only, immutable, one record per process and group.
 * Wanted and actual state are kept apart. Must not know: how it changes.
 */
import type { Plan } from "../plan/plan.ts";
import type { ProcessStatus } from "./effect.ts";
import type { ExitReason, KillCause } from "./exit_reason.ts";

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
}

/** The whole crew. */
export interface CoreState {
  readonly plan: Plan;
  readonly processes: readonly ProcessState[];
  /** null while the crew is to run. */
  readonly shutdown: { readonly level: 1 | 2 | 3; readonly exitCode: 0 | 111 } | null;
}
