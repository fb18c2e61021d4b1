/**
 * Framings: how messages become bytes and bytes messages again. Owns the formats:
 *
 *   bytes    as they come, no boundaries
 *   lines    UTF-8, each ended by one line feed
 *   ndjson   lines that are JSON
 *   frames   length (u32, big-endian) and as many bytes
 *
 * Must not know: descriptors, buffers, who sends.
 */
import { FrameSplitter } from "./frame_splitter.ts";
import { MessageError } from "./link.ts";
import { type FramedLine, LineFramer } from "./read_ndjson.ts";

/** A format for messages of type `T`. */
export interface Framing<T> {
  /** Largest message, bytes with its framing; the least that a buffer must hold. */
  readonly encodedBytesMax: number;
  /** Whether a message must stay in one piece where the kernel can do that. */
  readonly bounded: boolean;
  /** @throws {TypeError | RangeError} when the value cannot be a message. */
  encode(value: T): Uint8Array<ArrayBuffer>;
  /** One for each link that is read; it holds the unfinished message. */
  decoder(): Decoder<T>;
}

/** Cuts chunks into messages. A malformed one is yielded as an error, and skipped. */
export interface Decoder<T> {
  push(chunk: Uint8Array): Iterator<T | MessageError>;
  finish(): Iterator<T | MessageError>;
}

/** Chunks as they come; a chunk of one `send` may arrive in pieces or joined with others. */
export function bytesFraming(chunkBytesMax: number): Framing<Uint8Array> {
  return {
    encodedBytesMax: chunkBytesMax,
    bounded: false,
    encode: (value) => checkedSize(value, chunkBytesMax).slice(),
    decoder: () => ({
      push: (chunk) => [chunk].values(),
      finish: () => ([] as Uint8Array[]).values(),
    }),
  };
}

/** Text lines. */
export function linesFraming(maxLineBytes: number): Framing<string> {
  return {
    encodedBytesMax: maxLineBytes + 1,
    bounded: true,
    encode: (value) => encodeLine(value, maxLineBytes),
    decoder: () => lineDecoder(maxLineBytes, (text) => text),
  };
}

/** One JSON value a line; empty lines are skipped. */
export function ndjsonFraming<T>(
  maxLineBytes: number,
  parse: ((value: unknown) => T) | undefined,
): Framing<T> {
  return {
    encodedBytesMax: maxLineBytes + 1,
    bounded: true,
    encode(value) {
      const text = JSON.stringify(value);
      if (text !== undefined) return encodeLine(text, maxLineBytes);
      throw new TypeError(`Cannot send ${typeof value} as NDJSON: JSON has no such value`);
    },
    decoder: () => lineDecoder(maxLineBytes, (text, bad) => parseValue(text, parse, bad)),
  };
}

/** Length-prefixed messages. */
export function framesFraming(maxFrameBytes: number): Framing<Uint8Array> {
  return {
    encodedBytesMax: maxFrameBytes + 4,
    bounded: true,
    encode(value) {
      checkedSize(value, maxFrameBytes);
      const frame = new Uint8Array(4 + value.length);
      frame[0] = value.length >>> 24;
      frame[1] = value.length >>> 16;
      frame[2] = value.length >>> 8;
      frame[3] = value.length;
      frame.set(value, 4);
      return frame;
    },
    decoder: () => new FrameSplitter(maxFrameBytes),
  };
}

function encodeLine(text: string, maxBytes: number): Uint8Array<ArrayBuffer> {
  if (typeof text !== "string") throw new TypeError(`A line must be a string, is ${typeof text}`);
  if (text.includes("\n")) {
    throw new TypeError("Cannot send a line that has a line feed in it: it would be two");
  }
  const bytes = new TextEncoder().encode(text + "\n");
  checkedSize(bytes.subarray(1), maxBytes);
  return bytes;
}

function checkedSize(bytes: Uint8Array, maxBytes: number): Uint8Array {
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(`A message must be a Uint8Array, is ${typeof bytes}`);
  }
  if (bytes.length <= maxBytes) return bytes;
  throw new RangeError(`A message must be at most ${maxBytes} bytes, is ${bytes.length}`);
}

type Bad = (fault: MessageError["fault"], rule: string, cause?: unknown) => MessageError;

/** An empty line of NDJSON. */
const NOTHING = Symbol("nothing");

/** What a line holds. */
type LineParser<T> = (text: string, bad: Bad) => T | MessageError | typeof NOTHING;

function lineDecoder<T>(maxLineBytes: number, parse: LineParser<T>): Decoder<T> {
  const framer = new LineFramer(maxLineBytes);
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  function* decode(lines: Iterable<FramedLine>): Generator<T | MessageError, void, undefined> {
    for (const line of lines) {
      const message = parseLine(line, utf8, parse);
      if (message !== NOTHING) yield message;
    }
  }
  return { push: (chunk) => decode(framer.push(chunk)), finish: () => decode(framer.finish()) };
}

function parseLine<T>(
  line: FramedLine,
  utf8: TextDecoder,
  parse: LineParser<T>,
): T | MessageError | typeof NOTHING {
  const { line: index, byteOffset } = line;
  const bad: Bad = (fault, rule, cause) =>
    new MessageError(
      fault,
      { index, byteOffset, rule },
      cause === undefined ? undefined : { cause },
    );
  if (line.bytes === null) {
    return bad("too-long", `must be at most ${line.maxBytes} bytes and is longer`);
  }
  if (!line.finished) return bad("unfinished", "has no line feed: its writer was cut off");
  let text: string;
  try {
    text = utf8.decode(line.bytes);
  } catch (cause) {
    return bad("not-utf8", "must be UTF-8", cause);
  }
  return parse(text, bad);
}

function parseValue<T>(
  text: string,
  parse: ((value: unknown) => T) | undefined,
  bad: Bad,
): T | MessageError | typeof NOTHING {
  if (text.trim() === "") return NOTHING;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const shown = JSON.stringify(text.length > 60 ? text.slice(0, 60) + "…" : text);
    return bad("not-json", `must be JSON, is ${shown}`, cause);
  }
  if (parse === undefined) return value as T;
  try {
    return parse(value);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return bad("refused", `was refused: ${why}`, cause);
  }
}
