/**
 * One connected Unix stream socket on the reactor: chunks in, bytes out, without blocking.
 * Owns the descriptor, what waits to be written, and when it closes.
 * Must not know: who the peer is, what is said.
 *
 * ```
 *            read() gives 0             end(), and all is written
 *   open ───────────────────► half ─────────────────────────────► closed
 *     └───────── destroy(), an error, the peer gone on both sides ───┘
 * ```
 *
 * While it neither reads nor writes it is off the reactor: epoll tells of a peer that hung up
 * whether that is asked for or not, over and over, and unread bytes must outlive the peer.
 */
import { SystemError } from "./errno.ts";
import { closeFd, readFd, writeFd } from "./pipe.ts";
import { HUNG_UP, type Reactor, READABLE, WRITABLE } from "./reactor.ts";

/** Taken per turn, so that one peer cannot keep the others waiting. */
const READ_BYTES_MAX = 16 << 10;

/** What a stream tells. */
export interface UnixStreamEvents {
  /** Bytes came, at most 16 KiB a turn; they are the callee's to keep. */
  onData(chunk: Uint8Array): void;
  /** The peer has closed its side; it may still read. */
  onEnd(): void;
  /** All that had to wait is written. */
  onDrain(): void;
  /** The descriptor is closed; the last event, and never within a call of ours. */
  onClose(): void;
}

/** See the file's header. */
export class UnixStream {
  readonly #fd: number;
  readonly #reactor: Reactor;
  readonly #events: UnixStreamEvents;
  /** What the kernel has not taken yet: first `head`, then `queue`. */
  #head: Uint8Array<ArrayBuffer> | null = null;
  #queue: Uint8Array<ArrayBuffer>[] = [];
  #queuedBytes = 0;
  /** What the reactor looks for; null: it does not know this descriptor. */
  #interest: number | null = null;
  #state: "open" | "half" | "closed" = "open";
  #paused = false;
  #ending = false;

  /**
   * Takes over a descriptor and begins to read.
   *
   * @param fd connected and non-blocking; from here on the stream's.
   */
  constructor(fd: number, reactor: Reactor, events: UnixStreamEvents) {
    this.#fd = fd;
    this.#reactor = reactor;
    this.#events = events;
    this.#look();
  }

  /** Bytes that wait because the peer does not read. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Sends the text, now as far as the kernel takes it and then as it does. Never after `end`. */
  write(text: string): void {
    if (this.#state === "closed" || this.#ending) return;
    const bytes = encoder.encode(text);
    const waits = this.#queuedBytes > 0;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    // What waits already goes first, when there is room.
    if (!waits) this.#flush();
    this.#look();
  }

  /** Takes no more bytes; those that come wait in the kernel. */
  pause(): void {
    this.#paused = true;
    this.#look();
  }

  /** Takes bytes again. */
  resume(): void {
    this.#paused = false;
    this.#look();
  }

  /** Closes when all that was written has left. */
  end(): void {
    this.#ending = true;
    if (this.#queuedBytes === 0) this.destroy();
    else this.#look();
  }

  /** Closes at once; what waits is lost. Idempotent. */
  destroy(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#look();
    this.#head = null;
    this.#queue = [];
    this.#queuedBytes = 0;
    closeFd(this.#fd);
    queueMicrotask(() => this.#events.onClose());
  }

  #onReady(readiness: number): void {
    const readable = (readiness & (READABLE | HUNG_UP)) !== 0;
    const writable = (readiness & (WRITABLE | HUNG_UP)) !== 0;
    if (readable && this.#reads()) this.#read();
    if (writable && this.#queuedBytes > 0) this.#drain();
    // It has said all, and nothing of ours can reach it any more.
    if ((readiness & HUNG_UP) !== 0 && this.#state === "half") this.destroy();
    this.#look();
  }

  #read(): void {
    const count = attempt(() => readFd(this.#fd, scratch));
    if (count === "would-block") return;
    if (count === "closed") {
      this.destroy();
      return;
    }
    if (count > 0) {
      this.#events.onData(scratch.slice(0, count));
      return;
    }
    this.#state = "half";
    this.#events.onEnd();
  }

  #drain(): void {
    this.#flush();
    if (this.#queuedBytes > 0 || this.#state === "closed") return;
    if (this.#ending) this.destroy();
    else this.#events.onDrain();
  }

  /** Writes what the kernel takes. */
  #flush(): void {
    while (this.#queuedBytes > 0) {
      const bytes = this.#head ??= this.#takeQueue();
      const count = attempt(() => writeFd(this.#fd, bytes));
      if (count === "would-block") return;
      if (count === "closed") {
        this.destroy();
        return;
      }
      this.#queuedBytes -= count;
      this.#head = count === bytes.length ? null : bytes.subarray(count);
    }
  }

  /** Many small texts leave as one: a call for each would take longer than the bytes. */
  #takeQueue(): Uint8Array<ArrayBuffer> {
    const parts = this.#queue;
    this.#queue = [];
    if (parts.length === 1) return parts[0]!;
    // Without a head they are all that waits.
    const all = new Uint8Array(this.#queuedBytes);
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  #reads(): boolean {
    return this.#state === "open" && !this.#paused && !this.#ending;
  }

  /** Tells the reactor what to look for, when that has changed. */
  #look(): void {
    const interest = this.#wanted();
    if (interest === this.#interest) return;
    const before = this.#interest;
    this.#interest = interest;
    if (interest === null) this.#reactor.unwatch(this.#fd);
    else if (before !== null) this.#reactor.adjust(this.#fd, interest);
    else this.#reactor.watch(this.#fd, (readiness) => this.#onReady(readiness), interest);
  }

  #wanted(): number | null {
    if (this.#state === "closed") return null;
    const interest = (this.#reads() ? READABLE : 0) | (this.#queuedBytes > 0 ? WRITABLE : 0);
    // Once the peer has said all, to hear of its hanging up is all that is left to hear.
    return interest === 0 && this.#state === "open" ? null : interest;
  }
}

const encoder = new TextEncoder();
/** Shared: filled and copied out of within one turn. */
const scratch = new Uint8Array(READ_BYTES_MAX);

/** Whatever a socket refuses (ECONNRESET …), the connection is no more. */
function attempt(
  act: () => number | "would-block" | "closed",
): number | "would-block" | "closed" {
  try {
    return act();
  } catch (error) {
    if (error instanceof SystemError) return "closed";
    throw error;
  }
}
