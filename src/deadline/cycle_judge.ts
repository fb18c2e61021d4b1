/**
 * Judges the passes of a cycle against due times that do not drift: the n-th is due at the first
 * one's due time + n × period. One outcome for each due time: kept, or missed for the first of
 *
 * ```
 *   due ├──late──┤                    no pass began in time: late-start; those that follow while
 *       |  start ├──────budget──────┤ nothing begins: skipped
 *       |        |                    the pass takes too long, seen while it runs: overrun
 *       |        |         end
 *       ├──────────── period ────────────┤ next due
 * ```
 *
 * A pass belongs to the last due time before its start. Pure. Must not know: who paces the program.
 */
import type { ContractIndex, CycleContract } from "../plan/contract.ts";
import { CycleState } from "./cycle_state.ts";
import { type Finding, stampBetween } from "./judge.ts";
import { EARLY_PART } from "./kept_passes.ts";
import type { CycleSource } from "./pulse_source.ts";
import type { Court, MissReason } from "./verdict.ts";

/** One cycle of one process. */
export class CycleJudge extends CycleState {
  readonly #source: CycleSource;

  /** The program had left its loop at the last look. */
  #isBetweenRuns = true;
  /** Passes were overwritten before they were seen: what was due meanwhile is nobody's fault. */
  #hasLost = false;

  /** The newest pass, while it is not known to have ended. */
  #isOpen = false;
  #isPaced = false;
  /** The due time that it decides; -1: none, or that one is decided. */
  #slot = -1;
  #isWarned = false;
  /** Its overrun is told, or does not matter any more. */
  #isDone = false;

  /** A due time was told as missed, and nothing has begun since. */
  #isStalled = false;
  /** The last due time that was missed because nothing had begun. */
  #lateSlot = -1;
  /** Due times after it that were missed and not told of yet: the first of them, and how many. */
  #skippedFrom = 0;
  #skipped = 0;

  constructor(contract: ContractIndex, plan: CycleContract, source: CycleSource, court: Court) {
    super(contract, plan, source, court);
    this.#source = source;
  }

  arm(nowNs: number): number {
    this.settle();
    this.isPlain = false;
    this.window.restart();
    // The memory is the instance's own: passes are counted from its beginning.
    this.seen = 0;
    this.anchorNs = NaN;
    this.#isBetweenRuns = true;
    this.#hasLost = false;
    this.#isOpen = false;
    this.startNs = 0;
    this.#isStalled = false;
    this.#skipped = 0;
    return nowNs;
  }

  excuse(nowNs: number): void {
    this.settle();
    this.isPlain = false;
    this.#tellSkipped(nowNs, null, false);
    let begun = this.#source.begun();
    if (begun !== this.seen && this.#source.read(begun)) {
      const { startNs } = this.#source;
      if (startNs > nowNs) begun = (begun - 1) >>> 0;
      else if (Number.isNaN(this.anchorNs)) this.#startRun(stampBetween(startNs, 0, nowNs));
    }
    this.seen = begun;
    this.#isOpen = false;
    // A pass that was held up makes the next one late as well: it has a whole period again.
    this.#forget(nowNs + this.periodNs);
  }

  override disarm(nowNs: number): void {
    this.#tellSkipped(nowNs, null, false);
    this.isPlain = false;
    this.anchorNs = NaN;
    this.#isOpen = false;
  }

  examine(nowNs: number): number {
    const nextNs = this.takeKept(nowNs);
    if (nextNs > 0) return nextNs;
    this.settle();
    if (!this.#look(nowNs) || !this.#judgeOpen(nowNs) || !this.#judgeDue(nowNs)) {
      this.excuse(nowNs);
    }
    this.isPlain = !this.#isOpen && !this.#isBetweenRuns && !this.#hasLost && !this.#isStalled &&
      this.#skipped === 0 && !this.hasMissed;
    return this.#nextNs(nowNs);
  }

  /** Takes in all passes that began since the last look. @returns false: it is excused */
  #look(nowNs: number): boolean {
    const source = this.#source;
    // Before the records are read: the end of a pass that has ended by now is in its record.
    const ended = source.ended();
    let fresh = (source.begun() - this.seen) >>> 0;
    if (fresh > source.keeps) {
      this.#lose(fresh - source.keeps);
      fresh = source.keeps;
    }
    for (; fresh > 0; fresh--) {
      const pass = (this.seen + 1) >>> 0;
      if (!source.read(pass)) {
        // It was overwritten while it was read.
        this.#lose(1);
        continue;
      }
      // It began while looks are made: a later one is for it.
      if (source.startNs > nowNs) break;
      const startNs = stampBetween(source.startNs, this.startNs, nowNs);
      if (this.#isOpen) {
        if (!this.#closeSeen(startNs, nowNs)) return false;
        source.read(pass);
      }
      this.seen = pass;
      if (!this.#begin(startNs, nowNs)) return false;
      if (!isUpTo(pass, ended) || source.endNs > nowNs) continue;
      if (!this.#close(stampBetween(source.endNs, startNs, nowNs), nowNs)) return false;
    }
    if (this.#hasLost) this.#forget(nowNs);
    if (!this.#isOpen || !isUpTo(this.seen, ended)) return true;
    const isLater = source.read(this.seen) && source.endNs > nowNs;
    return isLater || this.#closeSeen(nowNs, nowNs);
  }

  /** Passes are gone before they were seen. */
  #lose(count: number): void {
    this.seen = (this.seen + count) >>> 0;
    this.#isOpen = false;
    this.#hasLost = true;
  }

  /** What is due until then is not judged. */
  #forget(untilNs: number): void {
    this.#hasLost = false;
    this.#isStalled = false;
    this.#lateSlot = -1;
    if (Number.isNaN(this.anchorNs)) return;
    const next = Math.floor((untilNs - this.anchorNs) / this.periodNs) + 1;
    this.expected = Math.max(this.expected, next);
  }

  /** The last pass that was seen has ended, at this time at the latest. */
  #closeSeen(latestNs: number, nowNs: number): boolean {
    const isThere = this.#source.read(this.seen);
    const endNs = isThere ? stampBetween(this.#source.endNs, this.startNs, latestNs) : latestNs;
    return this.#close(endNs, nowNs);
  }

  /** The pass that was just read is the first that is known of its run. */
  #startRun(startNs: number): void {
    const { dueNs, run } = this.#source;
    const isDueSane = dueNs > 0 && dueNs <= startNs && startNs - dueNs < this.periodNs;
    this.anchorNs = isDueSane ? dueNs : startNs;
    this.run = run;
    this.expected = 0;
    this.#lateSlot = -1;
    this.#hasLost = false;
  }

  /** Pass number `#seen` began. @returns false: what is missed is excused */
  #begin(startNs: number, nowNs: number): boolean {
    this.#isPaced = this.#source.dueNs > 0;
    if (this.#source.run !== this.run || Number.isNaN(this.anchorNs)) {
      this.#tellSkipped(nowNs, null, false);
      this.#startRun(startNs);
    }
    const early = this.#isPaced ? 0 : EARLY_PART;
    this.early = early;
    const slot = Math.floor((startNs - this.anchorNs) / this.periodNs + early);
    const isFirst = slot >= this.expected;
    const lateNs = startNs - this.#dueNs(slot);
    const skipped = isFirst && !this.#hasLost ? slot - this.expected : 0;
    const isLate = isFirst && lateNs > this.lateNs;
    if ((skipped > 0 || isLate) && this.isExcused(nowNs)) return false;
    if (skipped > 0) this.#skip(this.expected, skipped, nowNs);
    this.#tellSkipped(nowNs, startNs, false);
    // A second pass for one due time decides nothing, one that comes too late neither.
    this.#isDone = isLate || slot === this.#lateSlot;
    this.#slot = isFirst && !isLate ? slot : -1;
    this.expected = Math.max(this.expected, slot + 1);
    if (isFirst || this.#isDone) this.recordStart(lateNs);
    if (isLate) this.miss(this.#finding("late-start", slot, this.lateNs, startNs), nowNs);
    this.#isOpen = true;
    this.startNs = startNs;
    this.#isWarned = false;
    this.#isStalled = false;
    this.#hasLost = false;
    return true;
  }

  /** The newest pass has ended. @returns false: what is missed is excused */
  #close(endNs: number, nowNs: number): boolean {
    const tookNs = endNs - this.startNs;
    if (!this.#judgePass(tookNs, endNs, nowNs)) return false;
    this.recordPass(tookNs);
    if (this.#slot !== -1) this.keep(1, nowNs);
    this.#slot = -1;
    this.#isOpen = false;
    return true;
  }

  /** The newest pass is running: for too long? */
  #judgeOpen(nowNs: number): boolean {
    return !this.#isOpen || this.#judgePass(nowNs - this.startNs, null, nowNs);
  }

  #judgePass(tookNs: number, endNs: number | null, nowNs: number): boolean {
    if (this.#isDone) return true;
    const slot = Math.max(this.#slot, this.expected - 1);
    if (tookNs > this.budgetNs) {
      if (this.isExcused(nowNs)) return false;
      this.#isDone = true;
      this.#slot = -1;
      this.miss(this.#overrun(slot, this.budgetNs, endNs), nowNs);
    } else if (tookNs > this.warnNs && !this.#isWarned) {
      this.#isWarned = true;
      this.warn(this.#overrun(slot, this.warnNs, endNs), nowNs);
    }
    return true;
  }

  /** Due times for which nothing has begun. */
  #judgeDue(nowNs: number): boolean {
    this.#isBetweenRuns = this.#source.isBetweenRuns(this.seen);
    if (this.#isBetweenRuns) {
      this.#tellSkipped(nowNs, null, false);
      this.#isStalled = false;
      if (!this.#isOpen) this.anchorNs = NaN;
      return true;
    }
    // Of due times below this number the limit has passed.
    const passed = Math.ceil((nowNs - this.anchorNs - this.lateNs) / this.periodNs);
    const late = passed - this.expected;
    if (!(late > 0)) return true;
    if (this.isExcused(nowNs)) return false;
    const first = this.expected;
    const told = this.#isStalled ? 0 : 1;
    this.expected = passed;
    this.#lateSlot = passed - 1;
    this.#isStalled = true;
    if (told > 0) this.miss(this.#finding("late-start", first, this.lateNs, null), nowNs);
    if (late > told) this.#skip(first + told, late - told, nowNs);
    return true;
  }

  /** Counts due times that nothing began for. They are told of together, at once if it breaks. */
  #skip(from: number, count: number, nowNs: number): void {
    if (this.#skipped === 0) this.#skippedFrom = from;
    this.#skipped += count;
    if (this.count(count)) this.#tellSkipped(nowNs, null, true);
  }

  #tellSkipped(nowNs: number, atNs: number | null, broke: boolean): void {
    const count = this.#skipped;
    if (count === 0) return;
    this.#skipped = 0;
    const finding = this.#finding("skipped", this.#skippedFrom, this.lateNs, atNs);
    this.tell({ ...finding, count }, nowNs, broke);
  }

  #dueNs(slot: number): number {
    return this.anchorNs + slot * this.periodNs;
  }

  #finding(reason: MissReason, slot: number, limitNs: number, atNs: number | null): Finding {
    const dueNs = this.#dueNs(slot) + limitNs;
    return { reason, item: slot + 1, dueNs, atNs, lastNs: this.startNs };
  }

  #overrun(slot: number, limitNs: number, atNs: number | null): Finding {
    const startNs = this.startNs;
    return { reason: "overrun", item: slot + 1, dueNs: startNs + limitNs, atNs, lastNs: startNs };
  }

  /** Nothing can be missed before the time that this gives. */
  #nextNs(nowNs: number): number {
    const firstLimitNs = this.#isWarned ? this.budgetNs : Math.min(this.warnNs, this.budgetNs);
    const openNs = this.#isOpen && !this.#isDone ? this.startNs + firstLimitNs + 1 : Infinity;
    if (this.#isBetweenRuns || Number.isNaN(this.anchorNs)) {
      // A run can begin at any time: it looks now and then.
      return Math.min(openNs, nowNs + this.restNs);
    }
    const dueNs = this.#dueNs(this.expected);
    const lateNs = dueNs + this.lateNs + 1;
    // A pass that begins after this look, but not before it may, can take too long before it is late.
    const earlyNs = this.#isPaced ? dueNs : dueNs - EARLY_PART * this.periodNs;
    const passLimitNs = Math.min(this.warnNs, this.budgetNs);
    const beginsNs = Math.max(nowNs, earlyNs);
    return Math.min(openNs, lateNs, beginsNs + passLimitNs + 1);
  }
}

/** Whether `number` is at most `count`, both mod 2^32. */
function isUpTo(number: number, count: number): boolean {
  return ((count - number) | 0) >= 0;
}
