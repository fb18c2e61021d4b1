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
  #reading: Promise<Uint8Array | Error | null> | null = null;
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

  /** Begins an iteration. @throws {TypeError} when one runs already. */
  begin(): void {
    if (this.#iterating) throw new TypeError("Cannot receive: another iteration runs already");
    this.#iterating = true;
  }

  /** Ends it. */
  end(): void {
    this.#iterating = false;
  }

  /**
   * Takes a message that is there.
   *
   * @returns null when the next chunk is needed.
   * @throws {MessageError} at one that is malformed, unless somebody is told of it.
   */
  take(): { readonly value: T } | null {
    for (;;) {
      const next = this.#messages?.next();
      if (next === undefined || next.done === true) return null;
      const { value } = next;
      if (!(value instanceof MessageError)) return { value };
      if (this.#onBadMessage === undefined) throw value;
      this.#onBadMessage(value);
    }
  }

  /**
   * Waits for the next chunk.
   *
   * @returns false when there will be none, or it was aborted before there was one.
   * @throws {Error} (rejects) with the system's error.
   */
  async refill(aborted: Promise<"aborted"> | undefined): Promise<boolean> {
    if (this.#ended) return false;
    this.#socket.hold();
    try {
      const reading = this.#reading ??= this.#socket.next();
      const chunk = await (aborted === undefined ? reading : Promise.race([reading, aborted]));
      if (chunk === "aborted") return false;
      this.#reading = null;
      if (chunk instanceof Error) throw chunk;
      this.#ended = chunk === null;
      this.#messages = chunk === null ? this.#decoder.finish() : this.#decoder.push(chunk);
      return true;
    } finally {
      this.#socket.release();
    }
  }
}
