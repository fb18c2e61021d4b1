/**
 * Checks groups: that members exist, that each is in one group, and that no group holds
 * itself. Must not know: channels, dependencies between processes.
 */
import { topologicalOrder } from "../plan/graph.ts";
import type { Config, ConfigIssue } from "./config.ts";
import { errorAt } from "./issue.ts";
import { isGroup, isProcess, unknownName } from "./names.ts";

const CYCLES_MAX = 12;

/**
 * Checks every group.
 *
 * @param config A configuration of the right shape.
 * @returns All issues.
 */
export function checkGroups(config: Config): ConfigIssue[] {
  return [...checkMembers(config), ...checkNesting(config)];
}

function checkMembers(config: Config): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const groupOf = new Map<string, string>();
  for (const [name, { members }] of Object.entries(config.groups ?? {})) {
    for (const [index, member] of members.entries()) {
      const path = ["groups", name, "members", index];
      if (!isProcess(config, member) && !isGroup(config, member)) {
        issues.push(unknownName(config, { name: member, path, groups: true }));
        continue;
      }
      const other = groupOf.get(member);
      groupOf.set(member, other ?? name);
      if (other === name) {
        issues.push(errorAt(path, `"${member}" is listed twice`, "list it once"));
      } else if (other !== undefined) {
        issues.push(errorAt(
          path,
          `"${member}" is a member of group "${other}" already`,
          "a member belongs to one group; nest the groups instead",
        ));
      }
    }
  }
  return issues;
}

function checkNesting(config: Config): ConfigIssue[] {
  const names = Object.keys(config.groups ?? {});
  const numbers = new Map(names.map((name, number) => [name, number]));
  let edges: [number, number][] = [];
  for (const [name, { members }] of Object.entries(config.groups ?? {})) {
    for (const member of members) {
      // A name of both a process and a group is reported as a clash and stands for the process.
      const inner = isProcess(config, member) ? undefined : numbers.get(member);
      if (inner !== undefined) edges.push([numbers.get(name)!, inner]);
    }
  }
  const issues: ConfigIssue[] = [];
  while (issues.length < CYCLES_MAX) {
    const found = topologicalOrder(names.length, edges);
    if (found.kind === "order") break;
    const outer = found.cycle[0]!;
    const inner = found.cycle[1] ?? outer;
    const name = names[outer]!;
    const index = config.groups?.[name]?.members.indexOf(names[inner]!) ?? 0;
    const chain = [...found.cycle, outer].map((number) => names[number]);
    issues.push(errorAt(
      ["groups", name, "members", index],
      `groups hold each other: ${chain.join(" -> ")}`,
      "remove one of these members",
    ));
    edges = edges.filter(([from, to]) => from !== outer || to !== inner);
  }
  return issues;
}
