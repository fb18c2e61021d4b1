/**
 * Where the bytes lie that are looked at: seen as bytes and as words of four. Grows in steps to
 * what one look needs, which the largest message and pipe limit. Must not know: messages.
 */

/** A buffer with a view of 32-bit words. */
export class LookBuffer {
  #bytes: Uint8Array<ArrayBuffer>;
  #words: Uint32Array<ArrayBuffer>;

  /** @param bytes its size at first; rounded up to whole words. */
  constructor(bytes: number) {
    this.#bytes = new Uint8Array((bytes + 3) & ~3);
    this.#words = new Uint32Array(this.#bytes.buffer);
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /** The same memory; word n is bytes 4n … 4n + 3. */
  get words(): Uint32Array<ArrayBuffer> {
    return this.#words;
  }

  /**
   * Makes it hold at least this much; what was in it stays.
   *
   * @param bytes the caller has checked it against its limit.
   */
  reserve(bytes: number): void {
    if (bytes <= this.#bytes.length) return;
    const grown = new Uint8Array((Math.max(bytes, this.#bytes.length * 2) + 3) & ~3);
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#words = new Uint32Array(grown.buffer);
  }
}
