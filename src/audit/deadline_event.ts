/**
 * The events of time contracts: a limit that comes near, a miss, a recovery, and times in which
 * nobody was to blame. Data only. Must not know: how it is found, what is done.
 */

/** What was found. */
export interface DeadlineEvent {
  readonly event: "deadline";
  /** `sampler.heartbeat` … */
  readonly contract: string;
  readonly process: string;
  readonly instance: number;
  readonly kind: "warn" | "miss";
  /** silent, late-start, overrun, skipped, late-step, out-of-order, too-long, gap, … */
  readonly reason: string;
  /** Of a cycle: number of the due time. Of steps: name of the one that was due. Else "". */
  readonly item: string;
  /** How many were missed; above 1 where they are told together. */
  readonly count: number;
  /** The limit that applies, from what it is counted from. */
  readonly limitMs: number;
  /** Of a warning what is allowed; of a miss the same. */
  readonly allowedMs: number;
  /** How much later than the limit it came, or how late it was when it was noticed. */
  readonly lateMs: number;
  /** It has come after all. */
  readonly came: boolean;
  /** When the limit was reached, as `monoNs` of the log. */
  readonly dueNs: number;
  /** The last sign, start or step before, so long ago; null: there was none. */
  readonly lastAgoMs: number | null;
  /** From the finding to this event: the monitor acts before it tells. */
  readonly noticedMs: number;
  /** Missed among the last outcomes, of how many, and how many may be. */
  readonly missed: number;
  readonly window: number;
  readonly tolerated: number;
  /** With this one it is broken: more are missed than tolerated. */
  readonly broke: boolean;
  /** What is done: `SIGTERM`, `restart`, `safe-mode` …; empty: it is recorded. */
  readonly did: readonly string[];
  /** null: of a warning, or of one of many at once. */
  readonly evidence: MissEvidence | null;
}

/** A contract that was broken holds again. */
export interface DeadlineRecoveredEvent {
  readonly event: "deadlineRecovered";
  readonly contract: string;
  /** All that may be done about it; empty: it is only recorded. */
  readonly actions: readonly string[];
  readonly process: string;
  readonly instance: number;
  /** Since the limit at which it broke. */
  readonly afterMs: number;
}

/** A contract of a process that something outside keeps from running: nobody is to blame. */
export interface DeadlineExcusedEvent {
  readonly event: "deadlineExcused";
  readonly contract: string;
  /** All that may be done about it, and is not now. */
  readonly actions: readonly string[];
  readonly process: string;
  readonly instance: number;
  /** stopped: by a signal (SIGSTOP). debugged: by its tracer. */
  readonly why: "stopped" | "debugged";
  /** Pid of the tracer; else 0. */
  readonly tracer: number;
}

/** The supervisor was not there to see: nobody is blamed for what was due meanwhile. */
export interface DeadlinesExcusedEvent {
  readonly event: "deadlinesExcused";
  /** stopped: the supervisor, by a signal say. suspended: the machine. */
  readonly why: "stopped" | "suspended";
  readonly forMs: number;
}

/** It runs again, or is no longer debugged. */
export interface DeadlineResumedEvent {
  readonly event: "deadlineResumed";
  readonly process: string;
  readonly instance: number;
  readonly afterMs: number;
}

/** One contract, between two looks. */
export interface LiveContract {
  readonly contract: string;
  /** Signs, passes, steps or samples; null: nobody counts them. */
  readonly perSecond: number | null;
  /** Since the last; null: nobody keeps count. */
  readonly ageMs: number | null;
  /** 0: it was never late. */
  readonly worstLateMs: number;
  readonly missed: number;
  readonly holds: boolean;
}

/** What was to be seen around a miss, just after it. */
export interface MissEvidence {
  /** The figures below are of this long until now; null: of the whole life of the process. */
  readonly overMs: number | null;
  /** `R` runs, `S` sleeps, `D` waits for a disk, `T` is stopped …; "" when it has gone. */
  readonly state: string;
  /** Main thread: on a CPU, and ready with no CPU to run on; null: the kernel does not tell. */
  readonly ranMs: number | null;
  readonly waitedMs: number | null;
  readonly voluntarySwitches: number;
  readonly forcedSwitches: number;
  readonly minorFaults: number;
  readonly majorFaults: number;
  /** The system call that it waits in, and on what: a channel's name, or what is open there. */
  readonly call: string | null;
  readonly callOn: string | null;
  /** Share of the last ten seconds in which something waited, percent; null: not told. */
  readonly pressure: { readonly cpu: number; readonly memory: number; readonly io: number } | null;
  readonly channels: readonly ChannelEvidence[];
}

/** One channel of the process. */
export interface ChannelEvidence {
  readonly channel: string;
  /** It reads from it, or writes to it. */
  readonly side: "reads" | "writes";
  /** full: writers wait. empty: readers wait. */
  readonly state: "full" | "empty" | "flows";
  readonly fill: number;
  readonly capacity: number;
  readonly unit: "bytes" | "messages" | "samples";
  /** For how long nothing was taken although something waits; 0: it flows. */
  readonly standsForMs: number;
  /** Who is on the other side. */
  readonly other: readonly string[];
}
