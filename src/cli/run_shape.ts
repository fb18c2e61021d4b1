/**
 * What the samples of a mailbox are, as `cox run --port NAME=mailbox:SHAPE` says it: their size or
 * the text of a struct, and how many slots there are. Pure. Must not know: where samples come from.
 *
 * ```
 *  SHAPE  = ( size | struct ) [ ",slots=" number ]      64KiB   512B,slots=4   struct{t:f64;v:f32[3];}
 *  struct = "struct{" field { ";" field } [ ";" ] "}"   field = name ":" type [ "[" length "]" ]
 * ```
 */
import {
  type FieldType,
  NUMBER_BYTES,
  type NumberType,
  type Struct,
  type StructFields,
  structIssues,
  structLayout,
} from "../channel/mailbox/schema.ts";
import { LIMITS } from "../config/defaults.ts";
import { formatSize, parseSizeBytes, UnitError } from "../config/units.ts";

/** A shape. */
export interface RunShape {
  /** The largest sample; of a schema, every sample. */
  readonly sampleBytes: number;
  /** null: bytes. */
  readonly schema: Struct | null;
  /** null: as many as a mailbox has that does not say. */
  readonly slots: number | null;
}

/** A text that is no shape; the message is the rule that it breaks: `must …`. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

/**
 * The largest sample here: a byte is up to 8 characters of a line (`-128, `, `\\u0000`), and a text
 * in the runtime has at most 2^29 - 24.
 */
export const LINE_SAMPLE_BYTES_MAX = 2 ** 25;

/**
 * Reads a shape.
 *
 * @throws {ShapeError} when it is none.
 */
export function parseShape(text: string): RunShape {
  const [, what = "", count] = /^(.*?)(?:,slots=([^,]*))?$/s.exec(text) ?? [];
  const rest = /^(?:struct\{[^}]*\}|(?!struct)[^,]*)(,.*)$/s.exec(text)?.[1];
  if (rest !== undefined && (count === undefined || rest.indexOf(",", 1) >= 0)) {
    throw new ShapeError(`behind its size or struct may be ",slots=NUMBER" alone, is "${rest}"`);
  }
  const schema = what.startsWith("struct") ? parseStruct(what) : null;
  const sampleBytes = schema === null ? parseSample(what) : structLayout(schema).bytes;
  if (sampleBytes < 1 || sampleBytes > LINE_SAMPLE_BYTES_MAX) {
    throw new ShapeError(
      `its samples must have 1B to ${formatSize(LINE_SAMPLE_BYTES_MAX)}, have ` +
        formatSize(sampleBytes),
    );
  }
  return { sampleBytes, schema, slots: count === undefined ? null : parseSlots(count) };
}

function parseSlots(text: string): number {
  const slots = /^[0-9]{1,9}$/.test(text) ? Number(text) : NaN;
  if (slots >= LIMITS.slotsMin && slots <= LIMITS.slotsMax) return slots;
  throw new ShapeError(
    `its slots must be a whole number from ${LIMITS.slotsMin} to ${LIMITS.slotsMax}, are ` +
      `"${text}"`,
  );
}

function parseSample(text: string): number {
  try {
    return parseSizeBytes(text);
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
    throw new ShapeError(
      'its samples must be a size such as "64KiB" (B, KiB, MiB, GiB) or a struct such as ' +
        `"struct{t:f64;axis:f32[3];}", are "${error.text}"`,
    );
  }
}

function parseStruct(text: string): Struct {
  const inside = /^struct\{(.*)\}$/s.exec(text)?.[1];
  if (inside === undefined) {
    throw new ShapeError(
      `its struct must be "struct{t:f64;axis:f32[3];}" or the like, is "${text}"`,
    );
  }
  const parts = inside.replace(/;$/, "").split(";");
  const fields = parts.map((part, at): [string, FieldType] => {
    const [, name = "", type = "", length] = /^([^:]+):(\w+)(?:\[([0-9]{1,10})\])?$/.exec(part) ??
      [];
    if (!Object.hasOwn(NUMBER_BYTES, type)) {
      throw new ShapeError(
        `field ${at + 1} of its struct must be NAME:TYPE or NAME:TYPE[LENGTH] with TYPE one of ` +
          `${Object.keys(NUMBER_BYTES).join(", ")}, is "${part}"`,
      );
    }
    return [name, length === undefined ? type as NumberType : [type as NumberType, Number(length)]];
  });
  const names = fields.map(([name]) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new ShapeError(`its struct names "${twice}" twice`);
  const schema: Struct = { kind: "struct", fields: Object.fromEntries(fields) as StructFields };
  const [issue] = structIssues(schema);
  if (issue === undefined) return schema;
  const name = issue.path[1];
  const where = name === undefined ? "its struct" : `field "${name}" of its struct`;
  throw new ShapeError(`${where} ${issue.rule}`);
}
