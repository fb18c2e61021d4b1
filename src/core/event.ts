/**
 * What happens to the core: every input of `step`. Data only.
 * The driver makes these from exits, readiness, timers and requests.
 */
import type { ProcessIndex } from "../plan/plan.ts";
import type { ExitReason } from "./exit_reason.ts";

/** Names a timer: one of each kind per process; `group` timers do not exist. */
export interface TimerKey {
  readonly process: ProcessIndex;
  readonly kind: "ready" | "stop" | "backoff" | "finish";
}

/**
 * What a missed contract asks of the core. restart: it ends badly, and its policy and budget say
 * what follows. stop: as if an operator stopped it. fail-group: its group gives up, whatever is
 * left of its budget.
 */
export type MissAct = "restart" | "stop" | "fail-group";

/** What an operator asks. Processes are indices: names are resolved before. */
export type Request =
  | { readonly op: "start"; readonly process: ProcessIndex }
  | { readonly op: "stop"; readonly process: ProcessIndex }
  | { readonly op: "restart"; readonly process: ProcessIndex }
  /** Deliver a signal to the main process; `signal` is its number. */
  | { readonly op: "signal"; readonly process: ProcessIndex; readonly signal: number }
  /** First: orderly. Second: every stop timeout is cut to zero. Third: KILL all now. */
  | { readonly op: "shutdown"; readonly exitCode: 0 | 111 };

/** Everything that can happen. */
export type CoreEvent =
  /** Once, first: start what is wanted. */
  | { readonly kind: "boot" }
  | { readonly kind: "requested"; readonly id: number; readonly request: Request }
  | {
    readonly kind: "spawned";
    readonly process: ProcessIndex;
    readonly instance: number;
    readonly pid: number;
  }
  | {
    readonly kind: "spawnFailed";
    readonly process: ProcessIndex;
    readonly instance: number;
    readonly errno: string;
    readonly path: string;
  }
  /** Readiness was seen (never sent for `ready.by: "started"`; spawned suffices). */
  | { readonly kind: "becameReady"; readonly process: ProcessIndex; readonly instance: number }
  /** The main process was reaped; `reason.cause` is null, the core fills it in. */
  | {
    readonly kind: "exited";
    readonly process: ProcessIndex;
    readonly instance: number;
    readonly reason: ExitReason;
  }
  /** The finish program of that instance ended, failed to start, or was killed. */
  | { readonly kind: "finished"; readonly process: ProcessIndex; readonly instance: number }
  /** EXTEND_TIMEOUT_USEC: the running ready or stop timer is due `byNs` from now at the earliest. */
  | {
    readonly kind: "timeoutExtended";
    readonly process: ProcessIndex;
    readonly instance: number;
    readonly byNs: number;
  }
  /** MAINPID, already checked to be a descendant. */
  | {
    readonly kind: "mainPidChanged";
    readonly process: ProcessIndex;
    readonly instance: number;
    readonly pid: number;
  }
  /** It missed a time contract, which asks for its end. */
  | {
    readonly kind: "deadlineMissed";
    readonly process: ProcessIndex;
    readonly instance: number;
    readonly act: MissAct;
    /** Its stop signal is on the way already: the monitor has sent it. */
    readonly signalled: boolean;
  }
  /** A missed contract asks for the safe mode of the plan. */
  | { readonly kind: "safeModeAsked"; readonly why: string }
  | { readonly kind: "timerFired"; readonly timer: TimerKey }
  /** The guard above the supervisor died: end the crew, exit 111. */
  | { readonly kind: "guardLost" };
