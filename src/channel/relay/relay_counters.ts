/**
 * The counters of `@relay`, in memory that outlives it: one record of 64-bit floats for each
 * leg. `@relay` writes, the supervisor reads whenever it likes; each number is read whole
 * (aligned 8-byte stores are), and two numbers need not be of the same moment.
 * Must not know: descriptors, who reads.
 *
 * Times are CLOCK_MONOTONIC in milliseconds.
 */
import { DROP_REASONS, type DropReason } from "./relay_protocol.ts";

/** Fields of a record, in units of 8 bytes from its beginning. */
export const COUNTER = {
  /** The instance of the process that the newest pipe was for. */
  instance: 0,
  /** In-leg: messages taken, dropped ones included. Out-leg: messages delivered. */
  messages: 1,
  /** The same in bytes, framing included. */
  bytes: 2,
  /**
   * Out-leg: messages in the queue. In-leg: places that its messages have in the queues, and on
   * their ways. What is here when `@relay` dies is lost, and counted so by the next. A message
   * counts before it is taken and until after it was delivered: never too few, but those that
   * were just on their way are among them, though they were not lost.
   */
  queuedMessages: 3,
  /** Out-leg: bytes in the queue, framing included. */
  queuedBytes: 4,
  /** Out-leg: when the oldest message of the queue was taken; 0: the queue is empty. */
  oldestMs: 5,
  /**
   * In-leg: since when there is something that is not taken, for want of room or by the rate.
   * Out-leg: since when the consumer has taken nothing although something waits. 0: it flows.
   */
  blockedSinceMs: 6,
  /** Sum of all such times that are over. */
  blockedTotalMs: 7,
  /** Out-leg: most messages that were in the queue at once. */
  peakMessages: 8,
  /** Out-leg: overflow in force, an index into OVERFLOWS. */
  overflow: 9,
  /**
   * In-leg: number of the pipe of which a message longer than the pipe is being taken, so that a
   * part of it is out of the pipe. Out-leg: number of the consumer's pipe while a message is in
   * it in part, or may be. 0: no.
   */
  partial: 10,
  /** When a message was last taken (in-leg) or delivered (out-leg); 0: never. */
  lastMs: 11,
  /**
   * Out-leg: messages on their way into the queue, or in the consumer's pipe in part. Not in the
   * queue, and lost with it.
   */
  passing: 12,
  /**
   * Out-leg: bytes written for the consumer, by this process of `@relay`; counted before they are
   * written, so never too few. What its pipe holds less than that, the consumer has read.
   */
  writtenTo: 13,
  /**
   * Out-leg: the mark. What ends at `markTo` was taken at `markMs`, when `markMessages` had been
   * delivered; 0: there is none. It is moved on when it was read; `markMs` is 0 while it is moved.
   */
  markMs: 14,
  markTo: 15,
  /** The first of the drops by reason, in the order of DROP_REASONS. */
  dropped: 16,
  markMessages: 31,
} as const;

/** Length of a record, in units of 8 bytes. */
export const RECORD_LENGTH = 32;

/** Meaning of `COUNTER.overflow`. */
export const OVERFLOWS = ["block", "drop-oldest", "drop-newest", "fail"] as const;

/** Bytes for the records of so many legs. */
export function countersBytes(legs: number): number {
  return Math.max(1, legs) * RECORD_LENGTH * Float64Array.BYTES_PER_ELEMENT;
}

/** Where a field of a leg is. */
export function counterAt(slot: number, field: number): number {
  return slot * RECORD_LENGTH + field;
}

/** Where the drops of a leg for this reason are. */
export function droppedAt(slot: number, reason: DropReason): number {
  return counterAt(slot, COUNTER.dropped + DROP_REASONS.indexOf(reason));
}

/** What one leg has counted. */
export interface LegFigures {
  readonly instance: number;
  readonly messages: number;
  readonly bytes: number;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  readonly peakMessages: number;
  /** Age of the oldest message in the queue; null: the queue is empty, or an in-leg. */
  readonly oldestAgeMs: number | null;
  /** For how long nothing has moved although something waits; null: it flows. */
  readonly blockedForMs: number | null;
  /** The time above and all such times before, summed up. */
  readonly blockedTotalMs: number;
  readonly overflow: typeof OVERFLOWS[number];
  readonly dropped: Readonly<Record<DropReason, number>>;
}

/**
 * Reads one record.
 *
 * @param counters the whole memory.
 * @param slot of the leg.
 * @param nowMs CLOCK_MONOTONIC.
 */
export function readLeg(counters: Float64Array, slot: number, nowMs: number): LegFigures {
  const field = (name: Exclude<keyof typeof COUNTER, "dropped">) =>
    counters[counterAt(slot, COUNTER[name])] ?? 0;
  const since = (name: "oldestMs" | "blockedSinceMs") =>
    field(name) === 0 ? null : Math.max(0, nowMs - field(name));
  const blockedForMs = since("blockedSinceMs");
  const dropped = DROP_REASONS.map((reason) => [reason, counters[droppedAt(slot, reason)] ?? 0]);
  return {
    instance: field("instance"),
    messages: field("messages"),
    bytes: field("bytes"),
    queuedMessages: field("queuedMessages"),
    queuedBytes: field("queuedBytes"),
    peakMessages: field("peakMessages"),
    oldestAgeMs: since("oldestMs"),
    blockedForMs,
    blockedTotalMs: field("blockedTotalMs") + (blockedForMs ?? 0),
    overflow: OVERFLOWS[field("overflow")] ?? "block",
    dropped: Object.fromEntries(dropped) as Record<DropReason, number>,
  };
}
