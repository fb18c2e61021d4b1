/**
 * A mailbox's sample as JSON and back. Owns which values of JSON stand for which numbers and bytes,
 * and the errors that say where one does not. Must not know: mailboxes, lines.
 *
 * ```
 *  struct   {"sequence":7,"fields":{"t":1.5,"axis":[0,1,2]}}      or, to be read, the fields alone
 *  text     {"sequence":7,"text":"an é"}                          or, to be read, the text alone
 *  bytes    {"sequence":7,"base64":"/wA="}                        what is no UTF-8
 * ```
 *
 * `i64` and `u64` are texts of digits, as more is in them than in a number of JSON, and so are the
 * numbers that JSON has not: "NaN", "Infinity", "-Infinity" (as in the JSON of Protocol Buffers).
 * A sequence that is read is not used: the mailbox counts by itself.
 */
import {
  type FieldLayout,
  NUMBER_BYTES,
  type NumberType,
  type StructLayout,
} from "../../channel/mailbox/schema.ts";

/** Unlike a struct's bytes, those without a schema have a length of their own. */
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const NO_NUMBERS = ["NaN", "Infinity", "-Infinity"];

/** What a sample is. */
export interface SampleForm {
  /** null: bytes. */
  readonly layout: StructLayout | null;
  /** The largest. */
  readonly sampleBytes: number;
}

/** Longest line that can hold a sample, bytes: names, and up to 8 for each byte. */
export function lineBytesMax({ layout, sampleBytes }: SampleForm): number {
  const names = layout?.fields.reduce((sum, { name }) => sum + name.length, 0) ?? 0;
  return 65_536 + 8 * names + 8 * sampleBytes;
}

/**
 * The line of a sample.
 *
 * @returns JSON and a line feed.
 */
export function sampleLine(
  sequence: number,
  bytes: Uint8Array<ArrayBuffer>,
  { layout }: SampleForm,
): string {
  const body = layout === null ? bytesText(bytes) : `"fields":${structText(bytes, layout)}`;
  return `{"sequence":${sequence},${body}}\n`;
}

/**
 * The bytes of a sample.
 *
 * @param value What JSON held.
 * @throws {RangeError} when it is no such sample: `"axis"[1] must be …`.
 */
export function sampleBytesOf(value: unknown, form: SampleForm): Uint8Array<ArrayBuffer> {
  const { layout, sampleBytes } = form;
  if (layout !== null) return structBytes(fieldsOf(value), layout);
  const bytes = plainBytes(value);
  if (bytes.length > sampleBytes) {
    throw new RangeError(`its sample must have at most ${sampleBytes} bytes, has ${bytes.length}`);
  }
  return bytes;
}

function bytesText(bytes: Uint8Array<ArrayBuffer>): string {
  let text: string;
  try {
    text = DECODER.decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return `"base64":"${bytes.toBase64()}"`;
  }
  return `"text":${JSON.stringify(text)}`;
}

function structText(bytes: Uint8Array<ArrayBuffer>, { fields }: StructLayout): string {
  const view = viewOf(bytes);
  const texts = fields.map(({ name, type, length, offset }) => {
    const read = (at: number) => numberText(READ[type](view, offset + at * NUMBER_BYTES[type]));
    // Names need no escapes (schema.ts).
    if (length === null) return `"${name}":${read(0)}`;
    return `"${name}":[${Array.from({ length }, (_, at) => read(at)).join()}]`;
  });
  return `{${texts.join()}}`;
}

function numberText(value: number | bigint): string {
  if (typeof value === "bigint" || !Number.isFinite(value)) return `"${value}"`;
  return Object.is(value, -0) ? "-0" : `${value}`;
}

function fieldsOf(value: unknown): Record<string, unknown> {
  if (!isRecord(value)) throw new RangeError(`must be an object of fields, is ${show(value)}`);
  // No field is an object: this is the whole line that was written of a sample.
  const { fields } = value;
  if (!isRecord(fields)) return value;
  checkWhole(value, "fields");
  return fields;
}

function plainBytes(value: unknown): Uint8Array<ArrayBuffer> {
  if (typeof value === "string") return textBytes(value, "its text");
  const [key] = isRecord(value)
    ? ["text", "base64"].filter((key) => Object.hasOwn(value, key))
    : [];
  if (!isRecord(value) || key === undefined) {
    throw new RangeError(
      `must be a text, {"text":"…"} or {"base64":"…"}, is ${show(value)}`,
    );
  }
  checkWhole(value, key);
  const text = value[key];
  if (typeof text !== "string") throw new RangeError(`"${key}" must be a text, is ${show(text)}`);
  if (key === "text") return textBytes(text, `"${key}"`);
  try {
    return Uint8Array.fromBase64(text);
  } catch (cause) {
    throw new RangeError(`"base64" must be base64, is ${show(text)}`, { cause });
  }
}

/** JSON can say half of a surrogate pair, which UTF-8 cannot. */
function textBytes(text: string, where: string): Uint8Array<ArrayBuffer> {
  if (text.isWellFormed()) return new TextEncoder().encode(text);
  throw new RangeError(`${where} must have both halves of each surrogate pair, is ${show(text)}`);
}

function checkWhole(value: Record<string, unknown>, body: string): void {
  const other = Object.keys(value).find((key) => key !== "sequence" && key !== body);
  if (other !== undefined) {
    throw new RangeError(`must have "sequence" and "${body}" alone, has "${other}"`);
  }
}

function structBytes(
  values: Record<string, unknown>,
  { fields, bytes }: StructLayout,
): Uint8Array<ArrayBuffer> {
  const sample = new Uint8Array(bytes);
  const view = viewOf(sample);
  const other = Object.keys(values).find((key) => !fields.some(({ name }) => name === key));
  if (other !== undefined) {
    const known = fields.map(({ name }) => `"${name}"`).join(", ");
    throw new RangeError(`${show(other)} must be one of its fields ${known}`);
  }
  for (const field of fields) {
    if (!Object.hasOwn(values, field.name)) throw new RangeError(`must have "${field.name}"`);
    writeField(view, field, values[field.name]);
  }
  return sample;
}

function writeField(view: DataView, { name, type, length, offset }: FieldLayout, value: unknown) {
  if (length === null) {
    WRITE[type](view, offset, numberOf(type, value, `"${name}"`));
    return;
  }
  if (!Array.isArray(value) || value.length !== length) {
    const is = Array.isArray(value) ? `has ${value.length}` : `is ${show(value)}`;
    throw new RangeError(`"${name}" must be a list of ${length}, ${is}`);
  }
  for (let at = 0; at < length; at++) {
    const number = numberOf(type, value[at], `"${name}"[${at}]`);
    WRITE[type](view, offset + at * NUMBER_BYTES[type], number);
  }
}

/** A number of that type. */
function numberOf(type: NumberType, value: unknown, where: string): number | bigint {
  if (type === "f32" || type === "f64") return fractionOf(type, value, where);
  const bits = BigInt(NUMBER_BYTES[type] * 8);
  const isWide = bits === 64n;
  const [min, max] = type.startsWith("i")
    ? [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n]
    : [0n, 2n ** bits - 1n];
  const isText = isWide && typeof value === "string" && /^-?[0-9]{1,20}$/.test(value);
  const whole = isText || Number.isSafeInteger(value) ? BigInt(value as string | number) : null;
  if (whole !== null && whole >= min && whole <= max) return isWide ? whole : Number(whole);
  const text = isWide ? ", as a text of digits beyond 2^53" : "";
  throw new RangeError(
    `${where} must be a whole number from ${min} to ${max}${text}, is ${show(value)}`,
  );
}

function fractionOf(type: "f32" | "f64", value: unknown, where: string): number {
  if (typeof value === "string" && NO_NUMBERS.includes(value)) return Number(value);
  if (typeof value === "number" && Number.isFinite(type === "f32" ? Math.fround(value) : value)) {
    return value;
  }
  throw new RangeError(
    `${where} must be a number within ${type}, or "NaN", "Infinity", "-Infinity", is ${
      show(value)
    }`,
  );
}

type Read = (view: DataView, at: number) => number | bigint;
type Write = (view: DataView, at: number, value: number | bigint) => void;

const READ: Readonly<Record<NumberType, Read>> = {
  i8: (view, at) => view.getInt8(at),
  u8: (view, at) => view.getUint8(at),
  i16: (view, at) => view.getInt16(at, true),
  u16: (view, at) => view.getUint16(at, true),
  i32: (view, at) => view.getInt32(at, true),
  u32: (view, at) => view.getUint32(at, true),
  i64: (view, at) => view.getBigInt64(at, true),
  u64: (view, at) => view.getBigUint64(at, true),
  f32: (view, at) => view.getFloat32(at, true),
  f64: (view, at) => view.getFloat64(at, true),
};

const WRITE: Readonly<Record<NumberType, Write>> = {
  i8: (view, at, value) => view.setInt8(at, Number(value)),
  u8: (view, at, value) => view.setUint8(at, Number(value)),
  i16: (view, at, value) => view.setInt16(at, Number(value), true),
  u16: (view, at, value) => view.setUint16(at, Number(value), true),
  i32: (view, at, value) => view.setInt32(at, Number(value), true),
  u32: (view, at, value) => view.setUint32(at, Number(value), true),
  i64: (view, at, value) => view.setBigInt64(at, BigInt(value), true),
  u64: (view, at, value) => view.setBigUint64(at, BigInt(value), true),
  f32: (view, at, value) => view.setFloat32(at, Number(value), true),
  f64: (view, at, value) => view.setFloat64(at, Number(value), true),
};

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As JSON, cut to 60 characters; what was too large for a number as `Infinity`. */
function show(value: unknown): string {
  const text = typeof value === "number" ? `${value}` : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
