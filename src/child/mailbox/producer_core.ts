/**
 * The producer's side of the protocol: which word is written and looked at, and in which order.
 * docs/mailbox.md argues why; tests/model runs this very code through every interleaving.
 * Must not know: the samples' data, the program that makes them, the clock.
 *
 * ```
 *  claim   turn odd ─► (data) ─► seal  header, turn even ─► commit  published ─► who is armed?
 *  sleep   bell ─► armed ─► cursors ─► (let stores arrive) ─► cursors ─► (sleep) ─► not armed
 * ```
 */
import * as layout from "../../channel/mailbox/layout.ts";
import type { MailboxShape } from "../../channel/mailbox/layout.ts";
import { highWord, NO_POSITION, readPosition } from "./position.ts";
import type { SharedWords } from "./shared_words.ts";

/*
 * Constants of another module are read from memory and checked at each use: V8 does not know that
 * they stay. Those of this module it puts into its instructions.
 */
const {
  ARMED,
  ARMED_PARKED,
  ATTACHED,
  BELL,
  CONSUMER_BELL,
  CRC32C,
  CURSOR,
  EPOCH,
  HEADER_BYTES,
  LENGTH,
  ORIGIN_HIGH,
  ORIGIN_LOW,
  PRODUCER_ARMED,
  PUBLISHED,
  SAMPLE_EPOCH,
  SEQUENCE_HIGH,
  SEQUENCE_LOW,
  slotStride,
  STAMP_HIGH,
  STAMP_LOW,
  TURN,
} = layout;

const { floor } = Math;
const WORD_RANGE = 2 ** 32;
const HEADER_WORDS = (HEADER_BYTES / 4) | 0;
/** The C library copies past the caches from some 16 KiB up at the earliest. */
const PAGE_BYTES = 4096;

/** A slot that is being written: where it is, and what will be said of its sample. */
export interface ClaimedSlot {
  sequence: number;
  slot: number;
  turn: number;
  length: number;
  stampNs: number;
  originNs: number;
  crc: number;
}

/** What wakes others. */
export interface ProducerBells {
  wakeConsumers(): void;
  ring(consumer: number): void;
}

/** One producer instance. Its fields are nobody's but a test's. */
export class ProducerCore {
  readonly #samples: SharedWords;
  readonly #consumers: readonly SharedWords[];
  readonly #bells: ProducerBells;
  readonly #slots: number;
  readonly #strideWords: number;
  readonly #keepsAll: boolean;
  /**
   * Whether data is so large that a copy of it may go past the caches: such stores do not keep
   * their place behind an ordinary one. An atomic one for each small sample would cost more than
   * all the rest, because it waits for the slot's line to come from the consumer. For a large one
   * `published` mostly waits for it in passing: see {@link marked}.
   */
  readonly #passesCaches: boolean;
  /** More claims would take what consumers may rely on. */
  readonly claimedMax: number;
  /** Position of the newest sample. */
  published = 0;
  /** Slots claimed after it. */
  claimed = 0;
  /** Of the next claim. */
  slot = 0;
  turn = 1;
  epoch = 0;
  /** The sample whose slot has its odd turn already, and the fence behind it; 0: none. */
  marked = 0;
  /** `keepAll`: no consumer is behind this. */
  cursorMin = 0;
  /** What each consumer's cursor was last, and what its armed word was when it was woken. */
  readonly cursors: number[] = [];
  readonly rung: number[] = [];
  /** Which consumer holds the producer back. */
  slowest = 0;
  armedCount = 0;

  /** Nothing is read before {@link attach}. */
  constructor(
    samples: SharedWords,
    consumers: readonly SharedWords[],
    shape: MailboxShape,
    bells: ProducerBells,
  ) {
    this.#samples = samples;
    this.#consumers = consumers;
    this.#bells = bells;
    this.#slots = shape.slots;
    this.#strideWords = (slotStride(shape.sampleBytes) / 4) | 0;
    this.#keepsAll = shape.history === "keepAll";
    this.#passesCaches = shape.sampleBytes >= PAGE_BYTES;
    this.claimedMax = shape.slots - shape.keep;
  }

  /**
   * Takes up where the last instance ended, and wakes whom that one can have left asleep.
   *
   * @returns false when the position in memory is none.
   */
  attach(): boolean {
    const published = readPosition(this.#samples, PUBLISHED);
    if (published === NO_POSITION) return false;
    this.published = published;
    this.#place();
    this.epoch = this.#samples.load(EPOCH);
    // It goes on with the count: consumers remember for which they have rung.
    this.armedCount = this.#samples.read(PRODUCER_ARMED) >>> 8;
    this.disarm();
    for (let at = 0; at < this.#consumers.length; at++) {
      this.cursors[at] = 0;
      this.rung[at] = 0;
    }
    this.#notify();
    return true;
  }

  /**
   * Takes the next slot for writing.
   *
   * @returns false when a consumer still needs what is in it (`keepAll`), or as many are claimed
   * as may be.
   */
  claim(into: ClaimedSlot): boolean {
    if (this.claimed >= this.claimedMax) return false;
    const sequence = this.published + this.claimed + 1;
    const needed = sequence - this.#slots;
    if (this.#keepsAll && needed > this.cursorMin && needed > this.#lookAtCursors()) return false;
    into.sequence = sequence;
    into.slot = this.slot;
    into.turn = this.turn;
    // Before the first byte of data, so that a consumer that reads there finds out.
    if (sequence !== this.marked) {
      const turn = this.#base(into.slot) + TURN;
      if (this.#passesCaches) this.#samples.store(turn, into.turn);
      else this.#samples.write(turn, into.turn);
      this.#samples.fence();
    }
    this.claimed++;
    if (++this.slot === this.#slots) {
      this.slot = 0;
      this.turn = (this.turn + 2) | 0;
    }
    return true;
  }

  /** Writes the header of a slot whose data is there. */
  seal(from: ClaimedSlot): void {
    const samples = this.#samples;
    const base = this.#base(from.slot);
    const { stampNs, originNs } = from;
    const stampHigh = floor(stampNs / WORD_RANGE);
    const originHigh = floor(originNs / WORD_RANGE);
    samples.write(base + LENGTH, from.length);
    samples.write(base + SEQUENCE_LOW, from.sequence | 0);
    samples.write(base + SEQUENCE_HIGH, floor(from.sequence / WORD_RANGE));
    samples.write(base + STAMP_LOW, (stampNs - stampHigh * WORD_RANGE) | 0);
    samples.write(base + STAMP_HIGH, stampHigh);
    samples.write(base + SAMPLE_EPOCH, this.epoch);
    samples.write(base + CRC32C, from.crc);
    samples.write(base + ORIGIN_LOW, (originNs - originHigh * WORD_RANGE) | 0);
    samples.write(base + ORIGIN_HIGH, originHigh);
    // Nobody looks for it before it is published.
    samples.write(base + TURN, (from.turn + 1) | 0);
  }

  /** Publishes all that was claimed; each has been sealed. */
  commit(): void {
    const before = this.published | 0;
    this.published += this.claimed;
    this.claimed = 0;
    const low = this.published | 0;
    if (this.#passesCaches) this.#markNext();
    if ((before ^ low) < 0) this.#samples.store(PUBLISHED + 1, highWord(this.published));
    this.#samples.store(PUBLISHED, low);
    this.#notify();
  }

  /** Gives all claims up; the same slots and numbers come again. */
  abandon(): void {
    this.claimed = 0;
    this.#place();
  }

  /**
   * Says that the producer is about to sleep until {@link slowest} has released something. It may
   * do so for as long as stores take to arrive, and longer when it {@link isHeldBack} even then.
   *
   * @returns the consumer's bell, to sleep on; null when there is room by now.
   */
  arm(): number | null {
    const consumer = this.slowest;
    const bell = this.#consumers[consumer]!.load(CONSUMER_BELL);
    this.armedCount = (this.armedCount + 1) & 0xff_ffff;
    this.#samples.store(PRODUCER_ARMED, (this.armedCount << 8) | (consumer + 1));
    // It may have released, and looked for this word, just before.
    if (this.isHeldBack(consumer)) return bell;
    this.disarm();
    return null;
  }

  /**
   * Looks at the cursors again. A consumer's cursor is an ordinary store: while it is on its way
   * the consumer may have looked for the armed word before that was set, and wakes nobody.
   *
   * @returns whether it is this consumer that there is no room for.
   */
  isHeldBack(consumer: number): boolean {
    const needed = this.published + this.claimed + 1 - this.#slots;
    return needed > this.#lookAtCursors() && this.slowest === consumer;
  }

  /** The reverse of {@link arm}. */
  disarm(): void {
    this.#samples.store(PRODUCER_ARMED, this.armedCount << 8);
  }

  #base(slot: number): number {
    return (HEADER_WORDS + slot * this.#strideWords) | 0;
  }

  /** Marks the next slot where it can be claimed even before the newest sample is published. */
  #markNext(): void {
    const sequence = this.published + 1;
    const isFree = this.#keepsAll ? sequence - this.#slots <= this.cursorMin : this.claimedMax >= 2;
    if (!isFree) return;
    this.#samples.write(this.#base(this.slot) + TURN, this.turn);
    this.marked = sequence;
  }

  /** Slot and turn of the sample after `published`. */
  #place(): void {
    const sequence = this.published + 1;
    this.slot = (sequence % this.#slots) | 0;
    this.turn = ((sequence - this.slot) / this.#slots * 2 + 1) | 0;
  }

  #lookAtCursors(): number {
    let min = this.published;
    for (let at = 0; at < this.#consumers.length; at++) {
      const consumer = this.#consumers[at]!;
      if (consumer.load(ATTACHED) !== 1) continue;
      const cursor = readPosition(consumer, CURSOR);
      // What it cannot be is not believed: it stays where it was.
      if (cursor <= this.published && cursor > this.cursors[at]!) this.cursors[at] = cursor;
      if (this.cursors[at]! < min) {
        min = this.cursors[at]!;
        this.slowest = at;
      }
    }
    return this.cursorMin = min;
  }

  /** Wakes each that waits, once for each time that it does. After an atomic store. */
  #notify(): void {
    let parked = false;
    for (let at = 0; at < this.#consumers.length; at++) {
      // Behind an atomic store an ordinary load is as good as an atomic one.
      const armed = this.#consumers[at]!.read(ARMED);
      if ((armed & 3) === 0 || armed === this.rung[at]) continue;
      this.rung[at] = armed;
      if ((armed & 3) === ARMED_PARKED) parked = true;
      else this.#bells.ring(at);
    }
    if (!parked) return;
    this.#samples.store(BELL, (this.#samples.read(BELL) + 1) | 0);
    this.#bells.wakeConsumers();
  }
}
