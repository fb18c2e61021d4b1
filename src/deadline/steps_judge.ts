/**
 * Judges a program's steps: they come in the declared order, again and again, and from each to the
 * next it takes at most so long. Every checkpoint is one outcome, and so is one that does not come
 * in time. Pure. Must not know: what the steps do.
 */
import type { ContractIndex, StepsContract } from "../plan/contract.ts";
import { Histogram } from "./histogram.ts";
import { type Finding, Judge, stampBetween } from "./judge.ts";
import type { StepSource } from "./pulse_source.ts";
import type { Court, MissReason } from "./verdict.ts";

/** Where no step has a limit, so often it is looked whether the order was kept. */
const ORDER_LOOK_NS = 100_000_000;

/** One line of steps of one process. */
export class StepsJudge extends Judge {
  /** From each step to the next. */
  readonly stepTimes = new Histogram();
  readonly #source: StepSource;
  /** From this step to the next; Infinity: no limit. */
  readonly #withinNs: Float64Array;
  readonly #warnAt: number;
  /** Whatever begins after a look cannot be too late before so much has passed. */
  readonly #lookNs: number;
  #seen = 0;
  /** The last step; -1: none yet, the first is due and may take its time. */
  #last = -1;
  #lastNs = 0;
  /** The next one was told as missed. */
  #missing = false;
  #isWarned = false;

  constructor(contract: ContractIndex, plan: StepsContract, source: StepSource, court: Court) {
    super(contract, plan, court);
    this.#source = source;
    this.#withinNs = Float64Array.from(
      plan.order,
      ({ withinNs }) => withinNs > 0 ? withinNs : Infinity,
    );
    this.#warnAt = plan.warnAt;
    const leastNs = this.#withinNs.reduce((least, ns) => Math.min(least, ns), Infinity);
    const lookNs = leastNs * (plan.warnAt > 0 ? plan.warnAt : 1);
    this.#lookNs = lookNs === Infinity ? ORDER_LOOK_NS : lookNs;
  }

  arm(nowNs: number): number {
    this.window.restart();
    this.#seen = 0;
    this.#last = -1;
    this.#lastNs = 0;
    this.#missing = false;
    this.#isWarned = false;
    return nowNs;
  }

  excuse(nowNs: number): void {
    this.#seen = this.#source.begun();
    if (this.#seen > 0 && this.#source.read(this.#seen) && this.#isStep(this.#source.step)) {
      this.#last = this.#source.step;
    }
    this.#lastNs = nowNs;
    this.#missing = false;
    this.#isWarned = false;
  }

  examine(nowNs: number): number {
    if (!this.#look(nowNs) || !this.#judgeWaiting(nowNs)) this.excuse(nowNs);
    return this.#nextNs(nowNs);
  }

  #look(nowNs: number): boolean {
    let fresh = (this.#source.begun() - this.#seen) >>> 0;
    if (fresh > this.#source.keeps) {
      this.#seen = (this.#seen + fresh - this.#source.keeps) >>> 0;
      fresh = this.#source.keeps;
      this.#last = -1;
      this.#missing = false;
    }
    for (; fresh > 0; fresh--) {
      const isThere = this.#source.read((this.#seen + 1) >>> 0);
      // It was passed while looks are made: a later one is for it.
      if (isThere && this.#source.atNs > nowNs) break;
      this.#seen = (this.#seen + 1) >>> 0;
      if (!isThere) {
        this.#last = -1;
        continue;
      }
      const atNs = stampBetween(this.#source.atNs, this.#lastNs, nowNs);
      if (!this.#pass(this.#source.step, atNs, nowNs)) return false;
    }
    return true;
  }

  /** A checkpoint. @returns false: what is missed is excused */
  #pass(step: number, atNs: number, nowNs: number): boolean {
    const due = this.#due();
    const tookNs = atNs - this.#lastNs;
    const limitNs = this.#limitNs();
    // After passes that were lost any step may be next.
    const isExpected = step === due || (this.#last === -1 && this.#seen > 1 && this.#isStep(step));
    const isLate = tookNs > limitNs;
    if (!this.#missing) {
      if ((!isExpected || isLate) && this.isExcused(nowNs)) return false;
      if (!isExpected) {
        this.miss(this.#finding("out-of-order", due, atNs, atNs), nowNs);
      } else if (isLate) {
        this.miss(this.#finding("late-step", due, this.#lastNs + limitNs, atNs), nowNs);
      } else {
        this.keep(1, nowNs);
      }
    }
    if (this.#last !== -1) this.stepTimes.record(tookNs);
    // A step that is none leaves open which is next: the one that was due still is.
    if (this.#isStep(step)) this.#last = step;
    this.#lastNs = atNs;
    this.#missing = false;
    this.#isWarned = false;
    return true;
  }

  #judgeWaiting(nowNs: number): boolean {
    const limitNs = this.#limitNs();
    const waitedNs = nowNs - this.#lastNs;
    if (this.#missing) return true;
    if (waitedNs > limitNs) {
      if (this.isExcused(nowNs)) return false;
      this.#missing = true;
      this.miss(this.#finding("late-step", this.#due(), this.#lastNs + limitNs, null), nowNs);
    } else if (this.#warnAt > 0 && !this.#isWarned && waitedNs > limitNs * this.#warnAt) {
      this.#isWarned = true;
      const dueNs = this.#lastNs + limitNs * this.#warnAt;
      this.warn(this.#finding("late-step", this.#due(), dueNs, null), nowNs);
    }
    return true;
  }

  #isStep(step: number): boolean {
    return Number.isInteger(step) && step >= 0 && step < this.#withinNs.length;
  }

  #due(): number {
    return (this.#last + 1) % this.#withinNs.length;
  }

  #limitNs(): number {
    return this.#last === -1 ? Infinity : this.#withinNs[this.#last]!;
  }

  #finding(reason: MissReason, item: number, dueNs: number, atNs: number | null): Finding {
    return { reason, item, dueNs, atNs, lastNs: this.#lastNs };
  }

  #nextNs(nowNs: number): number {
    const limitNs = this.#limitNs();
    const waitsNs = this.#warnAt > 0 && !this.#isWarned ? limitNs * this.#warnAt : limitNs;
    // Steps that come and go between two looks are all in the ring.
    if (this.#missing || waitsNs === Infinity) return nowNs + this.#lookNs;
    return this.#lastNs + waitsNs + 1;
  }
}
