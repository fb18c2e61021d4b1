/**
 * The delay before each further restart, and the generator that draws its jitter.
 * Pure arithmetic; must not know: states, groups, what failed.
 */
import type { RestartPlan } from "../plan/plan.ts";

/** A number drawn from [0, 1) and the generator's next state. */
export interface Draw {
  readonly value: number;
  readonly random: number;
}

/**
 * mulberry32: 32 bits of state, period 2^32, good enough for jitter and reproducible.
 *
 * @param random State of the generator, 0 … 2^32-1.
 */
export function draw(random: number): Draw {
  const next = (random + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(next ^ (next >>> 15), next | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return { value: ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32, random: next };
}

/**
 * The delay before restart number `attempt` since the last healthy run.
 *
 * The first is immediate; then initial, initial * factor, … up to max, each multiplied by
 * a draw from [1 - jitter, 1 + jitter] (so a delay can exceed max by the jitter, and
 * processes that failed together do not come back together).
 *
 * @param attempt 0 for the first.
 * @param uniform A draw from [0, 1).
 * @returns Integer nanoseconds, at least 0.
 */
export function backoffNs(
  backoff: RestartPlan["backoff"],
  attempt: number,
  uniform: number,
): number {
  // An initial of 0 stays 0; without this, 0 * Infinity would be NaN far into a crash loop.
  if (attempt <= 0 || backoff.initialNs === 0) return 0;
  const grown = backoff.initialNs * backoff.factor ** (attempt - 1);
  const spread = 1 + backoff.jitter * (2 * uniform - 1);
  return Math.round(Math.min(backoff.maxNs, grown) * spread);
}
