/**
 * Checks one process: keys that contradict each other, and times that cannot be.
 * Must not know: other processes.
 */
import { checkEnvironment } from "./check_environment.ts";
import { checkPermissions } from "./check_permissions.ts";
import type { ConfigIssue, LimitValue, ProcessConfig, ReadyConfig, Run, Size } from "./config.ts";
import { DEFAULTS } from "./defaults.ts";
import { errorAt, type IssuePath, show, warningAt } from "./issue.ts";
import { checkName } from "./names.ts";
import { SUSPENDING_SIGNALS } from "./signals.ts";
import { parseDurationNs, parseSizeBytes } from "./units.ts";

/**
 * Checks one process by itself.
 *
 * @param process The process, of the right shape.
 * @param path Where it stands.
 * @returns All issues.
 */
export function checkProcess(process: ProcessConfig, path: IssuePath): ConfigIssue[] {
  return [
    ...checkRun(process.run, [...path, "run"]),
    ...checkEnvironment(process.env, [...path, "env"]),
    ...checkReady(process.ready, [...path, "ready"]),
    ...checkRestart(process.restart, [...path, "restart"]),
    ...checkStop(process.stop, [...path, "stop"]),
    ...checkLimits(process.limits, [...path, "limits"]),
    ...checkFinish(process.finish, [...path, "finish"]),
    ...checkProfileNames(process.profiles, [...path, "profiles"]),
  ];
}

function checkRun(run: Run, path: IssuePath): ConfigIssue[] {
  switch (run.kind) {
    case "command":
      return checkArgv(run.argv, [...path, "argv"]);
    case "task":
      return optionLike(run.name, "the name of a task", [...path, "name"]);
    case "deno":
      return [
        ...checkProgram(run.path, [...path, "path"]),
        ...checkPermissions(run.permissions, [...path, "permissions"]),
      ];
  }
}

function checkArgv(argv: readonly string[], path: IssuePath): ConfigIssue[] {
  const program = argv[0] ?? "";
  if (program === "") return [errorAt([...path, 0], "the program must not be empty")];
  if (!/\s/.test(program)) return [];
  return [warningAt(
    [...path, 0],
    `the program's name has a blank in it: ${show(program)}`,
    "one entry for each word; no shell splits them",
  )];
}

function checkProgram(program: string, path: IssuePath): ConfigIssue[] {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(program)?.[1]?.toLowerCase();
  if (scheme !== undefined && !["file", "npm", "jsr", "https"].includes(scheme)) {
    const must = "a program must be a path, or a file:, npm:, jsr: or https: specifier";
    return [errorAt(path, `${must}, is ${show(program)}`)];
  }
  return optionLike(program, "a program", path);
}

/** A word that the next program on the command line would take for an option. */
function optionLike(word: string, what: string, path: IssuePath): ConfigIssue[] {
  if (!word.startsWith("-")) return [];
  return [errorAt(path, `${what} must not begin with "-", is ${show(word)}`)];
}

/** Which keys belong to which way of being ready, besides `by`. */
const READY_KEYS: Readonly<Record<ReadyConfig["by"], readonly string[]>> = {
  started: [],
  notify: ["within"],
  fd: ["fd", "within"],
  line: ["pattern", "stream", "within"],
};

function checkReady(ready: ReadyConfig | undefined, path: IssuePath): ConfigIssue[] {
  if (ready === undefined) return [];
  const issues: ConfigIssue[] = [];
  for (const key of Object.keys(ready)) {
    if (key === "by" || READY_KEYS[ready.by].includes(key)) continue;
    const owners = Object.entries(READY_KEYS).filter(([, keys]) => keys.includes(key));
    const listed = owners.map(([by]) => `"${by}"`).join(", ");
    issues.push(errorAt(
      [...path, key],
      `"${key}" has no meaning with by: "${ready.by}"`,
      `remove it, or set by to ${owners.length > 1 ? "one of " : ""}${listed}`,
    ));
  }
  if (ready.by === "fd" && ready.fd === undefined) {
    issues.push(errorAt(path, 'by: "fd" needs the descriptor', "add fd: 3"));
  }
  if (ready.by === "line" && ready.pattern === undefined) {
    issues.push(errorAt(path, 'by: "line" needs a pattern', 'add pattern: "listening"'));
  }
  return issues;
}

function checkRestart(restart: ProcessConfig["restart"], path: IssuePath): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const backoff = restart?.backoff;
  const initial = backoff?.initial ?? DEFAULTS.restart.backoff.initial;
  const max = backoff?.max ?? DEFAULTS.restart.backoff.max;
  if (parseDurationNs(initial) > parseDurationNs(max)) {
    const given = backoff?.initial === undefined ? "initial (by default)" : "initial";
    const other = backoff?.max === undefined ? "max (by default)" : "max";
    issues.push(errorAt(
      [...path, "backoff", backoff?.initial === undefined ? "max" : "initial"],
      `${given} must be at most ${other}, is "${initial}" and "${max}"`,
      backoff?.initial === undefined ? `add initial: "${max}"` : `raise max to "${initial}"`,
    ));
  }
  if (restart?.policy === "temporary" && backoff !== undefined) {
    issues.push(warningAt(
      [...path, "backoff"],
      'a process with policy "temporary" is never restarted: backoff has no effect',
      "remove it",
    ));
  }
  const seen = new Set<number>();
  for (const [index, code] of (restart?.successCodes ?? []).entries()) {
    if (seen.has(code)) {
      issues.push(errorAt([...path, "successCodes", index], `${code} is listed twice`));
    }
    seen.add(code);
  }
  return issues;
}

function checkStop(stop: ProcessConfig["stop"], path: IssuePath): ConfigIssue[] {
  if (stop?.signal === undefined || !SUSPENDING_SIGNALS.includes(stop.signal)) return [];
  return [errorAt(
    [...path, "signal"],
    `${stop.signal} suspends a process and does not end it`,
    'use "SIGTERM", "SIGINT" or another that the program ends on',
  )];
}

function checkLimits(limits: ProcessConfig["limits"], path: IssuePath): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  for (const [name, value] of Object.entries(limits ?? {})) {
    const pair = value as LimitValue<number | string>;
    if (!Array.isArray(pair)) continue;
    const [soft, hard] = pair as readonly [number | string, number | string];
    if (amountOf(soft) <= amountOf(hard)) continue;
    issues.push(errorAt(
      [...path, name],
      `the soft limit must be at most the hard one, is [${show(soft)}, ${show(hard)}]`,
      `[${show(hard)}, ${show(soft)}]`,
    ));
  }
  return issues;
}

function amountOf(limit: number | string): number {
  if (typeof limit === "number") return limit;
  if (limit === "unlimited") return Infinity;
  return /B$/.test(limit) ? parseSizeBytes(limit as Size) : parseDurationNs(limit);
}

function checkFinish(finish: ProcessConfig["finish"], path: IssuePath): ConfigIssue[] {
  return finish === undefined ? [] : checkArgv(finish.run.argv, [...path, "run", "argv"]);
}

function checkProfileNames(profiles: readonly string[] = [], path: IssuePath): ConfigIssue[] {
  const seen = new Set<string>();
  return profiles.flatMap((profile, index) => {
    const at = [...path, index];
    const twice = seen.has(profile) ? [errorAt(at, `${show(profile)} is listed twice`)] : [];
    seen.add(profile);
    return [...checkName(profile, "a profile", at), ...twice];
  });
}
