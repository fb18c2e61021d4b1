/**
 * One kernel pipe that outlives the processes on both of its ends.
 *
 * ```
 *  producer ──w'──►( pipe )──r'──► consumer      r', w': fresh descriptions per instance
 *                 w ▲   ▲ r                      r, w: held here, never read or written
 *                  supervisor
 * ```
 *
 * Holding w keeps the consumer from seeing the end while a producer restarts;
 * holding r keeps a producer from EPIPE while a consumer restarts, and keeps what is
 * buffered. Letting go is a decision of the core. No byte passes through here.
 * Must not know: processes, restarts, policy beyond its two `…Ends` keys.
 */
import {
  closeFd,
  createPipe,
  pipeCapacityBytes,
  pipeFillBytes,
  reopenPipe,
} from "../../os/pipe.ts";
import type { PipePlan } from "../../plan/plan.ts";
import type { Channel, ChannelEnd } from "../channel.ts";

/** A {@link Channel} over `pipe(2)`. */
export class PipeChannel implements Channel {
  readonly name: string;
  readonly #plan: PipePlan;
  #readFd: number | null;
  #writeFd: number | null;
  #capacityBytes: number;
  #generation = 1;

  /**
   * Creates the pipe.
   *
   * @throws {SystemError} when no pipe can be made, or `capacityBytes` is above
   * `/proc/sys/fs/pipe-max-size` for an unprivileged user (EPERM).
   */
  constructor(plan: PipePlan) {
    this.name = plan.name;
    this.#plan = plan;
    const { readFd, writeFd, capacityBytes } = makePipe(plan);
    this.#readFd = readFd;
    this.#writeFd = writeFd;
    this.#capacityBytes = capacityBytes;
  }

  get capacityBytes(): number {
    return this.#capacityBytes;
  }

  get isOpen(): boolean {
    return this.#readFd !== null || this.#writeFd !== null;
  }

  /** The held ends, to be measured and nothing else; null: let go. */
  get heldEnds(): { readonly readFd: number | null; readonly writeFd: number | null } {
    return { readFd: this.#readFd, writeFd: this.#writeFd };
  }

  /** Which of the pipes that this channel has had this is, from 1. */
  get generation(): number {
    return this.#generation;
  }

  openEnd(end: ChannelEnd): number {
    if (end !== "read" && end !== "write") throw new Error(`A pipe has no end "${end}"`);
    // Either held descriptor leads to the same pipe: with one let go, the other serves.
    const held = this.#readFd ?? this.#writeFd;
    if (held === null) throw new Error(`Channel "${this.name}" was closed`);
    return reopenPipe(held, end);
  }

  endProducer(): void {
    if (this.#plan.producerEnds === "hold" || this.#writeFd === null) return;
    closeFd(this.#writeFd);
    this.#writeFd = null;
  }

  endConsumer(): void {
    if (this.#plan.consumerEnds === "hold" || this.#readFd === null) return;
    closeFd(this.#readFd);
    this.#readFd = null;
  }

  reopen(): void {
    if (this.#readFd === null && this.#writeFd === null) {
      const { readFd, writeFd, capacityBytes } = makePipe(this.#plan);
      this.#readFd = readFd;
      this.#writeFd = writeFd;
      this.#capacityBytes = capacityBytes;
      this.#generation++;
      return;
    }
    if (this.#writeFd === null && this.#readFd !== null) {
      this.#writeFd = reopenPipe(this.#readFd, "write");
    }
    if (this.#readFd === null && this.#writeFd !== null) {
      this.#readFd = reopenPipe(this.#writeFd, "read");
    }
  }

  fillBytes(): number {
    return this.#readFd === null ? 0 : pipeFillBytes(this.#readFd);
  }

  [Symbol.dispose](): void {
    if (this.#readFd !== null) closeFd(this.#readFd);
    if (this.#writeFd !== null) closeFd(this.#writeFd);
    this.#readFd = this.#writeFd = null;
  }
}

function makePipe(plan: PipePlan): { readFd: number; writeFd: number; capacityBytes: number } {
  const { readFd, writeFd } = createPipe(
    plan.capacityBytes > 0 ? { capacityBytes: plan.capacityBytes } : {},
  );
  return { readFd, writeFd, capacityBytes: pipeCapacityBytes(readFd) };
}
