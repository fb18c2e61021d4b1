/**
 * What waits for one consumer: a ring of bytes, a ring of lengths, and for each batch that came
 * at once when and from whom. Bounded in messages and bytes by its high-water marks; the memory
 * grows in steps to them and stays. Pure. Must not know: policies, descriptors, framing.
 *
 * ```
 *  bytes    ····│ m │ m m m │ mm m │····        oldest on the left
 *  lengths      │ 9 │ 7 8 9 │ 33 9 │
 *  batches      │   │ producer 2, at 17 ms
 * ```
 */

const BYTES_AT_FIRST = 65_536;
const MESSAGES_AT_FIRST = 256;
const BATCHES_AT_FIRST = 16;

/** Full when either is reached. */
export interface HighWater {
  /** At least 1. */
  readonly messagesMax: number;
  /** At least one largest message, with its framing. */
  readonly bytesMax: number;
}

/** Told of messages that have left the queue, whichever way: how many of which producer. */
export type OnLeave = (producer: number, messages: number) => void;

/** One per consumer. */
export class MessageQueue {
  readonly #highWater: HighWater;
  readonly #onLeave: OnLeave;
  #data: Uint8Array<ArrayBuffer>;
  #dataHead = 0;
  #bytes = 0;
  #lengths: Uint32Array<ArrayBuffer>;
  #lengthsHead = 0;
  #messages = 0;
  #batchTimes = new Float64Array(BATCHES_AT_FIRST);
  #batchProducers = new Int32Array(BATCHES_AT_FIRST);
  #batchCounts = new Int32Array(BATCHES_AT_FIRST);
  #batchesHead = 0;
  #batches = 0;
  #fitBytes = 0;

  constructor(highWater: HighWater, onLeave: OnLeave) {
    this.#highWater = highWater;
    this.#onLeave = onLeave;
    this.#data = new Uint8Array(Math.min(BYTES_AT_FIRST, highWater.bytesMax));
    this.#lengths = new Uint32Array(Math.min(MESSAGES_AT_FIRST, highWater.messagesMax));
  }

  /** Messages that wait. */
  get messages(): number {
    return this.#messages;
  }

  /** Their bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many more messages there is room for. */
  get roomMessages(): number {
    return this.#highWater.messagesMax - this.#messages;
  }

  /** How many more bytes there is room for. */
  get roomBytes(): number {
    return this.#highWater.bytesMax - this.#bytes;
  }

  /** Bytes of memory that it has. */
  get memoryBytes(): number {
    return this.#data.length + this.#lengths.byteLength +
      this.#batchTimes.byteLength + this.#batchProducers.byteLength + this.#batchCounts.byteLength;
  }

  /** When the oldest came; 0 when there is none. */
  get oldestMs(): number {
    return this.#batches === 0 ? 0 : this.#batchTimes[this.#batchesHead]!;
  }

  /** Bytes of the oldest; 0 when there is none. */
  get headBytes(): number {
    return this.#messages === 0 ? 0 : this.#lengths[this.#lengthsHead]!;
  }

  /** Of whom the oldest is. */
  get headProducer(): number {
    return this.#batchProducers[this.#batchesHead]!;
  }

  /**
   * Adds messages that lie one behind the other. There is room for them.
   *
   * @param source from `ends[first - 1]` on, or 0.
   * @param ends offset behind each message.
   * @param first the first to add.
   * @param last the one behind the last to add.
   */
  append(
    source: Uint8Array,
    ends: Uint32Array,
    first: number,
    last: number,
    nowMs: number,
    producer: number,
  ): void {
    const count = last - first;
    const from = first === 0 ? 0 : ends[first - 1]!;
    const to = ends[last - 1]!;
    if (count > this.roomMessages || to - from > this.roomBytes) {
      throw new Error("A queue was given more than it has room for");
    }
    this.#reserve(count, to - from);
    this.#copyIn(source, from, to);
    let at = (this.#lengthsHead + this.#messages) % this.#lengths.length;
    let start = from;
    for (let index = first; index < last; index++) {
      const end = ends[index]!;
      this.#lengths[at] = end - start;
      if (++at === this.#lengths.length) at = 0;
      start = end;
    }
    this.#bytes += to - from;
    this.#messages += count;
    this.#enterBatch(count, nowMs, producer);
  }

  /**
   * Lets the oldest go. There are as many.
   *
   * @param told false: somebody else will tell of them. @default true
   */
  drop(count: number, told = true): void {
    let bytes = 0;
    let at = this.#lengthsHead;
    for (let index = 0; index < count; index++) {
      bytes += this.#lengths[at]!;
      if (++at === this.#lengths.length) at = 0;
    }
    this.#lengthsHead = at;
    this.#leave(count, bytes, told);
  }

  /**
   * Lets the oldest go until there is room.
   *
   * @param messages at most the high-water mark, as `bytes`.
   * @returns how many went.
   */
  dropForRoom(messages: number, bytes: number): number {
    let count = Math.max(0, messages - this.roomMessages);
    let freed = 0;
    let at = this.#lengthsHead;
    for (let index = 0; index < count || this.roomBytes + freed < bytes; index++) {
      freed += this.#lengths[at]!;
      if (++at === this.#lengths.length) at = 0;
      if (index >= count) count = index + 1;
    }
    if (count > 0) {
      this.#lengthsHead = at;
      this.#leave(count, freed, true);
    }
    return count;
  }

  /** Lets those go that came before this time. @returns how many went. */
  dropBefore(timeMs: number): number {
    let count = 0;
    while (this.#batches > 0 && this.oldestMs < timeMs) {
      const gone = this.#batchCounts[this.#batchesHead]!;
      this.drop(gone);
      count += gone;
    }
    return count;
  }

  /**
   * How many of the oldest messages lie in one piece of memory and have at most this many bytes
   * together; {@link fitBytes} says how many bytes that is.
   */
  fit(bytesMax: number): number {
    const limit = Math.min(bytesMax, this.#data.length - this.#dataHead);
    if (this.#bytes <= limit) {
      this.#fitBytes = this.#bytes;
      return this.#messages;
    }
    let bytes = 0;
    let count = 0;
    let at = this.#lengthsHead;
    for (; count < this.#messages; count++) {
      const length = this.#lengths[at]!;
      if (bytes + length > limit) break;
      bytes += length;
      if (++at === this.#lengths.length) at = 0;
    }
    this.#fitBytes = bytes;
    return count;
  }

  /** What {@link fit} has found. */
  get fitBytes(): number {
    return this.#fitBytes;
  }

  /** The first so many bytes, which lie in one piece; valid until the queue is changed. */
  head(bytes: number): Uint8Array<ArrayBuffer> {
    return this.#data.subarray(this.#dataHead, this.#dataHead + bytes);
  }

  /** Copies the oldest message to the beginning of `into`, wherever it lies. */
  copyHead(into: Uint8Array): void {
    const bytes = this.headBytes;
    const first = Math.min(bytes, this.#data.length - this.#dataHead);
    into.set(this.#data.subarray(this.#dataHead, this.#dataHead + first));
    if (first < bytes) into.set(this.#data.subarray(0, bytes - first), first);
  }

  /** Lengths of the first so many messages, one after the other. */
  lengthAt(index: number): number {
    return this.#lengths[(this.#lengthsHead + index) % this.#lengths.length]!;
  }

  #leave(count: number, bytes: number, told: boolean): void {
    this.#messages -= count;
    this.#bytes -= bytes;
    // Empty, it begins anew: what comes next lies in one piece.
    this.#dataHead = this.#bytes === 0 ? 0 : (this.#dataHead + bytes) % this.#data.length;
    let left = count;
    while (left > 0) {
      const inBatch = this.#batchCounts[this.#batchesHead]!;
      const producer = this.#batchProducers[this.#batchesHead]!;
      const gone = Math.min(left, inBatch);
      this.#batchCounts[this.#batchesHead] = inBatch - gone;
      left -= gone;
      if (gone === inBatch) {
        this.#batchesHead = (this.#batchesHead + 1) % this.#batchTimes.length;
        this.#batches--;
      }
      if (told) this.#onLeave(producer, gone);
    }
  }

  #copyIn(source: Uint8Array, from: number, to: number): void {
    const tail = (this.#dataHead + this.#bytes) % this.#data.length;
    const first = Math.min(to - from, this.#data.length - tail);
    this.#data.set(source.subarray(from, from + first), tail);
    if (from + first < to) this.#data.set(source.subarray(from + first, to), 0);
  }

  /** What comes at the same time from the same producer is one batch. */
  #enterBatch(count: number, nowMs: number, producer: number): void {
    const size = this.#batchTimes.length;
    if (this.#batches > 0) {
      const newest = (this.#batchesHead + this.#batches - 1) % size;
      if (this.#batchTimes[newest] === nowMs && this.#batchProducers[newest] === producer) {
        this.#batchCounts[newest]! += count;
        return;
      }
    }
    if (this.#batches === size) this.#growBatches();
    const at = (this.#batchesHead + this.#batches) % this.#batchTimes.length;
    this.#batchTimes[at] = nowMs;
    this.#batchProducers[at] = producer;
    this.#batchCounts[at] = count;
    this.#batches++;
  }

  #reserve(messages: number, bytes: number): void {
    const { messagesMax, bytesMax } = this.#highWater;
    if (this.#bytes + bytes > this.#data.length) {
      const size = nextSize(this.#data.length, this.#bytes + bytes, bytesMax);
      this.#data = unrolled(this.#data, this.#dataHead, this.#bytes, new Uint8Array(size));
      this.#dataHead = 0;
    }
    if (this.#messages + messages > this.#lengths.length) {
      const size = nextSize(this.#lengths.length, this.#messages + messages, messagesMax);
      const grown = new Uint32Array(size);
      this.#lengths = unrolled(this.#lengths, this.#lengthsHead, this.#messages, grown);
      this.#lengthsHead = 0;
    }
  }

  /** Each batch has a message at least: `messagesMax` bounds these too. */
  #growBatches(): void {
    const size = this.#batchTimes.length * 2;
    const [head, count] = [this.#batchesHead, this.#batches];
    this.#batchTimes = unrolled(this.#batchTimes, head, count, new Float64Array(size));
    this.#batchProducers = unrolled(this.#batchProducers, head, count, new Int32Array(size));
    this.#batchCounts = unrolled(this.#batchCounts, head, count, new Int32Array(size));
    this.#batchesHead = 0;
  }
}

/** Doubled until it is enough, but not above what it may become. */
function nextSize(size: number, needed: number, max: number): number {
  let next = size;
  while (next < needed) next *= 2;
  return Math.min(next, max);
}

interface Ring<T> {
  readonly length: number;
  subarray(from: number, to: number): T;
  set(source: T, at?: number): void;
}

/** A ring in a larger one, from its beginning on. */
function unrolled<T extends Ring<T>>(ring: T, head: number, count: number, into: T): T {
  const first = Math.min(count, ring.length - head);
  into.set(ring.subarray(head, head + first));
  if (first < count) into.set(ring.subarray(0, count - first), first);
  return into;
}
