/**
 * How busy the machine is while a test looks: what a promise in time is measured against, which
 * holds on a machine that gives every thread a core when it asks for one.
 */

/** Between a cause and its effect so many threads, one after the other, are to be given a core. */
const THREADS = 10;
const EVERY_MS = 10;

/** A timer of the test's own. */
export class Lateness implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  #lastMs = performance.now();
  #worstMs = 0;

  constructor() {
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
  }

  #look(): void {
    const nowMs = performance.now();
    this.#worstMs = Math.max(this.#worstMs, nowMs - this.#lastMs - EVERY_MS);
    this.#lastMs = nowMs;
  }

  /** How late it was at the worst so far, milliseconds. */
  get worstMs(): number {
    this.#look();
    return this.#worstMs;
  }

  /** What is promised within `promisedMs` may take so long on this machine, now. */
  allow(promisedMs: number): number {
    return promisedMs + THREADS * this.worstMs;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
