/**
 * Judges one span of an instance's life: from a moment to another that has to come in time. One
 * outcome for each span. Pure. Must not know: which moments.
 */
import type { ContractIndex, SpanContract } from "../plan/contract.ts";
import { Histogram } from "./histogram.ts";
import { type Finding, Judge } from "./judge.ts";
import type { Court } from "./verdict.ts";

/** Start to readiness, start to exit, or stop to exit. */
export class SpanJudge extends Judge {
  /** Of spans that have ended. */
  readonly times = new Histogram();
  readonly #missNs: number;
  readonly #warnNs: number;
  #beganNs = 0;
  /** When it began, or was excused last. */
  #fromNs = 0;
  #missAtNs = Infinity;
  #warnAtNs = Infinity;
  #isRunning = false;
  #missing = false;
  #isWarned = false;

  constructor(contract: ContractIndex, plan: SpanContract, court: Court) {
    super(contract, plan, court);
    this.#missNs = plan.missNs > 0 ? plan.missNs : Infinity;
    this.#warnNs = plan.warnNs > 0 ? plan.warnNs : Infinity;
  }

  /** The span begins. Outcomes of earlier ones stay. */
  arm(nowNs: number): number {
    this.#beganNs = nowNs;
    this.#fromNs = nowNs;
    this.#missAtNs = nowNs + this.#missNs;
    this.#warnAtNs = nowNs + this.#warnNs;
    this.#isRunning = true;
    this.#missing = false;
    this.#isWarned = false;
    return this.#nextNs();
  }

  /** It has ended, at `nowNs`. */
  complete(nowNs: number): void {
    if (!this.#isRunning) return;
    this.#judge(nowNs, nowNs);
    this.#isRunning = false;
    this.times.record(nowNs - this.#beganNs);
    if (!this.#missing) this.keep(1, nowNs);
  }

  /**
   * The process asked for more time: it is due at this time at the earliest, and warned of as long
   * before as it would have been.
   */
  extend(untilNs: number): number {
    if (this.#missAtNs === Infinity) this.#warnAtNs = Math.max(this.#warnAtNs, untilNs);
    else {
      const byNs = Math.max(0, untilNs - this.#missAtNs);
      this.#missAtNs += byNs;
      this.#warnAtNs += byNs;
    }
    return this.#nextNs();
  }

  /** It ends without an outcome. */
  override disarm(): void {
    this.#isRunning = false;
  }

  /** How long it was away is not known: it has all of its time again. */
  excuse(nowNs: number): void {
    const awayNs = Math.max(0, nowNs - this.#fromNs);
    this.#missAtNs += awayNs;
    this.#warnAtNs += awayNs;
    this.#fromNs = nowNs;
    this.#isWarned = false;
  }

  examine(nowNs: number): number {
    this.#judge(nowNs, null);
    return this.#nextNs();
  }

  #judge(nowNs: number, atNs: number | null): void {
    if (!this.#isRunning || this.#missing) return;
    if (nowNs > this.#missAtNs) {
      if (this.isExcused(nowNs)) return this.excuse(nowNs);
      this.#missing = true;
      this.miss(this.#finding(this.#missAtNs, atNs), nowNs);
    } else if (!this.#isWarned && nowNs > this.#warnAtNs) {
      this.#isWarned = true;
      this.warn(this.#finding(this.#warnAtNs, atNs), nowNs);
    }
  }

  #finding(dueNs: number, atNs: number | null): Finding {
    return { reason: "too-long", item: 0, dueNs, atNs, lastNs: this.#beganNs };
  }

  #nextNs(): number {
    if (!this.#isRunning || this.#missing) return Infinity;
    return Math.min(this.#missAtNs, this.#isWarned ? Infinity : this.#warnAtNs) + 1;
  }
}
