/**
 * Numbers of many, side by side: each takes a row and keeps its own numbers there. Owns the memory
 * that is left. Must not know: what the numbers are.
 *
 * A number in a field of its own is an object of its own, somewhere. Whoever looks at a thousand
 * things in turn finds none of them in the cache, and waits for each: here they are one wait.
 */

/** Numbers in a piece of memory; it is let go of when all whose rows it holds are. */
const PIECE = 8192;

/** A place for numbers: from `at` on. */
export interface Row {
  readonly numbers: Float64Array;
  readonly at: number;
}

let piece = new Float64Array(0);
let taken = 0;

/**
 * Gives a row that nobody else has, of zeros.
 *
 * @param width 1 … 8192.
 */
export function takeRow(width: number): Row {
  if (!(width >= 1 && width <= PIECE)) {
    throw new RangeError(`A row must be of 1 to ${PIECE} numbers, is to be of ${width}`);
  }
  if (taken + width > piece.length) {
    piece = new Float64Array(PIECE);
    taken = 0;
  }
  const at = taken;
  taken += width;
  return { numbers: piece, at };
}
