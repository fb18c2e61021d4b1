/**
 * What travels through the vitals pipeline: one JSON line per sample, and the same line
 * with the detector's findings. Data only.
 */

/** What the sampler reads, as it reads it; all counters are the machine's own. */
export interface Sample {
  /** RFC 3339, UTC. */
  readonly at: string;
  /** 0 for a sampler's first sample. */
  readonly seq: number;
  /** How late this sample was taken, milliseconds after its due time. */
  readonly lateMs: number;
  /** Due times that had passed before this one and were left out. */
  readonly skipped: number;
  /** Average number of runnable tasks over the last minute. */
  readonly load: number;
  readonly memoryTotalBytes: number;
  readonly memoryAvailableBytes: number;
  /** Busy time of all CPUs since boot, milliseconds. */
  readonly cpuBusyMs: number;
  /** Busy and idle time of all CPUs since boot, milliseconds. */
  readonly cpuTotalMs: number;
}

/** What the detector watches. */
export type MetricName = "cpu" | "memory" | "load" | "late";

/** One metric that left its usual range with this sample, or came back to it. */
export interface Alert {
  readonly metric: MetricName;
  readonly kind: "raised" | "cleared";
  readonly value: number;
  /** What is usual: the running median. */
  readonly usual: number;
  /** Distance from the median in robust standard deviations. */
  readonly score: number;
}

/** What the detector passes on. */
export interface Judged extends Sample {
  /** Busy share of all CPUs over the last second, 0 … 1. */
  readonly cpu: number;
  /** Share of the memory that is not available, 0 … 1. */
  readonly memory: number;
  /** Metrics that are out of their usual range right now. */
  readonly unusual: readonly MetricName[];
  /** What changed with this sample. */
  readonly alerts: readonly Alert[];
}

/**
 * Checks a line of the sampler.
 *
 * @throws {TypeError} naming the field that is wrong.
 */
export function parseSample(value: unknown): Sample {
  const record = asRecord(value);
  if (typeof record["at"] !== "string") throw new TypeError("at must be a string");
  for (const field of NUMBERS) {
    if (typeof record[field] !== "number") throw new TypeError(`${field} must be a number`);
  }
  return value as Sample;
}

/**
 * Checks a line of the detector.
 *
 * @throws {TypeError} naming the field that is wrong.
 */
export function parseJudged(value: unknown): Judged {
  parseSample(value);
  const record = asRecord(value);
  if (!Array.isArray(record["alerts"])) throw new TypeError("alerts must be an array");
  return value as Judged;
}

const NUMBERS = [
  "seq",
  "lateMs",
  "skipped",
  "load",
  "memoryTotalBytes",
  "memoryAvailableBytes",
  "cpuBusyMs",
  "cpuTotalMs",
] as const;

function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  throw new TypeError("must be an object");
}
