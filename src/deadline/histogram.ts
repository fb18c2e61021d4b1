/**
 * How times are distributed, from 1 ns to 74 hours, within about 3%: counts in buckets whose width
 * grows with the value, as in HdrHistogram. Fixed memory, `record` is O(1) and allocates nothing.
 * Owns the buckets. Must not know: what was measured.
 *
 * A bucket's number is the upper bits of the value as a double: its exponent and the first
 * {@link FRACTION_BITS} bits of its fraction. So every power of two is split into 16 buckets of
 * equal width, and no logarithm is taken.
 */

const FRACTION_BITS = 4;
/** Values below one nanosecond are counted as one. */
const EXPONENT_MIN = 0;
/** 2^48 ns are 78 hours; what is longer is counted there. */
const EXPONENT_MAX = 47;
const SHIFT = 20 - FRACTION_BITS;
/** A double's exponent is kept with this added. */
const BIAS = 1023;
const FIRST = (BIAS + EXPONENT_MIN) << FRACTION_BITS;
const BUCKETS = (EXPONENT_MAX - EXPONENT_MIN + 1) << FRACTION_BITS;

const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer);
/** Little-endian: the exponent is in the second word. */
const HIGH = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0;

/** What a histogram says, in nanoseconds; of an empty one all are 0. */
export interface HistogramFigures {
  readonly count: number;
  readonly minNs: number;
  readonly meanNs: number;
  readonly p50Ns: number;
  readonly p90Ns: number;
  readonly p99Ns: number;
  readonly p999Ns: number;
  readonly maxNs: number;
}

/** A histogram as JSON: the buckets that are not empty, as [number, count]. */
export interface HistogramJson {
  readonly fractionBits: number;
  readonly minNs: number;
  readonly maxNs: number;
  readonly sumNs: number;
  readonly buckets: readonly (readonly [bucket: number, count: number])[];
}

/** Times, counted. 6 KiB. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #minNs = Infinity;
  #maxNs = 0;
  #sumNs = 0;

  /** How many were recorded. */
  get count(): number {
    return this.#count;
  }

  /** The largest, exactly; 0: there is none. */
  get maxNs(): number {
    return this.#maxNs;
  }

  /** Counts one; what is no number or negative counts as 0. */
  record(ns: number): void {
    const value = ns >= 0 ? ns : 0;
    const bucket = bucketOf(value);
    this.#counts[bucket] = this.#counts[bucket]! + 1;
    this.#count++;
    this.#sumNs += value;
    if (value < this.#minNs) this.#minNs = value;
    if (value > this.#maxNs) this.#maxNs = value;
  }

  /**
   * The value that this part of all is not above: the upper edge of its bucket, never above the
   * largest.
   *
   * @param part 0 … 1.
   * @returns 0 for an empty histogram.
   */
  quantileNs(part: number): number {
    let left = Math.max(1, Math.ceil(part * this.#count));
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#counts[bucket]!;
      if (left <= 0) return Math.min(this.#maxNs, Math.max(this.#minNs, upperEdge(bucket)));
    }
    return 0;
  }

  /** Adds all of another. */
  merge(other: Histogram): void {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      this.#counts[bucket] = this.#counts[bucket]! + other.#counts[bucket]!;
    }
    this.#count += other.#count;
    this.#sumNs += other.#sumNs;
    this.#minNs = Math.min(this.#minNs, other.#minNs);
    this.#maxNs = Math.max(this.#maxNs, other.#maxNs);
  }

  /** Forgets all. */
  clear(): void {
    this.#counts.fill(0);
    this.#count = this.#maxNs = this.#sumNs = 0;
    this.#minNs = Infinity;
  }

  /** What it says. */
  figures(): HistogramFigures {
    return {
      count: this.#count,
      minNs: this.#count === 0 ? 0 : this.#minNs,
      meanNs: this.#count === 0 ? 0 : this.#sumNs / this.#count,
      p50Ns: this.quantileNs(0.5),
      p90Ns: this.quantileNs(0.9),
      p99Ns: this.quantileNs(0.99),
      p999Ns: this.quantileNs(0.999),
      maxNs: this.#maxNs,
    };
  }

  /** All of it, for {@link Histogram.from}. */
  toJSON(): HistogramJson {
    const buckets: [number, number][] = [];
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      if (this.#counts[bucket] !== 0) buckets.push([bucket, this.#counts[bucket]!]);
    }
    const { minNs } = this.figures();
    return { fractionBits: FRACTION_BITS, minNs, maxNs: this.#maxNs, sumNs: this.#sumNs, buckets };
  }

  /**
   * Takes up again what {@link Histogram.toJSON} gave.
   *
   * @throws {RangeError} when it is of another precision, or no such thing.
   */
  static from(json: HistogramJson): Histogram {
    if (json.fractionBits !== FRACTION_BITS) {
      throw new RangeError(`A histogram must be of ${FRACTION_BITS} fraction bits`);
    }
    const histogram = new Histogram();
    for (const [bucket, count] of json.buckets) {
      const isValid = Number.isInteger(bucket) && bucket >= 0 && bucket < BUCKETS;
      if (!isValid) throw new RangeError(`A histogram has no bucket ${bucket}`);
      histogram.#counts[bucket] = count;
      histogram.#count += count;
    }
    histogram.#sumNs = json.sumNs;
    histogram.#maxNs = json.maxNs;
    if (histogram.#count > 0) histogram.#minNs = json.minNs;
    return histogram;
  }
}

function bucketOf(value: number): number {
  double[0] = value < 1 ? 1 : value;
  const bucket = (halves[HIGH]! >>> SHIFT) - FIRST;
  return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

/** The largest double of a bucket is just below this. */
function upperEdge(bucket: number): number {
  const next = bucket + 1;
  const exponent = EXPONENT_MIN + (next >> FRACTION_BITS);
  const fraction = (next & ((1 << FRACTION_BITS) - 1)) / (1 << FRACTION_BITS);
  return 2 ** exponent * (1 + fraction);
}
