/**
 * A listening Unix socket that outlives a time without descriptors. Owns the socket's file and
 * its accepting. Must not know: who may connect, what is said.
 *
 * accept(2) fails with EMFILE when no descriptor is left, and the connection goes on waiting, so
 * that the socket stays readable: to try again at once is to spin. One descriptor is kept in
 * reserve for that moment:
 *
 * ```
 *             exhausted: give up the reserve, accept into its place
 *   accepting ──────────────────────────────────────────────────────► accepting, no reserve
 *      ▲                                                                │ exhausted
 *      └── something closed, or RETRY_MS later: reserve, accept ─── resting ◄┘
 * ```
 */
import { closeFd, openNull } from "../os/pipe.ts";
import type { Reactor } from "../os/reactor.ts";
import { SystemError } from "../os/errno.ts";
import { acceptUnix, listenUnix } from "../os/unix_socket.ts";

/** What a listener is made from. */
export interface ListenerOptions {
  /** Absolute path of the socket. */
  readonly path: string;
  readonly reactor: Reactor;
  /** A new connection, non-blocking; the callee's from here on. */
  readonly onConnection: (fd: number) => void;
  /** No descriptor is left even for one connection: the callee may close some of its own. */
  readonly onExhausted: () => void;
}

/** Taken per turn, so that a flood of connections leaves the control loop to others. */
const ACCEPTED_MAX = 64;
/** Descriptors may come free without our knowing. Armed only while there are none. */
const RETRY_MS = 250;

/** See the file's header. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #fd: number;
  #reserveFd: number | null = null;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #closed = false;

  /**
   * Begins to listen, on a socket file of mode 0600. One that a dead process left is removed.
   *
   * @throws {Error} when the path is too long or taken by something else than a socket, and
   * when the kernel refuses.
   */
  constructor(options: ListenerOptions) {
    this.#options = options;
    removeStaleSocket(options.path);
    this.#fd = listenUnix(options.path);
    this.#takeReserve();
    this.#watch();
  }

  /** A descriptor came free: what could not be accepted may be now. */
  descriptorFreed(): void {
    if (this.#closed) return;
    this.#takeReserve();
    if (this.#retry === null) return;
    clearTimeout(this.#retry);
    this.#retry = null;
    this.#watch();
  }

  /** Stops listening and removes the socket file. What was accepted stays open. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    this.#options.reactor.unwatch(this.#fd);
    closeFd(this.#fd);
    this.#giveUpReserve();
    removeIfThere(this.#options.path);
  }

  #watch(): void {
    this.#options.reactor.watch(this.#fd, () => this.#acceptWaiting());
  }

  #acceptWaiting(): void {
    for (let count = 0; count < ACCEPTED_MAX && !this.#closed; count++) {
      const accepted = acceptUnix(this.#fd);
      if (accepted === "would-block") {
        this.#takeReserve();
        return;
      }
      if (accepted !== "exhausted") {
        this.#options.onConnection(accepted);
      } else if (!this.#giveUpReserve()) {
        // The kernel looks for a descriptor before it looks for a connection: only the first
        // time do we know that one waits.
        if (count === 0) this.#rest();
        return;
      }
    }
  }

  /** Looks away until a descriptor comes free. */
  #rest(): void {
    this.#options.reactor.unwatch(this.#fd);
    this.#retry = setTimeout(() => this.descriptorFreed(), RETRY_MS);
    this.#options.onExhausted();
  }

  #takeReserve(): void {
    if (this.#reserveFd !== null) return;
    try {
      this.#reserveFd = openNull();
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      // Still none.
    }
  }

  /** @returns whether there was one to give up. */
  #giveUpReserve(): boolean {
    if (this.#reserveFd === null) return false;
    closeFd(this.#reserveFd);
    this.#reserveFd = null;
    return true;
  }
}

function removeStaleSocket(path: string): void {
  let found: Deno.FileInfo;
  try {
    found = Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (!found.isSocket) {
    throw new Error(`Cannot listen on ${path}: something that is not a socket is in its place`);
  }
  removeIfThere(path);
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
