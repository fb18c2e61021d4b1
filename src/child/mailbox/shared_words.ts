/**
 * Words of memory that other processes read and write. The whole of a mailbox's protocol goes
 * through this port, so that a test can put another memory in its place and stop between any
 * two accesses. Must not know: what a word means.
 *
 * What it takes from the runtime it takes when it is loaded: a program that changes `Atomics`
 * later does not change this.
 */
const { load, store, add } = Atomics;

/**
 * Memory in words of 32 bits, signed. On the order of accesses see docs/mailbox.md; in short:
 * `load` and `store` keep their place among all accesses of this thread that others can see;
 * `read` and `write` keep theirs only in so far as one of those is between. They cost a tenth:
 * V8 makes a call of an atomic access (12 ns) and one instruction of an ordinary one.
 */
export interface SharedWords {
  /** An atomic load: nothing after it in the program is read or written before it. */
  load(word: number): number;
  /** An atomic store: all before it in the program is seen before it; then a full fence. */
  store(word: number, value: number): void;
  /** An ordinary load. */
  read(word: number): number;
  /** An ordinary store. */
  write(word: number, value: number): void;
  /** Eight bytes at an even word, in one access. For what is shown, not for what is decided by. */
  readDouble(word: number): number;
  /** The reverse. */
  writeDouble(word: number, value: number): void;
  /** Keeps ordinary accesses before it from being done after those behind it, and the reverse. */
  fence(): void;
}

/** x86-64 does loads in order and stores in order; elsewhere it takes an instruction. */
const NEEDS_FENCE = Deno.build.arch !== "x86_64";

/** Mapped memory. */
export class MappedWords implements SharedWords {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  /** Nobody else's: an atomic change of it is the fence. */
  readonly #own = new Int32Array(1);

  /** @param buffer a multiple of 8 bytes. */
  constructor(buffer: ArrayBuffer) {
    this.#words = new Int32Array(buffer);
    this.#doubles = new Float64Array(buffer);
  }

  load(word: number): number {
    return load(this.#words, word);
  }

  store(word: number, value: number): void {
    store(this.#words, word, value);
  }

  read(word: number): number {
    return this.#words[word]!;
  }

  write(word: number, value: number): void {
    this.#words[word] = value;
  }

  readDouble(word: number): number {
    return this.#doubles[word >> 1]!;
  }

  writeDouble(word: number, value: number): void {
    this.#doubles[word >> 1] = value;
  }

  fence(): void {
    if (NEEDS_FENCE) add(this.#own, 0, 0);
  }
}
