/**
 * What `cox channels` is told, part of the control protocol: each channel, measured. Must not know:
 * how it is measured.
 */
import type { StallSnapshot } from "./protocol.ts";

/** What `cox channels --json` prints. */
export interface ChannelsReport {
  /** In the order of the plan. */
  readonly channels: readonly ChannelFigures[];
  /**
   * False where the kernel does not tell whether a pipe was read from: then a pipe that always
   * holds as much counts as not drained.
   */
  readonly seesReads: boolean;
}

/**
 * One direction of a channel, measured: a pipe has one, a pair two, a relayed pipe one for each
 * of its processes, a listener its queue, a mailbox one for each consumer.
 */
export interface ChannelFigures {
  readonly channel: string;
  readonly kind: "pipe" | "pair" | "relayed" | "listen" | "mailbox";
  /** `sampler.stdout`; `@relay`; of a listener `clients`. */
  readonly from: string;
  readonly to: string;
  /** What it is filled with; bytes of a pair are with the kernel's bookkeeping. */
  readonly unit: "bytes" | "messages" | "connections" | "samples";
  /** What waits in it; null: the kernel does not tell. */
  readonly fill: number | null;
  /** Of how much. What waits may reach it with less, where it is in small pieces. */
  readonly capacity: number | null;
  /** Bytes in a queue of messages, which has a limit for them as well; else null. */
  readonly queuedBytes: number | null;
  /** Bytes that were delivered from the queue, and that the consumer has not read; else null. */
  readonly unreadBytes: number | null;
  /** Age of the oldest that waits; null: nothing waits, or nobody keeps count. */
  readonly oldestMs: number | null;
  /**
   * Since this connection's call before; null where no one counts: all but relayed pipes and
   * mailboxes.
   */
  readonly perSecond: { readonly messages: number; readonly bytes: number } | null;
  /** What was taken so far, over all instances; null where no one counts, as above. */
  readonly total: { readonly messages: number; readonly bytes: number } | null;
  /** Since the last was taken; null: none was, or nobody keeps the time: all but mailboxes. */
  readonly lastMs: number | null;
  /** Messages that did not arrive, so far; null where there are none to count. */
  readonly dropped: number | null;
  /** For how long nothing was taken although something waits; 0: it flows. */
  readonly standsForMs: number;
  /** It did so when this began to be watched: it may be much longer. */
  readonly standsLonger: boolean;
  /** All such times, for as long as somebody watches; of a relayed pipe, ever. */
  readonly stoodMs: number;
  /** Of its `stall` rule; null without one. */
  readonly stall: StallSnapshot | null;
  /** Who waits for whom; null: nobody for long, or it cannot be told. */
  readonly waits: ChannelWaits | null;
}

/** A side that waits. */
export interface ChannelWaits {
  /** producer: for room. consumer: for something to come. */
  readonly side: "producer" | "consumer";
  /** Processes; of a listener `clients`. */
  readonly who: readonly string[];
  /** Who keeps them waiting, down the whole chain. */
  readonly for: readonly {
    readonly process: string;
    readonly condition: "running" | "suspended" | "restarting" | "down" | "rated";
  }[];
}
