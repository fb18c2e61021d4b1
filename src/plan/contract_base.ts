/**
 * What every contract has, compiled: actions, tolerance, recovery, thresholds. Owns how a program
 * that a miss runs is found. Must not know: what a contract is about.
 */
import type {
  ContractConfig,
  DeadlineActionConfig,
  LimitContractConfig,
} from "../config/config.ts";
import { DEFAULTS } from "../config/defaults.ts";
import { parseDurationNs } from "../config/units.ts";
import type { ContractBase, MissAction } from "./contract.ts";
import { executableKey, type ExecutableLookup, type Facts } from "./facts.ts";
import type { IssuePath, Issues } from "./issues.ts";
import type { ProcessIndex } from "./plan.ts";
import { signalNumber } from "./signals.ts";

/** What contracts are compiled with. */
export interface ContractContext {
  readonly facts: Facts;
  readonly issues: Issues;
}

/** Whose contract it is. */
export interface Owner {
  readonly name: string;
  readonly process: ProcessIndex;
  /** Where it stands in the configuration. */
  readonly path: IssuePath;
}

/** Compiles what every contract has. */
export function contractBase(
  config: ContractConfig,
  { name, process, path }: Owner,
  context: ContractContext,
): ContractBase {
  const defaults = DEFAULTS.deadlines;
  const { misses, in: window } = config.tolerate ?? defaults.tolerate;
  const actions = (key: "miss" | "broken") =>
    listOf(config[key] ?? defaults[key]).map((action) =>
      missAction(action, [...path, key], context)
    );
  return {
    name,
    process,
    critical: config.critical ?? defaults.critical,
    tolerate: { misses, window },
    recoverAfter: config.recoverAfter ?? defaults.recoverAfter,
    onMiss: actions("miss"),
    onBroken: actions("broken"),
  };
}

/** The two thresholds of a longest time. */
export function thresholds({ within, warn }: Partial<LimitContractConfig>): {
  readonly warnNs: number;
  readonly missNs: number;
} {
  return {
    warnNs: warn === undefined ? 0 : parseDurationNs(warn),
    missNs: within === undefined ? 0 : parseDurationNs(within),
  };
}

/** Where programs that a miss runs are looked for: as cox itself finds them. */
export function actionLookup(
  command: string,
  facts: Pick<Facts, "environment" | "projectDir">,
): ExecutableLookup {
  return { command, cwd: facts.projectDir, path: facts.environment["PATH"] ?? "" };
}

/** The actions in one form. */
export function listOf<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T];
}

function missAction(
  action: DeadlineActionConfig,
  path: IssuePath,
  { facts, issues }: ContractContext,
): MissAction {
  if (typeof action === "string") return { kind: action };
  const { run, signal: signalName, timeout } = action;
  if (run === undefined) {
    const signal = signalNumber(signalName ?? "");
    if (signal === null) throw new TypeError(`there is no signal "${signalName}"`);
    return { kind: "signal", signal, signalName: signalName! };
  }
  const lookup = actionLookup(run.argv[0] ?? "", facts);
  const found = facts.executables.get(executableKey(lookup)) ?? null;
  if (found === null) {
    issues.error(
      path,
      `"${lookup.command}" was not found in cox's own PATH (${lookup.path})`,
      "install it, or write its absolute path",
    );
  }
  const executable = found ?? lookup.command;
  return {
    kind: "run",
    argv: [executable, ...run.argv.slice(1)],
    executable,
    timeoutNs: parseDurationNs(timeout ?? DEFAULTS.deadlines.runTimeout),
  };
}
