/** The supervisor's one clock. Must not know: who asks. */

/** Both clocks of an event. */
export interface Clock {
  /** Integer nanoseconds of CLOCK_MONOTONIC since the supervisor started. */
  nowNs(): number;
  /** RFC 3339 wall-clock time, UTC, milliseconds; for people, never for decisions. */
  wall(): string;
  /** RFC 3339 wall-clock time of an earlier `nowNs()`. */
  wallOf(ns: number): string;
}

/**
 * Starts the clock at zero.
 *
 * Nanoseconds since the start and not since the boot: they stay exact in a double
 * for 104 days, and to 2 ns for the 104 after that.
 */
export function startClock(): Clock {
  const origin = performance.now();
  const nowNs = () => Math.round((performance.now() - origin) * 1e6);
  const wallOf = (ns: number) => new Date(Date.now() - (nowNs() - ns) / 1e6).toISOString();
  return { nowNs, wall: () => new Date().toISOString(), wallOf };
}
