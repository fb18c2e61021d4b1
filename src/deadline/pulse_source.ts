/**
 * Reads a process's pulse memory from outside, while the process writes: signs, passes, steps. Owns
 * the order in which words are looked at so that nothing torn is believed; docs/deadlines.md argues
 * why it holds. Pure: the memory is given. Must not know: contracts.
 *
 * Nothing that the process writes decides where memory is touched, or how long a look takes.
 */
import {
  BEGUN,
  ENDED,
  FIRST,
  type PulsePlace,
  RECORD_AT,
  RECORD_BYTES,
  RECORD_DUE,
  RECORD_END,
  RECORD_FIRST,
  RECORD_START,
  RECORD_STEP,
  SIGN_NS,
} from "./pulse_layout.ts";
import { takeRow } from "./rows.ts";
import type { SignSource } from "./silence_judge.ts";

const { load } = Atomics;
/** Of one record, in a ring and in a copy. */
export const RECORD_DOUBLES = RECORD_BYTES / 8;
/** A sign that is being written takes nanoseconds; whoever stays within is stopped there. */
const SIGN_LOOKS = 3;

/** The memory of one process, twice. */
export interface PulseViews {
  readonly words: Int32Array;
  readonly doubles: Float64Array;
}

/** Both views of a pulse memory. */
export function pulseViews(buffer: ArrayBuffer): PulseViews {
  return { words: new Int32Array(buffer), doubles: new Float64Array(buffer) };
}

/** A heartbeat's line. */
export class PulseSigns implements SignSource {
  signs = 0;
  lastNs = 0;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #begun: number;
  readonly #ended: number;
  readonly #sign: number;

  constructor({ words, doubles }: PulseViews, { word, double }: PulsePlace) {
    this.#words = words;
    this.#doubles = doubles;
    this.#begun = word + BEGUN;
    this.#ended = word + ENDED;
    this.#sign = double + SIGN_NS;
  }

  read(): boolean {
    const words = this.#words;
    for (let look = SIGN_LOOKS; look > 0; look--) {
      const ended = load(words, this.#ended);
      this.lastNs = this.#doubles[this.#sign]!;
      this.signs = load(words, this.#begun);
      if (ended === this.signs) return true;
    }
    return false;
  }
}

/** Records of a line, the newest of which are whole. */
export abstract class Records {
  /** So many of the newest can be read while others are written. */
  readonly keeps: number;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  /** First word of the line. */
  readonly word: number;
  /** First double of the ring. */
  readonly ringDouble: number;
  /** A number's place in the ring is these bits of it. */
  readonly mask: number;

  constructor({ words, doubles }: PulseViews, { word, ringDouble, ring }: PulsePlace) {
    this.words = words;
    this.doubles = doubles;
    this.word = word;
    this.ringDouble = ringDouble;
    this.mask = ring - 1;
    // The place of the oldest is written before the next one is counted.
    this.keeps = ring - 2;
  }

  /** How many have begun, mod 2^32. */
  begun(): number {
    return load(this.words, this.word + BEGUN) >>> 0;
  }

  /** A copy of those that are kept, the oldest first; to be asked when nobody writes any more. */
  newest(): Float64Array {
    const begun = this.begun();
    const count = Math.min(begun, this.keeps);
    const copy = new Float64Array(count * RECORD_DOUBLES);
    // Behind its last place a ring goes on at its first.
    const places = this.mask + 1;
    const first = (begun - count + 1) & this.mask;
    const untilEnd = Math.min(count, places - first);
    copy.set(this.#recordsAt(first, untilEnd));
    copy.set(this.#recordsAt(0, count - untilEnd), untilEnd * RECORD_DOUBLES);
    return copy;
  }

  #recordsAt(place: number, count: number): Float64Array {
    const at = this.ringDouble + place * RECORD_DOUBLES;
    return this.doubles.subarray(at, at + count * RECORD_DOUBLES);
  }

  /** First double of a record. */
  protected at(number: number): number {
    return this.ringDouble + (number & this.mask) * RECORD_DOUBLES;
  }

  /** To be asked after record `number` was read: it was not overwritten meanwhile. */
  protected isKept(number: number): boolean {
    return ((this.begun() - number) >>> 0) <= this.keeps;
  }
}

/** A cycle's line. */
export class CycleSource extends Records {
  /** The record of the pass that was read. */
  readonly #row: Float64Array;
  readonly #at: number;

  constructor(views: PulseViews, place: PulsePlace) {
    super(views, place);
    const { numbers, at } = takeRow(RECORD_DOUBLES);
    this.#row = numbers;
    this.#at = at;
  }

  /** Of the pass that was read. */
  get startNs(): number {
    return this.#row[this.#at + RECORD_START]!;
  }

  /** Only of one that has ended. */
  get endNs(): number {
    return this.#row[this.#at + RECORD_END]!;
  }

  /** 0: the program keeps no pace. */
  get dueNs(): number {
    return this.#row[this.#at + RECORD_DUE]!;
  }

  /** Number of the first pass of its run. */
  get run(): number {
    return this.#row[this.#at + RECORD_FIRST]!;
  }

  /** Reads pass `number`, which has begun. @returns false: it is overwritten */
  read(number: number): boolean {
    const { doubles } = this;
    const from = this.at(number);
    const row = this.#row;
    const at = this.#at;
    for (let n = 0; n < RECORD_DOUBLES; n++) row[at + n] = doubles[from + n]!;
    return this.isKept(number);
  }

  /** How many have ended, mod 2^32. */
  ended(): number {
    return load(this.words, this.word + ENDED) >>> 0;
  }

  /** After pass `number` the program has left its loop; after 0: it has not entered it yet. */
  isBetweenRuns(number: number): boolean {
    return number === 0 || this.words[this.word + FIRST] === ((number + 1) | 0);
  }
}

/** A line of steps. */
export class StepSource extends Records {
  /** Of the checkpoint that was read. */
  atNs = 0;
  step = 0;

  /** Reads checkpoint `number`, which was passed. @returns false: it is overwritten */
  read(number: number): boolean {
    const { doubles } = this;
    const at = this.at(number);
    this.atNs = doubles[at + RECORD_AT]!;
    this.step = doubles[at + RECORD_STEP]!;
    return this.isKept(number);
  }
}
