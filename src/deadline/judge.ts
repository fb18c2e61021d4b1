/**
 * What all judges of contracts have in common: counts, the window of outcomes, and how a miss is
 * told. Pure. Must not know: what is judged.
 *
 * ```
 *   arm ──► examine ──► examine … ──► disarm      each gives the time of the next look
 *              └──► court: is it excused?  then: warn, miss, recovered
 * ```
 *
 * A judge looks at memory that others write. It is right whenever it looks: a look that comes late
 * finds what it would have found in time, as far as the memory still shows it, and one that comes
 * early changes nothing. Nothing is allocated but for a warning or a miss.
 */
import type { ContractBase, ContractIndex } from "../plan/contract.ts";
import type { KeptPasses } from "./kept_passes.ts";
import { MissWindow } from "./miss_window.ts";
import type { Court, MissReason } from "./verdict.ts";

/** A finding before it is counted. */
export interface Finding {
  readonly reason: MissReason;
  readonly item: number;
  readonly dueNs: number;
  /** null: it has not come yet. */
  readonly atNs: number | null;
  readonly lastNs: number;
  /** @default 1 */
  readonly count?: number;
  /** @default 0: what the plan says */
  readonly allowedNs?: number;
}

/** What has been found of a contract since the supervisor started. */
export interface Tally {
  readonly kept: number;
  readonly missed: number;
  readonly warned: number;
  /** Times that it broke. */
  readonly broken: number;
}

/** One contract of one instance after the other. */
export abstract class Judge {
  readonly contract: ContractIndex;
  readonly window: MissWindow;
  readonly #court: Court;
  #kept = 0;
  #missed = 0;
  #warned = 0;
  #broken = 0;
  /** There is a miss in the window, or it is broken. */
  #hasMissed = false;

  constructor(contract: ContractIndex, plan: ContractBase, court: Court) {
    this.contract = contract;
    this.window = new MissWindow(plan.tolerate, plan.recoverAfter);
    this.#court = court;
  }

  /** Another instance: nothing before `nowNs` counts, but that it is broken. @returns when to look first */
  abstract arm(nowNs: number): number;

  /** Looks. @returns when to look next, if nothing happens in between */
  abstract examine(nowNs: number): number;

  /** What was due until now is nobody's fault; it goes on being judged from here. */
  abstract excuse(nowNs: number): void;

  /** It is over: what was only counted is told. */
  disarm(_nowNs: number): void {}

  /** What is kept is taken in without it from now on, where that can be. */
  join(_passes: KeptPasses): void {}

  /** There is a miss in the window, or it is broken. */
  protected get hasMissed(): boolean {
    return this.#hasMissed;
  }

  /** Counts since the supervisor started. */
  get tally(): Tally {
    return {
      kept: this.#kept,
      missed: this.#missed,
      warned: this.#warned,
      broken: this.#broken,
    };
  }

  /** So many outcomes were kept. */
  protected keep(count: number, nowNs: number): void {
    this.#kept += count;
    // Where nothing was missed of late the window stays as it is.
    if (!this.#hasMissed) return;
    if (this.window.keep(count) === "recovered") this.#court.recovered(this.contract, nowNs);
    this.#hasMissed = this.window.missed > 0 || this.window.broken;
  }

  /** Whether nobody is to blame for what is just being found; then nothing is counted. */
  protected isExcused(nowNs: number): boolean {
    return this.#court.isExcused(this.contract, nowNs);
  }

  /** Counts a miss and tells of it. */
  protected miss(finding: Finding, nowNs: number): void {
    const count = finding.count ?? 1;
    this.tell(finding, nowNs, this.count(count));
  }

  /** Counts misses that are told of later. @returns whether the contract broke with them */
  protected count(count: number): boolean {
    this.#missed += count;
    this.#hasMissed = true;
    const broke = this.window.miss(count) === "broke";
    if (broke) this.#broken++;
    return broke;
  }

  /** Tells of a miss that was counted. */
  protected tell(finding: Finding, nowNs: number, broke: boolean): void {
    this.#tell("miss", finding, nowNs, broke);
  }

  /** Tells that a limit comes near. */
  protected warn(finding: Finding, nowNs: number): void {
    this.#warned++;
    this.#tell("warn", finding, nowNs, false);
  }

  #tell(kind: "warn" | "miss", finding: Finding, nowNs: number, broke: boolean): void {
    const { reason, item, dueNs, atNs, lastNs, count = 1, allowedNs = 0 } = finding;
    this.#court.tell({
      contract: this.contract,
      kind,
      reason,
      item,
      count,
      dueNs,
      atNs,
      noticedNs: nowNs,
      latenessNs: (atNs ?? nowNs) - dueNs,
      broke,
      missedInWindow: this.window.missed,
      lastNs,
      allowedNs,
    });
  }
}

/**
 * A stamp that another process wrote, brought between two times that are known: what is no number
 * is the earlier, what lies in the future is now.
 */
export function stampBetween(stampNs: number, lowNs: number, nowNs: number): number {
  if (!(stampNs >= lowNs)) return lowNs;
  return stampNs <= nowNs ? stampNs : nowNs;
}
