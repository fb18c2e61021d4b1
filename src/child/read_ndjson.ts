/**
 * Reads NDJSON: one JSON value a line, with a limit on the line. Owns framing and the
 * error that says where a bad line is. Must not know: what the values mean.
 */

/** Default of {@linkcode ReadNdjsonOptions.maxLineBytes}. */
const MAX_LINE_BYTES_DEFAULT = 1 << 20;
const NEWLINE = 10;

/** What is wrong with a line; `unfinished`: the input ended before its line break. */
export type NdjsonFault = "too-long" | "not-utf8" | "not-json" | "refused" | "unfinished";

/** Options of {@linkcode readNdjson}. */
export interface ReadNdjsonOptions<T> {
  /** Longest line, bytes without its line break; 1 … 2^30. @default {1048576} */
  readonly maxLineBytes?: number;
  /** Ends the iteration, quietly, as the end of the input does. */
  readonly signal?: AbortSignal;
  /** Makes a `T` of what JSON held; what it throws becomes a `refused` line. */
  readonly parse?: (value: unknown) => T;
  /**
   * Told of each bad line, which is then skipped. Without it a bad line is thrown and
   * ends the iteration. A producer that is killed in the middle of a line longer than
   * 4096 bytes leaves a bad line behind: a consumer that outlives its producers wants this.
   */
  readonly onBadLine?: (error: NdjsonError) => void;
}

/**
 * A line that is not what it should be, and where it is.
 *
 * @example
 * ```ts
 * import { NdjsonError, readNdjson } from "coxswain/child";
 * import { assertEquals } from "@std/assert";
 *
 * const bad: NdjsonError[] = [];
 * const input = ReadableStream.from([new TextEncoder().encode('{"a":1}\noops\n{"a":2}\n')]);
 * const good = await Array.fromAsync(readNdjson(input, { onBadLine: (e) => bad.push(e) }));
 * assertEquals(good, [{ a: 1 }, { a: 2 }]);
 * assertEquals(bad.map((e) => [e.line, e.byteOffset, e.fault]), [[2, 8, "not-json"]]);
 * ```
 */
export class NdjsonError extends Error {
  override readonly name = "NdjsonError";
  readonly fault: NdjsonFault;
  /** 1 for the first line. */
  readonly line: number;
  /** Of the line's first byte; 0 for the first line. */
  readonly byteOffset: number;

  /**
   * Made by {@linkcode readNdjson}.
   *
   * @param fault What is wrong.
   * @param where The line's number and offset, and the rule that it breaks.
   * @param options `cause`: what the JSON parser or `parse` threw.
   */
  constructor(
    fault: NdjsonFault,
    where: { line: number; byteOffset: number; rule: string },
    options?: ErrorOptions,
  ) {
    super(`Line ${where.line} (byte ${where.byteOffset}) ${where.rule}`, options);
    this.fault = fault;
    this.line = where.line;
    this.byteOffset = where.byteOffset;
  }
}

/**
 * Reads one value a line. Empty lines are skipped; `\r\n` is accepted.
 *
 * Memory is bounded by `maxLineBytes`: a longer line is discarded as it comes. Order is
 * kept. Leaving the loop, or the `signal`, cancels the stream.
 *
 * @param readable Bytes; usually `Deno.stdin.readable`.
 * @param options Limit, abort signal, check of each value, what to do with bad lines.
 * @returns the values, as they come.
 * @throws {NdjsonError} at a bad line, unless `onBadLine` is given.
 * @throws {RangeError} when `maxLineBytes` is out of range.
 *
 * @example
 * ```ts
 * import { readNdjson } from "coxswain/child";
 * import { assertEquals } from "@std/assert";
 *
 * const input = ReadableStream.from(['{"load":', "0.5}\n"]).pipeThrough(new TextEncoderStream());
 * const loads: number[] = [];
 * for await (const sample of readNdjson<{ load: number }>(input)) loads.push(sample.load);
 * assertEquals(loads, [0.5]);
 * ```
 */
export async function* readNdjson<T = unknown>(
  readable: ReadableStream<Uint8Array>,
  options: ReadNdjsonOptions<T> = {},
): AsyncGenerator<T, void, undefined> {
  const framer = new LineFramer(checkedLimit(options.maxLineBytes ?? MAX_LINE_BYTES_DEFAULT));
  const reader = readable.getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  options.signal?.addEventListener("abort", cancel, { once: true });
  // An abort is meant to end things now, not after the lines that are at hand.
  const aborted = () => options.signal?.aborted === true;
  try {
    while (!aborted()) {
      const { value: chunk, done } = await reader.read();
      if (aborted()) return;
      const lines = done ? framer.finish() : framer.push(chunk);
      for (const line of lines) {
        const result = parseLine(line, options.parse);
        if (!(result instanceof NdjsonError)) {
          if (result !== null) yield result.value;
        } else if (options.onBadLine !== undefined) options.onBadLine(result);
        else throw result;
        if (aborted()) return;
      }
      if (done) return;
    }
  } finally {
    options.signal?.removeEventListener("abort", cancel);
    cancel();
  }
}

/** A line as it was framed; `bytes` is null when it was too long to keep. */
export interface FramedLine {
  readonly line: number;
  readonly byteOffset: number;
  readonly bytes: Uint8Array | null;
  readonly maxBytes: number;
  readonly finished: boolean;
}

/** Cuts chunks into lines, holding at most `maxBytes` of an unfinished one. */
export class LineFramer {
  readonly #maxBytes: number;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** The unfinished line is over the limit: its bytes are dropped. */
  #overflowed = false;
  #line = 1;
  #lineOffset = 0;
  #offset = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  *push(chunk: Uint8Array): Generator<FramedLine> {
    let from = 0;
    for (;;) {
      const at = chunk.indexOf(NEWLINE, from);
      if (at < 0) break;
      this.#hold(chunk.subarray(from, at));
      yield this.#take(true, 1);
      from = at + 1;
    }
    this.#hold(chunk.subarray(from));
  }

  *finish(): Generator<FramedLine> {
    if (this.#heldBytes > 0 || this.#overflowed) yield this.#take(false, 0);
  }

  #hold(bytes: Uint8Array): void {
    this.#offset += bytes.length;
    if (bytes.length === 0 || this.#overflowed) return;
    if (this.#heldBytes + bytes.length > this.#maxBytes) {
      this.#overflowed = true;
      this.#held = [];
      this.#heldBytes = 0;
      return;
    }
    // A copy: the stream may reuse the chunk's buffer before the line is complete.
    this.#held.push(bytes.slice());
    this.#heldBytes += bytes.length;
  }

  #take(finished: boolean, breakBytes: number): FramedLine {
    this.#offset += breakBytes;
    const line = {
      line: this.#line++,
      byteOffset: this.#lineOffset,
      bytes: this.#overflowed ? null : concat(this.#held, this.#heldBytes),
      maxBytes: this.#maxBytes,
      finished,
    };
    this.#lineOffset = this.#offset;
    this.#held = [];
    this.#heldBytes = 0;
    this.#overflowed = false;
    return line;
  }
}

/** null: an empty line. */
function parseLine<T>(
  line: FramedLine,
  parse: ((value: unknown) => T) | undefined,
): { value: T } | NdjsonError | null {
  const bad = (fault: NdjsonFault, rule: string, cause?: unknown) =>
    new NdjsonError(fault, { ...line, rule }, cause === undefined ? undefined : { cause });
  if (line.bytes === null) {
    return bad("too-long", `must be at most ${line.maxBytes} bytes and is longer`);
  }
  if (!line.finished) return bad("unfinished", "has no line break: its writer was cut off");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(line.bytes).trim();
  } catch (cause) {
    return bad("not-utf8", "must be UTF-8", cause);
  }
  if (text === "") return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return bad("not-json", `must be JSON, is ${quote(text)}`, cause);
  }
  if (parse === undefined) return { value: value as T };
  try {
    return { value: parse(value) };
  } catch (cause) {
    return bad("refused", `was refused: ${cause instanceof Error ? cause.message : cause}`, cause);
  }
}

function concat(parts: readonly Uint8Array[], totalBytes: number): Uint8Array {
  const whole = new Uint8Array(totalBytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? text.slice(0, 60) + "…" : text);
}

function checkedLimit(maxLineBytes: number): number {
  if (Number.isSafeInteger(maxLineBytes) && maxLineBytes >= 1 && maxLineBytes <= 2 ** 30) {
    return maxLineBytes;
  }
  throw new RangeError(`maxLineBytes must be a whole number from 1 to 2^30, is ${maxLineBytes}`);
}
