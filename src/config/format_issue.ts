/**
 * Shows issues on a terminal. Owns their layout. Must not know: colours, files.
 */
import type { ConfigIssue } from "./config.ts";

/**
 * Formats issues for people.
 *
 * @param path The configuration file, as the user knows it.
 * @param issues What is wrong with it.
 * @returns Lines without a trailing newline; one issue is one or two lines. Control characters
 *   are escaped: a name in a configuration cannot drive the terminal.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * const text = formatIssues("crew.ts", [{
 *   severity: "error",
 *   path: ["processes", "web", "restrat"],
 *   message: '"restrat" is not a known key',
 *   fix: 'did you mean "restart"?',
 * }]);
 * assertEquals(
 *   text,
 *   'crew.ts: 1 error\n  error    processes.web.restrat: "restrat" is not a known key\n' +
 *     '           did you mean "restart"?',
 * );
 * ```
 */
export function formatIssues(path: string, issues: readonly ConfigIssue[]): string {
  const errors = issues.filter((issue) => issue.severity === "error").length;
  const counts = [plural(errors, "error"), plural(issues.length - errors, "warning")];
  const head = `${path}: ${counts.filter((each) => each !== null).join(", ") || "no issues"}`;
  return [head, ...issues.flatMap(issueLines)].map(escapeControls).join("\n");
}

/**
 * Shows where an issue is.
 *
 * @param path Keys and list positions.
 * @returns `processes.web.run.argv[0]`; keys that are no plain names are quoted.
 */
export function formatPath(path: ConfigIssue["path"]): string {
  return path.map((key, index) => {
    if (typeof key === "number") return `[${key}]`;
    if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(key)) return `[${JSON.stringify(key)}]`;
    return index === 0 ? key : `.${key}`;
  }).join("");
}

function issueLines(issue: ConfigIssue): string[] {
  const where = formatPath(issue.path);
  const text = where === "" ? issue.message : `${where}: ${issue.message}`;
  const lines = [`  ${issue.severity.padEnd(8)} ${text}`];
  if (issue.fix !== null) lines.push(`           ${issue.fix}`);
  return lines;
}

function plural(count: number, word: string): string | null {
  if (count === 0) return null;
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

function escapeControls(line: string): string {
  return line.replace(
    // deno-lint-ignore no-control-regex
    /[\u0000-\u001f\u007f-\u009f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
