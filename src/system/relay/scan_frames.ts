/**
 * Finds the length-prefixed messages in a piece of a byte stream. Pure; allocates nothing, whatever
 * length a frame claims. Must not know: where they come from.
 *
 *   0        4                4 + n
 *   ├ n, u32 ┼ payload ───────┤      n is big-endian
 */
import { BATCH_MESSAGES_MAX, type MessageBatch, VERDICT } from "./message_batch.ts";
import { oversizedDetail } from "./scan_lines.ts";

/** Bytes of the length. */
export const FRAME_HEADER_BYTES = 4;

/**
 * Fills a batch with the frames of the first bytes.
 *
 * @param length bytes that are there; the first begins a frame.
 * @param bytesMax largest payload.
 */
export function scanFrames(
  bytes: Uint8Array,
  length: number,
  bytesMax: number,
  batch: MessageBatch,
): void {
  batch.clear();
  const { ends } = batch;
  let at = 0;
  let count = 0;
  while (at + FRAME_HEADER_BYTES <= length && count < BATCH_MESSAGES_MAX) {
    const payload = frameLength(bytes, at);
    const end = at + FRAME_HEADER_BYTES + payload;
    if (end > length) {
      batch.tailBytes = end - at;
      batch.tailOversized = payload > bytesMax;
      break;
    }
    ends[count++] = end;
    batch.count = count;
    if (payload > bytesMax) {
      batch.condemn(count - 1, VERDICT.oversized, oversizedDetail(payload, bytesMax));
    }
    at = end;
  }
}

/** The length that a frame claims, 0 … 2^32 - 1. */
export function frameLength(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>>
    0;
}
