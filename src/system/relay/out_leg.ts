/**
 * One consumer: what waits for it and the writing of it. A write is of whole messages and is
 * taken whole or not at all, so that a kill cannot cut one. A message above 4096 bytes waits until
 * there is room for all of it, but for one that is longer than the pipe, or where the kernel
 * tells of no reads: that one is written as room comes.
 * Must not know: producers but by their numbers, the other consumers.
 */
import type { DropReason, RelayOutput } from "../../channel/relay/relay_protocol.ts";
import type { Overflow } from "../../plan/plan.ts";
import { ConsumerQueue } from "./consumer_queue.ts";
import type { LegCounters } from "./leg_counters.ts";
import type { MessageBatch } from "./message_batch.ts";
import { type OutPipe, OutStream, type StreamTools } from "./out_stream.ts";

/** A write of up to so many bytes is whole or is not: PIPE_BUF of linux/limits.h. */
const ATOMIC_BYTES = 4096;
const LINE_FEED = new Uint8Array([10]);
/** How often is looked at most whether the mark was read: what a look costs is seen otherwise. */
const MARK_EVERY_MS = 1;

/** Whom a leg tells. */
export interface OutLegEvents {
  /** Messages of this producer left, or never came in. `dropped` null: to the consumer. */
  left(producer: number, messages: number, dropped: DropReason | null): void;
  /** Messages were dropped here. */
  dropped(leg: OutLeg, reason: DropReason, messages: number): void;
  /** What was left in this pipe was taken back. */
  pipeDone(pipe: OutPipe): void;
}

/** What has become of what was left. */
export interface Adoption {
  /** Messages that were lost for want of their beginning. */
  readonly lost: number;
  /** Nothing can be written into this pipe any more. */
  readonly isTorn: boolean;
}

/** A message that is in the pipe in part. */
interface Rest {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What is not written yet begins here. */
  from: number;
  readonly producer: number;
}

/** One per consumer. */
export class OutLeg {
  readonly slot: number;
  readonly counters: LegCounters;
  /** The consumer has finally ended, and its producers are to see it. */
  isEnded = false;
  /** It has seen the end, or will when it has read what is there. */
  isFinished = false;
  readonly #events: OutLegEvents;
  readonly #queue: ConsumerQueue;
  readonly #stream: OutStream;
  readonly #tools: StreamTools;
  /** There is not enough room in the pipe; there will be news of it. */
  #isFull = false;
  /** The consumer has read something since the last flush. */
  #hasRead = false;
  /** A line was cut by the death of an earlier process: it has to be ended first. */
  #needsFeed = false;
  /** A frame was: nothing can follow it in this pipe. */
  #isTorn = false;
  #rest: Rest | null = null;
  #markedMs = 0;

  constructor(
    { slot, queue }: RelayOutput,
    counters: LegCounters,
    tools: StreamTools,
    events: OutLegEvents,
  ) {
    this.slot = slot;
    this.counters = counters;
    this.#tools = tools;
    this.#events = events;
    this.#queue = new ConsumerQueue(queue, tools.scanner.wholeBytesMax, {
      left: (producer, messages, dropped) => events.left(producer, messages, dropped),
      dropped: (reason, messages) => this.#countDrop(reason, messages),
    });
    this.#stream = new OutStream(tools);
    counters.setOverflow(queue.overflow);
  }

  /** The pipe that the consumer reads from. */
  get pipe(): OutPipe | null {
    return this.#stream.newest;
  }

  /** The policy in force. */
  get overflow(): Overflow {
    return this.#queue.overflow;
  }

  set overflow(overflow: Overflow) {
    this.#queue.overflow = overflow;
    this.counters.setOverflow(overflow);
  }

  /** Messages that there is room for. */
  get roomMessages(): number {
    return this.#queue.messages.roomMessages;
  }

  /** Bytes that there is room for. */
  get roomBytes(): number {
    return this.#queue.messages.roomBytes;
  }

  /** Whether all messages of a batch have room, the bad ones counted as if they were good. */
  hasRoomFor(batch: MessageBatch): boolean {
    return batch.count <= this.roomMessages && batch.bytesOf(batch.count) <= this.roomBytes;
  }

  /** At most half full: worth looking for more. */
  get isRoomy(): boolean {
    return this.#queue.isRoomy;
  }

  /** Nothing waits any more. */
  get isEmpty(): boolean {
    return this.#waiting === 0 && !this.#stream.isCarrying;
  }

  /** Earlier pipes that are still held. */
  get earlierPipes(): number {
    return this.#stream.earlierCount;
  }

  /** When something is to be dropped for its age; Infinity: never. */
  get expiryMs(): number {
    return this.#queue.expiryMs;
  }

  /** Messages are about to be taken for it: they count, in case we are killed. */
  expect(messages: number): void {
    if (!this.isEnded) this.counters.add("passing", messages);
  }

  /** Takes in the good ones of the first `good` messages of a batch, by its policy. */
  accept(
    batch: MessageBatch,
    count: number,
    good: number,
    source: Uint8Array,
    nowMs: number,
    producer: number,
  ): void {
    if (this.isEnded) {
      if (good > 0) this.#queue.refuse("ended", good, producer);
    } else {
      this.#queue.accept(batch, count, source, nowMs, producer);
    }
    this.#book();
  }

  /**
   * Goes on in a new pipe. An earlier process may have been killed within a message that is in it
   * in part: a line is ended there, after a frame nothing can follow.
   */
  adopt(pipe: OutPipe, nowMs: number): Adoption {
    const wasCut = this.#rest === null && this.counters.get("partial") === pipe.number;
    const { lost, dropRest } = this.#stream.adopt(pipe);
    // Who was killed had begun to read it.
    if (this.#rest !== null && dropRest) this.#endRest(nowMs);
    this.#isTorn = wasCut && this.#tools.scanner.framing === "frames";
    this.#needsFeed ||= wasCut && !this.#isTorn;
    const isPartial = this.#rest !== null || this.#needsFeed || this.#isTorn;
    this.counters.set("partial", isPartial ? pipe.number : 0);
    this.counters.set("instance", pipe.instance);
    this.counters.set("writtenTo", this.#stream.written);
    if (lost > 0) this.counters.drop("lost", lost);
    this.isEnded = false;
    this.isFinished = pipe.writeFd < 0;
    this.#isFull = false;
    this.#book();
    return { lost, isTorn: this.#isTorn };
  }

  /** The consumer has read, and there may be room in the pipe. */
  makeWritable(): void {
    this.#isFull = false;
    this.#hasRead = true;
  }

  /** Writes what there is room for. @returns whether anything has moved, at the consumer's too. */
  flush(nowMs: number): boolean {
    const [before, restBefore, hasRead] = [
      this.#queue.messages.messages,
      this.#rest,
      this.#hasRead,
    ];
    if (this.#waiting === 0 && !this.#stream.isCarrying && !this.#needsFeed) return false;
    this.#queue.expire(nowMs);
    if (hasRead) this.counters.flow(nowMs);
    this.#hasRead = false;
    this.#deliver(nowMs);
    if (this.#waiting > 0) this.counters.block(nowMs);
    else this.counters.flow(nowMs);
    this.#book();
    return hasRead || this.#queue.messages.messages !== before || this.#rest !== restBefore;
  }

  /** Everything that waits is dropped. */
  dropAll(reason: DropReason): void {
    if (this.#rest !== null) {
      this.counters.set("partial", 0);
      this.#queue.refuse(reason, 1, this.#rest.producer);
      this.#rest = null;
    }
    this.#queue.dropAll(reason);
    this.#book();
  }

  /** The consumer has finally ended: nothing is kept for it. */
  end(nowMs: number): void {
    this.isEnded = true;
    this.#needsFeed = false;
    this.dropAll("ended");
    this.#stream.close();
    this.counters.flow(nowMs);
  }

  /** The consumer is to see the end. */
  finish(): void {
    this.isFinished = true;
    this.#stream.finish();
  }

  /** Lets go of the oldest pipe that holds something left over. */
  closeOldestPipe(): void {
    this.#stream.closeOldest();
  }

  get #waiting(): number {
    return this.#queue.messages.messages + (this.#rest === null ? 0 : 1);
  }

  /** Writes down what waits. */
  #book(): void {
    const { counters } = this;
    const { messages, bytes, oldestMs } = this.#queue.messages;
    counters.set("queuedMessages", messages);
    counters.set("passing", this.#rest === null ? 0 : 1);
    counters.set("queuedBytes", bytes);
    counters.set("oldestMs", oldestMs);
    if (messages > counters.get("peakMessages")) counters.set("peakMessages", messages);
  }

  #countDrop(reason: DropReason, messages: number): void {
    this.counters.drop(reason, messages);
    this.#events.dropped(this, reason, messages);
  }

  #deliver(nowMs: number): void {
    const newest = this.#stream.newest;
    if (newest === null || newest.writeFd < 0 || this.#isFull || this.#isTorn) return;
    this.#isFull = !this.#carry() || !this.#feed() || !this.#writeRest(nowMs);
    if (this.#isFull) return;
    const { messages } = this.#queue;
    if (this.#stream.wholeBytesMax < messages.bytes) this.#stream.look();
    while (messages.messages > 0 && !this.#isFull) {
      const limit = Math.max(ATOMIC_BYTES, this.#stream.wholeBytesMax);
      if (messages.fit(limit) > 0) this.#write(messages.head(messages.fitBytes), nowMs);
      else this.#writeAlone(limit, nowMs);
    }
  }

  /** What was left over goes first. @returns false when the pipe is full; as those below. */
  #carry(): boolean {
    return !this.#stream.isCarrying || this.#stream.carry((pipe) => this.#events.pipeDone(pipe));
  }

  /** Ends the line that was cut. */
  #feed(): boolean {
    if (!this.#needsFeed) return true;
    if (this.#put(LINE_FEED) === 0) return false;
    this.#stream.markEnd(0);
    this.#needsFeed = false;
    this.counters.set("partial", 0);
    return true;
  }

  #writeRest(nowMs: number): boolean {
    const rest = this.#rest;
    if (rest === null) return true;
    const count = this.#put(rest.bytes.subarray(rest.from));
    rest.from += count;
    if (count > 0) this.counters.flow(nowMs);
    if (rest.from < rest.bytes.length) return false;
    this.#stream.markEnd(0);
    this.#endRest(nowMs);
    return true;
  }

  /** The message in part is in the pipe as a whole. */
  #endRest(nowMs: number): void {
    const { bytes, producer } = this.#rest!;
    this.counters.set("partial", 0);
    this.#count(1, bytes.length, nowMs, nowMs);
    this.#rest = null;
    this.#events.left(producer, 1, null);
  }

  /** The oldest message, which lies in two pieces or is larger than what is taken whole. */
  #writeAlone(limit: number, nowMs: number): void {
    const { messages } = this.#queue;
    const bytes = messages.headBytes;
    if (bytes > limit && this.#stream.isToAwait(bytes, () => this.makeWritable())) {
      this.#isFull = true;
      return;
    }
    const { buffer } = this.#tools;
    buffer.reserve(bytes);
    messages.copyHead(buffer.bytes);
    const isRisky = bytes > Math.max(limit, this.#stream.wholeBytesMax);
    if (isRisky) this.counters.set("partial", this.#stream.newest!.number);
    this.#write(buffer.bytes.subarray(0, bytes), nowMs);
    if (isRisky && this.#rest === null) this.counters.set("partial", 0);
  }

  /** Writes the oldest messages. */
  #write(bytes: Uint8Array<ArrayBuffer>, nowMs: number): void {
    const { messages } = this.#queue;
    const written = this.#put(bytes);
    this.#isFull = written < bytes.length;
    if (written === 0) return;
    let count = 0;
    let end = 0;
    while (end < written && end + messages.lengthAt(count) <= written) {
      end += messages.lengthAt(count++);
      this.#stream.markEnd(written - end);
    }
    this.#count(count, end, nowMs, messages.oldestMs);
    messages.drop(count);
    if (end === written) return;
    // The next is in the pipe in part, and in the queue no more; it is lost with it, and counts.
    this.counters.set("passing", 1);
    this.#rest = {
      bytes: bytes.slice(end, end + messages.headBytes),
      from: written - end,
      producer: messages.headProducer,
    };
    this.counters.set("partial", this.#stream.newest!.number);
    messages.drop(1, false);
  }

  #put(bytes: Uint8Array<ArrayBuffer>): number {
    const { counters } = this;
    counters.set("writtenTo", this.#stream.written + bytes.length);
    const count = this.#stream.write(bytes);
    counters.set("writtenTo", this.#stream.written);
    return count;
  }

  #count(messages: number, bytes: number, nowMs: number, takenMs: number): void {
    const { counters } = this;
    if (messages > 0) this.#mark(nowMs, takenMs);
    counters.add("messages", messages);
    counters.add("bytes", bytes);
    counters.flow(nowMs);
    if (messages > 0) counters.set("lastMs", nowMs);
  }

  /** Moves the mark to what was just written, if what it is at was read. */
  #mark(nowMs: number, takenMs: number): void {
    if (nowMs - this.#markedMs < MARK_EVERY_MS) return;
    const { counters } = this;
    this.#markedMs = nowMs;
    const stands = counters.get("markMs") > 0 && this.#stream.readTo < counters.get("markTo");
    if (!stands) counters.mark(takenMs, this.#stream.written, counters.get("messages"));
  }
}
