/**
 * How long the next of many has to wait, so that no more than a number go a second, after as
 * many at once. Must not know: what it is that waits, any clock.
 */
export class TokenBucket {
  readonly #perSecond: number;
  #tokens: number;
  #sinceMs: number;

  /**
   * @param perSecond At least 1; the bucket holds as many, and is full at first.
   * @param nowMs From now on.
   */
  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#sinceMs = nowMs;
  }

  /**
   * Takes a token; where there is none, the one that comes next.
   *
   * @returns milliseconds until it is there; 0: now.
   */
  take(nowMs: number): number {
    const come = (nowMs - this.#sinceMs) * this.#perSecond / 1000;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + come) - 1;
    this.#sinceMs = nowMs;
    return this.#tokens >= 0 ? 0 : -this.#tokens * 1000 / this.#perSecond;
  }
}
