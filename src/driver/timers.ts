/**
 * Named timers over `setTimeout`: at most one per key. Never fires early; late by what
 * the event loop is late. Must not know: what a timer means.
 */
import type { TimerKey } from "../core/event.ts";

/** setTimeout takes a signed 32-bit number of milliseconds; a longer wait is re-armed. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** The armed timers of the supervisor. */
export class Timers {
  readonly #nowNs: () => number;
  readonly #fire: (timer: TimerKey) => void;
  readonly #handles = new Map<string, ReturnType<typeof setTimeout>>();

  /** @param fire called with the key of a timer that is due; it is no longer armed then. */
  constructor(nowNs: () => number, fire: (timer: TimerKey) => void) {
    this.#nowNs = nowNs;
    this.#fire = fire;
  }

  /** Arms, or moves, the timer. */
  set(timer: TimerKey, dueNs: number): void {
    this.clear(timer);
    this.#arm(keyText(timer), timer, dueNs);
  }

  /** Disarms it; nothing happens when it is not armed. */
  clear(timer: TimerKey): void {
    const key = keyText(timer);
    const handle = this.#handles.get(key);
    if (handle === undefined) return;
    clearTimeout(handle);
    this.#handles.delete(key);
  }

  /** Disarms all. */
  clearAll(): void {
    for (const handle of this.#handles.values()) clearTimeout(handle);
    this.#handles.clear();
  }

  #arm(key: string, timer: TimerKey, dueNs: number): void {
    const waitMs = Math.max(0, Math.ceil((dueNs - this.#nowNs()) / 1e6));
    const handle = setTimeout(() => {
      // setTimeout may fire a fraction of a millisecond early: look again.
      if (this.#nowNs() < dueNs) return this.#arm(key, timer, dueNs);
      this.#handles.delete(key);
      this.#fire(timer);
    }, Math.min(waitMs, TIMEOUT_MS_MAX));
    this.#handles.set(key, handle);
  }
}

function keyText(timer: TimerKey): string {
  return `${timer.process}/${timer.kind}`;
}
