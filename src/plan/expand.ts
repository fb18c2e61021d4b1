/**
 * From declared processes to the ones that will exist: profiles leave some out, replicas
 * multiply others. Owns that rule. Must not know: what a process does.
 */
import type { Config, ProcessConfig } from "../config/config.ts";
import { DEFAULTS } from "../config/defaults.ts";
import type { Issues } from "./issues.ts";

/** One process that will exist. */
export interface ExpandedProcess {
  /** `name`, or `name-1` … `name-n`. */
  readonly name: string;
  readonly declaredName: string;
  readonly config: ProcessConfig;
}

/** What exists, in declaration order, and how to find it by declared name. */
export interface Expansion {
  readonly processes: readonly ExpandedProcess[];
  /** Declared name to indices into `processes`; absent: left out by the profiles. */
  readonly byDeclaredName: ReadonlyMap<string, readonly number[]>;
}

/**
 * The processes that the profiles leave in, by declared name, in declaration order: those
 * without `profiles`, and those with an active one.
 *
 * @param config The configuration.
 * @param profiles Active profiles.
 */
export function activeProcesses(
  config: Config,
  profiles: readonly string[],
): [name: string, process: ProcessConfig][] {
  return Object.entries(config.processes).filter(([, process]) => {
    const own = process.profiles ?? [];
    return own.length === 0 || own.some((profile) => profiles.includes(profile));
  });
}

/**
 * Applies profiles and replicas.
 *
 * @param config The configuration.
 * @param profiles Active profiles; one that no process names is an error.
 * @param issues Receives what is wrong.
 */
export function expand(config: Config, profiles: readonly string[], issues: Issues): Expansion {
  checkProfiles(config, profiles, issues);
  const processes: ExpandedProcess[] = [];
  const byDeclaredName = new Map<string, number[]>();
  const takenBy = new Map<string, string>();
  for (const [declaredName, process] of activeProcesses(config, profiles)) {
    const count = process.replicas ?? DEFAULTS.replicas;
    const indices: number[] = [];
    for (let replica = 1; replica <= count; replica++) {
      const name = count === 1 ? declaredName : `${declaredName}-${replica}`;
      const other = takenBy.get(name);
      if (other !== undefined) {
        issues.error(
          ["processes", declaredName],
          `two processes would be called "${name}": "${declaredName}" and "${other}"`,
          "rename one of them: replicas are called NAME-1, NAME-2 and so on",
        );
      }
      takenBy.set(name, declaredName);
      indices.push(processes.length);
      processes.push({ name, declaredName, config: process });
    }
    byDeclaredName.set(declaredName, indices);
  }
  if (processes.length === 0) {
    issues.error(
      ["processes"],
      "no process would run: profiles leave them all out",
      "switch a profile on with --profile NAME",
    );
  }
  return { processes, byDeclaredName };
}

function checkProfiles(config: Config, profiles: readonly string[], issues: Issues): void {
  const known = new Set(Object.values(config.processes).flatMap((p) => p.profiles ?? []));
  for (const profile of profiles) {
    if (known.has(profile)) continue;
    issues.error(
      ["processes"],
      `no process names the profile "${profile}"`,
      known.size === 0
        ? "no process has profiles: leave --profile away"
        : `profiles here: ${[...known].sort().join(", ")}`,
    );
  }
}
