/**
 * What was dropped, gathered for the supervisor: the first of a kind is told at once, what
 * follows once a second at most. Pure; the time is told. Must not know: how it is told.
 */
import { DROP_REASONS, type DropReason } from "../../channel/relay/relay_protocol.ts";

/** At least this long between two reports of one slot and reason. */
export const TALLY_MS = 1000;

interface Tally {
  readonly slot: number;
  readonly reason: DropReason;
  messages: number;
  detail: string | null;
  /** May be told from then on. */
  dueMs: number;
}

/** Takes what is due. @returns false: it cannot be taken now, and is to be offered again. */
export type TallySink = (
  slot: number,
  reason: DropReason,
  messages: number,
  detail: string | null,
) => boolean;

/** One for all legs; bounded by legs times reasons. */
export class DropTallies {
  readonly #tallies = new Map<number, Tally>();
  /** Those that have something to tell. */
  #waiting = 0;

  /** Whether there is anything to tell, now or later. */
  get isEmpty(): boolean {
    return this.#waiting === 0;
  }

  /**
   * Messages were dropped.
   *
   * @param messages above 0.
   * @param detail what is wrong with the first of them.
   */
  add(slot: number, reason: DropReason, messages: number, detail: string | null = null): void {
    const key = slot * DROP_REASONS.length + DROP_REASONS.indexOf(reason);
    let tally = this.#tallies.get(key);
    if (tally === undefined) {
      tally = { slot, reason, messages: 0, detail: null, dueMs: 0 };
      this.#tallies.set(key, tally);
    }
    if (tally.messages === 0) {
      this.#waiting++;
      tally.detail = detail;
    }
    tally.messages += messages;
  }

  /** When the next is due; Infinity when there is none. */
  dueMs(): number {
    if (this.#waiting === 0) return Infinity;
    let due = Infinity;
    for (const tally of this.#tallies.values()) {
      if (tally.messages > 0 && tally.dueMs < due) due = tally.dueMs;
    }
    return due;
  }

  /**
   * Gives what is due to the sink, until that takes no more.
   *
   * @param all also what is not due yet: it is the last time.
   */
  flush(nowMs: number, sink: TallySink, all = false): void {
    if (this.#waiting === 0) return;
    for (const tally of this.#tallies.values()) {
      if (tally.messages === 0 || (!all && tally.dueMs > nowMs)) continue;
      if (!sink(tally.slot, tally.reason, tally.messages, tally.detail)) return;
      tally.messages = 0;
      tally.detail = null;
      tally.dueMs = nowMs + TALLY_MS;
      this.#waiting--;
    }
  }
}
