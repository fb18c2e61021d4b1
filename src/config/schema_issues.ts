/**
 * Turns what zod reports into issues that name the key, the rule, the value and the fix.
 * Owns the wording for wrong shapes, unknown keys and keys that are still to come.
 * Must not know: any single key's rule.
 */
import type { z } from "zod";
import type { ConfigIssue } from "./config.ts";
import { didYouMean, nearestName } from "./did_you_mean.ts";
import { guessQuantity } from "./guess_quantity.ts";
import { errorAt, type IssuePath, show } from "./issue.ts";

/** Keys of later versions, and what they will be about. */
export const KEYS_TO_COME: Readonly<Record<string, string>> = {
  host: "running a process on another host",
  hosts: "running a crew on several hosts",
  encrypt: "encrypted channels",
  clients: "clients of the control socket",
  healthy: "health checks",
  every: "periodic jobs",
  secrets: "secrets",
};

/** Kinds of channels of later versions. */
const KINDS_TO_COME: readonly string[] = ["queue", "mailbox"];

type ZodIssue = z.core.$ZodIssue;

/**
 * Translates zod's issues.
 *
 * @param issues What zod reports.
 * @param raw The value that was parsed, to show what stands at each path.
 * @param keysAt The keys that the schema knows at a path, for a guess at a misspelt one.
 * @returns One issue for each, or several where zod lists several keys in one.
 */
export function translateIssues(
  issues: readonly ZodIssue[],
  raw: unknown,
  keysAt: (path: IssuePath) => readonly string[],
): ConfigIssue[] {
  return issues.flatMap((issue) => translate(issue, [], raw, keysAt));
}

function translate(
  issue: ZodIssue,
  prefix: IssuePath,
  raw: unknown,
  keysAt: (path: IssuePath) => readonly string[],
): ConfigIssue[] {
  const path = [...prefix, ...issue.path.map((key) => typeof key === "symbol" ? String(key) : key)];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => unknownKey([...path, key], key, keysAt(path)));
  }
  if (issue.code === "invalid_union") {
    const branch = issue.errors.find((each) => each.length > 0 && !each.some(isWrongType));
    if (branch) return branch.flatMap((each) => translate(each, path, raw, keysAt));
  }
  const value = valueAt(raw, path);
  if (value === undefined) return [missing(path)];
  if (issue.code === "invalid_value" || isWrongKind(issue)) {
    return [wrongChoice(path, value, issue)];
  }
  const broken = rule(issue);
  const fix = guessQuantity(value, broken) ?? shapeFix(path, value);
  return [errorAt(path, `${subject(path)} ${broken}${shown(path, value)}`, fix)];
}

function unknownKey(path: IssuePath, key: string, known: readonly string[]): ConfigIssue {
  const quoted = JSON.stringify(key);
  if (Object.hasOwn(KEYS_TO_COME, key)) {
    return errorAt(
      path,
      `${quoted} is not yet supported: ${KEYS_TO_COME[key]} will come with a later version`,
      "remove it",
    );
  }
  return errorAt(path, `${quoted} is not a known key`, didYouMean(key, known));
}

function missing(path: IssuePath): ConfigIssue {
  const key = path.at(-1);
  const fix = key === "run"
    ? 'run: deno("./program.ts") or run: command(["program"])'
    : key === "kind"
    ? "use deno(), task(), command(), pipe(), socket() or listen(), which fill it in"
    : null;
  return errorAt(path, `${subject(path)} is required and missing`, fix);
}

function wrongChoice(path: IssuePath, value: unknown, issue: ZodIssue): ConfigIssue {
  const known = choices(issue);
  const isChannelKind = path[0] === "channels" && path.at(-1) === "kind";
  if (isChannelKind && typeof value === "string" && KINDS_TO_COME.includes(value)) {
    const message = `a ${value} is not yet supported: it will come with a later version`;
    return errorAt(path, message, "use pipe(), socket() or listen()");
  }
  const listed = known.map((each) => JSON.stringify(each)).join(", ");
  const must = issue.message.startsWith("must ") && issue.code === "invalid_value"
    ? issue.message
    : `must be ${known.length === 1 ? "" : "one of "}${listed}`;
  const nearest = typeof value !== "string"
    ? null
    : known.find((each) => each === `SIG${value.toUpperCase()}`) ?? nearestName(value, known);
  const fix = nearest === null ? null : `did you mean ${JSON.stringify(nearest)}?`;
  return errorAt(path, `${subject(path)} ${must}${shown(path, value)}`, fix);
}

function shapeFix(path: IssuePath, value: unknown): string | null {
  const key = path.at(-1);
  if (key === "run" && typeof value === "string") {
    const quoted = show(value);
    return `deno(${quoted}) or command([${quoted}])`;
  }
  if (path.at(-2) === "permissions" && value === true) {
    return "list exactly what the program needs; leave the key out for nothing";
  }
  if (path.at(-2) === "env" && typeof value === "number") return `${JSON.stringify(String(value))}`;
  if (key === "argv" && typeof value === "string") {
    return "one entry for each word; no shell splits them";
  }
  return null;
}

/** The rule in words; messages of our own begin with "must" already. */
function rule(issue: ZodIssue): string {
  if (issue.message.startsWith("must ")) return issue.message;
  if (issue.code === "invalid_type") return `must be ${SHAPES[issue.expected] ?? issue.expected}`;
  return "is not valid";
}

const SHAPES: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "an object",
  record: "an object",
};

/** Whether a branch of a union failed because the value is of another type altogether. */
function isWrongType(issue: ZodIssue): boolean {
  return issue.path.length === 0 &&
    (issue.code === "invalid_type" || issue.code === "invalid_value" ||
      (issue.code === "invalid_union" && issue.errors.every((each) => each.some(isWrongType))));
}

function isWrongKind(issue: ZodIssue): boolean {
  return issue.code === "invalid_union" && issue.path.at(-1) === "kind";
}

function choices(issue: ZodIssue): readonly string[] {
  if (issue.code === "invalid_value") return issue.values.map(String);
  const options = (issue as { options?: readonly unknown[] }).options ?? [];
  return options.map(String);
}

/** What a sentence about the path is about: its last key, with the list it is in. */
function subject(path: IssuePath): string {
  const key = path.at(-1);
  if (key === undefined) return "the configuration";
  if (typeof key === "string") return JSON.stringify(key);
  const list = path.findLast((each) => typeof each === "string");
  return `entry ${key + 1} of ${JSON.stringify(list ?? "the list")}`;
}

/** The value in words; values of environment variables may be secret and are never shown. */
function shown(path: IssuePath, value: unknown): string {
  if (path[2] === "env" && typeof value === "string") return "";
  return `, is ${show(value)}`;
}

function valueAt(raw: unknown, path: IssuePath): unknown {
  let value = raw;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string | number, unknown>)[key];
  }
  return value;
}
