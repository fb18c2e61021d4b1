/**
 * When a consumer of a stream leaves the producer alone for a moment. Each look at what was published
 * takes the cache line away from who writes it: a consumer that is as fast as its producer would follow
 * it from sample to sample, both at a third of their pace, for good, because nobody ever has to wait.
 * Must not know: how it rests, what a sample is.
 */

/** So many samples came since nothing was there: more are coming, and many at once cost less. */
const STREAM_SAMPLES = 8;
/** So many looks found few each, and none found nothing: the same. */
const CLOSE_LOOKS = 8;
/** A look that finds fewer follows close on the producer's heels. */
const FEW_SAMPLES = 16;

/** One consumer's. */
export class StreamPace {
  readonly #few: number;
  /** The next sample when nothing was there last. */
  #dryAt = 0;
  /** How many looks found few since one found nothing, up to {@link CLOSE_LOOKS}. */
  #close = 0;

  /** @param slots the mailbox's: of few slots a quarter is many. */
  constructor(slots: number) {
    this.#few = Math.min(FEW_SAMPLES, slots / 4);
  }

  /**
   * Another look is due: all that the last one found is taken.
   *
   * @param gained how many samples the last look found.
   * @returns whether to rest before it.
   */
  followsClosely(gained: number): boolean {
    if (gained >= this.#few) return false;
    if (this.#close === CLOSE_LOOKS) return true;
    this.#close++;
    return false;
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
