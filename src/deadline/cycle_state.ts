/**
 * What a judge of a cycle keeps: limits, times of the newest pass, the times that are not in their
 * histograms yet. The numbers are in a row of {@link KeptPasses}, which takes in what is kept: of its
 * own, until it joins those of a watch. Pure. Must not know: how passes are judged.
 *
 * A histogram is pages that no cache holds for a thousand contracts: it is gone to once for
 * some dozen passes, and whenever somebody reads it.
 */
import type { ContractIndex, CycleContract } from "../plan/contract.ts";
import { Histogram } from "./histogram.ts";
import { Judge, type Tally } from "./judge.ts";
import { KeptPasses, Mark, Row } from "./kept_passes.ts";
import type { CycleSource } from "./pulse_source.ts";
import type { Court } from "./verdict.ts";

/** Before a run it is looked as often as the first pass could take too long, up to this part of a period. */
const REST_PART = 1 / 16;

/** The numbers of one cycle of one process. */
export abstract class CycleState extends Judge {
  #passes = new KeptPasses(1);
  #number = 0;
  readonly #budgetNs: number;
  readonly #warnNs: number;
  readonly #startLateness = new Histogram();
  readonly #passTimes = new Histogram();

  constructor(contract: ContractIndex, plan: CycleContract, source: CycleSource, court: Court) {
    super(contract, plan, court);
    this.#budgetNs = plan.budgetNs > 0 ? plan.budgetNs : Infinity;
    this.#warnNs = plan.warnNs > 0 ? plan.warnNs : Infinity;
    this.#passes.open(0, source);
    this.#set(Row.periodNs, plan.periodNs);
    // What has not begun when the next one is due is missed in any case.
    this.#set(Row.lateNs, Math.min(plan.latenessNs, plan.periodNs));
    this.#set(Row.limitNs, Math.min(this.#budgetNs, this.#warnNs));
    this.#set(Row.anchorNs, NaN);
    this.#mark(Mark.word, source.word);
    this.#mark(Mark.ring, source.ringDouble);
    this.#mark(Mark.mask, source.mask);
  }

  override join(passes: KeptPasses): void {
    passes.adopt(this.contract, this.#passes, this.#number);
    this.#passes = passes;
    this.#number = this.contract;
  }

  /** See {@link KeptPasses.take}. @returns when to look next; 0: nothing was taken */
  protected takeKept(nowNs: number): number {
    const passes = this.#passes;
    passes.nowNs = nowNs;
    return passes.take(this.#number) ? passes.nextNs : 0;
  }

  /** Counts what was gathered. To be called before anything else is counted. */
  protected settle(): void {
    const gathered = this.#marked(Mark.gathered);
    if (gathered === 0) return;
    const { times } = this.#passes;
    const from = this.#passes.timesOf(this.#number);
    this.#startLateness.recordEach(times, from, gathered, 2);
    this.#passTimes.recordEach(times, from + 1, gathered, 2);
    this.#mark(Mark.gathered, 0);
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
    return this.#get(Row.periodNs);
  }

  /** Infinity: there is none. */
  protected get budgetNs(): number {
    return this.#budgetNs;
  }

  protected get lateNs(): number {
    return this.#get(Row.lateNs);
  }

  /** Infinity: there is none. */
  protected get warnNs(): number {
    return this.#warnNs;
  }

  protected get restNs(): number {
    const firstNs = Math.min(this.periodNs, this.#get(Row.limitNs));
    return Math.max(firstNs, this.periodNs * REST_PART);
  }

  /** Due time 0 of the present run; NaN: none is known, nothing is due. */
  protected get anchorNs(): number {
    return this.#get(Row.anchorNs);
  }

  protected set anchorNs(ns: number) {
    this.#set(Row.anchorNs, ns);
  }

  /** The run that the anchor is of. */
  protected get run(): number {
    return this.#get(Row.run);
  }

  protected set run(run: number) {
    this.#set(Row.run, run);
  }

  /** Of the newest pass. */
  protected get startNs(): number {
    return this.#get(Row.startNs);
  }

  protected set startNs(ns: number) {
    this.#set(Row.startNs, ns);
  }

  /** Passes that were looked at. */
  protected get seen(): number {
    return this.#marked(Mark.seen) >>> 0;
  }

  protected set seen(pass: number) {
    this.#mark(Mark.seen, pass);
  }

  /** The first due time that is not decided yet. */
  protected get expected(): number {
    return this.#get(Row.expected);
  }

  protected set expected(slot: number) {
    this.#set(Row.expected, slot);
  }

  /** Nothing is open, missed or unknown: {@link KeptPasses.take} may take the next pass. */
  protected set isPlain(is: boolean) {
    this.#mark(Mark.isPlain, is ? 1 : 0);
  }

  /** The part of a period that the newest pass might have begun before its due time. */
  protected set early(part: number) {
    this.#set(Row.early, part);
  }

  protected recordStart(latenessNs: number): void {
    this.#startLateness.record(latenessNs);
  }

  protected recordPass(tookNs: number): void {
    this.#passTimes.record(tookNs);
  }

  #get(field: number): number {
    return this.#passes.rows[this.#passes.rowOf(this.#number) + field]!;
  }

  #set(field: number, value: number): void {
    this.#passes.rows[this.#passes.rowOf(this.#number) + field] = value;
  }

  #marked(field: number): number {
    return this.#passes.marks[this.#passes.marksOf(this.#number) + field]!;
  }

  #mark(field: number, value: number): void {
    this.#passes.marks[this.#passes.marksOf(this.#number) + field] = value;
  }
}
