/**
 * The record of one leg in the memory that outlives this process; `relay_counters.ts` has its
 * layout and says what each field means. Must not know: pipes, queues.
 */
import { COUNTER, counterAt, droppedAt, OVERFLOWS } from "../../channel/relay/relay_counters.ts";
import { DROP_REASONS, type DropReason } from "../../channel/relay/relay_protocol.ts";
import type { Overflow } from "../../plan/plan.ts";

type Field = Exclude<keyof typeof COUNTER, "dropped">;

/** One record. Only this process writes it. */
export class LegCounters {
  readonly #memory: Float64Array;
  readonly #slot: number;

  /** @throws {RangeError} when the memory has no such slot. */
  constructor(memory: Float64Array, slot: number) {
    if (droppedAt(slot, DROP_REASONS.at(-1)!) >= memory.length) {
      throw new RangeError(`The counters have no slot ${slot}`);
    }
    this.#memory = memory;
    this.#slot = slot;
  }

  get(field: Field): number {
    return this.#memory[counterAt(this.#slot, COUNTER[field])]!;
  }

  set(field: Field, value: number): void {
    this.#memory[counterAt(this.#slot, COUNTER[field])] = value;
  }

  add(field: Field, value: number): void {
    this.#memory[counterAt(this.#slot, COUNTER[field])]! += value;
  }

  drop(reason: DropReason, messages: number): void {
    this.#memory[droppedAt(this.#slot, reason)]! += messages;
  }

  setOverflow(overflow: Overflow): void {
    this.set("overflow", OVERFLOWS.indexOf(overflow));
  }

  /** Something is held up, from now on where it was not before. */
  block(nowMs: number): void {
    if (this.get("blockedSinceMs") === 0) this.set("blockedSinceMs", nowMs);
  }

  /** Something moved: what was held up until now is over. */
  flow(nowMs: number): void {
    const since = this.get("blockedSinceMs");
    if (since === 0) return;
    this.set("blockedSinceMs", 0);
    this.add("blockedTotalMs", Math.max(0, nowMs - since));
  }

  /**
   * Marks a message that was written last, so that it can be seen for how long it is not read.
   *
   * @param takenMs when it was taken.
   * @param to the position behind it.
   * @param messages delivered before it.
   */
  mark(takenMs: number, to: number, messages: number): void {
    // Whoever reads the time twice, around the others, has what belongs together.
    this.set("markMs", 0);
    this.set("markTo", to);
    this.set("markMessages", messages);
    this.set("markMs", takenMs);
  }

  /**
   * Begins where the process before this one was killed: what that held is lost.
   *
   * @returns how many messages.
   */
  takeOver(nowMs: number): number {
    const lost = this.get("queuedMessages") + this.get("passing");
    if (lost > 0) this.drop("lost", lost);
    this.set("queuedMessages", 0);
    this.set("passing", 0);
    this.set("queuedBytes", 0);
    this.set("oldestMs", 0);
    // Positions are this process's own.
    this.set("markMs", 0);
    this.set("writtenTo", 0);
    this.flow(nowMs);
    return lost;
  }
}
