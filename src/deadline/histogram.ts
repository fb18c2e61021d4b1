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

/** Before the buckets, in one cache line: a number in a field of its own would be elsewhere. */
const COUNT = 0;
const MIN_NS = 1;
const MAX_NS = 2;
const SUM_NS = 3;
const BEGIN = 8;

/** Times, counted. 6 KiB. */
export class Histogram {
  readonly #counts = emptyCounts();

  /** How many were recorded. */
  get count(): number {
    return this.#counts[COUNT]!;
  }

  /** The largest, exactly; 0: there is none. */
  get maxNs(): number {
    return this.#counts[MAX_NS]!;
  }

  /** Counts one; what is no number or negative counts as 0. */
  record(ns: number): void {
    const value = ns >= 0 ? ns : 0;
    const counts = this.#counts;
    const at = BEGIN + bucketOf(value);
    counts[at] = counts[at]! + 1;
    counts[COUNT] = counts[COUNT]! + 1;
    counts[SUM_NS] = counts[SUM_NS]! + value;
    if (value < counts[MIN_NS]!) counts[MIN_NS] = value;
    if (value > counts[MAX_NS]!) counts[MAX_NS] = value;
  }

  /**
   * The value that this part of all is not above: the upper edge of its bucket, never above the
   * largest.
   *
   * @param part 0 … 1.
   * @returns 0 for an empty histogram.
   */
  quantileNs(part: number): number {
    const counts = this.#counts;
    let left = Math.max(1, Math.ceil(part * counts[COUNT]!));
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= counts[BEGIN + bucket]!;
      if (left > 0) continue;
      return Math.min(counts[MAX_NS]!, Math.max(counts[MIN_NS]!, upperEdge(bucket)));
    }
    return 0;
  }

  /** Adds all of another. */
  merge(other: Histogram): void {
    const counts = this.#counts;
    for (let at = 0; at < counts.length; at++) {
      if (at !== MIN_NS && at !== MAX_NS) counts[at] = counts[at]! + other.#counts[at]!;
    }
    counts[MIN_NS] = Math.min(counts[MIN_NS]!, other.#counts[MIN_NS]!);
    counts[MAX_NS] = Math.max(counts[MAX_NS]!, other.#counts[MAX_NS]!);
  }

  /** Forgets all. */
  clear(): void {
    this.#counts.set(emptyCounts());
  }

  /** What it says. */
  figures(): HistogramFigures {
    const { [COUNT]: count = 0, [MIN_NS]: minNs = 0, [SUM_NS]: sumNs = 0 } = this.#counts;
    return {
      count,
      minNs: count === 0 ? 0 : minNs,
      meanNs: count === 0 ? 0 : sumNs / count,
      p50Ns: this.quantileNs(0.5),
      p90Ns: this.quantileNs(0.9),
      p99Ns: this.quantileNs(0.99),
      p999Ns: this.quantileNs(0.999),
      maxNs: this.maxNs,
    };
  }

  /** All of it, for {@link Histogram.from}. */
  toJSON(): HistogramJson {
    const buckets: [number, number][] = [];
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = this.#counts[BEGIN + bucket]!;
      if (count !== 0) buckets.push([bucket, count]);
    }
    const { minNs, maxNs } = this.figures();
    return { fractionBits: FRACTION_BITS, minNs, maxNs, sumNs: this.#counts[SUM_NS]!, buckets };
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
    const counts = histogram.#counts;
    for (const [bucket, count] of json.buckets) {
      const isValid = Number.isInteger(bucket) && bucket >= 0 && bucket < BUCKETS;
      if (!isValid) throw new RangeError(`A histogram has no bucket ${bucket}`);
      counts[BEGIN + bucket] = count;
      counts[COUNT] = counts[COUNT]! + count;
    }
    counts[SUM_NS] = json.sumNs;
    counts[MAX_NS] = json.maxNs;
    if (counts[COUNT]! > 0) counts[MIN_NS] = json.minNs;
    return histogram;
  }
}

function emptyCounts(): Float64Array {
  const counts = new Float64Array(BEGIN + BUCKETS);
  counts[MIN_NS] = Infinity;
  return counts;
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
