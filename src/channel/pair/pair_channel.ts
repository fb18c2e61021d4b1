/**
 * Two connected sockets that outlive the processes on both of their ends.
 *
 * ```
 *  from ──first'──( socket ═══ socket )──second'── to     …': duplicates, one per instance
 *             first ▲             ▲ second                held here, never read or written
 *                    supervisor
 * ```
 *
 * Holding both keeps either side from seeing the other restart, and keeps what is buffered.
 * All holders of an end share one description: before each spawn its O_NONBLOCK is cleared,
 * which is why an end belongs to one process without replicas.
 * With `ends: "eof"` the end of a side that has finally ended is shut down, not closed: a
 * close with unread bytes would reset the connection and the other side lose its last bytes.
 * Must not know: processes, restarts.
 */
import { closeFd } from "../../os/pipe.ts";
import {
  createSocketPair,
  duplicateFd,
  makeBlocking,
  shutDownSocket,
  socketFillBytes,
  socketSendBufferBytes,
} from "../../os/socket.ts";
import type { PairPlan } from "../../plan/plan.ts";
import type { Channel, ChannelEnd } from "../channel.ts";

/** One of the two. */
type Side = "first" | "second";

/** A {@link Channel} over `socketpair(2)`. */
export class PairChannel implements Channel {
  readonly name: string;
  readonly capacityBytes: number;
  readonly #plan: PairPlan;
  #fds: Readonly<Record<Side, number>> | null;
  /** One end at least was shut down: nothing can undo that, only a new pair. */
  #shutDown = false;

  /**
   * Creates the pair.
   *
   * @throws {SystemError} EMFILE, ENFILE.
   */
  constructor(plan: PairPlan) {
    this.name = plan.name;
    this.#plan = plan;
    this.#fds = makePair(plan);
    this.capacityBytes = socketSendBufferBytes(this.#fds.first);
  }

  get isOpen(): boolean {
    return this.#fds !== null;
  }

  openEnd(end: ChannelEnd): number {
    if (end !== "first" && end !== "second") throw new Error(`A pair has no end "${end}"`);
    const fd = this.#held()[end];
    makeBlocking(fd);
    return duplicateFd(fd);
  }

  endProducer(): void {
    this.#end("first");
  }

  endConsumer(): void {
    this.#end("second");
  }

  /**
   * Makes a new pair when an end was shut down. A side that is still up keeps its half of the
   * old one, whose end it has seen, and gets its new half at its next start.
   */
  reopen(): void {
    if (!this.#shutDown) return;
    const old = this.#held();
    this.#fds = makePair(this.#plan);
    this.#shutDown = false;
    closeFd(old.first);
    closeFd(old.second);
  }

  /** The held sockets, to be measured and nothing else; null: closed. */
  get heldEnds(): Readonly<Record<Side, number>> | null {
    return this.#fds;
  }

  /** Both directions together. Of datagrams and packets only the next of each is counted. */
  fillBytes(): number {
    const { first, second } = this.#held();
    return socketFillBytes(first) + socketFillBytes(second);
  }

  [Symbol.dispose](): void {
    if (this.#fds === null) return;
    closeFd(this.#fds.first);
    closeFd(this.#fds.second);
    this.#fds = null;
  }

  #end(side: Side): void {
    if (this.#plan.ends === "hold" || this.#fds === null) return;
    shutDownSocket(this.#fds[side]);
    this.#shutDown = true;
  }

  #held(): Readonly<Record<Side, number>> {
    if (this.#fds === null) throw new Error(`Channel "${this.name}" was closed`);
    return this.#fds;
  }
}

function makePair(plan: PairPlan): Record<Side, number> {
  const [first, second] = createSocketPair(plan.type);
  return { first, second };
}
