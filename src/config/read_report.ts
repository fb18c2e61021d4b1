/**
 * Reads what the sandbox reported. A configuration runs in the same process and can write in
 * the report's place, so nothing about its shape is taken on trust. Must not know: what a
 * configuration means.
 */
import type { Evaluated } from "./evaluated.ts";

/**
 * Reads a report.
 *
 * @param text What followed the marker.
 * @returns The report, or null for anything else.
 */
export function readReport(text: string): Evaluated | null {
  let report: unknown;
  try {
    report = JSON.parse(text);
  } catch {
    return null;
  }
  return isObject(report) && isReport(report) ? report as unknown as Evaluated : null;
}

type Fields = Readonly<Record<string, unknown>>;

function isReport({ kind, data, exports, problems, name, message, stack }: Fields): boolean {
  switch (kind) {
    case "data":
      return data !== undefined;
    case "noDefault":
      return Array.isArray(exports) && exports.every(isText);
    case "notData":
      return Array.isArray(problems) && problems.every(isProblem);
    case "threw":
      return isText(name) && isText(message) && isText(stack);
    default:
      return false;
  }
}

function isProblem(each: unknown): boolean {
  return isObject(each) && isText(each["what"]) && Array.isArray(each["path"]) &&
    each["path"].every((key) => isText(key) || typeof key === "number");
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
