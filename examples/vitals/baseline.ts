/**
 * What is usual for one metric: the median of its last values and their median absolute
 * deviation, which a few wild values cannot move (a mean and a variance they can).
 * Pure; bounded by its window. Must not know: metrics, alerts.
 *
 * The window is kept twice: in order of arrival, to know what leaves it, and sorted, to
 * read the median at once. Both are typed arrays; a push moves at most the window.
 */

/** Turns a median absolute deviation into a standard deviation, for normal noise. */
const MAD_TO_SIGMA = 1.4826;

/** A robust running baseline. */
export class Baseline {
  readonly #arrival: Float64Array;
  readonly #sorted: Float64Array;
  #count = 0;
  #next = 0;

  /** @param windowSize Number of values to remember, at least 1. */
  constructor(windowSize: number) {
    if (!Number.isSafeInteger(windowSize) || windowSize < 1) {
      throw new RangeError(`windowSize must be a whole number of at least 1, is ${windowSize}`);
    }
    this.#arrival = new Float64Array(windowSize);
    this.#sorted = new Float64Array(windowSize);
  }

  /** Number of values in the window. */
  get count(): number {
    return this.#count;
  }

  /** Takes in one value; the oldest leaves when the window is full. */
  push(value: number): void {
    if (!Number.isFinite(value)) throw new RangeError(`A value must be finite, is ${value}`);
    if (this.#count === this.#arrival.length) this.#remove(this.#arrival[this.#next]!);
    this.#insert(value);
    this.#arrival[this.#next] = value;
    this.#next = (this.#next + 1) % this.#arrival.length;
  }

  /** Middle value (the lower of two); 0 when nothing was pushed. */
  median(): number {
    return this.#count === 0 ? 0 : this.#sorted[(this.#count - 1) >> 1]!;
  }

  /** Robust standard deviation: 1.4826 times the median distance from the median. */
  sigma(): number {
    return MAD_TO_SIGMA * this.#medianDistance();
  }

  /**
   * The median of |value - median| without sorting again: walking outwards from the
   * median in the sorted window meets the distances in ascending order.
   */
  #medianDistance(): number {
    const median = this.median();
    let low = (this.#count - 1) >> 1;
    let high = low + 1;
    let distance = 0;
    for (let met = 0; met <= (this.#count - 1) >> 1; met++) {
      const below = low >= 0 ? median - this.#sorted[low]! : Infinity;
      const above = high < this.#count ? this.#sorted[high]! - median : Infinity;
      distance = Math.min(below, above);
      if (below <= above) low--;
      else high++;
    }
    return Number.isFinite(distance) ? distance : 0;
  }

  #insert(value: number): void {
    const at = this.#lowerBound(value);
    this.#sorted.copyWithin(at + 1, at, this.#count);
    this.#sorted[at] = value;
    this.#count++;
  }

  #remove(value: number): void {
    const at = this.#lowerBound(value);
    this.#sorted.copyWithin(at, at + 1, this.#count);
    this.#count--;
  }

  /** Index of the first sorted value that is not below `value`. */
  #lowerBound(value: number): number {
    let from = 0;
    let to = this.#count;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#sorted[middle]! < value) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
