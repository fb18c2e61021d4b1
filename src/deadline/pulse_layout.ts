/**
 * The pulse memory of one process: where it stamps its signs of life, the passes of its cycles and
 * its checkpoints, so that the monitor sees them without being told. Owns the bytes: where each
 * word is, how it is laid out and checked. Pure; `docs/deadlines.md` says the same byte by byte.
 * Must not know: who maps the memory, what a contract is.
 *
 * ```
 *     0 ┌ header: what the memory is                 written before the process has it
 *    64 ├ line 0: one cache line for each contract   written by the process
 *   128 ├ line 1 …                                   (a line `by: "notify"`: by the supervisor)
 *       ├ directory: 64 bytes for each line          written before the process has it
 *       ├ texts: names of lines and steps
 *       └ rings: records of 32 bytes, of one line after the other
 * ```
 *
 * Little-endian. Stamps are CLOCK_MONOTONIC nanoseconds in f64, each written and read in one
 * access. Counts are u32 and wrap. Every word has one writer.
 */

/** What a line is for. */
export type PulseKind = "heartbeat" | "cycle" | "steps";

/** One line, as the supervisor lays it out and the program finds it. */
export interface PulseLineShape {
  readonly kind: PulseKind;
  /** The program's name for it; of a heartbeat `""`. */
  readonly name: string;
  /** Of steps: their names, in order; else empty. */
  readonly steps: readonly string[];
  /** Records in its ring: a power of two; of a heartbeat 0. */
  readonly ring: number;
  /** Of a cycle: from due time to due time, above 0. Else 0. */
  readonly periodNs: number;
  /** Of a cycle: due times are this much after whole periods of the clock. Else 0. */
  readonly offsetNs: number;
}

/** "COXP", as the first four bytes. */
export const PULSE_MAGIC = 0x5058_4f43;
export const PULSE_VERSION = 1;
/** Lines of one process. */
export const PULSE_LINES_MAX = 1024;
/** Records of a ring: at least, at most. */
export const RING_MIN = 8;
export const RING_MAX = 4096;
/** Of a name, and of one step's. */
export const PULSE_NAME_BYTES_MAX = 255;
/** Steps of a line. */
export const PULSE_STEPS_MAX = 256;

const LINE_BYTES = 64;
const PAGE_BYTES = 4096;
export const RECORD_BYTES = 32;

/** Header, in words of 32 bits. */
const MAGIC_WORD = 0;
const VERSION_WORD = 1;
const BYTES_WORD = 2;
const LINES_WORD = 3;
const DIRECTORY_WORD = 4;
/** Header: counts instances of the process; the supervisor's. */
export const PULSE_EPOCH = 5;

/** Of a line, in words: passes begun; of steps: checkpoints passed; of a heartbeat: signs begun. */
export const BEGUN = 0;
/** Of a line, in words: passes ended; of a heartbeat: signs that are whole. */
export const ENDED = 1;
/**
 * Of a cycle's line, in words: number of the first pass of the present run, from 1. Above the
 * passes begun: the program has left its loop, or not yet entered it.
 */
export const FIRST = 2;
/** Of a cycle's line, in words: due times that the program passed over, by its own count. */
export const SKIPPED = 3;
/** Of a heartbeat's line, in doubles: the last sign. */
export const SIGN_NS = 2;

/** Of a record, in doubles. A cycle: start, end, due (0: the program keeps no pace). */
export const RECORD_START = 0;
export const RECORD_END = 1;
export const RECORD_DUE = 2;
/** Of a cycle's record, in doubles: number of the first pass of its run. */
export const RECORD_FIRST = 3;
/** Of a record, in doubles. Steps: when, and which. */
export const RECORD_AT = 0;
export const RECORD_STEP = 1;

/** Of a directory's entry, in words. */
const ENTRY_KIND = 0;
const ENTRY_RING_OFFSET = 1;
const ENTRY_RING = 2;
const ENTRY_TEXT_OFFSET = 3;
const ENTRY_TEXT_BYTES = 4;
/** Of a directory's entry, in doubles. */
const ENTRY_PERIOD_NS = 4;
const ENTRY_OFFSET_NS = 5;

/** By number, as in the directory. */
const KINDS: readonly PulseKind[] = ["heartbeat", "cycle", "steps"];

/** Where the words of one line are, in whole words and doubles from the beginning. */
export interface PulsePlace {
  readonly kind: PulseKind;
  /** First word of its cache line. */
  readonly word: number;
  /** First double of its cache line. */
  readonly double: number;
  /** First double of its ring. */
  readonly ringDouble: number;
  /** Records in its ring; 0: it has none. */
  readonly ring: number;
}

/** Where everything is in the memory of these lines. */
interface Places {
  readonly directory: number;
  readonly texts: readonly { readonly offset: number; readonly bytes: Uint8Array }[];
  readonly rings: readonly number[];
  readonly bytes: number;
}

/** Bytes of the memory: whole pages. */
export function pulseBytes(lines: readonly PulseLineShape[]): number {
  return placesOf(lines).bytes;
}

/** Where line number `line` is. */
export function pulsePlace(lines: readonly PulseLineShape[], line: number): PulsePlace {
  return { ...placeOf(line, placesOf(lines).rings[line]!), ...kindOf(lines[line]!) };
}

/** Why there cannot be such a memory: the first rule that it breaks; null when it keeps them. */
export function pulseFault(lines: readonly PulseLineShape[]): string | null {
  if (lines.length < 1 || lines.length > PULSE_LINES_MAX) {
    return `there must be 1 to ${PULSE_LINES_MAX} lines, are ${lines.length}`;
  }
  for (const [at, line] of lines.entries()) {
    const fault = lineFault(line);
    if (fault !== null) return `line ${at}: ${fault}`;
  }
  return null;
}

/**
 * Writes the memory as a new instance finds it: header, directory, empty lines and rings.
 *
 * @param buffer of {@link pulseBytes}; nobody else writes to it.
 * @param epoch which instance of the process it is for, from 1.
 * @throws {RangeError} when there cannot be such a memory.
 */
export function writePulse(
  buffer: ArrayBuffer,
  lines: readonly PulseLineShape[],
  epoch: number,
): void {
  const fault = pulseFault(lines);
  if (fault !== null) throw new RangeError(`Cannot lay out pulse memory: ${fault}`);
  const places = placesOf(lines);
  if (buffer.byteLength !== places.bytes) {
    throw new RangeError(
      `Cannot lay out pulse memory: it must be ${places.bytes} bytes, is ${buffer.byteLength}`,
    );
  }
  const bytes = new Uint8Array(buffer);
  bytes.fill(0);
  const words = new Uint32Array(buffer);
  const doubles = new Float64Array(buffer);
  words[MAGIC_WORD] = PULSE_MAGIC;
  words[VERSION_WORD] = PULSE_VERSION;
  words[BYTES_WORD] = places.bytes;
  words[LINES_WORD] = lines.length;
  words[DIRECTORY_WORD] = places.directory;
  words[PULSE_EPOCH] = epoch;
  for (const [at, line] of lines.entries()) {
    const entry = places.directory + at * LINE_BYTES;
    const text = places.texts[at]!;
    words[entry / 4 + ENTRY_KIND] = KINDS.indexOf(line.kind);
    words[entry / 4 + ENTRY_RING_OFFSET] = line.ring === 0 ? 0 : places.rings[at]!;
    words[entry / 4 + ENTRY_RING] = line.ring;
    words[entry / 4 + ENTRY_TEXT_OFFSET] = text.offset;
    words[entry / 4 + ENTRY_TEXT_BYTES] = text.bytes.length;
    doubles[entry / 8 + ENTRY_PERIOD_NS] = line.periodNs;
    doubles[entry / 8 + ENTRY_OFFSET_NS] = line.offsetNs;
    bytes.set(text.bytes, text.offset);
  }
}

/** A line as a program finds it in its own memory. */
export interface PulseLine extends PulseLineShape {
  readonly number: number;
  readonly place: PulsePlace;
}

/**
 * Reads the directory: what a program that was given the memory has to stamp.
 *
 * @throws {TypeError} when it is no pulse memory of this version.
 */
export function readPulse(buffer: ArrayBuffer): PulseLine[] {
  const words = new Uint32Array(buffer);
  const doubles = new Float64Array(buffer);
  const refuse = (what: string): never => {
    throw new TypeError(`This is no pulse memory of version ${PULSE_VERSION}: ${what}`);
  };
  if (words[MAGIC_WORD] !== PULSE_MAGIC) refuse("its magic is another");
  if (words[VERSION_WORD] !== PULSE_VERSION) refuse(`its version is ${words[VERSION_WORD]}`);
  if (words[BYTES_WORD] !== buffer.byteLength) refuse(`it is ${buffer.byteLength} bytes`);
  const count = words[LINES_WORD]!;
  const directory = words[DIRECTORY_WORD]!;
  if (count > PULSE_LINES_MAX || directory % LINE_BYTES !== 0) refuse("its directory is nowhere");
  if (directory + count * LINE_BYTES > buffer.byteLength) refuse("its directory is cut off");
  return Array.from({ length: count }, (_, number) => {
    const entry = directory + number * LINE_BYTES;
    const word = (field: number) => words[entry / 4 + field]!;
    const kind = KINDS[word(ENTRY_KIND)] ?? refuse(`line ${number} is of no kind`);
    const [ring, ringOffset] = [word(ENTRY_RING), word(ENTRY_RING_OFFSET)];
    const [textOffset, textBytes] = [word(ENTRY_TEXT_OFFSET), word(ENTRY_TEXT_BYTES)];
    if (textOffset + textBytes > buffer.byteLength) refuse(`the name of line ${number} is cut off`);
    if (ringOffset % RECORD_BYTES !== 0 || ringOffset + ring * RECORD_BYTES > buffer.byteLength) {
      refuse(`the ring of line ${number} is cut off`);
    }
    const text = new TextDecoder().decode(new Uint8Array(buffer, textOffset, textBytes));
    const [name = "", ...steps] = text.split("\n");
    const periodNs = doubles[entry / 8 + ENTRY_PERIOD_NS]!;
    const offsetNs = doubles[entry / 8 + ENTRY_OFFSET_NS]!;
    const line = { kind, name, steps, ring, periodNs, offsetNs };
    const fault = lineFault(line);
    if (fault !== null) refuse(`line ${number}: ${fault}`);
    return { ...line, number, place: { ...placeOf(number, ringOffset), kind, ring } };
  });
}

/**
 * Stamps a sign of life. Allocates nothing, makes no call.
 *
 * @param words, doubles the same memory.
 * @param place of a heartbeat's line.
 */
export function stampSign(
  words: Int32Array,
  doubles: Float64Array,
  place: PulsePlace,
  nowNs: number,
): void {
  // Who finds both counts alike around the stamp knows how many signs there were up to it: two
  // signs never look like one that was late.
  const signs = words[place.word + BEGUN]! + 1;
  words[place.word + BEGUN] = signs;
  doubles[place.double + SIGN_NS] = nowNs;
  words[place.word + ENDED] = signs;
}

/** Records that keep what happened within this time, at this pace. */
export function ringFor(keepNs: number, everyNs: number): number {
  let ring = RING_MIN;
  // The newest but one may be overwritten while it is read.
  while (ring < RING_MAX && (ring - 2) * everyNs < keepNs) ring *= 2;
  return ring;
}

function kindOf({ kind, ring }: PulseLineShape): Pick<PulsePlace, "kind" | "ring"> {
  return { kind, ring };
}

function placeOf(line: number, ringOffset: number): Omit<PulsePlace, "kind" | "ring"> {
  const offset = LINE_BYTES * (1 + line);
  return { word: offset / 4, double: offset / 8, ringDouble: ringOffset / 8 };
}

function placesOf(lines: readonly PulseLineShape[]): Places {
  const directory = LINE_BYTES * (1 + lines.length);
  let offset = directory + LINE_BYTES * lines.length;
  const encoder = new TextEncoder();
  const texts = lines.map(({ name, steps }) => {
    const bytes = encoder.encode([name, ...steps].join("\n"));
    const text = { offset, bytes };
    offset += bytes.length;
    return text;
  });
  offset = roundUp(offset, LINE_BYTES);
  const rings = lines.map(({ ring }) => {
    const start = offset;
    offset += ring * RECORD_BYTES;
    return start;
  });
  return { directory, texts, rings, bytes: roundUp(offset, PAGE_BYTES) };
}

function lineFault(line: PulseLineShape): string | null {
  const { kind, ring, steps, periodNs, offsetNs } = line;
  const isPower = Number.isInteger(ring) && ring >= RING_MIN && ring <= RING_MAX &&
    (ring & (ring - 1)) === 0;
  if (kind === "heartbeat" ? ring !== 0 : !isPower) {
    return `its ring must be ${
      kind === "heartbeat" ? "0" : `a power of two from ${RING_MIN} to ${RING_MAX}`
    }, is ${ring}`;
  }
  if (kind === "cycle" ? !(periodNs > 0 && periodNs < Infinity) : periodNs !== 0) {
    return `its period must be ${kind === "cycle" ? "above 0" : "0"}, is ${periodNs}`;
  }
  if (!(offsetNs >= 0 && (offsetNs === 0 || offsetNs < periodNs))) {
    return `its offset must be from 0 to below its period, is ${offsetNs}`;
  }
  const stepsMin = kind === "steps" ? 1 : 0;
  const stepsMax = kind === "steps" ? PULSE_STEPS_MAX : 0;
  if (steps.length < stepsMin || steps.length > stepsMax) {
    return `it must have ${stepsMin} to ${stepsMax} steps, has ${steps.length}`;
  }
  for (const name of [line.name, ...steps]) {
    const bytes = new TextEncoder().encode(name).length;
    if (bytes > PULSE_NAME_BYTES_MAX || name.includes("\n")) {
      return `a name must be one line of at most ${PULSE_NAME_BYTES_MAX} bytes, is ${bytes}`;
    }
  }
  return null;
}

function roundUp(bytes: number, unit: number): number {
  return Math.ceil(bytes / unit) * unit;
}
