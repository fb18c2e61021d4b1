/** Why an instance ended: the typed union. Must not know how it was found out. */

/** Why the supervisor killed an instance. */
export type KillCause =
  | "stop" // an operator's request or shutdown, within its timeout
  | "stop-timeout" // it outlived stop.timeout and got KILL
  | "ready-timeout" // it was not ready in time
  | "group" // its group restarts or gives up
  | "restart" // an operator's restart
  | "deadline" // it missed a time contract that asks for its end
  | "guard-lost"; // the supervisor lost its guard and ends the crew

/** Why an instance ended. */
export type ExitReason =
  | { readonly kind: "code"; readonly code: number; readonly cause: KillCause | null }
  | {
    readonly kind: "signal";
    /** `SIGKILL` …; `SIG34` where it has no name. */
    readonly signal: string;
    readonly coreDumped: boolean;
    /** Set when we sent a signal for that reason before it ended. */
    readonly cause: KillCause | null;
  }
  /** Killed by the kernel's out-of-memory killer, where that can be told. */
  | { readonly kind: "outOfMemory"; readonly signal: "SIGKILL" }
  /** Never ran: exec or a descriptor failed. */
  | { readonly kind: "spawnFailed"; readonly errno: string; readonly path: string };
