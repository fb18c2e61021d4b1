/**
 * Guesses what a misspelt name was meant to be. Owns how near is near enough.
 * Must not know: what the names stand for.
 */
import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** Longer words are not compared: the distance costs time in proportion to both lengths. */
const WORD_LENGTH_MAX = 64;
const CANDIDATES_MAX = 2000;

/**
 * Finds the known name that a misspelt one probably stands for.
 *
 * @param word What was written.
 * @param candidates The names that would be right.
 * @returns The nearest candidate, or null if none is within a third of the word's length
 *   (two edits for short words, one for words of three letters or fewer).
 */
export function nearestName(word: string, candidates: readonly string[]): string | null {
  if (word.length > WORD_LENGTH_MAX) return null;
  const possible = candidates.slice(0, CANDIDATES_MAX)
    .filter((each) => each !== word && each !== "" && each.length <= WORD_LENGTH_MAX);
  if (possible.length === 0) return null;
  const nearest = closestString(word, possible, { compareFn: distanceOf });
  const distance = distanceOf(word.toLowerCase(), nearest.toLowerCase());
  const near = word.length <= 3 ? 1 : Math.max(2, Math.floor(word.length / 3));
  return distance <= near ? nearest : null;
}

/**
 * The fix of an issue about an unknown name.
 *
 * @param word What was written.
 * @param candidates The names that would be right.
 * @returns `did you mean "restart"?`; or a short list of what there is; or null.
 */
export function didYouMean(word: string, candidates: readonly string[]): string | null {
  const nearest = nearestName(word, candidates);
  if (nearest !== null) return `did you mean ${JSON.stringify(nearest)}?`;
  const listed = candidates.slice(0, 12).map((each) => JSON.stringify(each)).join(", ");
  if (candidates.length === 0) return null;
  return `one of ${listed}${candidates.length > 12 ? " …" : ""}`;
}

/**
 * Tells whether a word is one slip of the keyboard away from a name, or the name in capitals.
 *
 * @param word What was written.
 * @param name A known name.
 * @returns False for the name itself.
 */
export function isSlip(word: string, name: string): boolean {
  if (word === name || word.length > WORD_LENGTH_MAX) return false;
  return distanceOf(word.toLowerCase(), name.toLowerCase()) <= 1;
}

/** Letters in another order are the commonest slip, and two edits to Levenshtein. */
function distanceOf(first: string, second: string): number {
  const sameLetters = first.length === second.length &&
    [...first].sort().join("") === [...second].sort().join("");
  return sameLetters
    ? Math.min(1, levenshteinDistance(first, second))
    : levenshteinDistance(first, second);
}
