/**
 * Durations and sizes as text: `"250ms"`, `"64KiB"`. Owns the grammar, the exact
 * conversion to integer nanoseconds and bytes, and the way back for messages.
 * Must not know: which key a value belongs to, or any range but the representable one.
 *
 *   duration = digits [ "." digits ] ( "us" | "ms" | "s" | "m" | "h" )
 *   size     = digits [ "." digits ] ( "B" | "KiB" | "MiB" | "GiB" )
 */

/**
 * Longest duration, nanoseconds: 2160 hours (90 days). Doubles hold integers up to 2^53 ns,
 * which is 104 days; a supervisor's clock plus any one duration must stay below that for a
 * crew that has just started, and no key of a configuration has a use for more.
 */
export const DURATION_NS_MAX = 2160 * 3_600_000_000_000;
/** Largest size, bytes: 2^53 - 1, the largest integer that a double holds exactly. */
export const SIZE_BYTES_MAX = Number.MAX_SAFE_INTEGER;

/** A text that is no duration or size: what was written, and the rule that it breaks. */
export class UnitError extends Error {
  override readonly name = "UnitError";
  /** As written, cut to 80 characters. */
  readonly text: string;
  /** The broken rule alone, for messages that name the key themselves: `must …`. */
  readonly rule: string;

  /**
   * @param text What was written.
   * @param rule The broken rule: `must …`.
   */
  constructor(text: string, rule: string) {
    const shown = text.length > 80 ? `${text.slice(0, 79)}…` : text;
    super(`${JSON.stringify(shown)} ${rule}`);
    this.text = shown;
    this.rule = rule;
  }
}

/** The rule that a text breaks which is no duration. */
export const DURATION_RULE = 'must be a duration such as "250ms" or "3s" (us, ms, s, m, h)';
/** The rule that a text breaks which is no size. */
export const SIZE_RULE = 'must be a size such as "512B" or "64KiB" (B, KiB, MiB, GiB)';

const DURATION_UNITS: Readonly<Record<string, bigint>> = {
  us: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const SIZE_UNITS: Readonly<Record<string, bigint>> = {
  B: 1n,
  KiB: 1024n,
  MiB: 1024n ** 2n,
  GiB: 1024n ** 3n,
};
// 32 digits on either side are more than any value in range needs and bound the arithmetic.
const QUANTITY = /^([0-9]{1,32})(?:\.([0-9]{1,32}))?([A-Za-z]{1,3})$/;

/**
 * Reads a duration.
 *
 * @param text `"250ms"`, `"1.5s"`; units `us`, `ms`, `s`, `m`, `h`.
 * @returns Integer nanoseconds, 0 … {@link DURATION_NS_MAX}.
 * @throws {UnitError} If the text is no duration, is no whole number of nanoseconds, or is
 *   longer than 2160 hours.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * assertEquals(parseDurationNs("1.5s"), 1_500_000_000);
 * ```
 */
export function parseDurationNs(text: string): number {
  return parseQuantity(text, {
    units: DURATION_UNITS,
    max: BigInt(DURATION_NS_MAX),
    shape: DURATION_RULE,
    whole: "must be a whole number of nanoseconds",
    limit: 'must be at most "2160h"',
  });
}

/**
 * Reads a size.
 *
 * @param text `"512B"`, `"64KiB"`; units `B`, `KiB`, `MiB`, `GiB`, powers of 1024.
 * @returns Integer bytes, 0 … {@link SIZE_BYTES_MAX}.
 * @throws {UnitError} If the text is no size, is no whole number of bytes, or is too large.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * assertEquals(parseSizeBytes("64KiB"), 65_536);
 * ```
 */
export function parseSizeBytes(text: string): number {
  return parseQuantity(text, {
    units: SIZE_UNITS,
    max: BigInt(SIZE_BYTES_MAX),
    shape: SIZE_RULE,
    whole: "must be a whole number of bytes",
    limit: `must be at most "${SIZE_BYTES_MAX}B"`,
  });
}

/**
 * Writes a duration in the largest unit that shows it exactly with at most three decimals.
 * `parseDurationNs` reads it back to the same number if that is a multiple of 1 ns.
 *
 * @param ns Integer nanoseconds, not negative.
 * @returns `"0ms"`, `"250ms"`, `"1.5s"`.
 * @throws {RangeError} If `ns` is not a safe integer or is negative.
 */
export function formatDuration(ns: number): string {
  if (ns === 0) return "0ms";
  return formatQuantity(ns, DURATION_UNITS, "us");
}

/**
 * Writes a size in the largest unit that shows it exactly with at most three decimals.
 *
 * @param bytes Integer bytes, not negative.
 * @returns `"0B"`, `"64KiB"`, `"1.5MiB"`.
 * @throws {RangeError} If `bytes` is not a safe integer or is negative.
 */
export function formatSize(bytes: number): string {
  return formatQuantity(bytes, SIZE_UNITS, "B");
}

/** From here on whole MiB are exact enough to be read. */
const ROUNDED_FROM_BYTES = 10 * 1024 ** 2;

/**
 * Formats a size that was added up or measured, for reading: exact when it is small, in whole MiB
 * when it is not.
 *
 * @param towards `up` for what is needed, `down` for what there is: whoever compares the two is not
 *   misled.
 */
export function roundedSize(bytes: number, towards: "up" | "down"): string {
  if (bytes < ROUNDED_FROM_BYTES) return formatSize(bytes);
  const MiB = 1024 ** 2;
  return formatSize((towards === "up" ? Math.ceil : Math.floor)(bytes / MiB) * MiB);
}

interface Grammar {
  readonly units: Readonly<Record<string, bigint>>;
  readonly max: bigint;
  readonly shape: string;
  readonly whole: string;
  readonly limit: string;
}

function parseQuantity(text: string, grammar: Grammar): number {
  const match = QUANTITY.exec(text);
  const unitName = match?.[3] ?? "";
  if (match === null || !Object.hasOwn(grammar.units, unitName)) {
    throw new UnitError(text, grammar.shape);
  }
  const fraction = match[2] ?? "";
  // BigInt, because 1.1 * 1e9 is not an integer in doubles.
  const scaled = BigInt(`${match[1]}${fraction}`) * grammar.units[unitName]!;
  const divisor = 10n ** BigInt(fraction.length);
  if (scaled > grammar.max * divisor) throw new UnitError(text, grammar.limit);
  if (scaled % divisor !== 0n) throw new UnitError(text, grammar.whole);
  return Number(scaled / divisor);
}

function formatQuantity(
  value: number,
  units: Readonly<Record<string, bigint>>,
  smallest: string,
): string {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`Cannot format ${value}: it must be a safe integer and not negative`);
  }
  const exact = BigInt(value);
  for (const [name, size] of Object.entries(units).reverse()) {
    const fits = name === smallest || (exact >= size && (exact * 1000n) % size === 0n);
    if (!fits) continue;
    const thousandths = (exact * 1000n) / size;
    const decimals = String(thousandths % 1000n).padStart(3, "0").replace(/0+$/, "");
    return `${thousandths / 1000n}${decimals === "" ? "" : `.${decimals}`}${name}`;
  }
  throw new RangeError(`Cannot format ${value}: no unit fits`);
}
