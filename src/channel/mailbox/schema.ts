/**
 * What a mailbox's samples are made of: a struct of numbers and of arrays of them, where each is,
 * and a hash by which two programs find out at their start that they do not mean the same.
 * Pure; it imports nothing, so that a configuration and a program can both have it.
 * Must not know: memory, what the numbers mean.
 *
 * ```
 *  struct({ t: "f64", lead: "u8", values: ["f32", 3] })
 *  text    struct{t:f64;lead:u8;values:f32[3];}          hash: 64-bit FNV-1a of the text
 *  bytes   0 ├ t ─────────┤ 8 lead ┤···┤ 12 values ──────┤ 24
 * ```
 *
 * Fields are in their order, each at the next multiple of its number's size, and the whole is a
 * multiple of the largest: as a C compiler lays the same struct out on a 64-bit machine.
 */

/** Bytes of each kind of number; all little-endian. */
export const NUMBER_BYTES = {
  i8: 1,
  u8: 1,
  i16: 2,
  u16: 2,
  i32: 4,
  u32: 4,
  i64: 8,
  u64: 8,
  f32: 4,
  f64: 8,
} as const;

/** A kind of number. `i64` and `u64` are `bigint`s to a program, exact and slower than the rest. */
export type NumberType = keyof typeof NUMBER_BYTES;
/** A number, or so many of them. */
export type FieldType = NumberType | readonly [type: NumberType, length: number];
/** Fields by name, in the order of their bytes. */
export type StructFields = Readonly<Record<string, FieldType>>;

/** A schema as a configuration and a program write it: plain data. */
export interface Struct<F extends StructFields = StructFields> {
  readonly kind: "struct";
  readonly fields: F;
}

/** Where a field is. */
export interface FieldLayout {
  readonly name: string;
  readonly type: NumberType;
  /** Of an array; null: a single number. */
  readonly length: number | null;
  readonly offset: number;
}

/** A struct with its bytes counted. */
export interface StructLayout {
  readonly fields: readonly FieldLayout[];
  /** Of one sample: all samples are as long. */
  readonly bytes: number;
  /** The normal form: equal for equal structs, and for no others. */
  readonly text: string;
  /** Of the text; never 0, which is for plain bytes. */
  readonly hash: readonly [low: number, high: number];
}

/** A rule that a struct breaks. */
export interface StructIssue {
  /** From the struct: `["fields", "values", 1]`. */
  readonly path: readonly (string | number)[];
  /** `must be …`. */
  readonly rule: string;
}

export const FIELDS_MAX = 256;
export const FIELD_NAME_MAX = 64;
/** The largest sample, as layout.ts has it. */
const BYTES_MAX = 2 ** 30;
/** A name in C, Python and TypeScript alike; `__proto__` is none in the last. */
const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

/**
 * Describes samples: numbers and arrays of numbers of a fixed length.
 *
 * The same call stands in the configuration (`mailbox({ schema })`) and in the programs; where
 * they differ each program is told at its start. Nothing is checked here: `cox check` and the
 * program's opening of the mailbox say all that is wrong.
 *
 * @param fields 1 to 256 by name: `i8` `u8` `i16` `u16` `i32` `u32` `i64` `u64` `f32` `f64`, or
 *   such a type and a length. Order is part of the schema.
 * @returns Plain data.
 *
 * @example
 * ```ts
 * import { struct } from "coxswain/child";
 * import { assertEquals } from "@std/assert";
 *
 * const vitals = struct({ t: "f64", lead: "u8", values: ["f32", 250] });
 * assertEquals(Object.keys(vitals.fields), ["t", "lead", "values"]);
 * ```
 */
export function struct<const F extends StructFields>(fields: F): Struct<F> {
  return { kind: "struct", fields };
}

/** All rules that a value breaks as a struct; [] when it is one. */
export function structIssues(value: unknown): StructIssue[] {
  if (!isRecord(value) || value["kind"] !== "struct") {
    return [{ path: [], rule: "must be made by struct({ … })" }];
  }
  const { fields } = value;
  if (!isRecord(fields)) return [{ path: ["fields"], rule: "must be an object of fields" }];
  const entries = Object.entries(fields);
  const issues = entries.flatMap(([name, type]) => fieldIssues(name, type));
  if (entries.length < 1 || entries.length > FIELDS_MAX) {
    const rule = `must have 1 to ${FIELDS_MAX} fields, has ${entries.length}`;
    issues.push({ path: ["fields"], rule });
  }
  if (issues.length > 0) return issues;
  const { bytes } = place(fields as StructFields);
  if (bytes <= BYTES_MAX) return [];
  return [{ path: ["fields"], rule: `must take at most ${BYTES_MAX} bytes, take ${bytes}` }];
}

/**
 * Counts a struct's bytes.
 *
 * @throws {TypeError} when it breaks a rule, with the first of them.
 */
export function structLayout(schema: Struct): StructLayout {
  const issue = structIssues(schema)[0];
  if (issue !== undefined) {
    throw new TypeError(`A schema's ${["struct", ...issue.path].join(".")} ${issue.rule}`);
  }
  const { fields, bytes } = place(schema.fields);
  const text = `struct{${fields.map(fieldText).join("")}}`;
  return { fields, bytes, text, hash: schemaHash(text) };
}

/** 64-bit FNV-1a of ASCII text; 1 in place of 0. */
export function schemaHash(text: string): readonly [low: number, high: number] {
  let hash = 0xcbf2_9ce4_8422_2325n;
  for (let at = 0; at < text.length; at++) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(at))) * 0x100_0000_01b3n);
  }
  if (hash === 0n) hash = 1n;
  return [Number(hash & 0xffff_ffffn), Number(hash >> 32n)];
}

function place(fields: StructFields): { fields: FieldLayout[]; bytes: number } {
  let end = 0;
  let widest = 1;
  const placed = Object.entries(fields).map(([name, field]): FieldLayout => {
    const [type, length] = typeof field === "string" ? [field, null] : field;
    const size = NUMBER_BYTES[type];
    const offset = alignedTo(size, end);
    end = offset + size * (length ?? 1);
    widest = Math.max(widest, size);
    return { name, type, length, offset };
  });
  return { fields: placed, bytes: alignedTo(widest, end) };
}

function alignedTo(unit: number, offset: number): number {
  return Math.ceil(offset / unit) * unit;
}

function fieldText({ name, type, length }: FieldLayout): string {
  return `${name}:${type}${length === null ? "" : `[${length}]`};`;
}

function fieldIssues(name: string, field: unknown): StructIssue[] {
  const issues: StructIssue[] = [];
  if (!NAME.test(name) || name.length > FIELD_NAME_MAX) {
    const rule = `must be a letter and then letters, digits or "_", at most ${FIELD_NAME_MAX}`;
    issues.push({ path: ["fields", name], rule });
  }
  if (!Array.isArray(field)) {
    return isNumberType(field) ? issues : [...issues, typeIssue(["fields", name])];
  }
  const [type, length] = field;
  if (!isNumberType(type)) issues.push(typeIssue(["fields", name, 0]));
  const lengthMax = BYTES_MAX;
  if (field.length !== 2 || !Number.isInteger(length) || length < 1 || length > lengthMax) {
    const rule = `must be a whole number from 1 to ${lengthMax}: how many there are`;
    issues.push({ path: ["fields", name, 1], rule });
  }
  return issues;
}

function typeIssue(path: StructIssue["path"]): StructIssue {
  return { path, rule: `must be one of ${Object.keys(NUMBER_BYTES).join(", ")}` };
}

function isNumberType(value: unknown): value is NumberType {
  return typeof value === "string" && Object.hasOwn(NUMBER_BYTES, value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
