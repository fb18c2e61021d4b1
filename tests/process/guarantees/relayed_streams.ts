/**
 * Relayed pipes of every framing, below and above what is written at once and what a pipe holds.
 * Must not know: who is killed.
 */
import type { Stream } from "./load.ts";

/** What a sink reads at a time: see `programs/sink.c`. */
const READ_BYTES = 4096;
/** Of the kernel pipes. */
export const PIPE_BYTES = 65_536;
/** Of each consumer's queue. */
export const QUEUE_MESSAGES = 200;
export const QUEUE_BYTES = 262_144;

/** The sizes: a write of so many bytes is whole or is not; less than a pipe; more than a pipe. */
const SMALL = 4096;
const LONG = 20_000;
const OVERLONG = 150_000;

/** A relayed pipe of one producer and one consumer. */
export function relayedStream(
  name: string,
  framing: "lines" | "ndjson" | "frames",
  max: number,
  changes: Partial<Stream> = {},
): Stream {
  const maxMessage = max - (framing === "frames" ? 4 : 1);
  return {
    name,
    framing,
    max,
    // Blocks that end anywhere within a message.
    blockBytes: 3000,
    channel: (from, to) =>
      `pipe({ from: ${JSON.stringify(from)}, to: ${JSON.stringify(to)}, framing: "${framing}", ` +
      `maxMessage: "${maxMessage}B", capacity: "${PIPE_BYTES}B", ` +
      `highWater: { messages: ${QUEUE_MESSAGES}, bytes: "${QUEUE_BYTES}B" } })`,
    ...changes,
  };
}

/** One of each kind; the lines from two to two. */
export function relayedStreams(): Stream[] {
  return [
    relayedStream("lines", "lines", SMALL, { sources: 2, sinks: 2 }),
    relayedStream("ndjson", "ndjson", SMALL),
    relayedStream("frames", "frames", SMALL),
    relayedStream("long-lines", "lines", LONG),
    relayedStream("long-frames", "frames", LONG),
    relayedStream("overlong-lines", "lines", OVERLONG),
    relayedStream("overlong-frames", "frames", OVERLONG),
  ];
}

/** What a killed sink may have read without a record of it, the rest of a begun message included. */
export function heldBytesMax({ max }: Stream): number {
  // A message that it had in part, what it read to that, and of the last what is still there.
  return READ_BYTES + 2 * max;
}
