/**
 * A sample as it lies in the mailbox between sampler and detector: the same numbers, and the time as
 * milliseconds since 1970. Owns the fields; the configuration and both programs read them here.
 */
import type { Sample } from "./sample.ts";

/** Fields of the mailbox's struct. */
export const READING_FIELDS = {
  atMs: "f64",
  seq: "f64",
  lateMs: "f64",
  skipped: "f64",
  load: "f64",
  memoryTotalBytes: "f64",
  memoryAvailableBytes: "f64",
  cpuBusyMs: "f64",
  cpuTotalMs: "f64",
} as const;

/** The fields of one slot. */
export type Reading = { -readonly [Field in keyof typeof READING_FIELDS]: number };

/** Writes a sample into a slot. */
export function writeReading(fields: Reading, { at, ...numbers }: Sample): void {
  fields.atMs = Date.parse(at);
  Object.assign(fields, numbers);
}

/** Reads one out of its slot, whole: the slot is written to again. */
export function readReading(fields: Readonly<Reading>): Sample {
  return {
    at: new Date(fields.atMs).toISOString(),
    seq: fields.seq,
    lateMs: fields.lateMs,
    skipped: fields.skipped,
    load: fields.load,
    memoryTotalBytes: fields.memoryTotalBytes,
    memoryAvailableBytes: fields.memoryAvailableBytes,
    cpuBusyMs: fields.cpuBusyMs,
    cpuTotalMs: fields.cpuTotalMs,
  };
}
