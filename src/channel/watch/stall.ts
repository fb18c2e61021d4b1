/**
 * When a stall begins and when it is over. Pure. Must not know: who is to blame, what is done.
 *
 * ```
 *  flowing ──stands for `after`──► stalled ──for `after` never stood for half of it──► flowing
 * ```
 *
 * The way back is longer than one read: a consumer that takes something every now and then and
 * rests for longer than `after` in between is one stall and not one after the other.
 */
import { type FlowMemory, standsForMs } from "./observe.ts";

/** A stall that has begun. */
export interface Stall {
  /** When something was last taken. */
  readonly sinceMs: number;
  /** When it was last seen at rest for half of `after`. */
  readonly seenMs: number;
}

/** What a look leads to. */
export interface StallJudgement {
  /** null: it flows. */
  readonly stall: Stall | null;
  readonly change: "began" | "ended" | null;
}

/** A look more at a flow under a rule. @param afterMs of the rule. */
export function judgeStall(
  stall: Stall | null,
  memory: FlowMemory,
  afterMs: number,
): StallJudgement {
  const { atMs } = memory.look;
  const forMs = standsForMs(memory);
  if (stall === null) {
    if (forMs < afterMs) return { stall, change: null };
    return { stall: { sinceMs: atMs - forMs, seenMs: atMs }, change: "began" };
  }
  if (forMs >= afterMs / 2) return { stall: { ...stall, seenMs: atMs }, change: null };
  if (atMs - stall.seenMs < afterMs) return { stall, change: null };
  return { stall: null, change: "ended" };
}

/** How often to look so that a rule is late by a quarter at most, milliseconds. */
export function lookEveryMs(afterMs: number): number {
  return Math.min(1000, Math.max(10, Math.floor(afterMs / 4)));
}
