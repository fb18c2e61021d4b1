/** How late a timer is on this machine, now: the floor under every lateness. */
import { runProbe, runToEnd } from "./workshop.ts";

const ROUNDS = 1000;
const PERIOD_US = 2500;
/** Of cyclictest's histogram: what is later counts as this. */
const HISTOGRAM_US = 20_000;

/** Milliseconds, of bare clock_nanosleep and of cyclictest; null where that is not installed. */
export interface Timers {
  readonly bare: readonly number[];
  readonly cyclictest: readonly number[] | null;
}

/** Measures, one after the other. @param probe the compiled timer_probe */
export async function measureTimers(probe: string): Promise<Timers> {
  const bare = await runProbe([probe, `${ROUNDS}`, `${PERIOD_US}`]);
  return { bare, cyclictest: await cyclictest() };
}

async function cyclictest(): Promise<number[] | null> {
  const argv = ["-q", "-t1", `-i${PERIOD_US}`, `-l${ROUNDS}`, `-h${HISTOGRAM_US}`];
  let text: string;
  try {
    text = await runToEnd(["cyclictest", ...argv]);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("rt-tests is not installed: no comparison with cyclictest");
    return null;
  }
  // Lines of "microseconds count"; the rest begins with "#".
  const lines = text.matchAll(/^(\d+)\s+(\d+)$/gm);
  return [...lines].flatMap(([, us, count]) => Array(Number(count)).fill(Number(us) / 1000));
}
