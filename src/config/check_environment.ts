/**
 * Checks the names of environment variables. Must not know: their values' meaning.
 */
import type { ConfigIssue, ProcessConfig } from "./config.ts";
import { LIMITS } from "./defaults.ts";
import { errorAt, type IssuePath, show } from "./issue.ts";

/**
 * Checks `env` of a process.
 *
 * @param env The key's value.
 * @param path Where it stands.
 * @returns All issues.
 */
export function checkEnvironment(env: ProcessConfig["env"], path: IssuePath): ConfigIssue[] {
  const entries = Object.entries(env ?? {});
  const issues: ConfigIssue[] = [];
  if (entries.length > LIMITS.envMax) {
    issues.push(errorAt(
      path,
      `there must be at most ${LIMITS.envMax} variables, are ${entries.length}`,
    ));
  }
  for (const [name, value] of entries) {
    const rule = variableRule(name);
    if (rule !== null) {
      issues.push(errorAt([...path, name], `a variable's name ${rule}, is ${show(name)}`));
      continue;
    }
    if (isSetByCox(name)) {
      issues.push(errorAt([...path, name], `"${name}" is set by cox itself`, "remove it"));
    }
    const bytes = typeof value === "string" ? bytesOf(name) + 1 + bytesOf(value) : bytesOf(name);
    if (bytes > LIMITS.textBytesMax) {
      issues.push(errorAt(
        [...path, name],
        `a variable must be at most ${LIMITS.textBytesMax} bytes with its name, is ${bytes}`,
      ));
    }
  }
  return issues;
}

/**
 * Says what is wrong with the name of an environment variable.
 *
 * @param name The name.
 * @returns The broken rule, `must …`, or null for a good name.
 */
export function variableRule(name: string): string | null {
  if (name === "") return "must not be empty";
  if (name.includes("=")) return 'must not contain "="';
  if (name.includes("\0")) return "must not contain a NUL character";
  if (/[\r\n]/.test(name)) return "must not contain a newline";
  return null;
}

/** Each instance gets these from the supervisor; a value of the user's would be lost. */
function isSetByCox(name: string): boolean {
  return name.startsWith("COX_") || name === "NOTIFY_SOCKET";
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
