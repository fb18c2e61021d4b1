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
 * Applies profiles and replicas.
 *
 * A process without `profiles` always exists; one with them exists if any of them is active.
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
  for (const [declaredName, process] of Object.entries(config.processes)) {
    if (!isActive(process, profiles)) continue;
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

function isActive(process: ProcessConfig, profiles: readonly string[]): boolean {
  if (process.profiles === undefined || process.profiles.length === 0) return true;
  return process.profiles.some((profile) => profiles.includes(profile));
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
