/**
 * Takes in the passes of cycles that are kept, which is nearly all that there is to see where
 * contracts are kept: by number of the contract, from tables of numbers, without its judge. Owns
 * those tables. Pure. Must not know: what is missed, and who hears of it.
 *
 * ```
 *   marks: where its line and its ring are, passes seen     32 bytes a contract: all in the cache
 *   row:   limits, due times of its run, the newest pass    64 bytes, one wait
 *   times: of the last passes                               written, not waited for
 *            └─ all that there is room for ──► the judge: histograms, counts
 * ```
 *
 * What a look costs is waiting for memory: a thousand contracts are in no cache when their turn comes,
 * and an object of V8's for each is one more wait, and the longest, for objects lie anywhere. The rows
 * are here, side by side, and {@link KeptPasses.touch} has those that come next waited for together.
 */

/**
 * Of a contract's row. Here and below an enum: what a module has as a constant is looked up each time
 * that it is used, and half of what a look takes was that.
 */
export const enum Row {
  /** Due time 0 of the present run; NaN: none is known, nothing is due. */
  anchorNs,
  periodNs,
  lateNs,
  /** The lesser of budget and warning. */
  limitNs,
  /** The part of a period that the newest pass might have begun before its due time. */
  early,
  /** The run that the anchor is of. */
  run,
  /** Of the newest pass. */
  startNs,
  /** The first due time that is not decided yet. */
  expected,
  doubles,
}

/** Of a contract's marks. */
export const enum Mark {
  /** Its line's first word. */
  word,
  /** Its ring's first double. */
  ring,
  mask,
  /** Passes that were looked at, mod 2^32. */
  seen,
  /** Nothing is open, missed or unknown: the next pass may be taken in here. */
  isPlain,
  gathered,
  words = 8,
}

/** What pulse_layout.ts says of lines and records; a test holds the two together. */
export const enum Pulse {
  begun = 0,
  ended = 1,
  first = 2,
  recordStart = 0,
  recordEnd = 1,
  recordDue = 2,
  recordFirst = 3,
  recordDoubles = 4,
}

const enum Kept {
  /** Passes whose times are gathered before their judge has them. */
  gatheredMax = 64,
  /** Of each pass that is gathered: start after due time, start to end. */
  times = 2 * gatheredMax,
  earlyPercent = 25,
}

/** A program that keeps no pace may begin this part of a period before its due time. */
export const EARLY_PART = Kept.earlyPercent / 100;

/** A due time, and the time of the look. */
const enum Scratch {
  nextNs,
  nowNs,
}

const NO_WORDS = new Int32Array(0);
const NO_DOUBLES = new Float64Array(0);
const { load } = Atomics;

/** The memory of a process in which a cycle is. */
interface Views {
  readonly words: Int32Array;
  readonly doubles: Float64Array;
}

/** The cycles among so many contracts. */
export class KeptPasses {
  readonly rows: Float64Array;
  readonly marks: Int32Array;
  readonly times: Float64Array;
  /** By contract: the memory of its process. */
  readonly #words: Int32Array[];
  readonly #doubles: Float64Array[];
  /** A number that is given to a function, or returned, is an object of its own: these are not. */
  readonly #scratch = new Float64Array(2);
  #touched = 0;

  /** @param contracts how many there are. */
  constructor(contracts: number) {
    this.rows = new Float64Array(contracts * Row.doubles);
    this.marks = new Int32Array(contracts * Mark.words);
    this.times = new Float64Array(contracts * Kept.times);
    this.#words = new Array(contracts).fill(NO_WORDS);
    this.#doubles = new Array(contracts).fill(NO_DOUBLES);
  }

  /** Where the row of a contract begins. */
  rowOf(contract: number): number {
    return contract * Row.doubles;
  }

  /** Where its marks begin. */
  marksOf(contract: number): number {
    return contract * Mark.words;
  }

  /** Where the times begin that are gathered of it. */
  timesOf(contract: number): number {
    return contract * Kept.times;
  }

  /** Its passes are in this memory. */
  open(contract: number, { words, doubles }: Views): void {
    this.#words[contract] = words;
    this.#doubles[contract] = doubles;
  }

  /** Takes over what is known of a contract. */
  adopt(contract: number, from: KeptPasses, number: number): void {
    const { rows, marks, times } = from;
    const [row, mark, time] = [from.rowOf(number), from.marksOf(number), from.timesOf(number)];
    this.rows.set(rows.subarray(row, row + Row.doubles), this.rowOf(contract));
    this.marks.set(marks.subarray(mark, mark + Mark.words), this.marksOf(contract));
    this.times.set(times.subarray(time, time + Kept.times), this.timesOf(contract));
    this.#words[contract] = from.#words[number]!;
    this.#doubles[contract] = from.#doubles[number]!;
  }

  /** The time of the looks that follow. */
  set nowNs(ns: number) {
    this.#scratch[Scratch.nowNs] = ns;
  }

  /** When to look next at the contract that was just taken in. */
  get nextNs(): number {
    return this.#scratch[Scratch.nextNs]!;
  }

  /**
   * Reads a little of all that looks at these contracts will read, for nothing but that the cache has
   * it then. Nothing here waits for what is read, so that it is all waited for at once.
   */
  touch(contracts: Int32Array, count: number): void {
    const { marks, rows } = this;
    const wordsOf = this.#words;
    let touched = 0;
    for (let n = 0; n < count; n++) {
      const contract = contracts[n]!;
      const mark = contract * Mark.words;
      if (marks[mark + Mark.isPlain] !== 1) continue;
      const row = contract * Row.doubles;
      const words = wordsOf[contract]!;
      const pass = marks[mark + Mark.seen]! + 1;
      // In words of 32 bits: the double itself does not matter, and might be no number.
      const record = 2 * marks[mark + Mark.ring]! +
        (pass & marks[mark + Mark.mask]!) * (2 * Pulse.recordDoubles);
      touched ^= words[record]! ^ words[marks[mark + Mark.word]!]!;
      if (rows[row + Row.anchorNs]! > rows[row + Row.expected]!) touched++;
    }
    this.#touched = touched;
  }

  /**
   * The common look: one pass has begun and ended since the last, for the due time that comes next,
   * well within its limits, and nothing before it is undecided. It is all that happens where
   * contracts are kept. What is as much as on a limit is left to the judge.
   *
   * @returns whether it was that; false: nothing was taken, there is more to it. The next look:
   * {@link nextNs}
   */
  take(contract: number): boolean {
    const { marks, rows } = this;
    const mark = contract * Mark.words;
    const gathered = marks[mark + Mark.gathered]!;
    if (marks[mark + Mark.isPlain] !== 1 || gathered === Kept.gatheredMax) return false;
    const words = this.#words[contract]!;
    const word = marks[mark + Mark.word]!;
    const pass = (marks[mark + Mark.seen]! + 1) | 0;
    if (pass === 0) return false;
    // What has ended by now is in its record.
    if (load(words, word + Pulse.ended) !== pass) return false;
    if (words[word + Pulse.first] === ((pass + 1) | 0)) return false;
    const doubles = this.#doubles[contract]!;
    const record = marks[mark + Mark.ring]! +
      (pass & marks[mark + Mark.mask]!) * Pulse.recordDoubles;
    const startNs = doubles[record + Pulse.recordStart]!;
    const tookNs = doubles[record + Pulse.recordEnd]! - startNs;
    const early = doubles[record + Pulse.recordDue]! > 0 ? 0 : Kept.earlyPercent / 100;
    const run = doubles[record + Pulse.recordFirst]!;
    // Nothing was written over it, for no other has begun.
    if (load(words, word + Pulse.begun) !== pass) return false;
    const row = contract * Row.doubles;
    const nowNs = this.#scratch[Scratch.nowNs]!;
    const limitNs = rows[row + Row.limitNs]!;
    if (run !== rows[row + Row.run] || early !== rows[row + Row.early]) return false;
    if (!(startNs > rows[row + Row.startNs]! && startNs + tookNs < nowNs)) return false;
    if (!(tookNs >= 0 && tookNs < limitNs)) return false;
    const anchorNs = rows[row + Row.anchorNs]!;
    const periodNs = rows[row + Row.periodNs]!;
    const lateNs = rows[row + Row.lateNs]!;
    const slot = rows[row + Row.expected]!;
    const afterNs = startNs - (anchorNs + slot * periodNs);
    const nextNs = anchorNs + (slot + 1) * periodNs;
    const isOnTime = Math.floor((startNs - anchorNs) / periodNs + early) === slot &&
      afterNs < lateNs && nowNs < nextNs + lateNs;
    if (!isOnTime) return false;
    marks[mark + Mark.seen] = pass;
    marks[mark + Mark.gathered] = gathered + 1;
    rows[row + Row.expected] = slot + 1;
    rows[row + Row.startNs] = startNs;
    const time = contract * Kept.times + 2 * gathered;
    this.times[time] = afterNs;
    this.times[time + 1] = tookNs;
    const beginsNs = Math.max(nowNs, nextNs - early * periodNs);
    this.#scratch[Scratch.nextNs] = Math.min(nextNs + lateNs, beginsNs + limitNs) + 1;
    return true;
  }
}
