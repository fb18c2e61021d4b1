/**
 * Measures how late this machine is: timers of the event loop, and a thread that sleeps in the
 * kernel until a time, under its own policy and under a real-time one. Owns how long and how
 * often. Must not know: what the figures mean to anybody.
 */
import { SystemError } from "../os/errno.ts";
import { openMonitorCalls } from "../os/monitor_calls.ts";
import { currentThread, setThreadPolicy } from "../os/thread_scheduling.ts";

/** For how long each is measured. */
export const MEASURE_MS = 1000;
/** From one wake-up to the next: the loop of a kilohertz. */
const EVERY_NS = 1_000_000;
const TIMER_MS = 2;
/** Above what runs by default as real-time programs do, and below the kernel's own threads. */
const PRIORITY = 50;

/** How late something was, nanoseconds. */
export interface Lateness {
  readonly count: number;
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly maxNs: number;
}

/**
 * Sums measurements up.
 *
 * @param samples at least one.
 */
export function latenessOf(samples: readonly number[]): Lateness {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  return { count: sorted.length, p50Ns: at(0.5), p99Ns: at(0.99), maxNs: sorted.at(-1)! };
}

/** How late timers of the event loop are. */
export async function timerLateness(): Promise<Lateness> {
  const samples: number[] = [];
  const end = performance.now() + MEASURE_MS;
  while (performance.now() < end) {
    const due = performance.now() + TIMER_MS;
    await new Promise((resolve) => setTimeout(resolve, TIMER_MS));
    samples.push(Math.max(0, performance.now() - due) * 1e6);
  }
  return latenessOf(samples);
}

/**
 * How late this thread wakes up, a thousand times a second. Nothing else runs here meanwhile.
 *
 * @param policy `fifo`: measured under it, and set back.
 * @returns or the name of the error with which the policy was refused.
 */
export function wakeUpLateness(policy: "own" | "fifo"): Lateness | string {
  const thread = currentThread();
  if (policy === "fifo") {
    try {
      setThreadPolicy(thread, "fifo", PRIORITY);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return error.errno;
    }
  }
  try {
    const calls = openMonitorCalls(0);
    const samples: number[] = [];
    const startNs = calls.nowNs();
    for (let due = startNs + EVERY_NS; due < startNs + MEASURE_MS * 1e6; due += EVERY_NS) {
      if (calls.nowNs() > due) continue;
      calls.sleepUntil(due);
      samples.push(Math.max(0, calls.nowNs() - due));
    }
    return latenessOf(samples.length === 0 ? [calls.nowNs() - startNs] : samples);
  } finally {
    if (policy === "fifo") setThreadPolicy(thread, "other", 0);
  }
}
