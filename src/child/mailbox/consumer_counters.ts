/**
 * What a consumer counts in its own page, for whoever watches. Owns that the counts go on over all
 * instances; whoever shows them forgives a sample at a kill. Must not know: who reads them, samples.
 */
import * as layout from "../../channel/mailbox/layout.ts";
import type { LentSlot } from "./consumer_types.ts";
import type { MappedWords } from "./shared_words.ts";

/*
 * Constants of another module are read from memory and checked at each use: V8 does not know that
 * they stay. Those of this module it puts into its instructions.
 */
const {
  BYTES,
  EXPIRED,
  LAST_ORIGIN_NS,
  LAST_RECEIVE_NS,
  LATE,
  MISSED,
  OVERTAKEN,
  PATH_LATE,
  PATHS_MAX,
  RECEIVED,
  WORST_AGE_NS,
} = layout;

const WORD_RANGE = 2 ** 32;

/** The counters of one consumer's page; nobody else writes them while it lives. */
export class ConsumerCounters {
  readonly #own: MappedWords;
  #received: number = 0;
  #missed: number = 0;
  /** In units of 2^32: sums of fractions are one instruction, at whole numbers V8 looks for overflows. */
  #bytes: number = 0;
  #overtaken: number = 0;
  #expired: number = 0;
  #worstAgeNs: number = 0;
  #late: number = 0;
  readonly #latencyNs: number = 0;
  /** Whether a sample can be late for anything. */
  readonly #judges: boolean = false;
  #lastOriginNs: number = 0;
  readonly #pathLimitsNs: readonly number[];
  readonly #pathLate: number[];
  /** How many of those that are missed before the next sample are in `missed` already. */
  #toldEarly = 0;

  /**
   * Goes on with the counts of the instance before.
   *
   * @param latencyNs Infinity: none is late.
   * @param pathLimitsNs of the paths that end here, {@link PATHS_MAX} at most.
   */
  constructor(own: MappedWords, latencyNs: number, pathLimitsNs: readonly number[]) {
    const at = (word: number) => Math.max(0, own.readDouble(word)) || 0;
    this.#own = own;
    this.#received = at(RECEIVED);
    this.#missed = at(MISSED);
    this.#bytes = at(BYTES) / WORD_RANGE;
    this.#overtaken = at(OVERTAKEN);
    this.#expired = at(EXPIRED);
    this.#worstAgeNs = at(WORST_AGE_NS);
    this.#late = at(LATE);
    this.#latencyNs = latencyNs;
    this.#judges = latencyNs !== Infinity || pathLimitsNs.length > 0;
    this.#lastOriginNs = at(LAST_ORIGIN_NS);
    this.#pathLimitsNs = pathLimitsNs.slice(0, PATHS_MAX);
    this.#pathLate = this.#pathLimitsNs.map((_, path) => at(PATH_LATE + 2 * path));
  }

  /** A sample was found that is delivered. @param missed how many were missed before it */
  found(missed: number): void {
    // What was told early is told again with it: where none is missed, none was.
    if (missed > 0) this.#miss(missed, 0);
  }

  /** One was found that is not: what was missed before it is told with the next one as well. */
  expired(missed: number): void {
    this.#miss(missed, missed);
    this.#own.writeDouble(EXPIRED, ++this.#expired);
  }

  /** One was lent. */
  lent(nowNs: number, ageNs: number, originNs: number): void {
    if (ageNs > this.#worstAgeNs) this.#worse(ageNs);
    this.#own.writeDouble(LAST_RECEIVE_NS, nowNs);
    // Behind the receipt, and before the release: figures.ts says what the monitor makes of that.
    if (this.#judges) this.#judge(nowNs, ageNs, originNs);
  }

  /** Those from `begin` up to `end` were lent, of which none was missed. */
  lentAll(nowNs: number, samples: readonly LentSlot[], begin: number, end: number): void {
    let oldestNs = nowNs;
    this.#own.writeDouble(LAST_RECEIVE_NS, nowNs);
    for (let at = begin; at < end; at++) {
      const { stampNs, originNs } = samples[at]!;
      if (stampNs < oldestNs) oldestNs = stampNs;
      if (this.#judges) this.#judge(nowNs, nowNs - stampNs, originNs);
    }
    if (nowNs - oldestNs > this.#worstAgeNs) this.#worse(nowNs - oldestNs);
  }

  /** One was given back. */
  released(intact: boolean, length: number): void {
    if (intact) {
      this.#own.writeDouble(RECEIVED, ++this.#received);
      this.#own.writeDouble(BYTES, (this.#bytes += length / WORD_RANGE) * WORD_RANGE);
    } else this.#own.writeDouble(OVERTAKEN, ++this.#overtaken);
  }

  /** So many were given back at once. */
  releasedAll(intact: number, bytes: number, overtaken: number): void {
    this.#own.writeDouble(RECEIVED, this.#received += intact);
    this.#own.writeDouble(BYTES, (this.#bytes += bytes / WORD_RANGE) * WORD_RANGE);
    this.#own.writeDouble(OVERTAKEN, this.#overtaken += overtaken);
  }

  #worse(ageNs: number): void {
    this.#worstAgeNs = ageNs;
    this.#own.writeDouble(WORST_AGE_NS, ageNs);
  }

  /** Whether it came too late, for its channel and for the paths that end here. */
  #judge(nowNs: number, ageNs: number, originNs: number): void {
    if (ageNs > this.#latencyNs) this.#own.writeDouble(LATE, ++this.#late);
    if (this.#pathLimitsNs.length > 0) this.#arrived(nowNs, originNs);
  }

  /** One came to the end of paths. */
  #arrived(nowNs: number, originNs: number): void {
    for (let path = 0; path < this.#pathLimitsNs.length; path++) {
      if (nowNs - originNs <= this.#pathLimitsNs[path]!) continue;
      this.#own.writeDouble(PATH_LATE + 2 * path, ++this.#pathLate[path]!);
    }
    // Behind the counts: up to here all are in them.
    if (originNs > this.#lastOriginNs) {
      this.#lastOriginNs = originNs;
      this.#own.writeDouble(LAST_ORIGIN_NS, originNs);
    }
  }

  #miss(missed: number, toldEarly: number): void {
    const more = missed - this.#toldEarly;
    this.#toldEarly = toldEarly;
    if (more > 0) this.#own.writeDouble(MISSED, this.#missed += more);
  }
}
