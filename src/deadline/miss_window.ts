/**
 * Weakly hard constraints: at most m misses in any k consecutive outcomes, with hysteresis on the
 * way back. Owns the ring of the last k outcomes. Must not know: what an outcome is.
 *
 * ```
 *           more than m of the last k missed
 *   holds ────────────────────────────────────► broken
 *         ◄────────────────────────────────────
 *           recoverAfter kept in a row; the ring is emptied
 *
 *   another instance: the ring is emptied; broken stays broken, and may break anew
 * ```
 *
 * Fixed memory; every call is O(1) but for {@link MissWindow.keep} and {@link MissWindow.miss} of
 * many at once, O(k / 32).
 */
import type { Tolerance } from "../plan/contract.ts";

/** What an outcome changed. */
export type WindowChange = "none" | "broke" | "recovered";

/** The last outcomes of one contract. */
export class MissWindow {
  readonly #misses: number;
  readonly #window: number;
  readonly #recoverAfter: number;
  /** One bit for each outcome; the oldest is at `#next`. */
  readonly #bits: Uint32Array;
  #next = 0;
  #missed = 0;
  #keptInRow = 0;
  #broken = false;
  /** An earlier instance broke it, and none has kept it long enough since. */
  #isLeftBroken = false;

  constructor(tolerate: Tolerance, recoverAfter: number) {
    this.#misses = tolerate.misses;
    this.#window = tolerate.window;
    this.#recoverAfter = recoverAfter;
    this.#bits = new Uint32Array(Math.ceil(tolerate.window / 32));
  }

  /** More than tolerated, and not recovered since. */
  get broken(): boolean {
    return this.#broken || this.#isLeftBroken;
  }

  /** Misses among the last outcomes. */
  get missed(): number {
    return this.#missed;
  }

  /** Forgets every outcome: the contract holds. */
  clear(): void {
    this.#bits.fill(0);
    this.#next = 0;
    this.#missed = 0;
    this.#keptInRow = 0;
    this.#broken = false;
    this.#isLeftBroken = false;
  }

  /**
   * Another instance: what the last one missed does not count against it. What is broken stays so
   * until it is kept, and may break anew, by the misses of this one alone.
   */
  restart(): void {
    const { broken } = this;
    this.clear();
    this.#isLeftBroken = broken;
  }

  /** So many outcomes were kept. */
  keep(count: number): WindowChange {
    if (count < 1) return "none";
    this.#keptInRow = Math.min(this.#keptInRow + count, this.#recoverAfter);
    if (this.broken && this.#keptInRow >= this.#recoverAfter) {
      this.clear();
      return "recovered";
    }
    if (this.#missed > 0) this.#push(count, 0);
    return "none";
  }

  /** So many outcomes in a row were missed. */
  miss(count: number): WindowChange {
    if (count < 1) return "none";
    this.#keptInRow = 0;
    this.#push(count, 1);
    if (this.#broken || this.#missed <= this.#misses) return "none";
    this.#broken = true;
    return "broke";
  }

  #push(count: number, bit: 0 | 1): void {
    const bits = this.#bits;
    for (let left = Math.min(count, this.#window); left > 0; left--) {
      const word = this.#next >>> 5;
      const mask = 1 << (this.#next & 31);
      const old = (bits[word]! & mask) === 0 ? 0 : 1;
      if (old !== bit) bits[word] = bits[word]! ^ mask;
      this.#missed += bit - old;
      this.#next = this.#next + 1 === this.#window ? 0 : this.#next + 1;
    }
  }
}
