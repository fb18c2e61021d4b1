/**
 * Bytes in, lines out, within a limit. Pure but for its buffer.
 * Must not know: what a line means, where the bytes come from.
 */

/** What {@link LineSplitter.push} says of one chunk. */
export interface SplitResult {
  /** Complete lines without their newline, in order. */
  readonly lines: readonly Uint8Array[];
  /** The next line is already longer than the limit: nothing more can be read. */
  readonly overflow: boolean;
}

/** Cuts a byte stream at newlines; holds at most `lineBytesMax` bytes of an unfinished line. */
export class LineSplitter {
  readonly #lineBytesMax: number;
  #parts: Uint8Array[] = [];
  #heldBytes = 0;

  /** @param lineBytesMax longest line without its newline, bytes. */
  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** Whether a line was begun and not finished. */
  get hasPartial(): boolean {
    return this.#heldBytes > 0;
  }

  /** Takes one chunk. After an overflow the splitter must not be used again. */
  push(chunk: Uint8Array): SplitResult {
    const lines: Uint8Array[] = [];
    let from = 0;
    for (;;) {
      const at = chunk.indexOf(0x0a, from);
      if (at === -1) break;
      if (this.#heldBytes + at - from > this.#lineBytesMax) return { lines, overflow: true };
      lines.push(this.#take(chunk.subarray(from, at)));
      from = at + 1;
    }
    const rest = chunk.length - from;
    if (this.#heldBytes + rest > this.#lineBytesMax) return { lines, overflow: true };
    if (rest > 0) {
      // A copy, for the chunk's buffer belongs to whoever reads.
      this.#parts.push(chunk.slice(from));
      this.#heldBytes += rest;
      // One byte at a time must not cost an object a byte.
      if (this.#parts.length >= 64) this.#parts = [concat(this.#parts, this.#heldBytes)];
    }
    return { lines, overflow: false };
  }

  #take(tail: Uint8Array): Uint8Array {
    if (this.#heldBytes === 0) return tail;
    const line = concat([...this.#parts, tail], this.#heldBytes + tail.length);
    this.#parts = [];
    this.#heldBytes = 0;
    return line;
  }
}

function concat(parts: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const all = new Uint8Array(sizeBytes);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
