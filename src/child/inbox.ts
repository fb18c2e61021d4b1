/**
 * What a link has received: the unfinished message, and what was read and not yet taken. It
 * outlives an iteration, so that leaving one loses nothing. Must not know: formats.
 */
import type { Decoder } from "./framing.ts";
import { MessageError } from "./link.ts";
import type { LinkSocket } from "./link_socket.ts";

/** One for each link that is read. */
export class Inbox<T> {
  readonly #socket: LinkSocket;
  readonly #decoder: Decoder<T>;
  readonly #onBadMessage: ((error: MessageError) => void) | undefined;
  /** Messages of the latest chunk. */
  #messages: Iterator<T | MessageError> | null = null;
  /** A read that an iteration was left in the middle of. */
  #reading: Promise<Uint8Array | null> | null = null;
  #ended = false;
  #iterating = false;

  constructor(
    socket: LinkSocket,
    decoder: Decoder<T>,
    onBadMessage: ((error: MessageError) => void) | undefined,
  ) {
    this.#socket = socket;
    this.#decoder = decoder;
    this.#onBadMessage = onBadMessage;
  }

  /**
   * Yields messages until the end or the signal.
   *
   * @throws {TypeError} when an iteration runs already.
   */
  async *iterate(signal: AbortSignal | undefined): AsyncGenerator<T, void, undefined> {
    if (this.#iterating) throw new TypeError("Cannot receive: another iteration runs already");
    this.#iterating = true;
    const aborted = abortion(signal);
    try {
      while (signal?.aborted !== true) {
        const next = this.#messages?.next();
        if (next === undefined || next.done === true) {
          if (this.#ended || !(await this.#refill(aborted?.promise))) return;
        } else if (!(next.value instanceof MessageError)) yield next.value;
        else if (this.#onBadMessage !== undefined) this.#onBadMessage(next.value);
        else throw next.value;
      }
    } finally {
      this.#iterating = false;
      aborted?.forget();
    }
  }

  /** @returns false when it was aborted before there was anything. */
  async #refill(aborted: Promise<"aborted"> | undefined): Promise<boolean> {
    this.#socket.hold();
    try {
      const reading = this.#reading ??= this.#read();
      const chunk = await (aborted === undefined ? reading : Promise.race([reading, aborted]));
      if (chunk === "aborted") return false;
      this.#reading = null;
      this.#ended = chunk === null;
      this.#messages = chunk === null ? this.#decoder.finish() : this.#decoder.push(chunk);
      return true;
    } finally {
      this.#socket.release();
    }
  }

  #read(): Promise<Uint8Array | null> {
    const reading = this.#socket.read();
    // If nobody waits for it when it fails, the next iteration hears of it.
    reading.catch(() => {});
    return reading;
  }
}

function abortion(signal: AbortSignal | undefined): {
  readonly promise: Promise<"aborted">;
  readonly forget: () => void;
} | undefined {
  if (signal === undefined) return undefined;
  const { promise, resolve } = Promise.withResolvers<"aborted">();
  const abort = () => resolve("aborted");
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  return { promise, forget: () => signal.removeEventListener("abort", abort) };
}
