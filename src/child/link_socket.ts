/**
 * An inherited descriptor as something to read and write, with no permission. Owns when it is
 * adopted, when it keeps the program alive, and when it is closed.
 * Must not know: messages, buffers beyond one chunk.
 *
 * `net.Socket({ fd })` is the one way in Deno to use a descriptor under a parent that is not
 * Deno itself. node:net costs some 15 ms to load, so it is loaded at the first use. It sets
 * O_NONBLOCK, which stays with this instance: the supervisor opens every link anew.
 */
import type { Socket } from "node:net";

/** The runtime holds a duplicate of 0, 1 and 2, and a number that is free is given out again. */
const STANDARD_FD_MAX = 2;

/** One adopted descriptor. */
export class LinkSocket {
  readonly #fd: number;
  readonly #reads: boolean;
  readonly #writes: boolean;
  #adopted: Promise<Socket> | null = null;
  #chunks: AsyncIterator<Uint8Array> | null = null;
  #socket: Socket | null = null;
  /** How many calls wait: while there are any, the program stays alive. */
  #waiting = 0;
  #closed = false;

  /**
   * @param fd The descriptor; nobody else may use it.
   * @param use What it is for.
   */
  constructor(fd: number, use: { readonly reads: boolean; readonly writes: boolean }) {
    this.#fd = fd;
    this.#reads = use.reads;
    this.#writes = use.writes;
  }

  /**
   * The next bytes.
   *
   * @returns null at the end, and after {@link close}.
   * @throws {Error} (rejects) with the system's error.
   */
  async read(): Promise<Uint8Array | null> {
    const socket = await this.#adopt();
    if (this.#closed) return null;
    this.#chunks ??= (socket as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    try {
      const { value, done } = await this.#chunks.next();
      return done === true ? null : value;
    } catch (error) {
      // Closing a socket that is being read is an error to it.
      if (this.#closed) return null;
      throw error;
    }
  }

  /** Counts a caller that waits; while there is one the program stays alive. */
  hold(): void {
    if (this.#waiting++ === 0) this.#socket?.ref();
  }

  /** The reverse of {@link hold}. */
  release(): void {
    if (--this.#waiting === 0) this.#socket?.unref();
  }

  /**
   * Writes all of `bytes`.
   *
   * @throws {Error} (rejects) with the system's error; EPIPE when nobody will ever read.
   */
  async write(bytes: Uint8Array): Promise<void> {
    const socket = await this.#adopt();
    await new Promise<void>((resolve, reject) => {
      socket.write(bytes, (error) => error ? reject(error) : resolve());
    });
  }

  /** Closes the writing half, after all that was written. */
  async endWriting(): Promise<void> {
    if (this.#fd <= STANDARD_FD_MAX || this.#closed) return;
    this.hold();
    try {
      const socket = await this.#adopt();
      await new Promise<void>((resolve) => socket.end(() => resolve()));
    } finally {
      this.release();
    }
    // A socket waits for the other side's end; without one to read it would wait for ever.
    if (!this.#reads) this.close();
  }

  /** Closes at once. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // Adopting is how a descriptor that was never used is closed as well.
    void this.#adopt().then((socket) => {
      socket.unref();
      if (this.#fd > STANDARD_FD_MAX) socket.destroy();
      else socket.pause();
    }, () => {});
  }

  async #adopt(): Promise<Socket> {
    this.#adopted ??= this.#open();
    return await this.#adopted;
  }

  async #open(): Promise<Socket> {
    const net = await import("node:net");
    const socket = new net.Socket({
      fd: this.#fd,
      readable: this.#reads,
      writable: this.#writes,
      // The end of what is read does not end what is written.
      allowHalfOpen: true,
    });
    // Each call reports its own failure; without a listener the event would end the program.
    socket.on("error", () => {});
    if (this.#waiting === 0) socket.unref();
    return this.#socket = socket;
  }
}
