/**
 * Positions: counts of samples, beyond 32 bits, in words that are read and written one by one.
 * Must not know: whose position it is.
 *
 * The second word holds the bits from 31 up, so that its lowest bit repeats the highest of the
 * first. It is written before the first. A reader who finds the two bits different has met the
 * writer in between (or after its death there) and knows that the second is one ahead.
 */
import { joinPosition, NO_POSITION } from "../../channel/mailbox/layout.ts";
import type { SharedWords } from "./shared_words.ts";

const { floor } = Math;
const HALF = 2 ** 31;
const ATTEMPTS_MAX = 8;

export { joinPosition, NO_POSITION };

/** The bits from 31 up, as the second word has them. */
export function highWord(position: number): number {
  return floor(position / HALF) | 0;
}

/**
 * Reads a position whose writer may be at work.
 *
 * @param word of its low half.
 * @returns {@link NO_POSITION} for what no writer leaves there.
 */
export function readPosition(memory: SharedWords, word: number): number {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const high = memory.load(word + 1);
    const low = memory.load(word);
    // Had it changed in between, the low half could be of 2^31 samples earlier or later.
    if (memory.load(word + 1) === high) return joinPosition(low, high);
  }
  return NO_POSITION;
}
