/**
 * A frame of 1 MiB, of which the first bytes say which it is and when it was taken.
 *
 *   0      4          8              16                       1 MiB
 *   ├ seq ─┼ sum ─────┼ captured ────┼ pixels ────────────────┤
 *     u32    u32        f64, ms        each byte is seq + offset
 *
 * Pure: the caller brings the clock.
 */

/** Bytes of a frame: with the length before it 1 MiB, which is what a pipe holds at most. */
export const FRAME_BYTES = (1 << 20) - 4;
const HEADER_BYTES = 16;
/** One pixel in so many is written and looked at: enough to tell a torn frame. */
const STRIDE = 4096;

/** Writes a frame into `bytes`. */
export function fillFrame(bytes: Uint8Array<ArrayBuffer>, seq: number, capturedMs: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(0, seq);
  view.setFloat64(8, capturedMs);
  let sum = 0;
  for (let at = HEADER_BYTES; at < bytes.length; at += STRIDE) {
    bytes[at] = seq + at / STRIDE;
    sum += bytes[at]!;
  }
  view.setUint32(4, sum);
}

/**
 * Reads a frame's header.
 *
 * @returns null when it is no whole frame.
 */
export function readFrame(bytes: Uint8Array): { seq: number; capturedMs: number } | null {
  if (bytes.length !== FRAME_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let sum = 0;
  for (let at = HEADER_BYTES; at < bytes.length; at += STRIDE) sum += bytes[at]!;
  if (view.getUint32(4) !== sum) return null;
  return { seq: view.getUint32(0), capturedMs: view.getFloat64(8) };
}
