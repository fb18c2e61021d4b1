/**
 * How the pages of a pipe are taken, known without looking: from what its only writer has
 * written and how many bytes are left. So it can be told which write will be taken whole. Pure.
 *
 * A pipe of so many pages holds as many pieces, each in a page of its own. A write adds its odd
 * bytes to the last piece where that page has room for all of them, and begins new pages with
 * the rest (pipe_write in the kernel's fs/pipe.c). A page is free when its piece was read to the
 * end. Positions are bytes since the pipe's beginning.
 *
 * ```
 *  ┌────────┬────────┬────────┬ ─ ─ ─ ─┐
 *  │·····###│########│###     │  free     · read   # not read
 *  └────────┴────────┴────────┴ ─ ─ ─ ─┘
 *        consumed ▲         written ▲
 * ```
 *
 * Where it cannot know, it counts too many pages, never too few.
 * Must not know: descriptors, messages.
 */

/** The pages of one pipe. */
export class PipePages {
  readonly #pageBytes: number;
  readonly #pages: number;
  /** Ring: where the piece of each page that is taken ends, oldest first. */
  readonly #ends: Float64Array;
  #head = 0;
  #taken = 0;
  /** How far the last page is filled, as an offset in it; the page's size: no more goes in. */
  #lastFill: number;

  /**
   * @param written everything up to here was written by somebody else, who left the pages in an
   * unknown state: all count as taken until it was read.
   */
  constructor(capacityBytes: number, pageBytes: number, written: number) {
    this.#pageBytes = pageBytes;
    this.#pages = Math.max(1, Math.floor(capacityBytes / pageBytes));
    this.#ends = new Float64Array(this.#pages);
    this.#lastFill = pageBytes;
    if (written > 0) {
      this.#ends.fill(written);
      this.#taken = this.#pages;
    }
  }

  /** A write of more is never taken whole. */
  get capacityBytes(): number {
    return this.#pages * this.#pageBytes;
  }

  /** Bytes were read: everything up to this position is. */
  consumedTo(position: number): void {
    while (this.#taken > 0 && this.#ends[this.#head]! <= position) {
      this.#head = this.#head + 1 === this.#pages ? 0 : this.#head + 1;
      this.#taken--;
    }
    if (this.#taken === 0) this.#lastFill = this.#pageBytes;
  }

  /** A write of up to so many bytes is taken whole. 0: none is. */
  get wholeBytesMax(): number {
    const free = this.#freePages();
    return free > 0 ? free * this.#pageBytes : this.#pageBytes - this.#lastFill;
  }

  /** Bytes were written. @param end the position behind the last. */
  wrote(bytes: number, end: number): void {
    let left = bytes;
    const odd = left % this.#pageBytes;
    if (odd > 0 && this.#taken > 0 && this.#lastFill + odd <= this.#pageBytes) {
      this.#lastFill += odd;
      left -= odd;
      this.#ends[this.#last()] = end - left;
    }
    if (left > this.#freePages() * this.#pageBytes) {
      // There was more room than was known. All are taken until all of it was read.
      this.#ends.fill(end);
      this.#taken = this.#pages;
      this.#lastFill = this.#pageBytes;
      return;
    }
    while (left > 0) {
      const piece = Math.min(left, this.#pageBytes);
      left -= piece;
      this.#taken++;
      this.#ends[this.#last()] = end - left;
      this.#lastFill = piece;
    }
  }

  /** No more goes into the page that was filled last. */
  seal(): void {
    this.#lastFill = this.#pageBytes;
  }

  #freePages(): number {
    return this.#pages - this.#taken;
  }

  #last(): number {
    return (this.#head + this.#taken - 1) % this.#pages;
  }
}
