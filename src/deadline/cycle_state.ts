/**
 * What a judge of a cycle keeps in a row of numbers: limits, times of the newest pass, and the times
 * that are not in their histograms yet. Owns that row. Pure. Must not know: how passes are judged.
 *
 * ```
 *   row: limits, newest pass | its line | times of the last passes
 *                                        └─ sixteen at a time ──► histograms, counts
 * ```
 *
 * A histogram is pages that no cache holds for a thousand contracts: it is gone to for every
 * sixteenth pass, and whenever somebody reads it.
 */
import type { ContractIndex, CycleContract } from "../plan/contract.ts";
import { Histogram } from "./histogram.ts";
import { Judge, type Tally } from "./judge.ts";
import {
  BEGUN,
  ENDED,
  FIRST,
  RECORD_DUE,
  RECORD_END,
  RECORD_FIRST,
  RECORD_START,
} from "./pulse_layout.ts";
import { type CycleSource, RECORD_DOUBLES } from "./pulse_source.ts";
import { takeRow } from "./rows.ts";
import type { Court } from "./verdict.ts";

/** Before a run it is looked as often as the first pass could take too long, up to this part of a period. */
const REST_PART = 1 / 16;

/** A program that keeps no pace may begin this part of a period before its due time. */
export const EARLY_PART = 0.25;

/** Passes whose times are gathered before the histograms have them. */
const GATHERED_MAX = 16;

/** What a look at a pass that is kept takes comes first: two lines of the cache. */
const ANCHOR_NS = 0;
const PERIOD_NS = 1;
const LATE_NS = 2;
/** The lesser of budget and warning. */
const LIMIT_NS = 3;
const EARLY = 4;
const RUN = 5;
const START_NS = 6;
const SEEN = 7;
const EXPECTED = 8;
const WORD = 9;
const RING = 10;
const MASK = 11;
const IS_PLAIN = 12;
const GATHERED = 13;
const BUDGET_NS = 14;
const WARN_NS = 15;
const REST_NS = 16;
/** Of each pass that is gathered: start after due time, start to end. */
const TIMES = 17;
const WIDTH = TIMES + 2 * GATHERED_MAX;

const { load } = Atomics;

/** The numbers of one cycle of one process. */
export abstract class CycleState extends Judge {
  readonly #row: Float64Array;
  readonly #at: number;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #startLateness = new Histogram();
  readonly #passTimes = new Histogram();

  constructor(contract: ContractIndex, plan: CycleContract, source: CycleSource, court: Court) {
    super(contract, plan, court);
    const { numbers: row, at } = takeRow(WIDTH);
    this.#row = row;
    this.#at = at;
    this.#words = source.words;
    this.#doubles = source.doubles;
    const budgetNs = plan.budgetNs > 0 ? plan.budgetNs : Infinity;
    const warnNs = plan.warnNs > 0 ? plan.warnNs : Infinity;
    const firstNs = Math.min(plan.periodNs, budgetNs, warnNs);
    row[at + PERIOD_NS] = plan.periodNs;
    row[at + BUDGET_NS] = budgetNs;
    // What has not begun when the next one is due is missed in any case.
    row[at + LATE_NS] = Math.min(plan.latenessNs, plan.periodNs);
    row[at + WARN_NS] = warnNs;
    row[at + LIMIT_NS] = Math.min(budgetNs, warnNs);
    row[at + REST_NS] = Math.max(firstNs, plan.periodNs * REST_PART);
    row[at + WORD] = source.word;
    row[at + RING] = source.ringDouble;
    row[at + MASK] = source.mask;
    row[at + ANCHOR_NS] = NaN;
  }

  /**
   * The common look: one pass has begun and ended since the last, for the due time that comes next,
   * well within its limits, and nothing before it is undecided. It is all that happens where
   * contracts are kept, and touches this row and the program's memory alone. What is as much as on a
   * limit is left to the whole look.
   *
   * @returns when to look next; 0: nothing was taken, there is more to it
   */
  protected takeKept(nowNs: number): number {
    const row = this.#row;
    const at = this.#at;
    if (row[at + IS_PLAIN] !== 1) return 0;
    const words = this.#words;
    const word = row[at + WORD]! | 0;
    const pass = (row[at + SEEN]! + 1) >>> 0;
    if (pass === 0) return 0;
    // In this order, as in the whole look: what has ended by now is in its record.
    if (load(words, word + ENDED) >>> 0 !== pass) return 0;
    if (load(words, word + BEGUN) >>> 0 !== pass) return 0;
    if (words[word + FIRST] === ((pass + 1) | 0)) return 0;
    const doubles = this.#doubles;
    const record = (row[at + RING]! | 0) + (pass & (row[at + MASK]! | 0)) * RECORD_DOUBLES;
    const startNs = doubles[record + RECORD_START]!;
    const tookNs = doubles[record + RECORD_END]! - startNs;
    const early = doubles[record + RECORD_DUE]! > 0 ? 0 : EARLY_PART;
    const run = doubles[record + RECORD_FIRST]!;
    // Nothing is written over it as long as no other has begun.
    if (load(words, word + BEGUN) >>> 0 !== pass) return 0;
    if (run !== row[at + RUN] || early !== row[at + EARLY]) return 0;
    const limitNs = row[at + LIMIT_NS]!;
    if (!(startNs > row[at + START_NS]! && startNs + tookNs < nowNs)) return 0;
    if (!(tookNs >= 0 && tookNs < limitNs)) return 0;
    const anchorNs = row[at + ANCHOR_NS]!;
    const periodNs = row[at + PERIOD_NS]!;
    const lateNs = row[at + LATE_NS]!;
    const slot = row[at + EXPECTED]!;
    const afterNs = startNs - (anchorNs + slot * periodNs);
    const nextNs = anchorNs + (slot + 1) * periodNs;
    const isOnTime = Math.floor((startNs - anchorNs) / periodNs + early) === slot &&
      afterNs < lateNs && nowNs < nextNs + lateNs;
    if (!isOnTime) return 0;
    row[at + SEEN] = pass;
    row[at + EXPECTED] = slot + 1;
    row[at + START_NS] = startNs;
    const gathered = row[at + GATHERED]! | 0;
    row[at + TIMES + 2 * gathered] = afterNs;
    row[at + TIMES + 2 * gathered + 1] = tookNs;
    row[at + GATHERED] = gathered + 1;
    if (gathered + 1 === GATHERED_MAX) this.settle();
    const beginsNs = Math.max(nowNs, nextNs - early * periodNs);
    return Math.min(nextNs + lateNs, beginsNs + limitNs) + 1;
  }

  /** Counts what was gathered. To be called before anything else is counted. */
  protected settle(): void {
    const gathered = this.#row[this.#at + GATHERED]! | 0;
    if (gathered === 0) return;
    const from = this.#at + TIMES;
    for (let n = 0; n < gathered; n++) {
      this.#startLateness.record(this.#row[from + 2 * n]!);
      this.#passTimes.record(this.#row[from + 2 * n + 1]!);
    }
    this.#row[this.#at + GATHERED] = 0;
    // None of it came after a miss that still counts: nothing recovers by it.
    this.keep(gathered, 0);
  }

  override get tally(): Tally {
    this.settle();
    return super.tally;
  }

  /** Start after due time. */
  get startLateness(): Histogram {
    this.settle();
    return this.#startLateness;
  }

  /** Start to end. */
  get passTimes(): Histogram {
    this.settle();
    return this.#passTimes;
  }

  protected get periodNs(): number {
    return this.#row[this.#at + PERIOD_NS]!;
  }

  /** Infinity: there is none. */
  protected get budgetNs(): number {
    return this.#row[this.#at + BUDGET_NS]!;
  }

  protected get lateNs(): number {
    return this.#row[this.#at + LATE_NS]!;
  }

  /** Infinity: there is none. */
  protected get warnNs(): number {
    return this.#row[this.#at + WARN_NS]!;
  }

  protected get restNs(): number {
    return this.#row[this.#at + REST_NS]!;
  }

  /** Due time 0 of the present run; NaN: none is known, nothing is due. */
  protected get anchorNs(): number {
    return this.#row[this.#at + ANCHOR_NS]!;
  }

  protected set anchorNs(ns: number) {
    this.#row[this.#at + ANCHOR_NS] = ns;
  }

  /** The run that the anchor is of. */
  protected get run(): number {
    return this.#row[this.#at + RUN]!;
  }

  protected set run(run: number) {
    this.#row[this.#at + RUN] = run;
  }

  /** Of the newest pass. */
  protected get startNs(): number {
    return this.#row[this.#at + START_NS]!;
  }

  protected set startNs(ns: number) {
    this.#row[this.#at + START_NS] = ns;
  }

  /** Passes that were looked at. */
  protected get seen(): number {
    return this.#row[this.#at + SEEN]!;
  }

  protected set seen(pass: number) {
    this.#row[this.#at + SEEN] = pass;
  }

  /** The first due time that is not decided yet. */
  protected get expected(): number {
    return this.#row[this.#at + EXPECTED]!;
  }

  protected set expected(slot: number) {
    this.#row[this.#at + EXPECTED] = slot;
  }

  /** Nothing is open, missed or unknown: {@link takeKept} may take the next pass. */
  protected set isPlain(is: boolean) {
    this.#row[this.#at + IS_PLAIN] = is ? 1 : 0;
  }

  /** The part of a period that the newest pass might have begun before its due time. */
  protected set early(part: number) {
    this.#row[this.#at + EARLY] = part;
  }

  protected recordStart(latenessNs: number): void {
    this.#startLateness.record(latenessNs);
  }

  protected recordPass(tookNs: number): void {
    this.#passTimes.record(tookNs);
  }
}
