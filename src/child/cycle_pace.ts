/**
 * The pace of a cycle: its due times, its stamps, and how it sleeps. Owns the words of its line.
 * Must not know: how a program iterates.
 *
 * All that changes with each pass is in typed arrays: a number in a field of an object would be
 * allocated anew each time.
 */
import {
  BEGUN,
  ENDED,
  FIRST,
  type PulsePlace,
  RECORD_BYTES,
  RECORD_DUE,
  RECORD_END,
  RECORD_FIRST,
  RECORD_START,
  SKIPPED,
} from "../deadline/pulse_layout.ts";
import { findLine, noLine } from "./pulse.ts";

const { store } = Atomics;
const { floor } = Math;
const RECORD_DOUBLES = RECORD_BYTES / 8;
/** Timers of the event loop are late by some milliseconds: it sleeps the rest by itself. */
const TIMER_LATE_NS = 2_000_000;

/** State, in doubles. */
const DUE = 0;
const START = 1;
const SKIPPED_NOW = 2;
const SKIPPED_ALL = 3;
const PASS = 4;
/** 1: a pass runs. */
const RUNS = 5;
/** 1: the loop was entered, `DUE` is a due time of it. */
const ENTERED = 6;
/** The time that was looked up last: a number that a call returns would be on the heap. */
const NOW = 7;
const STATE_LENGTH = 8;

/** What a cycle without a supervisor writes to instead. */
const ALONE: PulsePlace = { kind: "cycle", word: 16, double: 8, ringDouble: 16, ring: 8 };
const ALONE_BYTES = 128 + 8 * RECORD_BYTES;

interface PaceMemory {
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly place: PulsePlace;
  readonly periodNs: number;
  readonly offsetNs: number;
  readonly spinNs: number;
  readonly nowNs: () => number;
  readonly sleepUntil: (atNs: number) => void;
}

/**
 * Finds the line of a cycle.
 *
 * @param alone.periodNs its pace where there is none; null: there has to be one.
 * @throws {NotSupervisedError}, {TypeError} when there is none.
 */
export function openPace(
  name: string,
  { periodNs, spinNs }: { readonly periodNs: number | null; readonly spinNs: number },
): CyclePace {
  const found = findLine("cycle", name);
  if (found !== null) {
    const [pulse, { place, periodNs, offsetNs }] = found;
    return new CyclePace({ ...pulse, place, periodNs, offsetNs, spinNs });
  }
  if (periodNs === null) throw noLine("cycle", name);
  const buffer = new ArrayBuffer(ALONE_BYTES);
  const [words, doubles] = [new Int32Array(buffer), new Float64Array(buffer)];
  return new CyclePace({ words, doubles, place: ALONE, periodNs, offsetNs: 0, spinNs, ...clock() });
}

/** See the file's header. */
export class CyclePace {
  readonly #memory: PaceMemory;
  readonly #state = new Float64Array(STATE_LENGTH);

  constructor(memory: PaceMemory) {
    this.#memory = memory;
  }

  get periodNs(): number {
    return this.#memory.periodNs;
  }

  get dueNs(): number {
    return this.#state[DUE]!;
  }

  get startNs(): number {
    return this.#state[START]!;
  }

  get skippedNow(): number {
    return this.#state[SKIPPED_NOW]!;
  }

  get skipped(): number {
    return this.#state[SKIPPED_ALL]!;
  }

  get pass(): number {
    return this.#state[PASS]!;
  }

  /** Ends the pass that runs, and finds the next due time. */
  prepare(): void {
    const state = this.#state;
    const { periodNs, offsetNs, words, place } = this.#memory;
    this.#end();
    const nowNs = state[NOW]!;
    state[SKIPPED_NOW] = 0;
    if (state[ENTERED] === 0) {
      state[ENTERED] = 1;
      words[place.word + FIRST] = (words[place.word + BEGUN]! + 1) | 0;
      state[DUE] = (floor((nowNs - offsetNs) / periodNs) + 1) * periodNs + offsetNs;
      return;
    }
    state[DUE] = state[DUE]! + periodNs;
    if (nowNs >= state[DUE]! + periodNs) this.#skip();
  }

  /** Sleeps until the due time and begins the pass. */
  begin(): void {
    const state = this.#state;
    const { words, doubles, place, periodNs } = this.#memory;
    this.#sleep();
    const startNs = state[NOW]!;
    // The event loop may have been away for long since the due time was found.
    if (startNs >= state[DUE]! + periodNs) this.#skip();
    state[START] = startNs;
    state[PASS] = state[PASS]! + 1;
    state[RUNS] = 1;
    const pass = (words[place.word + BEGUN]! + 1) | 0;
    const record = place.ringDouble + (pass & (place.ring - 1)) * RECORD_DOUBLES;
    doubles[record + RECORD_START] = startNs;
    doubles[record + RECORD_DUE] = state[DUE]!;
    doubles[record + RECORD_FIRST] = words[place.word + FIRST]!;
    store(words, place.word + BEGUN, pass);
  }

  /** Ends the pass that runs. */
  end(): void {
    if (this.#state[RUNS] === 1) this.#end();
  }

  /** Ends the pass that runs; nothing is due any more. */
  leave(): void {
    this.end();
    const { words, place } = this.#memory;
    this.#state[ENTERED] = 0;
    store(words, place.word + FIRST, (words[place.word + BEGUN]! + 1) | 0);
  }

  /** Lets the event loop turn until shortly before the due time, once at least. */
  turn(signal: AbortSignal | null): Promise<void> {
    const waitNs = this.#state[DUE]! - TIMER_LATE_NS - this.#memory.nowNs();
    return new Promise((resolve) => {
      if (waitNs <= 0) return void setImmediate(resolve);
      const wake = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const timer = setTimeout(wake, floor(waitNs / 1e6));
      signal?.addEventListener("abort", wake);
    });
  }

  #end(): void {
    const nowNs = this.#memory.nowNs();
    const state = this.#state;
    state[NOW] = nowNs;
    if (state[RUNS] === 0) return;
    state[RUNS] = 0;
    const { words, doubles, place } = this.#memory;
    const pass = words[place.word + BEGUN]!;
    doubles[place.ringDouble + (pass & (place.ring - 1)) * RECORD_DOUBLES + RECORD_END] = nowNs;
    store(words, place.word + ENDED, pass);
  }

  #skip(): void {
    const state = this.#state;
    const { words, place, periodNs } = this.#memory;
    const count = floor((state[NOW]! - state[DUE]!) / periodNs);
    state[DUE] = state[DUE]! + count * periodNs;
    state[SKIPPED_NOW] = state[SKIPPED_NOW]! + count;
    state[SKIPPED_ALL] = state[SKIPPED_ALL]! + count;
    words[place.word + SKIPPED] = words[place.word + SKIPPED]! + count;
  }

  /** Until the due time. */
  #sleep(): void {
    const state = this.#state;
    const { nowNs, sleepUntil, spinNs } = this.#memory;
    const dueNs = state[DUE]!;
    for (;;) {
      const now = nowNs();
      state[NOW] = now;
      if (now >= dueNs) return;
      // A sleep may end early: a signal was handled.
      if (now < dueNs - spinNs) sleepUntil(dueNs - spinNs);
    }
  }
}

/** The runtime's own clock and sleep: later by some 60 microseconds, and no system call is saved. */
function clock(): Pick<PaceMemory, "nowNs" | "sleepUntil"> {
  const never = new Int32Array(new SharedArrayBuffer(4));
  const nowNs = () => floor(performance.now() * 1e6);
  return {
    nowNs,
    sleepUntil(atNs) {
      Atomics.wait(never, 0, 0, (atNs - nowNs()) / 1e6);
    },
  };
}
