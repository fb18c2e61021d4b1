/**
 * One listening socket that outlives its server: connections that are made while the server
 * is down wait in the backlog, and the next instance accepts them.
 *
 * ```
 *  clients ──connect──►( backlog )──accept── server      inherits a duplicate
 *                           ▲
 *                       supervisor: binds and holds, accepts nothing
 * ```
 *
 * When the server has finally ended the socket is closed, and its path removed, so that
 * clients are refused at once and not kept waiting for nobody; it is bound anew for the next
 * start. A lazy one stays: a connection is what starts its server again.
 * Must not know: processes, restarts, what is served.
 */
import { SystemError } from "../../os/errno.ts";
import { closeFd } from "../../os/pipe.ts";
import { duplicateFd, listenTcp, makeBlocking } from "../../os/socket.ts";
import type { ListenPlan } from "../../plan/plan.ts";
import type { Channel, ChannelEnd } from "../channel.ts";
import { bindPath, type BoundPath, ListenError } from "./bound_path.ts";

/** A {@link Channel} over `listen(2)`. */
export class ListenChannel implements Channel {
  readonly name: string;
  readonly #plan: ListenPlan;
  #bound: BoundSocket | null;

  /**
   * Binds the address and listens. Where that is refused it is tried again for each start of
   * the server: the refusal is that start's failure, to be seen and retried as any other.
   */
  constructor(plan: ListenPlan) {
    this.name = plan.name;
    this.#plan = plan;
    this.#bound = bindOrRefused(plan);
  }

  get isOpen(): boolean {
    return this.#bound !== null;
  }

  /** Connections, not bytes, are what fills it; see {@link ListenPlan.backlog}. */
  get capacityBytes(): number {
    return 0;
  }

  /** The held socket, for a reactor to watch; null while it is closed. */
  get fd(): number | null {
    return this.#bound?.fd ?? null;
  }

  /**
   * @throws {SystemError} when it has to be bound, and cannot be: EADDRINUSE, EACCES …
   * @throws {ListenError} when its path is not safe, or is taken.
   */
  openEnd(end: ChannelEnd): number {
    if (end !== "accept") throw new Error(`A listener has no end "${end}"`);
    this.#bound ??= bind(this.#plan);
    // Replicas share the one description: what one of them has set the others rely on, and
    // all are the same program. A single server's next instance may be another program.
    if (this.#plan.to.processes.length === 1) makeBlocking(this.#bound.fd);
    return duplicateFd(this.#bound.fd);
  }

  endProducer(): void {}

  endConsumer(): void {
    if (!this.#plan.lazy) this.refuse();
  }

  /** The next {@link openEnd} binds: a refusal then is that start's failure, and says so. */
  reopen(): void {}

  /** Closes the socket: clients are refused from now on. Idempotent. */
  refuse(): void {
    if (this.#bound === null) return;
    closeFd(this.#bound.fd);
    this.#bound.path?.remove();
    this.#bound = null;
  }

  fillBytes(): number {
    return 0;
  }

  [Symbol.dispose](): void {
    this.refuse();
  }
}

function bindOrRefused(plan: ListenPlan): BoundSocket | null {
  try {
    return bind(plan);
  } catch (error) {
    if (error instanceof SystemError || error instanceof ListenError) return null;
    throw error;
  }
}

interface BoundSocket {
  readonly fd: number;
  readonly path: BoundPath | null;
}

function bind({ address, backlog }: ListenPlan): BoundSocket {
  if (address.kind === "tcp") {
    return { fd: listenTcp(address.host, address.port, backlog), path: null };
  }
  const path = bindPath(address, backlog);
  return { fd: path.fd, path };
}
