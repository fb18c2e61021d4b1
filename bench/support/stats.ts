/** Order statistics of a list of measurements. Pure. */

/**
 * The p-quantile by the nearest rank: a value that was measured, never one in between.
 *
 * @param p 0 … 1.
 * @throws {RangeError} for an empty list.
 */
export function quantile(values: readonly number[], p: number): number {
  if (values.length === 0) throw new RangeError("No quantile of no values");
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))]!;
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** What a row shows beside its value. */
export function spreadOf(values: readonly number[]): Record<string, number> {
  return {
    p50: quantile(values, 0.5),
    p95: quantile(values, 0.95),
    max: quantile(values, 1),
  };
}
