/**
 * The kinds of values that the schema is made of, each with the rule that its message cites
 * and the facts that the documentation prints. Must not know: which key they stand under.
 *
 * Every message of a rule begins with "must", so that the report can put the key before it
 * and the offending value after it.
 */
import { z } from "zod";
import type { Duration, Size } from "./config.ts";
import { LIMITS } from "./defaults.ts";
import {
  DURATION_NS_MAX,
  DURATION_RULE,
  formatDuration,
  formatSize,
  parseDurationNs,
  parseSizeBytes,
  SIZE_BYTES_MAX,
  SIZE_RULE,
  UnitError,
} from "./units.ts";

/** What the documentation says about a key besides its text. */
export interface Facts {
  /** What the number counts, or the units that the text is written in. */
  readonly unit?: string;
  /** Smallest to largest value, as text. */
  readonly range?: string;
  /** The value of an absent key. */
  readonly default?: unknown;
  /** What an absent key means where that is no value. */
  readonly absent?: string;
}

/**
 * Adds documentation to a schema.
 *
 * @param schema What to document.
 * @param description One or more sentences: the effect of the key.
 * @param facts Unit, range and default.
 * @returns The documented schema, of the same type.
 */
export function doc<T extends z.ZodType>(schema: T, description: string, facts: Facts = {}): T {
  // An id is of the schema itself: the JSON Schema has it once, and refers to it from here.
  const { id: _, ...meta } = schema.meta() ?? {};
  return schema.meta({ ...meta, ...facts, description }) as T;
}

/**
 * A duration within a range.
 *
 * @param min Smallest value allowed, as a duration.
 * @returns The schema; its issues begin with "must".
 */
export function duration(min: Duration = "0ms"): z.ZodType<Duration, Duration> {
  return quantity<Duration>({
    min,
    parse: parseDurationNs,
    shape: DURATION_RULE,
    unit: "us, ms, s, m or h",
    range: `${min} … ${formatDuration(DURATION_NS_MAX)}`,
    pattern: "^[0-9]{1,32}(\\.[0-9]{1,32})?(us|ms|s|m|h)$",
  });
}

/**
 * A size within a range.
 *
 * @param options Smallest and largest value, as sizes; whether `"unlimited"` is one too.
 * @returns The schema; its issues begin with "must".
 */
export function size(
  options: { min?: Size; max?: Size; unlimited?: boolean } = {},
): z.ZodType<Size, Size> {
  const { min = "0B", max, unlimited = false } = options;
  const largest = max ?? formatSize(SIZE_BYTES_MAX);
  return quantity<Size>({
    min,
    ...(max === undefined ? {} : { max }),
    parse: parseSizeBytes,
    shape: SIZE_RULE,
    unit: "B, KiB, MiB or GiB (powers of 1024)",
    range: `${min} … ${largest}${unlimited ? ', or "unlimited"' : ""}`,
    pattern: `^([0-9]{1,32}(\\.[0-9]{1,32})?(B|KiB|MiB|GiB)${unlimited ? "|unlimited" : ""})$`,
    unlimited,
  });
}

/**
 * CPU time: a duration of whole seconds, or "unlimited".
 *
 * @returns The schema; its issues begin with "must".
 */
export function wholeSeconds(): z.ZodType<Duration | "unlimited", Duration | "unlimited"> {
  const schema = quantity<Duration | "unlimited">({
    min: "1s",
    parse: parseDurationNs,
    shape: DURATION_RULE,
    unit: "us, ms, s, m or h, a whole number of seconds",
    range: `1s … ${formatDuration(DURATION_NS_MAX)}, or "unlimited"`,
    pattern: "^([0-9]{1,32}(\\.[0-9]{1,32})?(us|ms|s|m|h)|unlimited)$",
    unlimited: true,
    multiple: { of: 1_000_000_000, rule: "must be a whole number of seconds" },
  });
  return schema;
}

/**
 * A text that may become an argument, a path or an environment value: not longer than the
 * kernel takes, and without NUL, which would end it early.
 *
 * @param options Whether it may be empty.
 * @returns The schema; its issues begin with "must".
 */
export function text(options: { empty?: boolean } = {}): z.ZodType<string, string> {
  return z.string().superRefine((value, context) => {
    if (!options.empty && value === "") issue(context, "must not be empty");
    if (value.includes("\0")) issue(context, "must not contain a NUL character");
    // A character is at most 3 bytes a UTF-16 unit, so most texts need no encoding.
    const tooLong = value.length * 3 > LIMITS.textBytesMax &&
      new TextEncoder().encode(value).length > LIMITS.textBytesMax;
    if (tooLong) issue(context, `must be at most ${LIMITS.textBytesMax} bytes`);
  }).meta({
    ...options.empty ? {} : { minLength: 1 },
    range: `${options.empty ? 0 : 1} … ${LIMITS.textBytesMax} bytes`,
  });
}

/**
 * A whole number within a range.
 *
 * @param min Smallest value.
 * @param max Largest value.
 * @returns The schema; its issues begin with "must".
 */
export function whole(min: number, max: number): z.ZodType<number, number> {
  return number(min, max, true);
}

/**
 * A number within a range.
 *
 * @param min Smallest value.
 * @param max Largest value.
 * @param integer Whether it must be whole.
 * @returns The schema; its issues begin with "must".
 */
export function number(min: number, max: number, integer = false): z.ZodType<number, number> {
  return z.number().superRefine((value, context) => {
    if (integer && !Number.isInteger(value)) issue(context, "must be a whole number");
    else if (value < min) issue(context, `must be at least ${min}`);
    else if (value > max) issue(context, `must be at most ${max}`);
  }).meta({
    type: integer ? "integer" : "number",
    minimum: min,
    maximum: max,
    range: `${min} … ${max}`,
  });
}

/**
 * A list with a largest length.
 *
 * @param item What it lists.
 * @param options Smallest and largest length, and the rule to cite where it is no list.
 * @returns The schema; its issues begin with "must".
 */
export function list<T extends z.ZodType>(
  item: T,
  options: { min?: number; max: number; rule?: string },
): z.ZodArray<T> {
  const { min = 0, max, rule } = options;
  const array = rule === undefined ? z.array(item) : z.array(item, { error: rule });
  return array.superRefine((value, context) => {
    if (value.length < min) issue(context, `must have at least ${min} ${entries(min)}`);
    if (value.length > max) issue(context, `must have at most ${max} ${entries(max)}`);
  }).meta({ minItems: min, maxItems: max, range: `${min} … ${max} entries` });
}

/** Puts an issue on the value at hand; `rule` begins with "must". */
export function issue(context: z.RefinementCtx, rule: string): void {
  context.addIssue({ code: "custom", message: rule });
}

interface Quantity {
  readonly min: string;
  readonly max?: string;
  readonly parse: (text: string) => number;
  /** The rule to cite where it is no text. */
  readonly shape: string;
  readonly unit: string;
  readonly range: string;
  readonly pattern: string;
  readonly unlimited?: boolean;
  readonly multiple?: { readonly of: number; readonly rule: string };
}

function quantity<T extends string>(options: Quantity): z.ZodType<T, T> {
  const min = options.parse(options.min);
  const max = options.max === undefined ? Infinity : options.parse(options.max);
  const schema = z.string({ error: options.shape }).superRefine((value, context) => {
    if (options.unlimited && value === "unlimited") return;
    let amount: number;
    try {
      amount = options.parse(value);
    } catch (error) {
      if (!(error instanceof UnitError)) throw error;
      return issue(context, error.rule);
    }
    if (amount < min) issue(context, `must be at least "${options.min}"`);
    else if (amount > max) issue(context, `must be at most "${options.max}"`);
    else if (options.multiple && amount % options.multiple.of !== 0) {
      issue(context, options.multiple.rule);
    }
  }).meta({ unit: options.unit, range: options.range, pattern: options.pattern });
  // The check above is what makes the text a T; zod cannot know.
  return schema as unknown as z.ZodType<T, T>;
}

function entries(count: number): string {
  return count === 1 ? "entry" : "entries";
}
