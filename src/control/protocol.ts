/**
 * The control protocol's data: JSON-RPC 2.0, one message a line, over the Unix
 * socket `<runDir>/control.sock`. This is an API: `ps --json` and the summary file
 * use the same objects. Must not know: sockets, the driver.
 */
import type { ChannelsReport } from "./channels_report.ts";
import type { DeadlineSnapshots, StampsReport } from "./deadline_report.ts";
import type { ExitReason } from "../core/exit_reason.ts";
import type { ProcessStatus } from "../core/effect.ts";

/** One process in `ps --json`, in the summary and in `snapshot`. */
export interface ProcessSnapshot {
  readonly state: ProcessStatus;
  readonly wanted: "up" | "down";
  /** Of the live instance, else null. */
  readonly pid: number | null;
  /** 1 for the first instance; 0 before it. */
  readonly instance: number;
  readonly starts: number;
  readonly restarts: number;
  readonly lastExit: ExitReason | null;
  /** RFC 3339 wall-clock time, or null when not ready. */
  readonly readySince: string | null;
  /** User + system time of all instances and their reaped descendants, milliseconds. */
  readonly cpuMs: number;
  /** Of the live instance's main process; 0 when none. */
  readonly rssBytes: number;
  /** STATUS= of sd_notify, or null. */
  readonly statusText: string | null;
}

/** One channel. */
export type ChannelSnapshot =
  | PipeSnapshot
  | PairSnapshot
  | ListenSnapshot
  | RelayedSnapshot
  | MailboxSnapshot;

/** One pipe. */
export interface PipeSnapshot {
  readonly kind: "pipe";
  /** `sampler.stdout` */
  readonly from: string;
  readonly to: string;
  readonly capacityBytes: number;
  /** Written and not yet read (FIONREAD). */
  readonly fillBytes: number;
  /** null without a `stall` rule. */
  readonly stall: StallSnapshot | null;
}

/** One pair of sockets. */
export interface PairSnapshot {
  readonly kind: "pair";
  readonly type: "stream" | "seqpacket" | "datagram";
  /** `physics.control`, `robot.control` */
  readonly between: readonly [string, string];
  /** SO_SNDBUF of each side: bytes in flight, the kernel's bookkeeping included. */
  readonly capacityBytes: number;
  /** To be read on both sides together; of messages, the next of each. */
  readonly fillBytes: number;
}

/** One listener. */
export interface ListenSnapshot {
  readonly kind: "listen";
  /** `web.http` */
  readonly server: string;
  /** Either the path … */
  readonly path: string | null;
  /** … or host and port. */
  readonly host: string | null;
  readonly port: number | null;
  /** Declared names; null: anyone. */
  readonly clients: readonly string[] | null;
  readonly backlog: number;
  readonly lazy: boolean;
  /** False while the address is not bound: it is taken, or the server has finally ended. */
  readonly listening: boolean;
}

/**
 * One mailbox, as its memory says. Everything is counted over all instances of its processes; a
 * kill may leave a count one sample off. Numbers need not be of the same moment.
 */
export interface MailboxSnapshot {
  readonly kind: "mailbox";
  /** `camera.frames` */
  readonly from: string;
  readonly slots: number;
  readonly sampleBytes: number;
  /** How many of the newest are kept; null: all until every consumer has given them back. */
  readonly keepLast: number | null;
  /** All of its memory. */
  readonly memoryBytes: number;
  /** Samples. */
  readonly published: number;
  /** Age of the newest sample; null: there is none. */
  readonly lastPublishMs: number | null;
  /** The producer has finally ended. */
  readonly ended: boolean;
  readonly consumers: readonly MailboxConsumerSnapshot[];
}

/** A consumer's side of a mailbox. */
export interface MailboxConsumerSnapshot {
  /** `detector.frames` */
  readonly to: string;
  /** An instance has taken up the link. */
  readonly connected: boolean;
  /** Published and not yet given back, or past. */
  readonly lag: number;
  readonly received: number;
  readonly bytes: number;
  /** Overwritten before it came to them. */
  readonly missed: number;
  /** Overwritten while it had them. */
  readonly overtaken: number;
  /** Older than their lifespan when their turn came, and not delivered. */
  readonly expired: number;
  /** Since it took a sample; null: it never did. */
  readonly lastReceiveMs: number | null;
  /** The oldest that a sample was when it took it. */
  readonly worstAgeMs: number | null;
}

/**
 * One relayed pipe. Everything is counted from the start of the crew, over all instances of its
 * processes and of `@relay`. Numbers need not be of the same moment.
 */
export interface RelayedSnapshot {
  readonly kind: "relayed";
  readonly framing: "lines" | "ndjson" | "frames";
  /** One for each producing process, replicas included. */
  readonly producers: readonly RelayedProducerSnapshot[];
  readonly consumers: readonly RelayedConsumerSnapshot[];
}

/** A producer's side of a relayed pipe. */
export interface RelayedProducerSnapshot {
  /** `cam.frames`; of a replica `cam-2.frames`. */
  readonly from: string;
  /** The newest that `@relay` knows; 0 before the first. */
  readonly instance: number;
  /** Taken by `@relay`, dropped ones included. */
  readonly messages: number;
  /** The same in bytes, line feeds or lengths included. */
  readonly bytes: number;
  /** Of the newest instance's kernel pipe. */
  readonly capacityBytes: number;
  /** Written and not yet taken (FIONREAD), in the pipes of all instances. */
  readonly fillBytes: number;
  /** For how long something waits that is not taken; null: it flows. */
  readonly blockedForMs: number | null;
  /** All such times summed up. */
  readonly blockedTotalMs: number;
  /** Its messages that did not arrive, for every reason and at every consumer. */
  readonly dropped: MessageDrops;
}

/** A consumer's side of a relayed pipe. */
export interface RelayedConsumerSnapshot {
  /** `recorder.frames` */
  readonly to: string;
  /** The newest that `@relay` knows; 0 before the first. */
  readonly instance: number;
  /** Written to its pipe. */
  readonly messages: number;
  /** The same in bytes, line feeds or lengths included. */
  readonly bytes: number;
  /** Of the newest instance's kernel pipe. */
  readonly capacityBytes: number;
  /** Delivered and not yet read (FIONREAD), in the pipes of all instances. */
  readonly fillBytes: number;
  /** For how long it has taken nothing although something waits; null: it flows. */
  readonly blockedForMs: number | null;
  /** All such times summed up. */
  readonly blockedTotalMs: number;
  /** In the queue of `@relay`, of at most `messagesMax` and `bytesMax`. */
  readonly queuedMessages: number;
  readonly messagesMax: number;
  /** The most that there were at once. */
  readonly peakMessages: number;
  readonly queuedBytes: number;
  readonly bytesMax: number;
  /** Since the oldest message of the queue was taken; null: the queue is empty. */
  readonly oldestAgeMs: number | null;
  /** In force: what the configuration says, or what a `stall` rule has put in its place. */
  readonly overflow: "block" | "drop-oldest" | "drop-newest" | "fail";
  /** Messages that did not arrive here. */
  readonly dropped: MessageDrops;
  /** null without a `stall` rule. */
  readonly stall: StallSnapshot | null;
}

/** Messages that did not arrive, by reason. */
export interface MessageDrops {
  /** No room at a consumer. */
  readonly overflow: number;
  /** Sent faster than the producer may. */
  readonly rate: number;
  /** Waited longer than their lifespan. */
  readonly expired: number;
  /** No UTF-8, or no JSON. */
  readonly malformed: number;
  /** Larger than the largest. */
  readonly oversized: number;
  /** The producer ended within it. */
  readonly unfinished: number;
  /** The consumer has finally ended. */
  readonly ended: number;
  /** In `@relay` when it was killed. */
  readonly lost: number;
}

/** What a `stall` rule has seen. */
export interface StallSnapshot {
  /** Stalls so far, the present one included. */
  readonly count: number;
  /** How long they lasted together. */
  readonly totalMs: number;
  /** For how long the present one lasts; null: it flows. */
  readonly forMs: number | null;
}

/** The crew at one moment. */
export interface CrewSnapshot {
  readonly cox: string;
  readonly config: string;
  readonly supervisorPid: number;
  readonly guardPid: number;
  readonly uptimeMs: number;
  readonly processes: Readonly<Record<string, ProcessSnapshot>>;
  /** Our own processes (`@log`, `@relay`). */
  readonly system: Readonly<Record<string, ProcessSnapshot>>;
  readonly channels: Readonly<Record<string, ChannelSnapshot>>;
  /** Time contracts, by name. */
  readonly deadlines: DeadlineSnapshots;
  /** Number of events so far. */
  readonly events: number;
}

/** `cox up --summary FILE`. */
export interface Summary {
  readonly cox: string;
  readonly config: string;
  /** Exit code of `cox up`. */
  readonly exit: number;
  readonly processes: CrewSnapshot["processes"];
  readonly system: CrewSnapshot["system"];
  readonly channels: CrewSnapshot["channels"];
  readonly deadlines: CrewSnapshot["deadlines"];
  readonly events: number;
}

/** Method names with their params and results. */
export interface ControlMethods {
  readonly version: {
    readonly params: Record<string, never>;
    readonly result: { readonly cox: string; readonly pid: number };
  };
  readonly snapshot: { readonly params: Record<string, never>; readonly result: CrewSnapshot };
  /**
   * A name is a process, a declared name (all its replicas) or a group. Each process that is
   * named counts once, however often.
   */
  readonly start: { readonly params: ProcessParams; readonly result: RequestResult };
  readonly stop: { readonly params: ProcessParams; readonly result: RequestResult };
  readonly restart: { readonly params: ProcessParams; readonly result: RequestResult };
  readonly signal: {
    readonly params: { readonly name: string; readonly signal: string };
    readonly result: RequestResult;
  };
  readonly shutdown: {
    readonly params: { readonly wait?: boolean };
    readonly result: { readonly accepted: true };
  };
  /**
   * Looks at every channel. Rates are from this connection's call before; the first one takes two
   * looks, 150 ms apart. What is known of time is kept while the connection is open.
   */
  readonly channels: {
    readonly params: Record<string, never>;
    readonly result: ChannelsReport;
  };
  readonly deadlines: {
    readonly params: Record<string, never>;
    readonly result: { readonly deadlines: DeadlineSnapshots };
  };
  /** What was stamped in the last seconds (5 if not said), as far as memory goes back. */
  readonly stamps: {
    readonly params: { readonly seconds?: number };
    readonly result: StampsReport;
  };
  /**
   * The kept events with `seq` >= `since`; with `follow`, later ones come as
   * notifications `{ "method": "event", "params": EventRecord }` on the connection.
   */
  readonly events: {
    readonly params: { readonly since?: number; readonly follow?: boolean };
    readonly result: { readonly events: readonly unknown[]; readonly next: number };
  };
}

/** Start, stop, restart: with `wait` the answer comes when it is done. */
export interface ProcessParams {
  /** One or several. Each must be known before anything is done to any of them. */
  readonly name: string | readonly string[];
  /** @default true */
  readonly wait?: boolean;
}

/** One outcome a process, in start order. */
export interface RequestResult {
  readonly outcomes: readonly {
    readonly process: string;
    readonly kind: "accepted" | "ignored" | "denied" | "failed";
    readonly reason: string | null;
  }[];
}

/** JSON-RPC error codes that we use. */
export const RPC_ERROR = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** No process or group of that name; `data.didYouMean` may help. */
  unknownName: -32001,
  /** The peer's uid is neither ours nor root's. */
  forbidden: -32002,
  /** Line too long, too slow, or too many connections. */
  limit: -32003,
} as const;
