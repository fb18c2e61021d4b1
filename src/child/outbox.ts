/**
 * What was taken for a link and is not yet written: a bounded queue and the one loop that
 * empties it. Must not know: what the bytes mean.
 */
import { LinkClosedError } from "./link.ts";
import type { LinkSocket } from "./link_socket.ts";

/**
 * PIPE_BUF: a write of up to this goes into a pipe in one piece or not at all, so that a kill
 * leaves no half of a message behind that was not longer (pipe(7)).
 */
const ATOMIC_BYTES_MAX = 4096;
/** Where messages have no boundaries: the default capacity of a pipe. */
const BATCH_BYTES_MAX = 65_536;

/** Options of {@link Outbox}. */
export interface OutboxOptions {
  /** Name of the channel, for errors. */
  readonly channel: string;
  /** Most bytes that are taken and not yet written. */
  readonly bytesMax: number;
  /** Whether messages stay whole: then small ones are joined up to PIPE_BUF and no further. */
  readonly bounded: boolean;
}

/** See the file's header; one for each link that is written. */
export class Outbox {
  readonly #socket: LinkSocket;
  readonly #options: OutboxOptions;
  #queue: Uint8Array<ArrayBuffer>[] = [];
  /** Where the queue begins: to shift tens of thousands for each batch would take most of the time. */
  #head = 0;
  /** Taken and not yet written, what is being written included. */
  #bytes = 0;
  /** A write is under way. */
  #writing = false;
  /** Those who wait until all is written. */
  #waiters: (() => void)[] = [];
  #ending: Promise<void> | null = null;
  #failure: LinkClosedError | null = null;

  constructor(socket: LinkSocket, options: OutboxOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  /** Takes `bytes`, which nobody changes any more, or says why not. */
  offer(bytes: Uint8Array<ArrayBuffer>): "sent" | "full" | "closed" {
    if (this.#failure !== null || this.#ending !== null) return "closed";
    if (this.#bytes + bytes.length > this.#options.bytesMax) return "full";
    if (bytes.length === 0) return "sent";
    this.#bytes += bytes.length;
    // The first goes at once; what is sent while it is being written is joined.
    if (this.#writing) this.#queue.push(bytes);
    else this.#write(bytes);
    return "sent";
  }

  /** @throws {LinkClosedError} (rejects) when not all of it was written. */
  async drained(): Promise<void> {
    if (this.#writing) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    if (this.#failure !== null) throw this.#failure;
  }

  /** @throws {LinkClosedError} (rejects) when not all of it was written. */
  end(): Promise<void> {
    return this.#ending ??= this.drained().then(() => this.#socket.endWriting());
  }

  /** Drops what is not written; nothing is taken any more. */
  abort(): void {
    this.#fail();
  }

  #write(bytes: Uint8Array<ArrayBuffer>): void {
    if (!this.#writing) this.#socket.hold();
    this.#writing = true;
    this.#socket.writeThen(bytes, (error) => this.#written(bytes.length, error));
  }

  #written(count: number, error: Error | null): void {
    if (error !== null) this.#fail(error);
    else this.#bytes -= count;
    if (this.#queue.length > this.#head && this.#failure === null) {
      return this.#write(this.#takeBatch());
    }
    this.#writing = false;
    this.#socket.release();
    for (const resolve of this.#waiters.splice(0)) resolve();
  }

  #fail(cause?: unknown): void {
    const options = cause === undefined ? undefined : { cause };
    this.#failure ??= new LinkClosedError(this.#options.channel, this.#bytes, options);
    this.#queue = [];
    this.#head = 0;
  }

  #takeBatch(): Uint8Array<ArrayBuffer> {
    const max = this.#options.bounded ? ATOMIC_BYTES_MAX : BATCH_BYTES_MAX;
    const from = this.#head;
    let to = from + 1;
    let bytes = this.#queue[from]!.length;
    while (to < this.#queue.length && bytes + this.#queue[to]!.length <= max) {
      bytes += this.#queue[to]!.length;
      to++;
    }
    const parts = this.#queue.slice(from, to);
    this.#head = to;
    // What was written stays in memory until then: as many messages again at most.
    if (to * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(to);
      this.#head = 0;
    }
    if (parts.length === 1) return parts[0]!;
    const batch = new Uint8Array(bytes);
    let at = 0;
    for (const part of parts) {
      batch.set(part, at);
      at += part.length;
    }
    return batch;
  }
}
