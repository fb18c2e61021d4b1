/**
 * A fixed-rate schedule: due times are multiples of the period from the start, so that
 * lateness never adds up. Pure: the caller brings the clock.
 */

/** When to take the next sample. */
export interface Due {
  readonly dueMs: number;
  /** Due times that had already passed and are left out. */
  readonly skipped: number;
}

/**
 * The first due time after `nowMs`.
 *
 * @param lastDueMs The due time that was served last, a multiple of the period.
 * @param periodMs Milliseconds between due times.
 * @param nowMs Time of the same clock.
 */
export function nextDue(lastDueMs: number, periodMs: number, nowMs: number): Due {
  const next = lastDueMs + periodMs;
  if (next >= nowMs) return { dueMs: next, skipped: 0 };
  const skipped = Math.ceil((nowMs - next) / periodMs);
  return { dueMs: next + skipped * periodMs, skipped };
}
