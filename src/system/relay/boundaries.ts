/**
 * Where messages end among the bytes that are in a pipe: a bit for each byte. Pure.
 *
 * Positions are bytes since the beginning of the stream. Two capacities are kept, so that the
 * boundary just before the oldest byte of a full pipe is still known.
 * Must not know: descriptors, what the messages are.
 */

/** Of one consumer's pipe. */
export class Boundaries {
  readonly #bits: Uint8Array;
  readonly #size: number;
  /** Everything before was forgotten, or never known. */
  #from: number;
  #to: number;

  /**
   * @param capacityBytes what the pipe holds at most.
   * @param position where the stream begins to be known: a boundary.
   */
  constructor(capacityBytes: number, position: number) {
    this.#size = 2 * Math.max(8, capacityBytes);
    this.#bits = new Uint8Array(this.#size >> 3);
    this.#from = position;
    this.#to = position;
    this.#set(position);
  }

  /** First position from which boundaries are known. */
  get from(): number {
    return this.#from;
  }

  /**
   * So many bytes follow, in which no boundary is known yet.
   *
   * @param bytes at most the capacity.
   */
  extend(bytes: number): void {
    this.#clear(this.#to + 1, this.#to + bytes);
    this.#to += bytes;
    this.#from = Math.max(this.#from, this.#to - this.#size + 1);
  }

  /** A message ends here. */
  mark(position: number): void {
    this.#set(position);
  }

  /**
   * The first boundary at or behind a position.
   *
   * @returns -1 when there is none.
   */
  atOrAfter(position: number): number {
    for (let at = Math.max(position, this.#from); at <= this.#to; at++) {
      if (this.#bits[(at % this.#size) >> 3] === 0) {
        at += 7 - (at % 8);
        continue;
      }
      if (this.#has(at)) return at;
    }
    return -1;
  }

  /** The same for a pipe that holds more. */
  resized(capacityBytes: number): Boundaries {
    const resized = new Boundaries(capacityBytes, this.#from);
    resized.#to = this.#to;
    resized.#clear(this.#from, this.#to);
    for (let at = this.#from; at <= this.#to; at++) if (this.#has(at)) resized.#set(at);
    return resized;
  }

  #has(position: number): boolean {
    const bit = position % this.#size;
    return (this.#bits[bit >> 3]! & (1 << (bit & 7))) !== 0;
  }

  #set(position: number): void {
    const bit = position % this.#size;
    this.#bits[bit >> 3]! |= 1 << (bit & 7);
  }

  /** From one position to another, both with it. */
  #clear(from: number, to: number): void {
    let at = from;
    while (at <= to) {
      const bit = at % this.#size;
      if ((bit & 7) === 0 && to - at >= 7) {
        const bytes = Math.min((to - at + 1) >> 3, (this.#size - bit) >> 3);
        this.#bits.fill(0, bit >> 3, (bit >> 3) + bytes);
        at += bytes << 3;
      } else {
        this.#bits[bit >> 3]! &= ~(1 << (bit & 7));
        at++;
      }
    }
  }
}
