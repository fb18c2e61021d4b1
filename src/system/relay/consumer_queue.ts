/**
 * The queue of one consumer under its policy: what is taken in, what is dropped for want of room,
 * what has outlived its time, what is dropped at its end. Pure; the time is told.
 * Must not know: descriptors, where messages go from here.
 */
import type { DropReason } from "../../channel/relay/relay_protocol.ts";
import type { Overflow, QueuePlan } from "../../plan/plan.ts";
import { type MessageBatch, VERDICT } from "./message_batch.ts";
import { type HighWater, MessageQueue } from "./message_queue.ts";

const NANOSECONDS_PER_MS = 1e6;

/** Whom the queue tells. */
export interface QueueEvents {
  /** Messages of this producer left, or never came in. `dropped` null: to the consumer. */
  left(producer: number, messages: number, dropped: DropReason | null): void;
  /** So many were dropped, of whomever. */
  dropped(reason: DropReason, messages: number): void;
}

/** One per consumer. */
export class ConsumerQueue {
  /** The policy in force. */
  overflow: Overflow;
  /** What waits, oldest first. */
  readonly messages: MessageQueue;
  readonly #highWater: HighWater;
  readonly #lifespanMs: number;
  readonly #events: QueueEvents;
  /** Why messages leave, while they do. */
  #leaving: DropReason | null = null;

  /** @param wholeBytesMax largest message with its framing: one has room in any case. */
  constructor(plan: QueuePlan, wholeBytesMax: number, events: QueueEvents) {
    this.overflow = plan.overflow;
    this.#lifespanMs = plan.lifespanNs / NANOSECONDS_PER_MS;
    this.#highWater = {
      messagesMax: plan.messagesMax,
      bytesMax: Math.max(plan.bytesMax, wholeBytesMax),
    };
    this.#events = events;
    this.messages = new MessageQueue(
      this.#highWater,
      (producer, messages) => events.left(producer, messages, this.#leaving),
    );
  }

  /** At most half full: worth looking for more. */
  get isRoomy(): boolean {
    const { messagesMax, bytesMax } = this.#highWater;
    return this.messages.messages * 2 <= messagesMax && this.messages.bytes * 2 <= bytesMax;
  }

  /** When the oldest has outlived its time; Infinity: never. */
  get expiryMs(): number {
    if (this.#lifespanMs === 0 || this.messages.messages === 0) return Infinity;
    return this.messages.oldestMs + this.#lifespanMs;
  }

  /**
   * Takes in the good ones of the first `count` messages of a batch, or drops what the policy
   * says. Where it says `block`, there is room for them all.
   */
  accept(
    batch: MessageBatch,
    count: number,
    source: Uint8Array,
    nowMs: number,
    producer: number,
  ): void {
    if (batch.badCount === 0) return this.#acceptRun(batch, 0, count, source, nowMs, producer);
    for (let first = 0; first < count;) {
      if (batch.verdicts[first] !== VERDICT.good) {
        first++;
        continue;
      }
      let last = first + 1;
      while (last < count && batch.verdicts[last] === VERDICT.good) last++;
      this.#acceptRun(batch, first, last, source, nowMs, producer);
      first = last;
    }
  }

  /** They never come in. */
  refuse(reason: DropReason, messages: number, producer: number): void {
    this.#events.left(producer, messages, reason);
    this.#events.dropped(reason, messages);
  }

  /** Drops what is older than its lifespan; at exactly that age it still is alive. */
  expire(nowMs: number): void {
    if (this.expiryMs >= nowMs) return;
    this.#leaving = "expired";
    const gone = this.messages.dropBefore(nowMs - this.#lifespanMs);
    this.#leaving = null;
    if (gone > 0) this.#events.dropped("expired", gone);
  }

  /** Drops everything. */
  dropAll(reason: DropReason): void {
    const { messages } = this.messages;
    if (messages === 0) return;
    this.#leaving = reason;
    this.messages.drop(messages);
    this.#leaving = null;
    this.#events.dropped(reason, messages);
  }

  #acceptRun(
    batch: MessageBatch,
    first: number,
    last: number,
    source: Uint8Array,
    nowMs: number,
    producer: number,
  ): void {
    const { ends } = batch;
    if (this.overflow === "drop-oldest") {
      const from = this.#makeRoom(batch, first, last, producer);
      return this.messages.append(source, ends, from, last, nowMs, producer);
    }
    if (this.overflow === "block") {
      return this.messages.append(source, ends, first, last, nowMs, producer);
    }
    for (let at = first; at < last;) {
      const { roomMessages, roomBytes } = this.messages;
      const start = batch.start(at);
      const endMax = Math.min(last, at + roomMessages);
      let end = at;
      if (endMax > at && ends[endMax - 1]! - start <= roomBytes) end = endMax;
      else while (end < endMax && ends[end]! - start <= roomBytes) end++;
      if (end > at) this.messages.append(source, ends, at, end, nowMs, producer);
      if (end < last) this.refuse("overflow", 1, producer);
      at = end + 1;
    }
  }

  /**
   * Drops as many of the oldest as it takes, the first of the run itself among them where the
   * whole run has no room.
   *
   * @returns the first of the run that has.
   */
  #makeRoom(batch: MessageBatch, first: number, last: number, producer: number): number {
    const { messagesMax, bytesMax } = this.#highWater;
    const end = batch.ends[last - 1]!;
    let from = Math.max(first, last - messagesMax);
    while (end - batch.start(from) > bytesMax) from++;
    this.#leaving = "overflow";
    // Nothing is kept that is older than something that was dropped.
    let dropped = from > first ? this.messages.messages : 0;
    if (dropped > 0) this.messages.drop(dropped);
    dropped += this.messages.dropForRoom(last - from, end - batch.start(from));
    this.#leaving = null;
    if (dropped > 0) this.#events.dropped("overflow", dropped);
    if (from > first) this.refuse("overflow", from - first, producer);
    return from;
  }
}
