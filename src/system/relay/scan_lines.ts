/**
 * Finds the lines in a piece of a byte stream. A line is any bytes and one line feed: they pass
 * as they are, and are not looked at for being UTF-8. Pure. Must not know: where they come from.
 */
import type { LookBuffer } from "./look_buffer.ts";
import { BATCH_MESSAGES_MAX, type MessageBatch, VERDICT } from "./message_batch.ts";

const LINE_FEED = 10;
const FEEDS = 0x0a0a_0a0a;
const ONES = 0x0101_0101;
const HIGH_BITS = 0x8080_8080;

/**
 * Fills a batch with the lines of a buffer's first bytes.
 *
 * Four bytes at a time: of all ways that were measured it is the fastest at every length of line,
 * twice as fast as `indexOf` at 100 bytes. A word without a zero byte after the exclusive or has
 * no line feed; the borrow of the subtraction makes none appear that is not there, at most a
 * second look at a word that has one.
 *
 * @param length bytes that are there; the first begins a line.
 * @param bytesMax longest line, without its line feed.
 */
export function scanLines(
  buffer: LookBuffer,
  length: number,
  bytesMax: number,
  batch: MessageBatch,
): void {
  batch.clear();
  const all = findLines(buffer, length, batch);
  if (longestMayExceed(batch, bytesMax)) condemnLong(batch, bytesMax);
  // Without a line feed in the byte after the longest line it is too long.
  const whole = batch.bytesOf(batch.count);
  batch.tailOversized = all && length - whole > bytesMax;
}

/** What is wrong with a message of so many bytes, without its line feed or length. */
export function oversizedDetail(bytes: number | null, bytesMax: number): string {
  return `must be at most ${bytesMax} bytes, is ${bytes ?? "longer"}`;
}

/** @returns whether there was room for all. */
function findLines(buffer: LookBuffer, length: number, batch: MessageBatch): boolean {
  const { bytes, words } = buffer;
  const { ends } = batch;
  const wordCount = length >> 2;
  // A word adds four lines at most.
  const countMax = BATCH_MESSAGES_MAX - 4;
  let count = 0;
  let word = 0;
  for (; word < wordCount && count <= countMax; word++) {
    const mixed = words[word]! ^ FEEDS;
    if (((mixed - ONES) & ~mixed & HIGH_BITS) === 0) continue;
    const at = word << 2;
    if (bytes[at] === LINE_FEED) ends[count++] = at + 1;
    if (bytes[at + 1] === LINE_FEED) ends[count++] = at + 2;
    if (bytes[at + 2] === LINE_FEED) ends[count++] = at + 3;
    if (bytes[at + 3] === LINE_FEED) ends[count++] = at + 4;
  }
  let at = word << 2;
  if (word === wordCount) {
    for (; at < length && count < BATCH_MESSAGES_MAX; at++) {
      if (bytes[at] === LINE_FEED) ends[count++] = at + 1;
    }
  }
  batch.count = count;
  return at === length;
}

/** No line of a piece is longer than the piece: most pieces need no second look. */
function longestMayExceed(batch: MessageBatch, bytesMax: number): boolean {
  return batch.count > 0 && batch.bytesOf(batch.count) - 1 > bytesMax;
}

function condemnLong(batch: MessageBatch, bytesMax: number): void {
  const { ends, count } = batch;
  let start = 0;
  for (let index = 0; index < count; index++) {
    const end = ends[index]!;
    if (end - 1 - start > bytesMax) {
      batch.condemn(index, VERDICT.oversized, oversizedDetail(end - 1 - start, bytesMax));
    }
    start = end;
  }
}
