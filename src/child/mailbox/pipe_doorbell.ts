/**
 * A consumer's doorbell: a pipe into which the producer writes a byte for one that waits. The event
 * loop hears it, so that the program goes on meanwhile. Needs no permission: node:net adopts the
 * descriptor. Must not know: the mailbox, what is in it.
 */
import type { Socket } from "node:net";
import type { Doorbell } from "./wait_port.ts";

/** See the file's header. The pipe is adopted at the first wait. */
export class PipeDoorbell implements Doorbell {
  readonly #fd: number;
  #adopted: Promise<Socket> | null = null;
  #socket: Socket | null = null;
  /** A byte came while nobody waited. */
  #rang = false;
  #waiter: (() => void) | null = null;
  #gone: Error | null = null;
  #closed = false;
  #signal: AbortSignal | null = null;
  readonly #wake = () => {
    const waiter = this.#waiter;
    this.#waiter = null;
    waiter?.();
  };

  /** @param fd the read end; nobody else may use it. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** @throws {Error} (rejects) when nobody can ring it any more: the supervisor has ended. */
  async rung(signal: AbortSignal | null): Promise<void> {
    const socket = this.#socket ?? await this.#adopt();
    if (this.#gone !== null) throw this.#gone;
    if (this.#closed || signal?.aborted === true) return;
    if (this.#rang) {
      this.#rang = false;
      return;
    }
    this.#listenTo(signal);
    socket.ref();
    await new Promise<void>((resolve) => this.#waiter = resolve);
    socket.unref();
    this.#rang = false;
    if (this.#gone !== null) throw this.#gone;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listenTo(null);
    this.#wake();
    // Adopting is how a descriptor that was never used is closed as well.
    void this.#adopt().then((socket) => socket.destroy(), () => {});
  }

  /** One listener for all waits with the same signal: adding one costs more than a wait. */
  #listenTo(signal: AbortSignal | null): void {
    if (signal === this.#signal) return;
    this.#signal?.removeEventListener("abort", this.#wake);
    this.#signal = signal;
    signal?.addEventListener("abort", this.#wake);
  }

  #adopt(): Promise<Socket> {
    return this.#adopted ??= this.#open();
  }

  async #open(): Promise<Socket> {
    const net = await import("node:net");
    const socket = new net.Socket({ fd: this.#fd, readable: true, writable: false });
    socket.on("data", () => {
      this.#rang = true;
      this.#wake();
    });
    const gone = (cause?: Error) => {
      this.#gone ??= new Error("The mailbox's doorbell is gone: its supervisor has ended", {
        cause,
      });
      this.#wake();
    };
    socket.on("end", () => gone());
    socket.on("error", gone);
    socket.unref();
    return this.#socket = socket;
  }
}
