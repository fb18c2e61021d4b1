/**
 * When a consumer of a stream leaves the producer alone for a moment. Each look at what was published
 * takes the cache line away from who writes it: a consumer that is as fast as its producer would follow
 * it from sample to sample, both at a third of their pace, for good, because nobody ever has to wait.
 * Must not know: how it rests, what a sample is.
 */

/** So many since it waited last, or looks that found few: there will be more, and many at once cost less. */
const STREAM_SAMPLES = 8;
/** A look that finds fewer follows close on the producer's heels. */
const FEW_SAMPLES = 4;

/** One consumer's. */
export class StreamPace {
  /** The next sample when nothing was there last. */
  #dryAt = 0;
  /** So many looks one after the other found something, and few each. */
  #close = 0;

  /**
   * Another look is due: all that the last one found is taken.
   *
   * @param gained how many samples the last look found.
   * @returns whether to rest before it.
   */
  followsClosely(gained: number): boolean {
    if (gained >= FEW_SAMPLES) {
      this.#close = 0;
      return false;
    }
    if (++this.#close < STREAM_SAMPLES) return false;
    this.#close = 0;
    return true;
  }

  /**
   * A look found nothing.
   *
   * @param next number of the sample that is waited for.
   * @returns whether to rest before the next look: many came since the last time.
   */
  ranDry(next: number): boolean {
    const streams = next - this.#dryAt >= STREAM_SAMPLES;
    this.#dryAt = next;
    this.#close = 0;
    return streams;
  }
}
