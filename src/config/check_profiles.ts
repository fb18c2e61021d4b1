/**
 * Checks a configuration against the profiles that are to be active: nothing that runs may
 * need something that is left out. Must not know: how profiles are chosen.
 */
import { parseEndpoint } from "./check_channels.ts";
import type { Config, ConfigIssue, ProcessConfig } from "./config.ts";
import { didYouMean } from "./did_you_mean.ts";
import { errorAt, show } from "./issue.ts";
import { isProcess } from "./names.ts";

/**
 * Says whether a process runs.
 *
 * @param process The process.
 * @param active The active profiles.
 * @returns True if it has no profiles, or if one of them is active.
 */
export function isActive(process: ProcessConfig, active: readonly string[]): boolean {
  const profiles = process.profiles ?? [];
  return profiles.length === 0 || profiles.some((profile) => active.includes(profile));
}

/**
 * Checks what the active profiles leave out.
 *
 * A group loses the members that are left out; a channel with both ends left out is left out
 * too. A channel with one end, or a process that waits for one that is left out, is an error.
 *
 * @param config A valid configuration.
 * @param active The active profiles.
 * @returns All issues.
 */
export function checkProfiles(config: Config, active: readonly string[]): ConfigIssue[] {
  const processes = Object.entries(config.processes);
  const runs = new Set(
    processes.filter(([, each]) => isActive(each, active)).map(([name]) => name),
  );
  return [
    ...checkActive(config, active, runs),
    ...checkDependencies(config, runs),
    ...checkEnds(config, runs),
  ];
}

function checkActive(
  config: Config,
  active: readonly string[],
  runs: ReadonlySet<string>,
): ConfigIssue[] {
  const known = [
    ...new Set(Object.values(config.processes).flatMap((each) => each.profiles ?? [])),
  ];
  const issues = active.filter((profile) => !known.includes(profile)).map((profile) =>
    errorAt(
      ["processes"],
      `no process has profile ${show(profile)}`,
      didYouMean(profile, known) ?? "no process has profiles at all",
    )
  );
  if (runs.size === 0) {
    issues.push(errorAt(
      ["processes"],
      active.length === 0
        ? "no process runs: each has profiles, and none is active"
        : `no process runs with ${active.map(show).join(", ")}`,
      didYouMean("", known),
    ));
  }
  return issues;
}

function checkDependencies(config: Config, runs: ReadonlySet<string>): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  for (const name of runs) {
    for (const dependency of Object.keys(config.processes[name]?.after ?? {})) {
      if (runs.has(dependency) || !isProcess(config, dependency)) continue;
      issues.push(errorAt(
        ["processes", name, "after", dependency],
        `"${name}" waits for "${dependency}", which no active profile includes`,
        activate(config, dependency),
      ));
    }
  }
  return issues;
}

function checkEnds(config: Config, runs: ReadonlySet<string>): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  for (const [name, channel] of Object.entries(config.channels ?? {})) {
    const from = parseEndpoint(channel.from)?.process;
    const to = parseEndpoint(channel.to)?.process;
    if (from === undefined || to === undefined || runs.has(from) === runs.has(to)) continue;
    const [end, left] = runs.has(from) ? ["to", to] : ["from", from];
    if (!isProcess(config, left)) continue;
    issues.push(errorAt(
      ["channels", name, end],
      `"${left}" is left out by the active profiles, and the other end of "${name}" is not`,
      activate(config, left),
    ));
  }
  return issues;
}

function activate(config: Config, name: string): string {
  const profiles = (config.processes[name]?.profiles ?? []).map(show);
  return `activate ${profiles.join(" or ")} with --profile, or give both the same profiles`;
}
