/** How often a command that goes on shows something: --watch and --interval. */
import { parseDurationNs } from "../config/units.ts";
import { UserError } from "./exit_codes.ts";

const INTERVAL_MIN_MS = 100;
const INTERVAL_MAX_MS = 3_600_000;
const SECOND_MS = 1000;

/**
 * Reads the two options.
 *
 * @param text of --interval; null: not given.
 * @returns milliseconds; null: once.
 * @throws {UserError} out of range, or without --watch.
 */
export function parseInterval(text: string | null, isWatch: boolean): number | null {
  if (text === null) return isWatch ? SECOND_MS : null;
  if (!isWatch) throw new UserError("Option --interval needs --watch");
  let ms: number;
  try {
    ms = parseDurationNs(text) / 1e6;
  } catch (error) {
    throw new UserError(`Option --interval: ${(error as Error).message}`);
  }
  if (ms >= INTERVAL_MIN_MS && ms <= INTERVAL_MAX_MS) return ms;
  throw new UserError(`Option --interval must be 100ms to 1h, is "${text}"`);
}
