/**
 * Checks what every time contract has: its thresholds, what it tolerates, its actions.
 * Must not know: what a contract is about.
 */
import type {
  Config,
  ConfigIssue,
  ContractConfig,
  DeadlineActionConfig,
  Duration,
} from "./config.ts";
import { errorAt, type IssuePath, warningAt } from "./issue.ts";
import { SUSPENDING_SIGNALS } from "./signals.ts";
import { parseDurationNs } from "./units.ts";

/** Actions that make no sense of a process that is being stopped. */
export const ACTIONS_ON_LIVING: readonly string[] = ["restart", "stop"];

/**
 * Checks a contract, whatever it is about.
 *
 * @param config The configuration: whether it has a safe mode.
 * @param contract The contract, of the right shape.
 * @param path Where it stands.
 * @returns All issues.
 */
export function checkContract(
  config: Config,
  contract: ContractConfig,
  path: IssuePath,
): ConfigIssue[] {
  const { tolerate } = contract;
  const issues: ConfigIssue[] = [];
  if (tolerate !== undefined && tolerate.misses >= tolerate.in) {
    issues.push(errorAt(
      [...path, "tolerate", "misses"],
      `"misses" must be fewer than "in", is ${tolerate.misses} in ${tolerate.in}: the contract ` +
        "could never be broken",
      `at most ${tolerate.in - 1}`,
    ));
  }
  for (const key of ["miss", "broken"] as const) {
    const list = actionsOf(contract[key]);
    const at = (index: number) =>
      Array.isArray(contract[key]) ? [...path, key, index] : [...path, key];
    const seen = new Set<string>();
    for (const [index, action] of list.entries()) {
      issues.push(...checkAction(config, action, at(index)));
      const text = JSON.stringify(action);
      if (seen.has(text)) issues.push(errorAt(at(index), `${text} is listed twice`, "remove it"));
      seen.add(text);
    }
  }
  return issues;
}

/** The actions in one form. */
export function actionsOf(
  actions: DeadlineActionConfig | readonly DeadlineActionConfig[] | undefined,
): readonly DeadlineActionConfig[] {
  if (actions === undefined) return [];
  return Array.isArray(actions) ? actions : [actions as DeadlineActionConfig];
}

/**
 * Checks that a warning comes before the miss.
 *
 * @param times `warn` as given, the time of the miss, and the name of that key.
 * @param path Where the contract stands.
 */
export function checkWarn(
  times: { readonly warn?: Duration; readonly miss?: Duration; readonly key: string },
  path: IssuePath,
): ConfigIssue[] {
  const { warn, miss, key } = times;
  if (warn === undefined || miss === undefined) return [];
  if (parseDurationNs(warn) < parseDurationNs(miss)) return [];
  return [errorAt(
    [...path, "warn"],
    `"warn" must be shorter than ${key}, is "${warn}" and "${miss}"`,
    "a warning comes before the miss: shorten it, or remove it",
  )];
}

function checkAction(config: Config, action: DeadlineActionConfig, path: IssuePath): ConfigIssue[] {
  if (action === "safe-mode" && config.safeMode === undefined) {
    return [errorAt(
      path,
      '"safe-mode" needs to know what runs in it',
      "add safeMode: { start: [NAME, …] } at the top",
    )];
  }
  if (typeof action === "string") return [];
  const { signal, run, timeout } = action;
  const issues: ConfigIssue[] = [];
  if ((signal === undefined) === (run === undefined)) {
    issues.push(errorAt(
      path,
      'an action that is an object must have one of "signal" and "run"',
      'two actions are a list: [{ signal: "SIGUSR2" }, { run: command(["program"]) }]',
    ));
  }
  if (timeout !== undefined && run === undefined) {
    issues.push(errorAt([...path, "timeout"], '"timeout" is about the program of "run"'));
  }
  if (signal !== undefined && SUSPENDING_SIGNALS.includes(signal)) {
    issues.push(errorAt(
      [...path, "signal"],
      `${signal} suspends a process, and this one is late already`,
      'use "SIGUSR2" or another that the program handles',
    ));
  }
  const program = run?.argv[0];
  if (program === "") {
    issues.push(errorAt([...path, "run", "argv", 0], "the program must not be empty"));
  } else if (program !== undefined && /\s/.test(program)) {
    issues.push(warningAt(
      [...path, "run", "argv", 0],
      `the program's name has a blank in it: ${JSON.stringify(program)}`,
      "one entry for each word; no shell splits them",
    ));
  }
  return issues;
}
