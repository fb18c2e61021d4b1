/**
 * What the core wants done: every output of `step`. Data only; the driver does it.
 */
import type { ChannelIndex, GroupIndex, ProcessIndex } from "../plan/plan.ts";
import type { TimerKey } from "./event.ts";
import type { ExitReason, KillCause } from "./exit_reason.ts";

/** The answer to a request. */
export type Admission =
  | { readonly kind: "accepted" }
  /** Already true: nothing to do. */
  | { readonly kind: "ignored"; readonly reason: string }
  | { readonly kind: "denied"; readonly reason: string };

/** Everything the core can ask of the driver. */
export type Effect =
  /** Answer with `spawned` or `spawnFailed` for this instance. */
  | { readonly kind: "spawn"; readonly process: ProcessIndex; readonly instance: number }
  /**
   * Send a signal. `process`: the main pid; `group`: its process group; `tree`: the
   * group and every descendant, daemonised ones too (always with KILL).
   */
  | {
    readonly kind: "kill";
    readonly process: ProcessIndex;
    readonly instance: number;
    readonly signal: number;
    readonly scope: "process" | "group" | "tree";
    /** `leftover`: the main process has ended, what it left behind goes too. */
    readonly cause: KillCause | "operator" | "leftover";
  }
  /** (Re)arm: at most one timer per key. `dueNs` is absolute on step's clock. */
  | { readonly kind: "setTimer"; readonly timer: TimerKey; readonly dueNs: number }
  | { readonly kind: "clearTimer"; readonly timer: TimerKey }
  /** Run the finish program; answer with `finished`. */
  | {
    readonly kind: "runFinish";
    readonly process: ProcessIndex;
    readonly instance: number;
    readonly reason: ExitReason;
  }
  /** It outlived its timeout: kill the finish program's group. `finished` follows. */
  | { readonly kind: "killFinish"; readonly process: ProcessIndex; readonly instance: number }
  /** Every producer of the channel has finally ended: let go of its write end. */
  | { readonly kind: "endProducer"; readonly channel: ChannelIndex }
  /** Every consumer of the channel has finally ended: let go of its read end. */
  | { readonly kind: "endConsumer"; readonly channel: ChannelIndex }
  /** A producer or consumer that had finally ended starts again: make the end anew. */
  | { readonly kind: "reopenChannel"; readonly channel: ChannelIndex }
  | { readonly kind: "reply"; readonly id: number; readonly admission: Admission }
  | { readonly kind: "record"; readonly record: CoreRecord }
  /** Everything is stopped: leave with this code. Nothing follows. */
  | { readonly kind: "exit"; readonly code: 0 | 111 };

/** State names as users see them in `cox ps` and in the event log. */
export type ProcessStatus =
  | "idle" // not started, or stopped by an operator
  | "waiting" // wanted, a dependency is not satisfied
  | "spawning" // the driver was told, no answer yet
  | "starting" // runs, not ready
  | "running" // runs and is ready
  | "stopping" // got its stop signal
  | "killing" // got KILL
  | "finishing" // its finish program runs
  | "backoff" // waits for its restart
  | "completed" // ended well, for good
  | "failed"; // ended badly, for good

/** What the core tells the event log; the driver adds sequence number and clocks. */
export type CoreRecord =
  | {
    readonly event: "state";
    readonly process: ProcessIndex;
    readonly instance: number;
    readonly from: ProcessStatus;
    readonly to: ProcessStatus;
    readonly why: string;
  }
  | {
    readonly event: "exit";
    readonly process: ProcessIndex;
    readonly instance: number;
    readonly reason: ExitReason;
  }
  | {
    readonly event: "restart";
    readonly process: ProcessIndex;
    readonly delayNs: number;
    readonly attempt: number;
  }
  | {
    readonly event: "groupRestart";
    readonly group: GroupIndex;
    readonly member: string;
    readonly count: number;
  }
  | {
    readonly event: "groupGaveUp";
    readonly group: GroupIndex;
    readonly member: string;
    readonly count: number;
  }
  | { readonly event: "safeMode"; readonly why: string }
  | {
    readonly event: "shutdown";
    readonly level: 1 | 2 | 3;
    readonly exitCode: 0 | 111;
    readonly why: string;
  };
