/**
 * What was found in one look into a pipe: where each message ends, and whether it may go on.
 * One is made for the life of the program and filled again and again.
 *
 * ```
 *   0        ends[0]       ends[1]   ends[2]           length
 *   ├ message ┼ message ────┼ message ┼ begun, not whole ┤
 * ```
 *
 * Must not know: what a message means, where it comes from.
 */

/** Messages in one batch at most; what is beyond comes with the next look. */
export const BATCH_MESSAGES_MAX = 16_384;

/** What is to become of a message. */
export const VERDICT = { good: 0, malformed: 1, oversized: 2, rate: 3 } as const;

/** One batch. */
export class MessageBatch {
  /** Offset behind each message, its line feed included; the first begins at 0. */
  readonly ends = new Uint32Array(BATCH_MESSAGES_MAX);
  /** Of {@link VERDICT}, for each message. */
  readonly verdicts = new Uint8Array(BATCH_MESSAGES_MAX);
  /** Messages. */
  count = 0;
  /** Those of them that are not good. */
  badCount = 0;
  /** The message that has begun after the last whole one is too large, whatever comes. */
  tailOversized = false;
  /** So many bytes does that message have in all; 0: not known yet. */
  tailBytes = 0;
  /** What is wrong with the first bad message; without a byte of it. */
  detail: string | null = null;

  /** Makes it empty. */
  clear(): void {
    if (this.badCount > 0) this.verdicts.fill(VERDICT.good, 0, this.count);
    this.count = 0;
    this.badCount = 0;
    this.tailOversized = false;
    this.tailBytes = 0;
    this.detail = null;
  }

  /** Fills it with one message of this length. */
  setOne(bytes: number): void {
    this.clear();
    this.ends[0] = bytes;
    this.count = 1;
  }

  /** Where a message begins. */
  start(index: number): number {
    return index === 0 ? 0 : this.ends[index - 1]!;
  }

  /** Bytes of the first so many messages. */
  bytesOf(count: number): number {
    return this.start(count);
  }

  /**
   * How many of the first `count` messages can be taken so that the good ones among them are
   * within both limits.
   */
  prefixWithin(count: number, messagesMax: number, bytesMax: number): number {
    if (this.badCount > 0) return this.#goodWithin(count, messagesMax, bytesMax);
    if (count <= messagesMax && this.bytesOf(count) <= bytesMax) return count;
    // The last end that is not above the limit; ends only grow.
    let low = 0;
    let high = Math.max(0, Math.min(count, messagesMax));
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.ends[middle - 1]! <= bytesMax) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** How many of the first `count` messages are good. */
  goodCount(count: number): number {
    if (this.badCount === 0) return count;
    let good = 0;
    for (let index = 0; index < count; index++) {
      if (this.verdicts[index] === VERDICT.good) good++;
    }
    return good;
  }

  /** The first message of the first `count` that is not good; -1: all are. */
  firstBad(count: number): number {
    if (this.badCount === 0) return -1;
    for (let index = 0; index < count; index++) {
      if (this.verdicts[index] !== VERDICT.good) return index;
    }
    return -1;
  }

  /** Condemns a message that was good until now. */
  condemn(index: number, verdict: 1 | 2 | 3, detail: string | null): void {
    if (this.verdicts[index] !== VERDICT.good) return;
    this.verdicts[index] = verdict;
    this.badCount++;
    this.detail ??= detail;
  }

  #goodWithin(count: number, messagesMax: number, bytesMax: number): number {
    let messages = 0;
    let bytes = 0;
    for (let index = 0; index < count; index++) {
      if (this.verdicts[index] !== VERDICT.good) continue;
      bytes += this.ends[index]! - this.start(index);
      if (++messages > messagesMax || bytes > bytesMax) return index;
    }
    return count;
  }
}
