/**
 * A consumer's side of the protocol: which word is looked at and written, and in which order.
 * docs/mailbox.md argues why; tests/model runs this very code through every interleaving.
 * Must not know: the samples' data, the program that reads them, the clock.
 *
 * ```
 *  poll  published ─► turn ─► header ─► turn ─► (data) ─► turn ─► release: release_cursor.ts
 *  sleep bell ─► armed ─► published ─► (wait while the bell is as it was) ─► not armed
 * ```
 *
 * Nothing that is read here is believed: what decides where memory is touched comes from the
 * shape and from this object's own count.
 */
import * as layout from "../../channel/mailbox/layout.ts";
import type { MailboxShape } from "../../channel/mailbox/layout.ts";
import type { Found, LentSlot } from "./consumer_types.ts";
import { joinPosition, NO_POSITION, readPosition } from "./position.ts";
import { ReleaseCursor } from "./release_cursor.ts";
import type { SharedWords } from "./shared_words.ts";

/*
 * Constants of another module are read from memory and checked at each use: V8 does not know that
 * they stay. Those of this module it puts into its instructions. A field that is first `undefined` is
 * no plain number to it ever after: so those of numbers begin with one.
 */
const {
  ARMED,
  BELL,
  CRC32C,
  CURSOR,
  EPOCH,
  HEADER_BYTES,
  LENGTH,
  ORIGIN_HIGH,
  ORIGIN_LOW,
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
/** A consumer that is overtaken so often in a row takes a breath. */
const ATTEMPTS_MAX = 16;
/** Behind all samples that there will ever be. */
const NEVER = Number.MAX_SAFE_INTEGER;

/** Options of {@link ConsumerCore}. */
export interface ConsumerCoreOptions {
  readonly shape: MailboxShape;
  /** Which consumer of the mailbox this is, from 0. */
  readonly number: number;
  /** Where it goes on when it has fallen behind: the oldest that is kept, or the newest. */
  readonly behind: "oldest" | "newest";
  /** Whether each sample is as long as a slot. */
  readonly fillsSlots: boolean;
  /** Whether what one look found may be lent without another; never where the newest is asked for. */
  readonly lendsAhead: boolean;
}

/** One consumer instance. Its fields are nobody's but a test's. */
export class ConsumerCore {
  readonly #samples: SharedWords;
  readonly #own: SharedWords;
  readonly #newest: boolean = false;
  readonly #bytesMin: number = 0;
  readonly #bytesMax: number = 0;
  readonly #slots: number = 0;
  readonly #strideWords: number = 0;
  readonly #keepsAll: boolean = false;
  readonly #keep: number = 0;
  /** Of one: where {@link poll} lends into. */
  readonly #ring: LentSlot[] = [];
  /** Whether what one look found is lent without another. */
  readonly lendsAhead: boolean = false;
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
  /** So many that the last look found are lent before another; 0 when something is wrong. */
  ready = 0;
  /** How many more the last look found that found any. */
  gained = 0;
  /**
   * `keepAll`: the newest when it took up the link. Up to there the producer may have looked at
   * the cursors while it did not have to wait for this one.
   */
  attachedAt = 0;
  /** From here on no producer writes over a sample before it is released. */
  safeFrom = NEVER;
  /** Counts the times that it waited; with the way of waiting it is the armed word. */
  armedCount = 0;
  /** What it gives back. */
  readonly released: ReleaseCursor;
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
    this.#bytesMin = options.fillsSlots ? shape.sampleBytes : 0;
    this.#bytesMax = shape.sampleBytes;
    this.#slots = shape.slots;
    this.#strideWords = (slotStride(shape.sampleBytes) / 4) | 0;
    this.#keepsAll = shape.history === "keepAll";
    this.#newest = options.behind === "newest" && !this.#keepsAll;
    this.#keep = shape.keep;
    this.lendsAhead = options.lendsAhead && !this.#newest;
    const waker = this.#keepsAll ? { number: options.number, wake: wakeProducer } : null;
    this.released = new ReleaseCursor(samples, own, waker);
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
    if (this.#keepsAll) this.safeFrom = this.attachedAt + 1;
    this.released.takeUp(cursor);
    this.#goTo(from === "resume" ? cursor + 1 : Math.max(cursor + 1, this.seen));
    // What is passed over must not hold the producer back.
    this.released.moveTo(this.next - 1);
    return true;
  }

  /** Looks for the next sample; where there is one it is lent until it is given back. */
  poll(into: LentSlot): Found {
    this.#ring[0] = into;
    if (this.ready > 0 && this.lendReady(this.#ring, 0, 1) === 1) return "sample";
    return this.#lookFor();
  }

  /**
   * Lends those that the last look found, as long as there is no more to it. All of that is in this
   * one function: it is too long for V8 to make it a part of others, which it does as chance has it.
   *
   * @param ring into which, from `first` on; a power of two of them.
   * @returns how many.
   */
  lendReady(ring: readonly LentSlot[], first: number, countMax: number): number {
    const samples = this.#samples;
    const mask = (ring.length - 1) | 0;
    let count = 0;
    for (; count < countMax && this.ready > 0; count++) {
      const into = ring[(first + count) & mask]!;
      const { next, slot, turn } = this;
      const base = this.#base(slot);
      if (samples.read(base + TURN) !== turn) break;
      const length = samples.read(base + LENGTH);
      const low = samples.read(base + SEQUENCE_LOW);
      const high = samples.read(base + SEQUENCE_HIGH);
      const stampLow = samples.read(base + STAMP_LOW);
      const stampHigh = samples.read(base + STAMP_HIGH);
      const originLow = samples.read(base + ORIGIN_LOW);
      const originHigh = samples.read(base + ORIGIN_HIGH);
      into.epoch = samples.read(base + SAMPLE_EPOCH);
      into.crc = samples.read(base + CRC32C);
      if (next < this.safeFrom && !this.#hasTurn(base, turn)) break;
      if (
        length < this.#bytesMin || length > this.#bytesMax || low !== (next | 0) ||
        high !== highHalf(next)
      ) {
        this.#refuse(length, low, high);
        break;
      }
      into.sequence = next;
      into.slot = slot;
      into.turn = turn;
      into.length = length;
      into.stampNs = joinWords(stampLow, stampHigh);
      // Most are made from no other.
      into.originNs = originLow === stampLow && originHigh === stampHigh
        ? into.stampNs
        : joinWords(originLow, originHigh);
      into.missed = this.skipped;
      this.skipped = 0;
      this.next = next + 1;
      this.ready = (this.ready - 1) | 0;
      this.#step();
    }
    return count;
  }

  /** Whether what is read of it is still as it was. */
  isIntact(lent: LentSlot): boolean {
    if (lent.sequence >= this.safeFrom) return true;
    return this.#hasTurn(this.#base(lent.slot), lent.turn);
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

  /** What {@link poll} does where there is more to it than to lend the next one. */
  #lookFor(): Found {
    this.ready = 0;
    if (this.fault !== "") return "corrupt";
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (this.next > this.seen || this.#newest) {
        const found = this.#look();
        if (this.fault !== "") return "corrupt";
        if (this.next > this.seen) return found ? "ended" : "none";
      }
      if (!this.#keepsAll && this.next <= this.seen - this.#keep) this.#jump();
      this.ready = 1;
      const lent = this.lendReady(this.#ring, 0, 1) === 1;
      this.ready = lent && this.lendsAhead ? (this.seen - this.next + 1) | 0 : 0;
      if (lent) return "sample";
      if (this.fault !== "" || !this.#wasOvertaken()) return "corrupt";
      this.#jump();
    }
    return "busy";
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

  /** To the next slot. */
  #step(): void {
    if (++this.slot < this.#slots) return;
    this.slot = 0;
    this.turn = (this.turn + 2) | 0;
  }

  /** Whether it is the sample's still, behind what was read. */
  #hasTurn(base: number, turn: number): boolean {
    this.#samples.fence();
    return this.#samples.load(base + TURN) === turn;
  }

  /** Says what is wrong with a header. */
  #refuse(length: number, low: number, high: number): void {
    const least = this.#bytesMin;
    if (length < least || length > this.#bytesMax) {
      const rule = least === this.#bytesMax ? `${least}` : "at most the slot's";
      this.#fail(`length of ${this.next} must be ${rule}, is ${length >>> 0}`);
    } else {
      const found = (low >>> 0) + (high >>> 0) * WORD_RANGE;
      this.#fail(`sequence must be ${this.next}, is ${found}`);
    }
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
    if (this.#keepsAll) this.released.moveTo(target - 1);
  }

  #goTo(sequence: number): void {
    this.next = sequence;
    this.slot = (sequence % this.#slots) | 0;
    this.turn = ((sequence - this.slot) / this.#slots * 2 + 2) | 0;
  }

  #fail(fault: string): false {
    this.fault = fault;
    this.ready = 0;
    return false;
  }
}

/** Sums of fractions are made in one instruction; for those of whole numbers V8 looks at overflows. */
function joinWords(low: number, high: number): number {
  return ((low >>> 0) / WORD_RANGE + (high >>> 0)) * WORD_RANGE;
}

/** The upper word of a sequence number. */
function highHalf(sequence: number): number {
  return sequence < WORD_RANGE ? 0 : floor(sequence / WORD_RANGE);
}
