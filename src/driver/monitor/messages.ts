/**
 * What the control loop and the monitor tell each other, as records of numbers in two rings. Owns
 * the codes. Must not know: threads, what is done.
 *
 * Times are CLOCK_MONOTONIC, nanoseconds. Every record is about one process, unless it says other.
 */
import type { MissReason, Verdict } from "../../deadline/verdict.ts";
import type { Glimpse } from "../../process/strain.ts";
import type { Absence } from "../../deadline/watch.ts";

/** From the control loop to the monitor. */
export const TELL = {
  /** Exit from the thread. */
  end: 0,
  /** An instance runs: process, instance, pid, its pidfd (now the monitor's), since when. */
  spawned: 1,
  /** process, instance, when. */
  ready: 2,
  /** It is being stopped: process, instance, since when. */
  stopping: 3,
  /** process, instance, when. */
  ended: 4,
  /** Another process is its main one now: process, instance, pid, its pidfd. */
  mainPid: 5,
  /** It asks for time (EXTEND_TIMEOUT_USEC): process, instance, until when. */
  extended: 6,
  /** Another limit of its heartbeat (WATCHDOG_USEC): process, instance, nanoseconds. */
  limit: 7,
  /** It calls its own watchdog (WATCHDOG=trigger): process, instance. */
  trigger: 8,
  /** The crew ends: nothing is judged any more but how long stops take. */
  shutdown: 9,
  /** Post the figures of all contracts. */
  figures: 10,
  /** Listen to a pipe: contract, which of its pipes, a descriptor of this process. */
  listen: 11,
  /** A consumer of a relayed pipe reads from another pipe: channel, -, its read end (now the monitor's). */
  pipe: 12,
} as const;

/** From the monitor to the control loop. */
export const HEAR = {
  /** See {@link verdictRecord}. */
  verdict: 1,
  /** A broken contract holds again: contract, instance, when, since when it was broken. */
  recovered: 2,
  /**
   * Nobody is to blame: contract, instance, when, why ({@link EXCUSES}), tracer's pid, and who is
   * kept from it.
   */
  excused: 3,
  /** A process runs again: process, instance, when, since when it did not. */
  resumed: 4,
  /** The supervisor was absent: why ({@link ABSENCES}), from when, until when, how long. */
  absent: 5,
  /** So many reports were lost, for the control loop did not take them. */
  lost: 6,
} as const;

/** Numbers in a record, either way. */
export const RECORD_WIDTH = 20;

/** Why nobody is to blame, by number. */
export const EXCUSES = ["stopped", "debugged"] as const;

/** Why the supervisor was absent, by number. */
export const ABSENCES: readonly Absence["kind"][] = ["stopped", "suspended"];

/** What the monitor did itself, or asks of the control loop; bits. */
export const DID = {
  /** The stop signal is on its way, or KILL where there is no time to stop. */
  stopSignal: 1,
  /** The actions of a miss are to be done. */
  onMiss: 2,
  /** Those of a broken contract too. */
  onBroken: 4,
} as const;

/** Reasons by number. */
const REASONS: readonly MissReason[] = [
  "silent",
  "late-start",
  "overrun",
  "skipped",
  "late-step",
  "out-of-order",
  "too-long",
  "gap",
  "not-alive",
  "late-sample",
  "triggered",
];

/** A verdict with what belongs to it. */
export interface ToldVerdict extends Verdict {
  readonly instance: number;
  /** Bits of {@link DID}. */
  readonly did: number;
  /** What its process was at, before it was signalled; null: it was not. */
  readonly glimpse: Glimpse | null;
}

/** Writes a verdict into a record. */
export function verdictRecord(told: ToldVerdict, record: Float64Array): void {
  record[0] = HEAR.verdict;
  record[1] = told.contract;
  record[2] = told.instance;
  record[3] = told.kind === "miss" ? 1 : 0;
  record[4] = REASONS.indexOf(told.reason);
  record[5] = told.item;
  record[6] = told.count;
  record[7] = told.dueNs;
  record[8] = told.atNs ?? NaN;
  record[9] = told.noticedNs;
  record[10] = told.latenessNs;
  record[11] = told.broke ? 1 : 0;
  record[12] = told.missedInWindow;
  record[13] = told.lastNs;
  record[14] = told.did;
  record[15] = told.glimpse === null ? 0 : 1;
  record[19] = told.allowedNs;
  if (told.glimpse === null) return;
  record[16] = told.glimpse.state;
  record[17] = told.glimpse.call;
  record[18] = told.glimpse.fd;
}

/** Reads it back. */
export function verdictOf(record: Float64Array): ToldVerdict {
  const reason = REASONS[record[4]!];
  if (reason === undefined) throw new Error(`No reason ${record[4]} for a miss`);
  return {
    contract: record[1]!,
    instance: record[2]!,
    kind: record[3] === 1 ? "miss" : "warn",
    reason,
    item: record[5]!,
    count: record[6]!,
    dueNs: record[7]!,
    atNs: Number.isNaN(record[8]!) ? null : record[8]!,
    noticedNs: record[9]!,
    latenessNs: record[10]!,
    broke: record[11] === 1,
    missedInWindow: record[12]!,
    lastNs: record[13]!,
    did: record[14]!,
    allowedNs: record[19]!,
    glimpse: record[15] === 1 ? { state: record[16]!, call: record[17]!, fd: record[18]! } : null,
  };
}
