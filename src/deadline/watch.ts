/**
 * Watches over many contracts with one clock and one timer: who is looked at when, and who is not to
 * be blamed. Pure: the time comes in, the time of the next look goes out. Owns the heap of due times,
 * what is armed, and the recognition of its own absence. Must not know: threads, memory, actions.
 *
 * ```
 *            ┌──────────── wakeNs ────────────┐
 *   sleep ───┴─► run(now): all that is due; then, as long as each look settles one, what is due
 *                within `aheadNs` as well ─► sleep until the first that is due, `apartNs` at least
 *
 *   heap ──► the next of them ──► touch: waits for the memory of all ──► a look at each ──► heap
 * ```
 *
 * Looking ahead is what lets a thousand contracts be watched with few wake-ups: one that is kept
 * before its time is settled on the way, and the next wake-up is for one that is not (docs/deadlines.md
 * has the arithmetic).
 */
import type { ContractIndex } from "../plan/contract.ts";
import { DueHeap } from "./due_heap.ts";
import type { Judge } from "./judge.ts";
import { KeptPasses } from "./kept_passes.ts";
import type { Court, Verdict } from "./verdict.ts";

/** How far ahead a contract that is kept is settled without a wake-up of its own. */
const AHEAD_NS = 4_000_000;
/** Looks ahead in one run: what falls due meanwhile waits for no more than these, some 50 µs. */
const AHEAD_MAX = 256;
/** Contracts whose memory is waited for together. */
const TOGETHER = 32;
/** From one run to the next, at least. */
const APART_NS = 200_000;
/** It sleeps no longer, so that an absence shows. */
const REST_NS = 1_000_000_000;
/** A run that is later than this found out about the watch and not about who it watches. */
const ABSENT_NS = 200_000_000;
/** A look moves the next one by this much at least, whatever a judge says. */
const PROGRESS_NS = 1_000;

/** The watch was not there: nobody is blamed for what was due meanwhile. */
export interface Absence {
  /** stopped: its runs were far too late. suspended: the machine slept. */
  readonly kind: "stopped" | "suspended";
  readonly fromNs: number;
  readonly toNs: number;
  /** How long: of a suspended machine the time that CLOCK_MONOTONIC does not show. */
  readonly forNs: number;
}

/** Who hears of what is found, and is asked. The watch is within a look: it must not be called then. */
export interface WatchListener {
  tell(verdict: Verdict): void;
  recovered(contract: ContractIndex, nowNs: number): void;
  absent(absence: Absence): void;
  /** Asked before each miss: whether the process is stopped, traced, or not yet heard. */
  isExcused(contract: ContractIndex, nowNs: number): boolean;
  /**
   * How much of this delay of the watch it waited for a CPU: that is no absence.
   *
   * @returns 0 … `lateNs`
   */
  starvedNs(lateNs: number): number;
}

/** Times of the watch; all have defaults. */
export interface WatchOptions {
  readonly aheadNs?: number;
  readonly apartNs?: number;
  readonly restNs?: number;
  readonly absentNs?: number;
}

/** All contracts of a crew. */
export class Watch {
  /** What judges are made with. */
  readonly court: Court;
  readonly #listener: WatchListener;
  readonly #options: Required<WatchOptions>;
  readonly #judges: (Judge | undefined)[];
  readonly #heap: DueHeap;
  readonly #kept: KeptPasses;
  /** Contracts that are looked at next, and when they are due. */
  readonly #next = new Int32Array(TOGETHER);
  readonly #nextDues = new Float64Array(TOGETHER);
  readonly #isArmed: Uint8Array;
  readonly #isSuspended: Uint8Array;
  #wakeNs = Infinity;
  /** CLOCK_BOOTTIME less CLOCK_MONOTONIC: grows while the machine sleeps. */
  #sleptNs = NaN;
  #lastRunNs = -Infinity;
  /** It does not sleep beyond this; Infinity: nothing is armed. */
  #restUntilNs = Infinity;
  #looks = 0;

  /** @param contracts how many there are; their numbers are below it. */
  constructor(contracts: number, listener: WatchListener, options: WatchOptions = {}) {
    const { aheadNs = AHEAD_NS, apartNs = APART_NS, restNs = REST_NS } = options;
    this.#options = { aheadNs, apartNs, restNs, absentNs: options.absentNs ?? ABSENT_NS };
    this.#listener = listener;
    this.#judges = new Array(contracts).fill(undefined);
    this.#heap = new DueHeap(contracts);
    this.#kept = new KeptPasses(contracts);
    this.#isArmed = new Uint8Array(contracts);
    this.#isSuspended = new Uint8Array(contracts);
    this.court = {
      isExcused: (contract, nowNs) =>
        this.#isSuspended[contract] === 1 || listener.isExcused(contract, nowNs),
      tell: (verdict) => listener.tell(verdict),
      recovered: (contract, nowNs) => listener.recovered(contract, nowNs),
    };
  }

  /** Looks that were made, for whoever measures. */
  get looks(): number {
    return this.#looks;
  }

  /** How many are armed. */
  get armed(): number {
    return this.#isArmed.reduce((sum, is) => sum + is, 0);
  }

  /** When to run next; Infinity: when something was armed. */
  get wakeNs(): number {
    return this.#wakeNs;
  }

  /** Puts a judge in its place. */
  add(judge: Judge): void {
    this.#judges[judge.contract] = judge;
    judge.join(this.#kept);
  }

  /** An instance keeps this contract from now on. One that is armed begins anew. */
  arm(contract: ContractIndex, nowNs: number): void {
    const judge = this.#judges[contract];
    if (judge === undefined) return;
    this.#isArmed[contract] = 1;
    this.#isSuspended[contract] = 0;
    this.#due(contract, judge.arm(nowNs), nowNs);
  }

  /** It is over. */
  disarm(contract: ContractIndex, nowNs: number): void {
    if (this.#isArmed[contract] !== 1) return;
    this.#isArmed[contract] = 0;
    this.#isSuspended[contract] = 0;
    this.#heap.remove(contract);
    this.#judges[contract]!.disarm(nowNs);
    this.#plan(nowNs);
  }

  /** Its process was stopped or is traced: it is not looked at. */
  suspend(contract: ContractIndex, nowNs: number): void {
    if (this.#isArmed[contract] !== 1) return;
    this.#isSuspended[contract] = 1;
    this.#heap.remove(contract);
    this.#plan(nowNs);
  }

  /** Its process goes on: what was due meanwhile is excused. */
  resume(contract: ContractIndex, nowNs: number): void {
    if (this.#isArmed[contract] !== 1 || this.#isSuspended[contract] !== 1) return;
    this.#isSuspended[contract] = 0;
    this.#judges[contract]!.excuse(nowNs);
    this.look(contract, nowNs);
  }

  /** Looks at one out of turn: something about it has changed. */
  look(contract: ContractIndex, nowNs: number): void {
    if (this.#isArmed[contract] !== 1 || this.#isSuspended[contract] === 1) return;
    this.#looks++;
    this.#due(contract, this.#judges[contract]!.examine(nowNs), nowNs);
  }

  /**
   * Looks at all that is due.
   *
   * @param nowNs CLOCK_MONOTONIC, taken right before.
   * @param bootNs CLOCK_BOOTTIME of the same moment; without it a sleep of the machine goes unseen.
   * @returns when to run next.
   */
  run(nowNs: number, bootNs: number = NaN): number {
    this.#noticeAbsence(nowNs, bootNs);
    this.#lookAtAll(nowNs);
    this.#lastRunNs = nowNs;
    this.#restUntilNs = Infinity;
    this.#plan(nowNs);
    return this.#wakeNs;
  }

  /** All that is due, and what can be settled ahead. */
  #lookAtAll(nowNs: number): void {
    const horizonNs = nowNs + this.#options.aheadNs;
    let ahead = AHEAD_MAX;
    this.#kept.nowNs = nowNs;
    while (ahead > 0) {
      const count = this.#heap.takeUntil(horizonNs, this.#next, this.#nextDues);
      if (count === 0) return;
      this.#kept.touch(this.#next, count);
      ahead = this.#lookAtNext(count, nowNs, ahead);
    }
  }

  /** @returns how many looks ahead are left; 0: the first of them that is not settled was met. */
  #lookAtNext(count: number, nowNs: number, ahead: number): number {
    const { apartNs } = this.#options;
    const kept = this.#kept;
    const dues = this.#nextDues;
    const soonestNs = nowNs + PROGRESS_NS;
    for (let n = 0; n < count; n++) {
      const dueNs = dues[n]!;
      const isAhead = dueNs > nowNs;
      if (isAhead && ahead === 0) continue;
      this.#looks++;
      const contract = this.#next[n]!;
      // Never as one expression: what is a number either way would be made an object.
      if (kept.take(contract)) dues[n] = kept.nextNs;
      else dues[n] = this.#judges[contract]!.examine(nowNs);
      if (dues[n]! < soonestNs) dues[n] = soonestNs;
      // The first that is not settled yet has to be waited for.
      if (isAhead) ahead = dues[n]! < dueNs + apartNs ? 0 : ahead - 1;
    }
    this.#heap.setEach(this.#next, dues, count);
    return ahead;
  }

  #due(contract: ContractIndex, dueNs: number, nowNs: number): void {
    this.#heap.set(contract, Math.max(dueNs, nowNs + PROGRESS_NS));
    this.#plan(nowNs);
  }

  #plan(nowNs: number): void {
    const { apartNs, restNs } = this.#options;
    if (this.#heap.size === 0) this.#restUntilNs = Infinity;
    else if (this.#restUntilNs === Infinity) this.#restUntilNs = nowNs + restNs;
    const dueNs = Math.max(this.#heap.firstDueNs, this.#lastRunNs + apartNs);
    this.#wakeNs = Math.min(dueNs, this.#restUntilNs);
  }

  #noticeAbsence(nowNs: number, bootNs: number): void {
    const lateNs = nowNs - this.#wakeNs;
    const sleptNs = bootNs - nowNs;
    const forNs = sleptNs - this.#sleptNs;
    if (!Number.isNaN(sleptNs)) this.#sleptNs = sleptNs;
    if (forNs > this.#options.absentNs) {
      this.#excuseAll(nowNs);
      this.#listener.absent({ kind: "suspended", fromNs: this.#lastRunNs, toNs: nowNs, forNs });
    } else if (lateNs > this.#options.absentNs) {
      const absentNs = lateNs - this.#listener.starvedNs(lateNs);
      if (absentNs <= this.#options.absentNs) return;
      this.#excuseAll(nowNs);
      const fromNs = this.#wakeNs;
      this.#listener.absent({ kind: "stopped", fromNs, toNs: nowNs, forNs: lateNs });
    }
  }

  #excuseAll(nowNs: number): void {
    for (let contract = 0; contract < this.#judges.length; contract++) {
      if (this.#isArmed[contract] !== 1 || this.#isSuspended[contract] === 1) continue;
      this.#judges[contract]!.excuse(nowNs);
      this.#heap.set(contract, nowNs + PROGRESS_NS);
    }
  }
}
