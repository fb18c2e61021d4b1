/**
 * Judges how old samples are when a consumer receives them: latency, from the sample's own stamp,
 * and path, from the stamp of the sample that it was made from at first. One outcome for each sample
 * that is delivered, and one for a sample that waits for too long already. Pure.
 *
 * Who delivers counts what was late, so that no look comes too late. A sample that was told while it
 * waited, or was excused, is owed by that count: it takes one off when it comes to it.
 * Must not know: what the channel is made of.
 */
import type { ContractIndex, LatencyContract, PathContract } from "../plan/contract.ts";
import { Histogram } from "./histogram.ts";
import { type Finding, Judge } from "./judge.ts";
import type { Court } from "./verdict.ts";

/** Deliveries to one consumer, as they are counted where they happen. */
export interface DeliverySource {
  /** Takes a look. */
  read(): void;
  /** Samples that were delivered, over all instances. */
  readonly delivered: number;
  /** How many of these were older than the limit. */
  readonly late: number;
  /** When the last one was delivered. */
  readonly lastNs: number;
  /** Its stamp; 0: it is not known. */
  readonly lastStampNs: number;
  /** Stamp of the oldest sample that waits for the consumer; 0: none does, or it is not known. */
  readonly waitingNs: number;
  /** Which sample that is: a number that grows from one to the next. */
  readonly waitingAt: number;
  /** All up to this one are delivered, and counted where they were late, or passed over. */
  readonly settledAt: number;
  /** The newest that there is. */
  readonly newestAt: number;
}

/** One such contract. */
export class DeliveryJudge extends Judge {
  /** How old the last delivered was, at each look that found some: a sample of them, and not all. */
  readonly ages = new Histogram();
  readonly #source: DeliverySource;
  readonly #missNs: number;
  readonly #warnNs: number;
  #delivered = 0;
  #late = 0;
  /** Late deliveries that are told, or excused, before they are counted: up to `#toldAt`. */
  #owed = 0;
  #toldAt = 0;
  /** Late deliveries that are not among those delivered yet: in the program's hands. */
  #inHand = 0;
  #isWarned = false;
  /** What was stamped before is not judged. */
  #fromNs = 0;

  constructor(
    contract: ContractIndex,
    plan: LatencyContract | PathContract,
    source: DeliverySource,
    court: Court,
  ) {
    super(contract, plan, court);
    this.#source = source;
    this.#missNs = plan.missNs;
    this.#warnNs = plan.warnNs > 0 ? plan.warnNs : Infinity;
  }

  arm(nowNs: number): number {
    this.window.restart();
    this.excuse(nowNs);
    return this.#nextNs(nowNs);
  }

  excuse(nowNs: number): void {
    this.#source.read();
    this.#delivered = this.#source.delivered;
    this.#late = this.#source.late;
    this.#inHand = 0;
    const { newestAt, settledAt } = this.#source;
    this.#toldAt = newestAt;
    this.#owed = newestAt > settledAt ? newestAt - settledAt : 0;
    this.#isWarned = false;
    this.#fromNs = nowNs;
  }

  examine(nowNs: number): number {
    this.#source.read();
    if (!this.#hear(nowNs) || !this.#judgeWaiting(nowNs)) this.excuse(nowNs);
    return this.#nextNs(nowNs);
  }

  #hear(nowNs: number): boolean {
    const { delivered, late, lastNs, settledAt } = this.#source;
    const fresh = countFrom(this.#delivered, delivered);
    const lateFresh = countFrom(this.#late, late);
    const paid = Math.min(this.#owed, lateFresh);
    const missed = lateFresh - paid;
    if (missed > 0) {
      if (this.isExcused(nowNs)) return false;
      this.miss({ ...this.#finding(this.#dueOfLast(nowNs), lastNs), count: missed }, nowNs);
    }
    this.#owed = settledAt >= this.#toldAt ? 0 : this.#owed - paid;
    this.#delivered += fresh;
    this.#late += lateFresh;
    this.#inHand += lateFresh - fresh;
    if (this.#inHand < 0) {
      this.keep(-this.#inHand, nowNs);
      this.#inHand = 0;
    }
    if (fresh > 0) this.#recordAge();
    return true;
  }

  #recordAge(): void {
    this.#isWarned = false;
    const { lastNs, lastStampNs } = this.#source;
    if (lastStampNs > 0 && lastNs >= lastStampNs) this.ages.record(lastNs - lastStampNs);
  }

  #judgeWaiting(nowNs: number): boolean {
    const { waitingNs, waitingAt } = this.#source;
    if (!this.#isToBeJudged()) return true;
    const ageNs = nowNs - waitingNs;
    if (ageNs > this.#missNs) {
      if (this.isExcused(nowNs)) return false;
      this.#toldAt = waitingAt;
      this.#owed++;
      this.miss(this.#finding(waitingNs + this.#missNs, this.#source.lastNs, null), nowNs);
    } else if (ageNs > this.#warnNs && !this.#isWarned) {
      this.#isWarned = true;
      this.warn(this.#finding(waitingNs + this.#warnNs, this.#source.lastNs, null), nowNs);
    }
    return true;
  }

  /** When the last one should have come; where it was in time itself, when it came. */
  #dueOfLast(nowNs: number): number {
    const { lastNs, lastStampNs } = this.#source;
    const cameNs = Math.min(lastNs, nowNs);
    return lastStampNs > 0 ? Math.min(cameNs, lastStampNs + this.#missNs) : cameNs;
  }

  /** Whether one waits of which nothing was told. */
  #isToBeJudged(): boolean {
    const { waitingNs, waitingAt } = this.#source;
    return waitingNs > this.#fromNs && waitingAt > this.#toldAt;
  }

  #finding(dueNs: number, atNs: number, seenNs: number | null = atNs): Finding {
    return { reason: "late-sample", item: 0, dueNs, atNs: seenNs, lastNs: this.#source.lastNs };
  }

  /** What is stamped from now on is not late before the limit has passed from now. */
  #nextNs(nowNs: number): number {
    const limitNs = this.#isWarned ? this.#missNs : Math.min(this.#warnNs, this.#missNs);
    const { waitingNs } = this.#source;
    return (this.#isToBeJudged() ? Math.min(waitingNs, nowNs) : nowNs) + limitNs + 1;
  }
}

/** How many more there are; a count that went back, or is none, counts as no more. */
function countFrom(seen: number, now: number): number {
  return now > seen && now < Infinity ? now - seen : 0;
}
