/**
 * Cuts a byte stream into length-prefixed messages:
 *
 *   0        4                4 + n
 *   ├ n, u32 ┼ payload ───────┤      n is big-endian, 0 … 2^32 - 1
 *
 * A length above the limit is refused before anything is allocated for it, and its payload is
 * discarded as it comes, so that the next frame is found. Must not know: what a payload means.
 */
import { MessageError } from "./link.ts";

const HEADER_BYTES = 4;

/** See the file's header; one for each stream. */
export class FrameSplitter {
  readonly #maxBytes: number;
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerFill = 0;
  /** null: in the header, or in a payload that is discarded. */
  #payload: Uint8Array<ArrayBuffer> | null = null;
  #payloadFill = 0;
  #discardBytes = 0;
  #index = 1;
  #frameOffset = 0;

  /** @param maxBytes Largest payload. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Yields every frame that `chunk` completes; a refused length as an error. */
  *push(chunk: Uint8Array): Generator<Uint8Array | MessageError, void, undefined> {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#discardBytes > 0) {
        const count = Math.min(rest.length, this.#discardBytes);
        this.#discardBytes -= count;
        rest = rest.subarray(count);
        continue;
      }
      const whole = this.#payload === null && this.#headerFill === 0 ? this.#wholeIn(rest) : null;
      if (whole !== null) {
        rest = rest.subarray(HEADER_BYTES + whole.length);
        yield whole;
        continue;
      }
      if (this.#payload === null) {
        rest = this.#fillHeader(rest);
        if (this.#headerFill < HEADER_BYTES) return;
        const error = this.#begin();
        if (error !== null) yield error;
      } else {
        rest = this.#fillPayload(this.#payload, rest);
      }
      const frame = this.#takeWhole();
      if (frame !== null) yield frame;
    }
  }

  /** Yields an error when the stream ended within a frame; one refused before is not told again. */
  *finish(): Generator<Uint8Array | MessageError, void, undefined> {
    if (this.#headerFill === 0 && this.#payload === null) return;
    yield this.#error("unfinished", "was not written whole: its writer was cut off");
  }

  /** The way of most frames: header and payload are in one piece. Null: they are not, or too long. */
  #wholeIn(bytes: Uint8Array): Uint8Array | null {
    if (bytes.length < HEADER_BYTES) return null;
    const length = readLength(bytes);
    if (length > this.#maxBytes || bytes.length < HEADER_BYTES + length) return null;
    this.#advance(length);
    // A copy: what is kept of a chunk would keep all of it.
    return bytes.slice(HEADER_BYTES, HEADER_BYTES + length);
  }

  #fillHeader(bytes: Uint8Array): Uint8Array {
    const count = Math.min(bytes.length, HEADER_BYTES - this.#headerFill);
    this.#header.set(bytes.subarray(0, count), this.#headerFill);
    this.#headerFill += count;
    return bytes.subarray(count);
  }

  /** The header is whole: room for the payload, or the refusal of it. */
  #begin(): MessageError | null {
    const length = readLength(this.#header);
    this.#headerFill = 0;
    if (length <= this.#maxBytes) {
      this.#payload = new Uint8Array(length);
      this.#payloadFill = 0;
      return null;
    }
    const error = this.#error(
      "too-long",
      `must be at most ${this.#maxBytes} bytes, is ${length}`,
    );
    this.#discardBytes = length;
    this.#advance(length);
    return error;
  }

  #fillPayload(payload: Uint8Array, bytes: Uint8Array): Uint8Array {
    const count = Math.min(bytes.length, payload.length - this.#payloadFill);
    payload.set(bytes.subarray(0, count), this.#payloadFill);
    this.#payloadFill += count;
    return bytes.subarray(count);
  }

  #takeWhole(): Uint8Array | null {
    const payload = this.#payload;
    if (payload === null || this.#payloadFill < payload.length) return null;
    this.#payload = null;
    this.#advance(payload.length);
    return payload;
  }

  #advance(payloadBytes: number): void {
    this.#index++;
    this.#frameOffset += HEADER_BYTES + payloadBytes;
  }

  #error(fault: "too-long" | "unfinished", rule: string): MessageError {
    return new MessageError(fault, { index: this.#index, byteOffset: this.#frameOffset, rule });
  }
}

function readLength(bytes: Uint8Array): number {
  return (bytes[0]! << 24 | bytes[1]! << 16 | bytes[2]! << 8 | bytes[3]!) >>> 0;
}
