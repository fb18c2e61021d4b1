/**
 * Guesses which duration or size was meant by one that cox does not read: another spelling of
 * the unit, a blank before it, none at all. Must not know: which key it stands under.
 */
import { DURATION_RULE, parseDurationNs, parseSizeBytes, SIZE_RULE, UnitError } from "./units.ts";

/** Units as others write them, in lower case. */
const DURATION_UNITS: Readonly<Record<string, string>> = {
  us: "us",
  ms: "ms",
  msec: "ms",
  millis: "ms",
  s: "s",
  sec: "s",
  secs: "s",
  second: "s",
  seconds: "s",
  m: "m",
  min: "m",
  mins: "m",
  minute: "m",
  minutes: "m",
  h: "h",
  hr: "h",
  hour: "h",
  hours: "h",
};
const SIZE_UNITS: Readonly<Record<string, string>> = {
  b: "B",
  byte: "B",
  bytes: "B",
  k: "KiB",
  kb: "KiB",
  kib: "KiB",
  m: "MiB",
  mb: "MiB",
  mib: "MiB",
  g: "GiB",
  gb: "GiB",
  gib: "GiB",
};

/**
 * Guesses a quantity.
 *
 * @param value What was written.
 * @param rule The rule that it breaks: it begins with {@link DURATION_RULE} or
 * {@link SIZE_RULE}.
 * @returns The fix, or null where there is nothing to guess from.
 */
export function guessQuantity(value: unknown, rule: string): string | null {
  if (rule.startsWith(DURATION_RULE)) {
    return guess(value, { units: DURATION_UNITS, plain: "s", parse: parseDurationNs });
  }
  if (rule.startsWith(SIZE_RULE)) {
    return guess(value, { units: SIZE_UNITS, plain: "B", parse: parseSizeBytes });
  }
  return null;
}

interface Grammar {
  readonly units: Readonly<Record<string, string>>;
  /** The unit to show where none is given. */
  readonly plain: string;
  readonly parse: (text: string) => number;
}

function guess(value: unknown, { units, plain, parse }: Grammar): string | null {
  if (typeof value !== "number" && typeof value !== "string") return null;
  const [, amount = "", unit = ""] =
    /^([0-9]{1,32}(?:\.[0-9]{1,32})?) *([a-z]*)$/i.exec(String(value).trim()) ?? [];
  const known = unit.toLowerCase();
  const spelt = unit === "" ? plain : Object.hasOwn(units, known) ? units[known] : undefined;
  if (amount === "" || spelt === undefined) return null;
  const quantity = `${amount}${spelt}`;
  try {
    parse(quantity);
  } catch (error) {
    if (error instanceof UnitError) return null;
    throw error;
  }
  const shown = JSON.stringify(quantity);
  return unit === "" ? `add the unit, as in ${shown}` : `did you mean ${shown}?`;
}
