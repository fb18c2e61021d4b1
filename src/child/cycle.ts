/**
 * `cycle()`: paces a loop and stamps its passes. Owns due times, and what is skipped.
 * Must not know: which lateness is too much, who looks at the stamps.
 *
 * ```
 *   wait() ─ end of the pass before ─ sleep until the next due time ─ start of the next ─► work
 * ```
 *
 * Due times are first + n × period, whole nanoseconds of CLOCK_MONOTONIC: nothing adds up, a late
 * pass moves no later one. A pass that comes when its time is over by a period or more belongs to the
 * last due time before it; those in between are skipped.
 */
import { type CyclePace, openPace } from "./cycle_pace.ts";

/** Options of {@linkcode cycle}. */
export interface CycleOptions {
  /**
   * Also runs where nobody supervises, or the configuration declares no such cycle: at this pace,
   * and not stamped. @default not: it throws
   */
  readonly alone?: {
    /** Above 0. */
    readonly periodMs: number;
  };
  /**
   * The last so many microseconds before a due time it does not sleep but looks at the clock, again
   * and again: less jitter, and as much of a core. 0 … 1000. @default 0
   */
  readonly spinUs?: number;
  /** Ends an iteration with `for await`, while it waits as well. */
  readonly signal?: AbortSignal;
}

/**
 * What an iteration yields: the same object each time. Times are CLOCK_MONOTONIC, nanoseconds; of a
 * cycle that runs alone, since the program began.
 */
export interface Tick {
  /** Number of the pass, from 1. */
  readonly pass: number;
  readonly dueNs: number;
  readonly startNs: number;
  /** Due times that were passed over right before this one. */
  readonly skipped: number;
}

/** A periodic job. For one loop at a time. */
export interface Cycle extends Disposable {
  readonly periodNs: number;
  /** Due times that were passed over since it was made. */
  readonly skipped: number;
  /** The present pass, or the last. */
  readonly tick: Tick;
  /**
   * Ends the pass that runs, sleeps until the next is due, and begins it. The whole thread sleeps:
   * no timer, no message and no signal listener of this program runs meanwhile.
   *
   * @returns due times that were passed over: 0 when it was in time.
   */
  wait(): number;
  /** Ends the pass that runs before {@linkcode Cycle.wait} does: what follows is not its time. */
  end(): void;
  /** Ends the pass that runs and leaves the loop: nothing is due until it is entered again. */
  leave(): void;
  /** `for (const tick of …)`: {@linkcode Cycle.wait} before each pass; {@linkcode Cycle.leave} at the end. */
  [Symbol.iterator](): IterableIterator<Tick>;
  /**
   * `for await (const tick of …)`: the event loop turns at least once before each pass, and for
   * most of the time until it is due; the last 2 milliseconds the thread sleeps.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Tick>;
}

/**
 * Finds the cycle that the configuration declares under this name, as in
 * `deadlines: { cycles: { sample: { period: "20ms", budget: "5ms" } } }`, and paces a loop by it.
 *
 * The first pass is due at the next whole period of the clock plus the declared `offset`, so that
 * cycles of several processes are in step. Each pass stamps its start and its end into shared memory:
 * some 100 nanoseconds, no system call, nothing allocated. The supervisor sees a pass that begins too
 * late or takes too long while it happens.
 *
 * @param name As in the configuration.
 * @throws {NotSupervisedError} when no supervisor started the program, without `alone`.
 * @throws {TypeError} when the configuration declares no such cycle, without `alone`.
 * @throws {RangeError} when an option is out of its range.
 *
 * @example A loop that does nothing else. SIGTERM ends it, unless there is a listener
 * ```ts
 * import { cycle } from "coxswain/child";
 * import { assertEquals } from "@std/assert";
 *
 * let passes = 0;
 * for (const { startNs, dueNs } of cycle("sample", { alone: { periodMs: 2 } })) {
 *   if (startNs < dueNs) throw new Error("never early");
 *   if (++passes === 3) break;
 * }
 * assertEquals(passes, 3);
 * ```
 *
 * @example Beside other work of the program
 * ```ts
 * import { cycle, stopSignal } from "coxswain/child";
 * import { assert } from "@std/assert";
 *
 * const signal = AbortSignal.any([stopSignal(), AbortSignal.timeout(50)]);
 * for await (const { skipped } of cycle("sample", { alone: { periodMs: 10 }, signal })) {
 *   if (skipped > 0) console.log(`${skipped} left out`);
 * }
 * assert(signal.aborted);
 * ```
 */
export function cycle(name: string, options: CycleOptions = {}): Cycle {
  const { alone, spinUs = 0, signal = null } = options;
  if (!(spinUs >= 0 && spinUs <= 1000)) {
    throw new RangeError(`Cannot call cycle("${name}"): spinUs must be 0 to 1000, is ${spinUs}`);
  }
  if (alone !== undefined && !(alone.periodMs > 0 && alone.periodMs < 2 ** 31)) {
    throw new RangeError(
      `Cannot call cycle("${name}"): periodMs must be above 0 and below 2^31, is ${alone.periodMs}`,
    );
  }
  const periodNs = alone === undefined ? null : Math.max(1, Math.round(alone.periodMs * 1e6));
  return new PacedCycle(openPace(name, { periodNs, spinNs: spinUs * 1000 }), signal);
}

class PacedCycle implements Cycle {
  readonly #pace: CyclePace;
  readonly #signal: AbortSignal | null;
  readonly tick: Tick;

  constructor(pace: CyclePace, signal: AbortSignal | null) {
    this.#pace = pace;
    this.#signal = signal;
    this.tick = Object.freeze({
      get pass() {
        return pace.pass;
      },
      get dueNs() {
        return pace.dueNs;
      },
      get startNs() {
        return pace.startNs;
      },
      get skipped() {
        return pace.skippedNow;
      },
    });
  }

  get periodNs(): number {
    return this.#pace.periodNs;
  }

  get skipped(): number {
    return this.#pace.skipped;
  }

  wait(): number {
    const pace = this.#pace;
    pace.prepare();
    pace.begin();
    return pace.skippedNow;
  }

  end(): void {
    this.#pace.end();
  }

  leave(): void {
    this.#pace.leave();
  }

  [Symbol.dispose](): void {
    this.#pace.leave();
  }

  [Symbol.iterator](): IterableIterator<Tick> {
    const result: IteratorYieldResult<Tick> = { done: false, value: this.tick };
    const iterator: IterableIterator<Tick> = {
      next: () => {
        this.wait();
        return result;
      },
      return: () => {
        this.leave();
        return { done: true, value: undefined };
      },
      [Symbol.iterator]: () => iterator,
    };
    return iterator;
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<Tick> {
    const signal = this.#signal;
    try {
      while (signal === null || !signal.aborted) {
        this.#pace.prepare();
        await this.#pace.turn(signal);
        if (signal?.aborted) return;
        this.#pace.begin();
        yield this.tick;
      }
    } finally {
      this.leave();
    }
  }
}
