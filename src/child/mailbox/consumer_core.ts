/**
 * A consumer's side of the protocol: which word is looked at and written, and in which order.
 * docs/mailbox.md argues why; tests/model runs this very code through every interleaving.
 * Must not know: the samples' data, the program that reads them, the clock.
 *
 * ```
 *  poll  published ─► turn ─► header ─► turn ─► (data) ─► release  turn ─► cursor, producer armed?
 *  sleep bell ─► armed ─► published ─► (wait while the bell is as it was) ─► not armed
 * ```
 *
 * Nothing that is read here is believed: what decides where memory is touched comes from the
 * shape and from this object's own count.
 */
import * as layout from "../../channel/mailbox/layout.ts";
import type { MailboxShape } from "../../channel/mailbox/layout.ts";
import { highWord, joinPosition, NO_POSITION, readPosition } from "./position.ts";
import type { SharedWords } from "./shared_words.ts";

/*
 * Constants of another module are read from memory and checked at each use: V8 does not know that
 * they stay. Those of this module it puts into its instructions.
 */
const {
  ARMED,
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
  STATE,
  STATE_ENDED,
  STATE_OPEN,
  TURN,
} = layout;

const { floor } = Math;
const WORD_RANGE = 2 ** 32;
const HEADER_WORDS = (HEADER_BYTES / 4) | 0;
const HALF = 2 ** 31;
/** A consumer that is overtaken so often in a row takes a breath. */
const ATTEMPTS_MAX = 16;

/** A sample that was lent: where it is, and what its header says. */
export interface LentSlot {
  sequence: number;
  slot: number;
  turn: number;
  /** How many were missed right before it. */
  missed: number;
  length: number;
  stampNs: number;
  originNs: number;
  epoch: number;
  crc: number;
}

/** What {@link ConsumerCore.poll} found. `busy`: it was overtaken again and again. */
export type Found = "sample" | "none" | "busy" | "ended" | "corrupt";

/** Options of {@link ConsumerCore}. */
export interface ConsumerCoreOptions {
  readonly shape: MailboxShape;
  /** Which consumer of the mailbox this is, from 0. */
  readonly number: number;
  /** Where it goes on when it has fallen behind: the oldest that is kept, or the newest. */
  readonly behind: "oldest" | "newest";
}

/** One consumer instance. Its fields are nobody's but a test's. */
export class ConsumerCore {
  readonly #samples: SharedWords;
  readonly #own: SharedWords;
  readonly #number: number;
  readonly #newest: boolean;
  readonly #bytesMax: number;
  readonly #wakeProducer: () => void;
  readonly #slots: number;
  readonly #strideWords: number;
  readonly #keepsAll: boolean;
  readonly #keep: number;
  /** Number, slot and (even) turn of the sample to look for. */
  next = 1;
  slot = 1;
  turn = 2;
  /** How many were jumped over since the last sample. */
  skipped = 0;
  /** The newest that was seen, and the words that said so. */
  seen = 0;
  seenLow = 0;
  seenHigh = 0;
  /** How many more the last look found that found any. */
  gained = 0;
  cursor = 0;
  /**
   * `keepAll`: the newest when it took up the link. Up to there the producer may have looked at
   * the cursors while it did not have to wait for this one.
   */
  attachedAt = 0;
  /** Counts the times that it waited; with the way of waiting it is the armed word. */
  armedCount = 0;
  /** The producer's armed word when it was woken last. */
  woken = 0;
  /** What is wrong; "" as long as nothing is. */
  fault = "";

  /** Nothing is read before {@link attach}. */
  constructor(
    samples: SharedWords,
    own: SharedWords,
    options: ConsumerCoreOptions,
    wakeProducer: () => void,
  ) {
    const { shape } = options;
    this.#samples = samples;
    this.#own = own;
    this.#number = options.number;
    this.#bytesMax = shape.sampleBytes;
    this.#wakeProducer = wakeProducer;
    this.#slots = shape.slots;
    this.#strideWords = (slotStride(shape.sampleBytes) / 4) | 0;
    this.#keepsAll = shape.history === "keepAll";
    this.#newest = options.behind === "newest" && !this.#keepsAll;
    this.#keep = shape.keep;
  }

  /**
   * Takes up the link.
   *
   * @param from `resume`: after the last one that was released. `newest`: at the newest.
   * @returns false when there is a fault.
   */
  attach(from: "resume" | "newest"): boolean {
    const cursor = readPosition(this.#own, CURSOR);
    // It goes on with the count: the producer remembers for which it has rung.
    this.armedCount = this.#own.read(ARMED) >>> 2;
    this.disarm();
    this.#look();
    if (this.fault !== "") return false;
    if (cursor === NO_POSITION || cursor > this.seen) {
      return this.#fail(`cursor must be at most ${this.seen}, is ${cursor}`);
    }
    this.attachedAt = this.seen;
    this.cursor = cursor;
    this.#goTo(from === "resume" ? cursor + 1 : Math.max(cursor + 1, this.seen));
    // What is passed over must not hold the producer back.
    this.#release(this.next - 1);
    return true;
  }

  /** Looks for the next sample; where there is one it is lent until {@link release}. */
  poll(into: LentSlot): Found {
    if (this.fault !== "") return "corrupt";
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (this.next > this.seen || this.#newest) {
        const found = this.#look();
        if (this.fault !== "") return "corrupt";
        if (this.next > this.seen) return found ? "ended" : "none";
      }
      if (!this.#keepsAll && this.next <= this.seen - this.#keep) this.#jump();
      if (this.#lend(into)) return "sample";
      if (this.fault !== "" || !this.#wasOvertaken()) return "corrupt";
      this.#jump();
    }
    return "busy";
  }

  /** Whether what is read of it is still as it was. */
  isIntact(lent: LentSlot): boolean {
    if (this.#isSafe(lent.sequence)) return true;
    this.#samples.fence();
    return this.#samples.load(this.#base(lent.slot) + TURN) === lent.turn;
  }

  /** Releases all up to this position. */
  releaseTo(position: number): void {
    this.#release(position);
  }

  /**
   * Says that the consumer is about to wait.
   *
   * @param how `ARMED_PARKED` or `ARMED_DOORBELL`.
   * @returns the bell, to sleep on; null when there is something to poll for by now.
   */
  arm(how: number): number | null {
    const bell = this.#samples.load(BELL);
    this.armedCount = (this.armedCount + 1) & 0x3fff_ffff;
    this.#own.store(ARMED, (this.armedCount << 2) | how);
    // It may have published, and looked for this word, just before.
    const ended = this.#look();
    if (this.next > this.seen && !ended && this.fault === "") return bell;
    this.disarm();
    return null;
  }

  /** The reverse of {@link arm}. */
  disarm(): void {
    this.#own.store(ARMED, this.armedCount << 2);
  }

  /** Ends the link. */
  fail(fault: string): void {
    this.#fail(fault);
  }

  /** Passes over the sample that was just lent, as one that was missed. */
  miss(lent: LentSlot): void {
    this.skipped = lent.missed + 1;
  }

  /** Passes over the sample that was just lent: what was missed before it is told with the next. */
  passOver(lent: LentSlot): void {
    this.skipped = lent.missed;
  }

  /** Which producer instance there is. */
  epoch(): number {
    return this.#samples.load(EPOCH);
  }

  /** Whether no producer writes over this sample before it is released. */
  #isSafe(sequence: number): boolean {
    return this.#keepsAll && sequence > this.attachedAt;
  }

  #base(slot: number): number {
    return (HEADER_WORDS + slot * this.#strideWords) | 0;
  }

  /** Brings `seen` up to date. @returns whether nothing more will come. */
  #look(): boolean {
    const samples = this.#samples;
    for (let attempt = 0; attempt < 2; attempt++) {
      const low = samples.load(PUBLISHED);
      const high = samples.read(PUBLISHED + 1);
      if (low !== this.seenLow || high !== this.seenHigh) {
        this.#advance(low, high);
        return false;
      }
      const state = samples.load(STATE);
      if (state === STATE_OPEN) return false;
      if (state !== STATE_ENDED) this.#fail(`state must be 0 or 1, is ${state}`);
      // What came before the end came before this word: once more, then it is over.
    }
    return this.fault === "";
  }

  #advance(low: number, high: number): void {
    // With the high word as it was before, the low one is of the same 2^31 samples.
    const position = high === this.seenHigh
      ? joinPosition(low, high)
      : readPosition(this.#samples, PUBLISHED);
    if (position < this.seen) {
      this.#fail(`published must be at least ${this.seen}, is ${position}`);
      return;
    }
    this.gained = position - this.seen;
    this.seen = position;
    this.seenLow = position | 0;
    this.seenHigh = high;
  }

  #lend(into: LentSlot): boolean {
    const samples = this.#samples;
    const base = this.#base(this.slot);
    if (samples.read(base + TURN) !== this.turn) return false;
    const length = samples.read(base + LENGTH);
    const low = samples.read(base + SEQUENCE_LOW);
    const high = samples.read(base + SEQUENCE_HIGH);
    into.stampNs = joinWords(samples.read(base + STAMP_LOW), samples.read(base + STAMP_HIGH));
    into.originNs = joinWords(samples.read(base + ORIGIN_LOW), samples.read(base + ORIGIN_HIGH));
    into.epoch = samples.read(base + SAMPLE_EPOCH);
    into.crc = samples.read(base + CRC32C);
    if (!this.#isSafe(this.next)) {
      samples.fence();
      if (samples.load(base + TURN) !== this.turn) return false;
    }
    if (length < 0 || length > this.#bytesMax) {
      return this.#fail(`length of ${this.next} must be at most the slot's, is ${length >>> 0}`);
    }
    if (
      low !== (this.next | 0) ||
      high !== (this.next < WORD_RANGE ? 0 : floor(this.next / WORD_RANGE))
    ) {
      const found = (low >>> 0) + (high >>> 0) * WORD_RANGE;
      return this.#fail(`sequence must be ${this.next}, is ${found}`);
    }
    into.sequence = this.next;
    into.slot = this.slot;
    into.turn = this.turn;
    into.length = length;
    into.missed = this.skipped;
    this.skipped = 0;
    this.next++;
    if (++this.slot === this.#slots) {
      this.slot = 0;
      this.turn = (this.turn + 2) | 0;
    }
    return true;
  }

  /**
   * Whether the slot may hold something else than it should: a producer writes to what is no
   * longer kept and to nothing else. Else somebody wrote what no producer does.
   */
  #wasOvertaken(): boolean {
    this.#look();
    if (this.fault !== "") return false;
    if (this.next <= (this.#keepsAll ? this.attachedAt : this.seen - this.#keep)) return true;
    const turn = this.#samples.load(this.#base(this.slot) + TURN);
    return this.#fail(`turn of ${this.next} must be ${this.turn}, is ${turn}`);
  }

  #jump(): void {
    const target = this.#keepsAll
      ? this.attachedAt + 1
      : this.#newest
      ? this.seen
      : this.seen - this.#keep + 1;
    this.skipped += target - this.next;
    this.#goTo(target);
    // The producer may wait for what is passed over here.
    if (this.#keepsAll) this.#release(target - 1);
  }

  #goTo(sequence: number): void {
    this.next = sequence;
    this.slot = (sequence % this.#slots) | 0;
    this.turn = ((sequence - this.slot) / this.#slots * 2 + 2) | 0;
  }

  #release(position: number): void {
    const own = this.#own;
    const wide = position - this.cursor >= HALF;
    if (wide || (position ^ this.cursor) < 0) {
      // A step so wide would for a moment be read as too far. This is read as not far enough.
      if (wide) own.store(CURSOR, highWord(this.cursor) << 31);
      own.store(CURSOR + 1, highWord(position));
    }
    this.cursor = position;
    // What was read of the sample was read before.
    if (this.#keepsAll) own.fence();
    own.write(CURSOR, position | 0);
    if (!this.#keepsAll) return;
    // The cursor may be on its way still: a producer that goes to sleep lets it arrive.
    const armed = this.#samples.read(PRODUCER_ARMED);
    if (armed === this.woken || (armed & 0xff) !== this.#number + 1) return;
    this.woken = armed;
    own.store(CONSUMER_BELL, (own.read(CONSUMER_BELL) + 1) | 0);
    this.#wakeProducer();
  }

  #fail(fault: string): false {
    this.fault = fault;
    return false;
  }
}

/** Sums of fractions are made in one instruction; for those of whole numbers V8 looks at overflows. */
function joinWords(low: number, high: number): number {
  return ((low >>> 0) / WORD_RANGE + (high >>> 0)) * WORD_RANGE;
}
