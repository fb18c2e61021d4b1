/**
 * How times are distributed, from 1 ns to 74 hours, within about 3%: counts in buckets whose width
 * grows with the value, as in HdrHistogram. Fixed memory, `record` is O(1) and allocates nothing.
 * Owns the buckets. Must not know: what was measured.
 *
 * A bucket's number is the upper bits of the value as a double: its exponent and the first
 * {@link Bucket.fractionBits} bits of its fraction. So every power of two is split into 16 buckets of
 * equal width, and no logarithm is taken.
 */

/** An enum, for a constant of a module is looked up each time that it is used. */
const enum Bucket {
  fractionBits = 4,
  /** Values below one nanosecond are counted as one. */
  exponentMin = 0,
  /** 2^48 ns are 78 hours; what is longer is counted there. */
  exponentMax = 47,
  shift = 20 - fractionBits,
  /** A double's exponent is kept with this added. */
  bias = 1023,
  first = (bias + exponentMin) << fractionBits,
  count = (exponentMax - exponentMin + 1) << fractionBits,
}

const one = new Float64Array(1);
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
const enum At {
  count = 0,
  minNs = 1,
  maxNs = 2,
  sumNs = 3,
  begin = 8,
}

/** Times, counted. 6 KiB. */
export class Histogram {
  readonly #counts = emptyCounts();

  /** How many were recorded. */
  get count(): number {
    return this.#counts[At.count]!;
  }

  /** The largest, exactly; 0: there is none. */
  get maxNs(): number {
    return this.#counts[At.maxNs]!;
  }

  /** Counts one; what is no number or negative counts as 0. */
  record(ns: number): void {
    one[0] = ns;
    this.recordEach(one, 0, 1, 1);
  }

  /** Counts so many, which are so many numbers apart from each other. */
  recordEach(times: Float64Array, from: number, count: number, apart: number): void {
    const counts = this.#counts;
    let sumNs = counts[At.sumNs]!;
    let minNs = counts[At.minNs]!;
    let maxNs = counts[At.maxNs]!;
    for (let left = count, time = from; left > 0; left--, time += apart) {
      const ns = times[time]!;
      const value = ns >= 0 ? ns : 0;
      const at = At.begin + bucketOf(value);
      counts[at] = counts[at]! + 1;
      sumNs += value;
      if (value < minNs) minNs = value;
      if (value > maxNs) maxNs = value;
    }
    counts[At.count] = counts[At.count]! + count;
    counts[At.sumNs] = sumNs;
    counts[At.minNs] = minNs;
    counts[At.maxNs] = maxNs;
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
    let left = Math.max(1, Math.ceil(part * counts[At.count]!));
    for (let bucket = 0; bucket < Bucket.count; bucket++) {
      left -= counts[At.begin + bucket]!;
      if (left > 0) continue;
      return Math.min(counts[At.maxNs]!, Math.max(counts[At.minNs]!, upperEdge(bucket)));
    }
    return 0;
  }

  /** Adds all of another. */
  merge(other: Histogram): void {
    const counts = this.#counts;
    for (let at = 0; at < counts.length; at++) {
      if (at !== At.minNs && at !== At.maxNs) counts[at] = counts[at]! + other.#counts[at]!;
    }
    counts[At.minNs] = Math.min(counts[At.minNs]!, other.#counts[At.minNs]!);
    counts[At.maxNs] = Math.max(counts[At.maxNs]!, other.#counts[At.maxNs]!);
  }

  /** Forgets all. */
  clear(): void {
    this.#counts.set(emptyCounts());
  }

  /** What it says. */
  figures(): HistogramFigures {
    const { [At.count]: count = 0, [At.minNs]: minNs = 0, [At.sumNs]: sumNs = 0 } = this.#counts;
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
    for (let bucket = 0; bucket < Bucket.count; bucket++) {
      const count = this.#counts[At.begin + bucket]!;
      if (count !== 0) buckets.push([bucket, count]);
    }
    const { minNs, maxNs } = this.figures();
    return {
      fractionBits: Bucket.fractionBits,
      minNs,
      maxNs,
      sumNs: this.#counts[At.sumNs]!,
      buckets,
    };
  }

  /**
   * Takes up again what {@link Histogram.toJSON} gave.
   *
   * @throws {RangeError} when it is of another precision, or no such thing.
   */
  static from(json: HistogramJson): Histogram {
    if (json.fractionBits !== Bucket.fractionBits) {
      throw new RangeError(`A histogram must be of ${Bucket.fractionBits} fraction bits`);
    }
    const histogram = new Histogram();
    const counts = histogram.#counts;
    for (const [bucket, count] of json.buckets) {
      const isValid = Number.isInteger(bucket) && bucket >= 0 && bucket < Bucket.count;
      if (!isValid) throw new RangeError(`A histogram has no bucket ${bucket}`);
      counts[At.begin + bucket] = count;
      counts[At.count] = counts[At.count]! + count;
    }
    counts[At.sumNs] = json.sumNs;
    counts[At.maxNs] = json.maxNs;
    if (counts[At.count]! > 0) counts[At.minNs] = json.minNs;
    return histogram;
  }
}

function emptyCounts(): Float64Array {
  const counts = new Float64Array(At.begin + Bucket.count);
  counts[At.minNs] = Infinity;
  return counts;
}

function bucketOf(value: number): number {
  double[0] = value < 1 ? 1 : value;
  const bucket = (halves[HIGH]! >>> Bucket.shift) - Bucket.first;
  return bucket < Bucket.count ? bucket : Bucket.count - 1;
}

/** The largest double of a bucket is just below this. */
function upperEdge(bucket: number): number {
  const next = bucket + 1;
  const exponent = Bucket.exponentMin + (next >> Bucket.fractionBits);
  const fraction = (next & ((1 << Bucket.fractionBits) - 1)) / (1 << Bucket.fractionBits);
  return 2 ** exponent * (1 + fraction);
}
