/**
 * What is found about a contract, and who hears of it. Data only.
 * Must not know: how it is found, what is done about it.
 */
import type { ContractIndex } from "../plan/contract.ts";

/** Why a contract was missed, or is warned of. */
export type MissReason =
  /** Heartbeat: no sign of life for too long. */
  | "silent"
  /** Heartbeat: the process said itself that it hangs (WATCHDOG=trigger). */
  | "triggered"
  /** Cycle: a pass did not begin in time. */
  | "late-start"
  /** Cycle: a pass takes, or took, longer than its budget. */
  | "overrun"
  /** Cycle: due times that no pass began for, after one that was late. */
  | "skipped"
  /** Steps: the next one did not come in time. */
  | "late-step"
  /** Steps: another one came than was due. */
  | "out-of-order"
  /** Span: ready, run or stop took too long. */
  | "too-long"
  /** Gap: no sample for too long. */
  | "gap"
  /** Liveliness: the producer gave no sign for too long. */
  | "not-alive"
  /** Latency, path: a sample was delivered late, or waits for too long. */
  | "late-sample";

/** One finding. */
export interface Verdict {
  readonly contract: ContractIndex;
  readonly kind: "warn" | "miss";
  readonly reason: MissReason;
  /** Cycle: number of the due time, from 1. Steps: of the step in the order, from 0. Else 0. */
  readonly item: number;
  /** How many were missed; above 1 where they are told together. */
  readonly count: number;
  /** The limit: what came later is late. */
  readonly dueNs: number;
  /** When it came after all; null: it has not come yet. */
  readonly atNs: number | null;
  /** When it was found. */
  readonly noticedNs: number;
  /** `atNs`, or else `noticedNs`, after `dueNs`. */
  readonly latenessNs: number;
  /** With this one more are missed than tolerated; once until it has recovered. */
  readonly broke: boolean;
  /** Missed among the last outcomes, this one included. */
  readonly missedInWindow: number;
  /** The last thing that it did before: a sign, a start, a step; 0: nothing yet. */
  readonly lastNs: number;
  /** What is allowed, where the process has asked for another limit; 0: what its plan says. */
  readonly allowedNs: number;
}

/** Who hears of what judges find. */
export interface Court {
  /** Whether nobody is to be blamed for this now; asked before each miss. */
  isExcused(contract: ContractIndex, nowNs: number): boolean;
  /** A warning or a miss. */
  tell(verdict: Verdict): void;
  /** A broken contract holds again. */
  recovered(contract: ContractIndex, nowNs: number): void;
}
