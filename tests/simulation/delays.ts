/** What the delay of a restart may be, worked out step by step. Must not know the core. */
import type { Plan, ProcessIndex } from "./core_types.ts";
import { must } from "./world.ts";

type Backoff = Plan["processes"][number]["restart"]["backoff"];

/** Checks a recorded restart against the attempt that it must be. */
export function checkDelay(
  backoff: Backoff,
  delay: { readonly process: ProcessIndex; readonly delayNs: number; readonly attempt: number },
  attempt: number,
): void {
  const { process: p, delayNs } = delay;
  must(delay.attempt === attempt, () => `p${p}: attempt ${delay.attempt}, must be ${attempt}`);
  let full = attempt === 1 ? 0 : backoff.initialNs;
  for (let i = 2; i < attempt && full < backoff.maxNs; i++) full *= backoff.factor;
  full = Math.min(full, backoff.maxNs);
  const within = delayNs >= Math.floor(full * (1 - backoff.jitter)) &&
    delayNs <= Math.ceil(full * (1 + backoff.jitter));
  must(within, () => `p${p}: delay ${delayNs} for attempt ${attempt}, around ${full} expected`);
}
