/**
 * Checks the declared names and how many there are: grammar, clashes, replicas.
 * Must not know: what refers to a name.
 */
import type { Config, ConfigIssue } from "./config.ts";
import { LIMITS } from "./defaults.ts";
import { errorAt } from "./issue.ts";
import { checkName, isGroup, isProcess, replicaNames } from "./names.ts";

/**
 * Checks every declared name.
 *
 * @param config A configuration of the right shape.
 * @returns All issues.
 */
export function checkNames(config: Config): ConfigIssue[] {
  return [
    ...checkName(config.name, "the name", ["name"]),
    ...checkDeclared(config),
    ...checkReplicas(config),
    ...checkCounts(config),
  ];
}

function checkDeclared(config: Config): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  for (const name of Object.keys(config.processes)) {
    issues.push(...checkName(name, "a process name", ["processes", name]));
  }
  for (const name of Object.keys(config.groups ?? {})) {
    const path = ["groups", name];
    issues.push(...checkName(name, "a group name", path));
    if (isProcess(config, name)) {
      issues.push(
        errorAt(path, `"${name}" names a process already`, "give the group another name"),
      );
    }
  }
  for (const name of Object.keys(config.channels ?? {})) {
    issues.push(...checkName(name, "a channel name", ["channels", name]));
  }
  for (const name of Object.keys(config.paths ?? {})) {
    issues.push(...checkName(name, "the name of a path", ["paths", name]));
  }
  return issues;
}

function checkReplicas(config: Config): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const owners = new Map<string, string>();
  let instances = 0;
  for (const [name, { replicas = 1 }] of Object.entries(config.processes)) {
    instances += replicas;
    if (replicas <= 1) continue;
    const path = ["processes", name, "replicas"];
    const names = replicaNames(name, replicas);
    const longest = names.at(-1) ?? name;
    if (longest.length > LIMITS.nameLength && name.length <= LIMITS.nameLength) {
      issues.push(errorAt(
        path,
        `the name of replica "${longest}" must be at most ${LIMITS.nameLength} characters`,
        "shorten the name of the process",
      ));
    }
    for (const replica of names) {
      const clash = isProcess(config, replica)
        ? `process "${replica}"`
        : isGroup(config, replica)
        ? `group "${replica}"`
        : owners.has(replica)
        ? `a replica of "${owners.get(replica)}"`
        : null;
      owners.set(replica, name);
      if (clash === null) continue;
      issues.push(
        errorAt(path, `replica "${replica}" has the name of ${clash}`, "rename one of them"),
      );
      // One clash of a process says it all; a thousand would bury the rest.
      break;
    }
  }
  if (instances > LIMITS.instancesMax) {
    issues.push(errorAt(
      ["processes"],
      `there must be at most ${LIMITS.instancesMax} processes with their replicas, are ${instances}`,
    ));
  }
  return issues;
}

function checkCounts(config: Config): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const processes = Object.keys(config.processes).length;
  if (processes === 0) {
    issues.push(errorAt(["processes"], "there must be at least 1 process"));
  }
  const counted = [
    ["processes", processes, LIMITS.processesMax],
    ["groups", Object.keys(config.groups ?? {}).length, LIMITS.groupsMax],
    ["channels", Object.keys(config.channels ?? {}).length, LIMITS.channelsMax],
    ["paths", Object.keys(config.paths ?? {}).length, LIMITS.pathsMax],
  ] as const;
  for (const [what, count, max] of counted) {
    if (count > max) {
      issues.push(errorAt([what], `there must be at most ${max} ${what}, are ${count}`));
    }
  }
  if (config.period !== undefined && config.intensity === undefined) {
    issues.push(errorAt(
      ["period"],
      "a period has no meaning without an intensity",
      "add intensity, or remove period",
    ));
  }
  return issues;
}
