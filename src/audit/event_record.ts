/**
 * One event of the event log: one JSON line. Data only.
 * Sequence numbers start at 1 and have no gaps; both clocks are on each.
 */
import type { ExitReason } from "../core/exit_reason.ts";
import type { ProcessStatus } from "../core/effect.ts";
import type {
  DeadlineEvent,
  DeadlineExcusedEvent,
  DeadlineRecoveredEvent,
  DeadlineResumedEvent,
  DeadlinesExcusedEvent,
  LiveContract,
} from "./deadline_event.ts";
import type { StallEndedEvent, StallEvent } from "./stall_event.ts";

/** What every event carries. */
export interface EventStamp {
  readonly seq: number;
  /** Nanoseconds of CLOCK_MONOTONIC since the supervisor started. */
  readonly monoNs: number;
  /** RFC 3339, UTC, milliseconds. */
  readonly wall: string;
}

/** The body of an event. `process` and `group` are names. */
export type EventBody =
  | {
    readonly event: "supervisorStarted";
    readonly cox: string;
    readonly pid: number;
    readonly config: string;
    readonly containment: string;
  }
  | {
    readonly event: "spawn";
    readonly process: string;
    readonly instance: number;
    readonly pid: number;
  }
  | {
    readonly event: "spawnFailed";
    readonly process: string;
    readonly instance: number;
    readonly errno: string;
    readonly path: string;
  }
  | {
    readonly event: "state";
    readonly process: string;
    readonly instance: number;
    readonly from: ProcessStatus;
    readonly to: ProcessStatus;
    readonly why: string;
  }
  | {
    readonly event: "exit";
    readonly process: string;
    readonly instance: number;
    readonly pid: number;
    readonly reason: ExitReason;
    readonly ranMs: number;
  }
  | {
    readonly event: "restart";
    readonly process: string;
    readonly delayMs: number;
    readonly attempt: number;
  }
  | {
    readonly event: "groupRestart";
    readonly group: string;
    readonly member: string;
    readonly count: number;
  }
  | {
    readonly event: "groupGaveUp";
    readonly group: string;
    readonly member: string;
    readonly count: number;
  }
  | {
    readonly event: "signal";
    readonly process: string;
    readonly instance: number;
    readonly signal: string;
    readonly scope: string;
    readonly cause: string;
  }
  | {
    readonly event: "request";
    readonly op: string;
    readonly name: string;
    readonly outcome: string;
    readonly reason: string | null;
    readonly peerUid: number;
    readonly peerPid: number;
  }
  | {
    readonly event: "notify";
    readonly process: string;
    readonly instance: number;
    readonly text: string;
  }
  | {
    readonly event: "notifyRefused";
    readonly process: string;
    readonly instance: number;
    readonly why: string;
    readonly peerPid: number;
    readonly peerUid: number;
  }
  | {
    readonly event: "strayKilled";
    readonly process: string | null;
    readonly pid: number;
    readonly command: string;
  }
  /** The fallback set of the configuration starts, the rest stops. */
  | { readonly event: "safeMode"; readonly why: string }
  | {
    readonly event: "shutdown";
    readonly level: 1 | 2 | 3;
    readonly exitCode: number;
    readonly why: string;
  }
  /** Somebody connected to a lazy listener: its server starts. */
  | { readonly event: "connectionWaits"; readonly channel: string }
  /** A connection was closed before the server read of it. */
  | {
    readonly event: "clientRefused";
    readonly channel: string;
    readonly why: string;
    /** The process of the crew that it belongs to; null: none, or it cannot be known. */
    readonly process: string | null;
    /** Of who connected, at that time; -1: unknown. */
    readonly peerPid: number;
    readonly peerUid: number;
  }
  /** Connections that were closed at once, counted: more came than a listener takes. */
  | {
    readonly event: "connectionsRefused";
    readonly channel: string;
    readonly process: string;
    readonly instance: number;
    readonly count: number;
    readonly why: string;
  }
  /** A consumer found memory that the producer must not have left so, and has ended its link. */
  | {
    readonly event: "mailboxCorrupt";
    readonly channel: string;
    /** The producer. */
    readonly process: string;
    readonly consumer: string;
    /** In the consumer's words. */
    readonly fault: string;
  }
  /** Messages of a relayed pipe that did not arrive. */
  | {
    readonly event: "messagesDropped";
    readonly channel: string;
    /** The consumer for overflow, expired and ended, else the producer. */
    readonly process: string;
    readonly instance: number;
    /** overflow, rate, expired, malformed, oversized, unfinished, ended or lost. */
    readonly reason: string;
    readonly messages: number;
    /** What is wrong with the first of them; null where nothing is. */
    readonly detail: string | null;
  }
  /** Nothing more is taken from this instance: its next write finds a broken pipe. */
  | {
    readonly event: "linkCut";
    readonly channel: string;
    readonly process: string;
    readonly instance: number;
    /** malformed, oversized, overflow, rate or torn. */
    readonly why: string;
  }
  /** `@relay` was killed within a frame that this consumer had begun to read: it restarts. */
  | {
    readonly event: "linkTorn";
    readonly channel: string;
    readonly process: string;
    readonly instance: number;
  }
  /** What this instance wrote, or did not read, was let go of: too many came after it. */
  | {
    readonly event: "pipeAbandoned";
    readonly channel: string;
    readonly process: string;
    readonly instance: number;
    readonly bytes: number;
  }
  | DeadlineEvent
  | DeadlineRecoveredEvent
  | DeadlineExcusedEvent
  | DeadlinesExcusedEvent
  | DeadlineResumedEvent
  /** Figures of every contract, for whoever watches the terminal. */
  | { readonly event: "deadlineFigures"; readonly contracts: readonly LiveContract[] }
  /** The stamps around a miss are in a file now. */
  | {
    readonly event: "traceWritten";
    readonly contract: string;
    readonly process: string;
    readonly instance: number;
    /** Absolute. */
    readonly path: string;
  }
  /** A program that a missed contract runs has ended, or could not be started. */
  | {
    readonly event: "missProgram";
    readonly contract: string;
    readonly process: string;
    readonly instance: number;
    readonly program: string;
    /** In words. */
    readonly outcome: string;
  }
  /** Of the machine's own watchdog. `left`: it will reset the machine. */
  | {
    readonly event: "hardwareWatchdog";
    readonly device: string;
    readonly did: "armed" | "withheld" | "stroked" | "disarmed" | "left";
    /** In words; often empty. */
    readonly detail: string;
  }
  | StallEvent
  | StallEndedEvent
  | { readonly event: "warning"; readonly message: string }
  | { readonly event: "supervisorStopped"; readonly exitCode: number };

/** One line of the event log. */
export type EventRecord = EventStamp & EventBody;
