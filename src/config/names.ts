/**
 * The names that a configuration declares. Owns their grammar, the names of replicas and how
 * an unknown name is reported. Must not know: which key refers to a name.
 */
import type { Config, ConfigIssue } from "./config.ts";
import { DEFAULTS, LIMITS } from "./defaults.ts";
import { didYouMean } from "./did_you_mean.ts";
import { errorAt, type IssuePath, show } from "./issue.ts";

const NAME = /^[a-z][a-z0-9_-]*$/i;

/**
 * Says what is wrong with a name.
 *
 * @param name A name of a process, group, channel, profile or crew.
 * @returns The broken rule, `must …`, or null for a good name.
 */
export function nameRule(name: string): string | null {
  if (name === "") return "must not be empty";
  if (name.length > LIMITS.nameLength) return `must be at most ${LIMITS.nameLength} characters`;
  if (name.startsWith("@")) return 'must not begin with "@", which marks processes of cox itself';
  if (name.includes("..")) return 'must not contain ".."';
  if (name.includes("/")) return 'must not contain "/"';
  if (!NAME.test(name)) return 'must be a letter, then letters, digits, "_" or "-"';
  return null;
}

/**
 * Reports a bad name.
 *
 * @param name The name.
 * @param what What it names: `process name`.
 * @param path Where it stands.
 * @returns The issue, or nothing for a good name.
 */
export function checkName(name: string, what: string, path: IssuePath): ConfigIssue[] {
  const rule = nameRule(name);
  return rule === null ? [] : [errorAt(path, `${what} ${rule}, is ${show(name)}`)];
}

/**
 * Names what runs for a declared process.
 *
 * @param name The declared name.
 * @param replicas How many of it run; absent: one.
 * @returns `["name"]`, or `["name-1", …]` for more than one.
 */
export function replicaNames(name: string, replicas: number = DEFAULTS.replicas): string[] {
  if (replicas <= 1) return [name];
  return Array.from({ length: replicas }, (_, index) => `${name}-${index + 1}`);
}

/**
 * Reports a name that no process (or group) has.
 *
 * @param config The configuration.
 * @param options `name`, the `path` where it stands, and whether a group would do as well.
 * @returns The issue, with a guess at what was meant.
 */
export function unknownName(
  config: Config,
  options: { name: string; path: IssuePath; groups?: boolean },
): ConfigIssue {
  const { name, path, groups = false } = options;
  const known = Object.keys(config.processes);
  if (groups) known.push(...Object.keys(config.groups ?? {}));
  const what = groups ? "process or group" : "process";
  const replica = /^(.+)-[0-9]+$/.exec(name)?.[1];
  const fix = replica !== undefined && Object.hasOwn(config.processes, replica)
    ? `${JSON.stringify(replica)}, which stands for all of its replicas`
    : didYouMean(name, known);
  return errorAt(path, `no ${what} is named ${show(name)}`, fix);
}

/** Whether a process of that name is declared. */
export function isProcess(config: Config, name: string): boolean {
  return Object.hasOwn(config.processes, name);
}

/** Whether a group of that name is declared. */
export function isGroup(config: Config, name: string): boolean {
  return Object.hasOwn(config.groups ?? {}, name);
}
