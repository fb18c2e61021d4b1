/**
 * Judges silences: heartbeats, gaps between samples, the liveliness of a producer. The time from
 * each sign to the next is at most `missNs`; every sign is one outcome, and so is a silence that has
 * not ended yet. Pure. Must not know: where signs come from.
 */
import type { ContractIndex, GapContract, LivelinessContract } from "../plan/contract.ts";
import type { HeartbeatContract } from "../plan/contract.ts";
import { Histogram } from "./histogram.ts";
import { type Finding, Judge, stampBetween } from "./judge.ts";
import type { Court, MissReason } from "./verdict.ts";

/** Signs as somebody else counts them. */
export interface SignSource {
  /**
   * Takes a look. @returns whether `signs` and `lastNs` are certain to be of the same moment; if
   * not, `signs` may be one off
   */
  read(): boolean;
  /** How many there were at the last look; wraps at 2^32. */
  readonly signs: number;
  /** The last of them, as it was stamped. */
  readonly lastNs: number;
}

const REASONS = { heartbeat: "silent", gap: "gap", liveliness: "not-alive" } as const;

/** One such contract. */
export class SilenceJudge extends Judge {
  /** From sign to sign, where no more than one came between two looks. */
  readonly gaps = new Histogram();
  readonly #source: SignSource;
  #missNs: number;
  readonly #warnNs: number;
  readonly #reason: MissReason;
  /** The last sign that is known of, or when it was armed. */
  #baseNs = 0;
  #seen = 0;
  #isSeenExact = false;
  /** The last sign came while looks were made: it is later than the base, and was counted. */
  #isBaseEarly = false;
  #hasSign = false;
  /** This silence was told as missed. */
  #missing = false;
  #warned = false;

  constructor(
    contract: ContractIndex,
    plan: HeartbeatContract | GapContract | LivelinessContract,
    source: SignSource,
    court: Court,
  ) {
    super(contract, plan, court);
    this.#source = source;
    this.#missNs = plan.missNs;
    this.#warnNs = plan.warnNs;
    this.#reason = REASONS[plan.kind];
  }

  arm(nowNs: number): number {
    this.window.restart();
    this.#hasSign = false;
    this.excuse(nowNs);
    return this.#nextNs(nowNs);
  }

  excuse(nowNs: number): void {
    this.#isSeenExact = this.#source.read();
    this.#seen = this.#source.signs;
    this.#baseNs = nowNs;
    this.#isBaseEarly = this.#source.lastNs > nowNs;
    this.#missing = false;
    this.#warned = false;
  }

  /** Another limit from now on; the warning stays where it was. */
  setLimit(missNs: number): void {
    this.#missNs = missNs;
  }

  /** Its process says that it hangs: the present silence is missed, whatever the limit. */
  fail(nowNs: number): void {
    if (this.#missing || this.isExcused(nowNs)) return;
    this.#missing = true;
    this.miss({ ...this.#finding(null), reason: "triggered", dueNs: nowNs }, nowNs);
  }

  examine(nowNs: number): number {
    const isExact = this.#source.read();
    const lastNs = stampBetween(this.#source.lastNs, this.#baseNs, nowNs);
    if (lastNs > this.#baseNs && !this.#hear(lastNs, isExact, nowNs)) return this.#pardon(nowNs);
    const silentNs = nowNs - this.#baseNs;
    if (silentNs > this.#missNs && !this.#missing) {
      if (this.isExcused(nowNs)) return this.#pardon(nowNs);
      this.#missing = true;
      this.miss(this.#finding(null), nowNs);
    } else if (this.#warnNs > 0 && silentNs > this.#warnNs && !this.#warned && !this.#missing) {
      this.#warned = true;
      this.warn(this.#finding(null, this.#warnNs), nowNs);
    }
    return this.#nextNs(nowNs);
  }

  /** Signs came since the last look. @returns false: what is missed is excused */
  #hear(lastNs: number, isExact: boolean, nowNs: number): boolean {
    const counted = (this.#source.signs - this.#seen) >>> 0;
    // The last look may have counted this one, and taken its stamp for its own time.
    const signs = isExact && this.#isSeenExact ? counted : Math.max(1, counted);
    const gapNs = lastNs - this.#baseNs;
    // One more may have come than was counted: by this look, and by the one before.
    const unsure = (isExact ? 0 : 1) + (this.#isSeenExact ? 0 : 1) + (this.#isBaseEarly ? 1 : 0);
    const gapsMax = Math.max(1, signs) + unsure;
    let kept = signs;
    if (this.#missing) {
      if (kept > 0) kept--;
    } else if (gapNs > this.#missNs * gapsMax) {
      // Whichever way they lie between the two, one of the gaps is too long.
      if (this.isExcused(nowNs)) return false;
      if (kept > 0) kept--;
      this.miss(this.#finding(lastNs), nowNs);
    }
    if (signs === 1 && this.#hasSign) this.gaps.record(gapNs);
    this.#seen = this.#source.signs;
    this.#isSeenExact = isExact;
    this.#isBaseEarly = this.#source.lastNs > lastNs;
    this.#baseNs = lastNs;
    this.#hasSign = true;
    this.#missing = false;
    this.#warned = false;
    this.keep(kept, nowNs);
    return true;
  }

  #finding(atNs: number | null, limitNs = this.#missNs): Finding {
    const lastNs = this.#hasSign ? this.#baseNs : 0;
    const dueNs = this.#baseNs + limitNs;
    return { reason: this.#reason, item: 0, dueNs, atNs, lastNs, allowedNs: this.#missNs };
  }

  #pardon(nowNs: number): number {
    this.excuse(nowNs);
    return this.#nextNs(nowNs);
  }

  /**
   * A silence is missed from one nanosecond after its limit on. When it was told, the earliest that
   * another can be is one limit from now.
   */
  #nextNs(nowNs: number): number {
    if (this.#missing) return nowNs + this.#missNs + 1;
    const limitNs = this.#warnNs > 0 && !this.#warned
      ? Math.min(this.#warnNs, this.#missNs)
      : this.#missNs;
    return this.#baseNs + limitNs + 1;
  }
}
