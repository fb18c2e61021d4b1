/**
 * How long it pays to look again before going to sleep. Must not know: what is looked for.
 *
 * A spin that finds what it waits for saves the kernel's way to sleep and back (some 10 µs); one
 * that does not takes a core from whoever would provide it. So each failure halves the time and
 * each success doubles it: with fewer cores than spinners all soon go to sleep at once.
 */

/** How a thread waits that may block. */
export type Waiting = "spin" | "park" | "spin-then-park";

const SPIN_NS_DEFAULT = 20_000;
const SPIN_NS_MIN = 1_000;
/** Looks between two looks at the clock. */
const LOOKS = 32;

/** About a microsecond: what the other side does meanwhile is found all at once. */
const PAUSES_AT_REST = 16;

const { setImmediate } = globalThis;

/** One turn of the event loop: what else the program has to do is done, and nobody sleeps. */
const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

const pause = (Atomics as unknown as { readonly pause?: () => void }).pause ?? (() => {});

/**
 * Looks at nothing for a moment. Who looks again and again at what the other side writes takes the
 * cache line away from it each time, and finds one sample, or room for one, at a time: both then go
 * at the pace at which a line travels, a fifth of their own.
 */
export function rest(): void {
  for (let at = 0; at < PAUSES_AT_REST; at++) pause();
}

/** For how long it pays to look, going by how it went lately. */
class Budget {
  readonly #maxNs: number;
  ns: number;

  constructor(maxNs: number) {
    this.#maxNs = maxNs;
    this.ns = maxNs;
  }

  won(): void {
    if (this.ns < this.#maxNs) this.ns *= 2;
  }

  lost(): void {
    if (this.ns / 2 >= SPIN_NS_MIN) this.ns /= 2;
  }
}

/** One waiting thread's patience. */
export class Spinning {
  readonly #waiting: Waiting;
  readonly #nowNs: () => number;
  readonly #looks: Budget;
  /** Turns of the event loop are longer than looks. */
  readonly #turns: Budget;

  /**
   * The number of cores is not asked for: that of a process which is bound to one says nothing of
   * where the other side runs. On a single core five spins are in vain, and all after them short.
   *
   * @param maxNs longest spin before it parks.
   */
  constructor(waiting: Waiting, nowNs: () => number, maxNs: number = SPIN_NS_DEFAULT) {
    const longestNs = waiting === "park" ? 0 : maxNs;
    this.#waiting = waiting;
    this.#nowNs = nowNs;
    this.#looks = new Budget(longestNs);
    this.#turns = new Budget(longestNs);
  }

  /** Whether it looks again before it sleeps. */
  get spins(): boolean {
    return this.#looks.ns > 0;
  }

  /** Whether it may sleep at all. */
  get parks(): boolean {
    return this.#waiting !== "spin";
  }

  /**
   * Looks until it is there, or it does not pay any more.
   *
   * @param look gives true when there is something.
   * @param between what is done between two looks; {@link rest} where a microsecond is no matter.
   * @param endNs the latest, CLOCK_MONOTONIC.
   */
  spin(look: () => boolean, endNs: number, between: () => void = pause): boolean {
    const budgetNs = this.#waiting === "spin" ? Infinity : this.#looks.ns;
    if (budgetNs === 0) return false;
    const beganNs = this.#nowNs();
    for (let at = 1;; at++) {
      if (look()) {
        this.#looks.won();
        return true;
      }
      between();
      if (between === pause && at % LOOKS !== 0) continue;
      const nowNs = this.#nowNs();
      if (nowNs >= endNs) return false;
      if (nowNs - beganNs > budgetNs) break;
    }
    this.#looks.lost();
    return false;
  }

  /**
   * Looks once in each turn of the event loop (a microsecond) until it is there, or it does not pay
   * any more. Not for ever with `spin` either: the loop is to sleep when there is nothing to do.
   *
   * @param look gives true when there is something.
   */
  async spinInTurns(look: () => boolean): Promise<boolean> {
    if (this.#turns.ns === 0) return false;
    const beganNs = this.#nowNs();
    do {
      await turn();
      if (look()) {
        this.#turns.won();
        return true;
      }
    } while (this.#nowNs() - beganNs <= this.#turns.ns);
    this.#turns.lost();
    return false;
  }
}
