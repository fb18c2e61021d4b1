/**
 * One end of a relayed pipe as a channel: a fresh kernel pipe for each instance of its process,
 * whose other end is `@relay`'s.
 *
 * ```
 *  producer#1 ──►( pipe 1 )──┐                        ┌──( pipe 4 )──► consumer#1
 *  producer#2 ──►( pipe 7 )──┴─► @relay ─[ queue ]────┴──( pipe 9 )──► consumer#2
 *                     ▲ r                                 ▲ r, w
 *                     └──── held here, until `@relay` is done with them
 * ```
 *
 * So what an instance wrote is not cut by its successor, what it did not read is not lost, and
 * nothing in a pipe dies with `@relay`.
 * Must not know: `@relay`'s state, messages, restarts.
 */
import { pipeCapacityBytes } from "../../os/pipe.ts";
import type { LegPlan } from "../../plan/plan.ts";
import type { Channel, ChannelEnd } from "../channel.ts";
import type { RelayLink } from "./relay_link.ts";

/** What the kernel gives where nothing else is asked for. */
const KERNEL_CAPACITY_BYTES = 65_536;

/** A {@link Channel} between a process and `@relay`. */
export class LegChannel implements Channel {
  readonly name: string;
  /** Its pipes end by themselves; the link holds them. */
  readonly isOpen = true;
  readonly #plan: LegPlan;
  readonly #link: RelayLink;
  #capacityBytes: number;

  constructor(plan: LegPlan, link: RelayLink) {
    this.name = plan.name;
    this.#plan = plan;
    this.#link = link;
    this.#capacityBytes = plan.capacityBytes || KERNEL_CAPACITY_BYTES;
  }

  get capacityBytes(): number {
    return this.#capacityBytes;
  }

  openEnd(end: ChannelEnd, instance: number): number {
    const { direction, slot } = this.#plan;
    if (end !== (direction === "in" ? "write" : "read")) {
      throw new Error(
        `A leg to${direction === "in" ? "" : " a consumer from"} @relay has no end "${end}"`,
      );
    }
    const fd = this.#link.openPipe(slot, instance);
    this.#capacityBytes = pipeCapacityBytes(fd);
    return fd;
  }

  endProducer(): void {
    const { direction, slot, producerEnds } = this.#plan;
    if (direction === "in" && producerEnds === "eof") this.#link.end(slot);
  }

  endConsumer(): void {
    const { direction, slot, consumerEnds } = this.#plan;
    if (direction === "out" && consumerEnds === "epipe") this.#link.end(slot);
  }

  reopen(): void {
    this.#link.reopen(this.#plan.slot);
  }

  fillBytes(): number {
    return this.#link.fillBytes(this.#plan.slot);
  }

  /** The pipe of the newest instance, to be measured and nothing else; null: none is held. */
  get newestPipe(): { readonly number: number; readonly readFd: number } | null {
    return this.#link.newestPipe(this.#plan.slot);
  }

  /** The link lets go of its pipes. */
  [Symbol.dispose](): void {}
}
