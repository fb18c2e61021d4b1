/**
 * From any data to a checked Config: the shape by the schema, the sense by the checks, all
 * issues of both at once. Must not know: where the data comes from.
 */
import { checkConfig } from "./check.ts";
import type { Config, ConfigIssue } from "./config.ts";
import { errorAt, type IssuePath } from "./issue.ts";
import { salvage } from "./salvage.ts";
import { configSchema } from "./schema.ts";
import { translateIssues } from "./schema_issues.ts";
import { knownKeys } from "./schema_keys.ts";

/** A checked configuration, or what is wrong with it. Issues of a valid one are warnings. */
export type Validation =
  | { readonly kind: "valid"; readonly config: Config; readonly issues: ConfigIssue[] }
  | { readonly kind: "invalid"; readonly issues: ConfigIssue[] };

/** Deepest nesting of a valid configuration is 7; more than this is not looked into. */
const DEPTH_MAX = 32;
/** More would not be read, and a generated configuration can be wrong in every line. */
const ISSUES_MAX = 200;

/**
 * Checks data as a configuration.
 *
 * Where parts have the wrong shape the rest is checked all the same, so that one run reports
 * everything.
 *
 * @param raw JSON data.
 * @returns The configuration with its warnings, or all issues (the first 200).
 */
export function validateConfig(raw: unknown): Validation {
  const unsafe = findUnsafe(raw);
  if (unsafe.length > 0) return { kind: "invalid", issues: unsafe };
  const parsed = configSchema.safeParse(raw);
  if (parsed.success) {
    const config = parsed.data satisfies Config;
    const issues = checkConfig(config);
    const valid = issues.every((issue) => issue.severity === "warning");
    return valid ? { kind: "valid", config, issues } : { kind: "invalid", issues: cut(issues) };
  }
  const issues = translateIssues(parsed.error.issues, raw, (path) => knownKeys(raw, path));
  const rest = salvage(raw, issues);
  const further = rest === null
    ? []
    : checkConfig(rest).filter((issue) => !overlaps(issue, issues));
  return { kind: "invalid", issues: cut([...issues, ...further]) };
}

/** What zod would not see or not survive: hidden keys, and nesting without end. */
function findUnsafe(raw: unknown): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const pending: { value: unknown; path: IssuePath }[] = [{ value: raw, path: [] }];
  for (let at = 0; at < pending.length && issues.length < ISSUES_MAX; at++) {
    const { value, path } = pending[at]!;
    if (typeof value !== "object" || value === null) continue;
    if (path.length >= DEPTH_MAX) {
      issues.push(errorAt(path, `nesting must be at most ${DEPTH_MAX} deep`));
      continue;
    }
    const list = Array.isArray(value);
    for (const [key, child] of Object.entries(value)) {
      const childPath = [...path, list ? Number(key) : key];
      if (key === "__proto__") {
        issues.push(errorAt(childPath, '"__proto__" is not a name that can be used'));
      } else {
        pending.push({ value: child, path: childPath });
      }
    }
  }
  return issues;
}

/** Whether the place of a check's issue is one whose shape is wrong: reported already. */
function overlaps(issue: ConfigIssue, others: readonly ConfigIssue[]): boolean {
  return others.some(({ path }) => {
    const shared = Math.min(path.length, issue.path.length);
    return shared === path.length && path.every((key, at) => issue.path[at] === key);
  });
}

function cut(issues: ConfigIssue[]): ConfigIssue[] {
  if (issues.length <= ISSUES_MAX) return issues;
  const left = issues.length - ISSUES_MAX;
  return [...issues.slice(0, ISSUES_MAX), errorAt([], `and ${left} more issues`)];
}
