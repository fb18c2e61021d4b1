/**
 * A mailbox's bytes: where each word is, how large the segments are, how the samples' header is
 * written and checked. Pure; `docs/mailbox.md` says the same byte by byte.
 * Must not know: who maps the memory, the order in which it is read and written.
 *
 * ```
 *  samples   0 ┌ header: what the mailbox is        written once, before anybody has it
 *           64 ├ published, bell, epoch, state
 *          128 ├ the producer's wish to be woken
 *          192 ├ times for whoever watches
 *         4096 ├ slot 0: header of 64 bytes, data   stride: a multiple of 64, or of 4096
 *              ├ slot 1 …
 *  consumer 64 ┌ cursor, epoch, bell                one page for each consumer
 *          128 ├ counters for whoever watches
 *          192 ├ attached, by the supervisor
 *          256 ├ armed                              a line that is quiet while samples flow
 *          384 └ counters of the paths that end here
 * ```
 *
 * Offsets here are in words of 32 bits, little-endian. A position (published, cursor) counts
 * samples in two words that overlap by a bit: the low 32 bits, and all from bit 31 up.
 */

/** What a mailbox is: the numbers that everybody who maps it was told, and checks memory by. */
export interface MailboxShape {
  /** 2 … {@link SLOTS_MAX}. */
  readonly slots: number;
  /** Largest sample, bytes: 1 … {@link SAMPLE_BYTES_MAX}. */
  readonly sampleBytes: number;
  /** `keepLast`: the producer never waits. `keepAll`: the slowest consumer holds it back. */
  readonly history: "keepLast" | "keepAll";
  /** Of `keepLast`: how many of the newest a consumer may rely on, 1 … slots - 1. Else 0. */
  readonly keep: number;
  /** 1 … {@link CONSUMERS_MAX}. */
  readonly consumers: number;
  /** Whether each sample carries a checksum of its data. */
  readonly checksum: "none" | "crc32c";
  /** Of the samples' schema: its low and its high 32 bits; both 0 for plain bytes. */
  readonly schemaHash: readonly [low: number, high: number];
}

/** "COXM", as the first four bytes. */
export const MAGIC = 0x4d58_4f43;
export const VERSION = 1;
export const HEADER_BYTES = 4096;
export const CONSUMER_BYTES = 4096;
export const SLOT_HEADER_BYTES = 64;
export const SLOTS_MAX = 1 << 20;
export const SAMPLE_BYTES_MAX = 1 << 30;
/** Of the samples' segment: a word's number fits 30 bits. */
export const SEGMENT_BYTES_MAX = 2 ** 32;
export const CONSUMERS_MAX = 64;
/** The last sequence number: larger ones are no exact numbers to JavaScript. */
export const SEQUENCE_MAX = 2 ** 53 - 1;

const PAGE_BYTES = 4096;
const LINE_BYTES = 64;

/** Samples: written once. */
const MAGIC_WORD = 0;
const VERSION_WORD = 1;
const HEADER_BYTES_WORD = 2;
const SLOTS_WORD = 3;
const STRIDE_WORD = 4;
const SAMPLE_BYTES_WORD = 5;
const SCHEMA_LOW_WORD = 6;
const SCHEMA_HIGH_WORD = 7;
const HISTORY_WORD = 8;
const KEEP_WORD = 9;
const CONSUMERS_WORD = 10;
const CHECKSUM_WORD = 11;

/** Samples: the position of the newest sample; its low word, and from bit 31 up. */
export const PUBLISHED = 64 >> 2;
/** Samples: counts producer instances; the supervisor's. */
export const EPOCH = 72 >> 2;
/** Samples: 0 open, 1 ended; the supervisor's. */
export const STATE = 76 >> 2;
/** Samples: the futex word of consumers, changed where one of them is parked. */
export const BELL = 80 >> 2;
/**
 * Samples: the lowest 8 bits are 0, or the producer is parked on the bell of the consumer with
 * this number less 1; above them a count of the times that it was.
 */
export const PRODUCER_ARMED = 128 >> 2;
/** Samples: when it published last, and when it last gave a sign: f64, CLOCK_MONOTONIC ns. */
export const LAST_PUBLISH_NS = 192 >> 2;
export const HEARTBEAT_NS = 200 >> 2;

export const STATE_OPEN = 0;
export const STATE_ENDED = 1;

/** Slot header, from the slot's first word. */
export const TURN = 0;
export const LENGTH = 1;
export const SEQUENCE_LOW = 2;
export const SEQUENCE_HIGH = 3;
export const STAMP_LOW = 4;
export const STAMP_HIGH = 5;
export const SAMPLE_EPOCH = 6;
export const CRC32C = 7;
export const ORIGIN_LOW = 8;
export const ORIGIN_HIGH = 9;

/** Consumer: all up to and including this position is released. */
export const CURSOR = 64 >> 2;
/**
 * Consumer: the 2 lowest bits say how it waits, 0 if not; above them a count of the times. The
 * producer looks here after each sample: on a line with the cursor it would wait for that line.
 */
export const ARMED = 256 >> 2;
/** Consumer: which instance of it this is. */
export const CONSUMER_EPOCH = 76 >> 2;
/** Consumer: the futex word of a producer that waits for this one. */
export const CONSUMER_BELL = 80 >> 2;
/** Consumer: f64, for whoever watches. */
export const RECEIVED = 128 >> 2;
export const MISSED = 136 >> 2;
export const BYTES = 144 >> 2;
export const OVERTAKEN = 152 >> 2;
export const LAST_RECEIVE_NS = 160 >> 2;
export const WORST_AGE_NS = 168 >> 2;
/** Consumer: f64, samples that were older than their lifespan and not delivered. */
export const EXPIRED = 176 >> 2;
/** Consumer: f64, samples that were older than the latency at their receipt. */
export const LATE = 184 >> 2;
/** Consumer: the supervisor's. 1: a `keepAll` producer waits for it. */
export const ATTACHED = 192 >> 2;
/** Consumer: the supervisor's count of instances. */
export const ATTACHED_EPOCH = 196 >> 2;

/**
 * Consumer: f64 each, samples whose origin was older at their receipt than a path that ends here
 * allows; a word for each such path, {@link PATHS_MAX} at most.
 */
export const PATH_LATE = 384 >> 2;
/** Consumer: f64, the newest origin that was received and, where it was late, counted. */
export const LAST_ORIGIN_NS = 448 >> 2;
/** Paths that may end at one consumer. */
export const PATHS_MAX = 8;

/**
 * Consumer: 0, or the instance (its {@link CONSUMER_EPOCH}) that found the mailbox corrupt and has
 * ended its link. What is wrong is text from {@link FAULT_TEXT_BYTE} on, ASCII and ended by a zero.
 */
export const FAULT = 320 >> 2;
export const FAULT_TEXT_BYTE = 512;
/** With the zero. */
export const FAULT_TEXT_BYTES_MAX = 128;

/** How a consumer waits: on the bell, or for a byte through its doorbell. */
export const ARMED_PARKED = 1;
export const ARMED_DOORBELL = 2;

/**
 * Bytes from one slot to the next: whole cache lines, and whole pages for data of a page and more.
 */
export function slotStride(sampleBytes: number): number {
  const unit = sampleBytes >= PAGE_BYTES ? PAGE_BYTES : LINE_BYTES;
  return Math.ceil((SLOT_HEADER_BYTES + sampleBytes) / unit) * unit;
}

/** Bytes of the samples' segment. */
export function segmentBytes(shape: MailboxShape): number {
  return HEADER_BYTES + shape.slots * slotStride(shape.sampleBytes);
}

/** What {@linkcode joinPosition} gives for what is no position. */
export const NO_POSITION = -1;

/** The position that two words say; {@link NO_POSITION} when it is none. */
export function joinPosition(low: number, high: number): number {
  const ahead = (high & 1) === low >>> 31 ? 0 : 1;
  const position = ((high >>> 0) - ahead) * 2 ** 31 + (low & 0x7fff_ffff);
  return position >= 0 && position <= SEQUENCE_MAX ? position : NO_POSITION;
}

/** Why there cannot be such a mailbox: the first rule that it breaks; null when it keeps them. */
export function shapeFault(shape: MailboxShape): string | null {
  const keepMax = shape.history === "keepLast" ? shape.slots - 1 : 0;
  const keepMin = shape.history === "keepLast" ? 1 : 0;
  const [low, high] = shape.schemaHash;
  return outside("slots", shape.slots, 2, SLOTS_MAX) ??
    outside("sampleBytes", shape.sampleBytes, 1, SAMPLE_BYTES_MAX) ??
    outside("keep", shape.keep, keepMin, keepMax) ??
    outside("consumers", shape.consumers, 1, CONSUMERS_MAX) ??
    outside("schemaHash's low half", low, 0, 0xffff_ffff) ??
    outside("schemaHash's high half", high, 0, 0xffff_ffff) ??
    outside("the segment's bytes", segmentBytes(shape), 1, SEGMENT_BYTES_MAX);
}

/**
 * Writes the header of a samples segment that is all zeros, before anybody else has it.
 *
 * @throws {RangeError} when there cannot be such a mailbox.
 */
export function writeHeader(words: Int32Array, shape: MailboxShape): void {
  const fault = shapeFault(shape);
  if (fault !== null) throw new RangeError(`Cannot lay out a mailbox: ${fault}`);
  for (const [word, , value] of headerFields(shape)) words[word] = value;
}

/**
 * Compares a samples segment with what it should be.
 *
 * @param words all of it, or its first page.
 * @param bytes the size of the segment, as the kernel or the mapping has it.
 * @returns the first thing that is not as the shape says, `slots must be 8, is 9`; null for none.
 */
export function headerFault(
  words: Int32Array,
  bytes: number,
  shape: MailboxShape,
): string | null {
  const expectedBytes = segmentBytes(shape);
  if (bytes !== expectedBytes) return mismatch("the segment's bytes", expectedBytes, bytes);
  for (const [word, name, value] of headerFields(shape)) {
    const found = words[word]! >>> 0;
    if (found !== value) return mismatch(name, value, found);
  }
  const state = words[STATE]!;
  if (state !== STATE_OPEN && state !== STATE_ENDED) return `state must be 0 or 1, is ${state}`;
  return null;
}

type Field = readonly [word: number, name: string, value: number];

function headerFields(shape: MailboxShape): Field[] {
  const [low, high] = shape.schemaHash;
  return [
    [MAGIC_WORD, "magic", MAGIC],
    [VERSION_WORD, "version", VERSION],
    [HEADER_BYTES_WORD, "headerBytes", HEADER_BYTES],
    [SLOTS_WORD, "slots", shape.slots],
    [STRIDE_WORD, "slotStride", slotStride(shape.sampleBytes)],
    [SAMPLE_BYTES_WORD, "sampleBytes", shape.sampleBytes],
    [SCHEMA_LOW_WORD, "schemaHash's low half", low],
    [SCHEMA_HIGH_WORD, "schemaHash's high half", high],
    [HISTORY_WORD, "history", shape.history === "keepAll" ? 1 : 0],
    [KEEP_WORD, "keep", shape.keep],
    [CONSUMERS_WORD, "consumers", shape.consumers],
    [CHECKSUM_WORD, "checksum", shape.checksum === "crc32c" ? 1 : 0],
  ];
}

function outside(name: string, value: number, min: number, max: number): string | null {
  if (Number.isInteger(value) && value >= min && value <= max) return null;
  return `${name} must be a whole number from ${min} to ${max}, is ${value}`;
}

function mismatch(name: string, expected: number, found: number): string {
  return `${name} must be ${expected}, is ${found}`;
}
