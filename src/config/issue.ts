/**
 * Makes the issues that checks report. Owns how a value is shown in one.
 * Must not know: any rule.
 */
import type { ConfigIssue } from "./config.ts";

/** Where an issue is: keys and list positions from the top. */
export type IssuePath = ConfigIssue["path"];

/**
 * @param path Where it is.
 * @param message The broken rule, with the value: a sentence without a full stop.
 * @param fix What to write instead, where it is known.
 * @returns An issue that makes the configuration invalid.
 */
export function errorAt(path: IssuePath, message: string, fix: string | null = null): ConfigIssue {
  return { severity: "error", path, message, fix };
}

/**
 * @param path Where it is.
 * @param message What is doubtful, with the value: a sentence without a full stop.
 * @param fix What to write instead, where it is known.
 * @returns An issue that leaves the configuration valid.
 */
export function warningAt(
  path: IssuePath,
  message: string,
  fix: string | null = null,
): ConfigIssue {
  return { severity: "warning", path, message, fix };
}

/**
 * Shows a value in a message, in one line of bounded length.
 *
 * @param value Any JSON value.
 * @returns `"5 sec"`, `-1`, `true`, `an object`, `a list of 3`.
 */
export function show(value: unknown): string {
  if (value === undefined) return "missing";
  if (Array.isArray(value)) {
    return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  }
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 59)}…` : value);
}
