/**
 * A token bucket: so many a second in the long run, so many at once. Pure; the time is told.
 * Must not know: what the tokens are for.
 */
import type { RatePlan } from "../../plan/plan.ts";

const SECOND_MS = 1000;

/** One limit. It is full at first. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #atMs: number;

  /**
   * @param perSecond above 0.
   * @param burst what it holds at most, at least 1.
   * @param nowMs of a clock that never goes back.
   */
  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perMs = perSecond / SECOND_MS;
    this.#burst = burst;
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  /** Tokens that are there. */
  available(nowMs: number): number {
    if (nowMs > this.#atMs) {
      this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#atMs) * this.#perMs);
      this.#atMs = nowMs;
    }
    return this.#tokens;
  }

  /** Takes tokens that are there: see {@link available}. */
  take(count: number): void {
    this.#tokens -= count;
  }

  /** For how long there are fewer than this, milliseconds. More than the burst: than the burst. */
  waitMs(count: number, nowMs: number): number {
    const missing = Math.min(count, this.#burst) - this.available(nowMs);
    return missing <= 0 ? 0 : missing / this.#perMs;
  }
}

/** What one producer may send: a bucket for messages and one for bytes. */
export class RateLimit {
  readonly overflow: RatePlan["overflow"];
  readonly #messages: TokenBucket | null;
  readonly #bytes: TokenBucket | null;

  constructor(plan: RatePlan, nowMs: number) {
    const { messagesPerSecond, messagesBurst, bytesPerSecond, bytesBurst } = plan;
    this.overflow = plan.overflow;
    this.#messages = messagesPerSecond === 0
      ? null
      : new TokenBucket(messagesPerSecond, messagesBurst, nowMs);
    this.#bytes = bytesPerSecond === 0 ? null : new TokenBucket(bytesPerSecond, bytesBurst, nowMs);
  }

  /** How many messages may come now. */
  messages(nowMs: number): number {
    return this.#messages === null ? Infinity : Math.floor(this.#messages.available(nowMs) + 1e-9);
  }

  /** How many bytes may come now. */
  bytes(nowMs: number): number {
    return this.#bytes === null ? Infinity : this.#bytes.available(nowMs) + 1e-9;
  }

  /** They have come. */
  take(messages: number, bytes: number): void {
    this.#messages?.take(messages);
    this.#bytes?.take(bytes);
  }

  /** For how long a message of this size may not come, milliseconds. */
  waitMs(bytes: number, nowMs: number): number {
    return Math.max(
      this.#messages?.waitMs(1, nowMs) ?? 0,
      this.#bytes?.waitMs(bytes, nowMs) ?? 0,
    );
  }
}
