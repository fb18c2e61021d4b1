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
  #socket: Socket | null = null;
  /** What came while nobody waited: one chunk, for then the socket is paused. */
  readonly #chunks: Uint8Array[] = [];
  /** The one who waits for the next chunk. */
  #reader: PromiseWithResolvers<Uint8Array | Error | null> | null = null;
  #end: { readonly error: Error | null } | null = null;
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
   * The next bytes. One caller at a time.
   *
   * @returns null at the end, and after {@link close}.
   * @throws {Error} (rejects) with the system's error.
   */
  async read(): Promise<Uint8Array | null> {
    const chunk = await this.next();
    if (chunk instanceof Error) throw chunk;
    return chunk;
  }

  /** As {@link read}, but an error is a value: nobody need be there to catch it. */
  next(): Promise<Uint8Array | Error | null> {
    if (this.#closed) return Promise.resolve(null);
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) return Promise.resolve(chunk);
    if (this.#end !== null) return Promise.resolve(this.#end.error);
    this.#reader = Promise.withResolvers();
    if (this.#socket !== null) this.#socket.resume();
    else this.#adopt().then((socket) => socket.resume(), (error) => this.#finish(error));
    return this.#reader.promise;
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
   * @param done Called in a later turn, with the system's error: EPIPE when nobody will ever read.
   */
  writeThen(bytes: Uint8Array, done: (error: Error | null) => void): void {
    const write = (socket: Socket) => void socket.write(bytes, (error) => done(error ?? null));
    if (this.#socket !== null) write(this.#socket);
    else this.#adopt().then(write, done);
  }

  /** As {@link writeThen}. @throws {Error} (rejects) with the system's error. */
  write(bytes: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.writeThen(bytes, (error) => error === null ? resolve() : reject(error));
    return promise;
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
    this.#finish(null);
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
    socket.on("data", (chunk: Uint8Array) => this.#take(chunk));
    socket.on("end", () => this.#finish(null));
    socket.on("close", () => this.#finish(null));
    // A write reports its own failure as well; without a listener the event would end the program.
    socket.on("error", (error: Error) => this.#finish(error));
    socket.pause();
    if (this.#waiting === 0) socket.unref();
    return this.#socket = socket;
  }

  #take(chunk: Uint8Array): void {
    const reader = this.#reader;
    if (reader !== null) {
      this.#reader = null;
      return reader.resolve(chunk);
    }
    this.#chunks.push(chunk);
    // What is not taken stays with the kernel, where the other side can feel it.
    this.#socket?.pause();
  }

  #finish(error: Error | null): void {
    this.#end ??= { error };
    const reader = this.#reader;
    this.#reader = null;
    reader?.resolve(error);
  }
}
