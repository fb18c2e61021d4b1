/**
 * A queue of records of numbers between two threads, in shared memory: one of them puts, the other
 * takes; neither ever waits. What is put is taken whole and in order, or is refused when the queue
 * is full. Must not know: what the numbers mean, how the other thread is woken.
 *
 * ```
 *  word 0: records put   word 1: records taken   from byte 64 on: records, the oldest overwritten
 * ```
 */

const HEADER_BYTES = 64;
const PUT = 0;
const TAKEN = 1;

/** One end, or both. */
export class RecordRing {
  readonly #words: Int32Array;
  readonly #records: Float64Array;
  readonly #width: number;
  readonly #mask: number;

  /**
   * @param memory of {@link ringBytes}.
   * @param width numbers in a record.
   */
  constructor(memory: SharedArrayBuffer, width: number) {
    const count = (memory.byteLength - HEADER_BYTES) / 8 / width;
    if (!Number.isInteger(Math.log2(count))) {
      throw new RangeError(`A ring must hold a power of two of records, is to hold ${count}`);
    }
    this.#words = new Int32Array(memory, 0, 2);
    this.#records = new Float64Array(memory, HEADER_BYTES);
    this.#width = width;
    this.#mask = count - 1;
  }

  /** @returns false when it is full; then nothing was put. */
  put(record: ArrayLike<number>): boolean {
    const put = this.#words[PUT]!;
    if (((put - Atomics.load(this.#words, TAKEN)) | 0) > this.#mask) return false;
    const at = (put & this.#mask) * this.#width;
    for (let n = 0; n < this.#width; n++) this.#records[at + n] = record[n]!;
    // Published by this: who sees the number sees the record.
    Atomics.store(this.#words, PUT, (put + 1) | 0);
    return true;
  }

  /** @returns false when it is empty. */
  take(into: Float64Array): boolean {
    const taken = this.#words[TAKEN]!;
    if (Atomics.load(this.#words, PUT) === taken) return false;
    const at = (taken & this.#mask) * this.#width;
    for (let n = 0; n < this.#width; n++) into[n] = this.#records[at + n]!;
    // Only now may its place be written to again.
    Atomics.store(this.#words, TAKEN, (taken + 1) | 0);
    return true;
  }

  get isEmpty(): boolean {
    return Atomics.load(this.#words, PUT) === Atomics.load(this.#words, TAKEN);
  }
}

/** Bytes of a ring. @param records at least; rounded up to a power of two. */
export function ringBytes(records: number, width: number): number {
  return HEADER_BYTES + 2 ** Math.ceil(Math.log2(records)) * width * 8;
}
