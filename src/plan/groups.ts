/**
 * Groups: from names to a tree whose root is index 0. Owns membership and the order of groups.
 * Must not know: what a strategy does.
 */
import type { Config } from "../config/config.ts";
import { DEFAULTS } from "../config/defaults.ts";
import { parseDurationNs } from "../config/units.ts";
import type { Expansion } from "./expand.ts";
import type { Issues } from "./issues.ts";
import type { GroupMember, GroupPlan } from "./plan.ts";

/** The tree, and the group of each process. */
export interface GroupTree {
  readonly groups: readonly GroupPlan[];
  /** By expansion index. */
  readonly groupOf: readonly number[];
}

/**
 * Builds the tree. Members keep the order in which they are listed (a process with replicas
 * stands for all of them); the root holds what no group lists, in start order. A group that the
 * profiles leave empty is left out. Process indices are into the expansion.
 *
 * @param config The configuration.
 * @param expansion What exists.
 * @param order Start order of the expansion.
 * @param issues Receives unknown members, double membership and circles.
 */
export function groupTree(
  config: Config,
  expansion: Expansion,
  order: readonly number[],
  issues: Issues,
): GroupTree {
  const declared = Object.entries(config.groups ?? {});
  const parentOf = memberships(config, issues);
  const rank = new Map(order.map((index, at) => [index, at]));
  const groups: GroupPlan[] = [];
  const groupOf = new Array<number>(expansion.processes.length).fill(0);
  const kept = nonEmptyGroups(config, expansion);
  const visited = new Set<string>();

  // Depth first with a stack, so that parents come before children in the result.
  const enter = (name: string, parent: number): number => {
    const group = config.groups![name]!;
    visited.add(name);
    groups.push({
      name,
      parent,
      strategy: group.strategy ?? DEFAULTS.group.strategy,
      intensity: group.intensity ?? DEFAULTS.group.intensity,
      periodNs: parseDurationNs(group.period ?? DEFAULTS.group.period),
      members: [],
    });
    return groups.length - 1;
  };
  groups.push(rootGroup(config));
  const topLevel = declared.map(([name]) => name).filter((name) => !parentOf.has(name));
  const stack = topLevel.filter((name) => kept.has(name)).reverse()
    .map((name) => ({ name, parent: 0 }));
  const childrenOf = new Map<number, Map<string, number>>();
  while (stack.length > 0) {
    const { name, parent } = stack.pop()!;
    const index = enter(name, parent);
    const siblings = childrenOf.get(parent) ?? new Map<string, number>();
    childrenOf.set(parent, siblings.set(name, index));
    for (const member of config.groups![name]!.members.toReversed()) {
      const isChild = kept.has(member) && parentOf.get(member) === name && !visited.has(member);
      if (isChild) stack.push({ name: member, parent: index });
      for (const process of expansion.byDeclaredName.get(member) ?? []) groupOf[process] = index;
    }
  }
  reportCircles(declared.map(([name]) => name), parentOf, issues);
  const lists = groups.map((group, index) =>
    index === 0
      ? rootMembers(expansion, groupOf, childrenOf.get(0), rank, config)
      : listedMembers(config.groups![group.name]!.members, expansion, childrenOf.get(index))
  );
  return { groups: groups.map((group, at) => ({ ...group, members: lists[at]! })), groupOf };
}

function rootGroup(config: Config): GroupPlan {
  return {
    name: "",
    parent: null,
    strategy: "one_for_one",
    intensity: config.intensity ?? null,
    periodNs: parseDurationNs(config.period ?? DEFAULTS.root.period),
    members: [],
  };
}

/** The group that lists each name; a second one is an issue. */
function memberships(config: Config, issues: Issues): Map<string, string> {
  const parentOf = new Map<string, string>();
  for (const [name, group] of Object.entries(config.groups ?? {})) {
    for (const [at, member] of group.members.entries()) {
      const path = ["groups", name, "members", at];
      const known = Object.hasOwn(config.processes, member) ||
        Object.hasOwn(config.groups!, member);
      const other = parentOf.get(member);
      if (!known) issues.error(path, `"${member}" is neither a process nor a group`);
      else if (other !== undefined) {
        issues.error(
          path,
          `"${member}" is already a member of group "${other}"`,
          "remove it from one of the two",
        );
      } else parentOf.set(member, name);
    }
  }
  return parentOf;
}

/** Names of the groups that have a process somewhere below them. */
function nonEmptyGroups(config: Config, expansion: Expansion): Set<string> {
  const kept = new Set<string>();
  const listedIn = new Map<string, string[]>();
  for (const [name, group] of Object.entries(config.groups ?? {})) {
    for (const member of group.members) {
      listedIn.set(member, [...listedIn.get(member) ?? [], name]);
    }
  }
  const pending = [...expansion.byDeclaredName.keys()];
  while (pending.length > 0) {
    for (const name of listedIn.get(pending.pop()!) ?? []) {
      if (kept.has(name)) continue;
      kept.add(name);
      pending.push(name);
    }
  }
  return kept;
}

function reportCircles(
  names: readonly string[],
  parentOf: ReadonlyMap<string, string>,
  issues: Issues,
): void {
  const settled = new Set<string>();
  for (const start of names) {
    const walk: string[] = [];
    let at: string | undefined = start;
    while (at !== undefined && !settled.has(at) && !walk.includes(at)) {
      walk.push(at);
      at = parentOf.get(at);
    }
    if (at !== undefined && walk.includes(at)) {
      const circle = [...walk.slice(walk.indexOf(at)), at].reverse();
      issues.error(
        ["groups", at, "members"],
        `groups contain each other in a circle: ${circle.join(" -> ")}`,
        "remove one of these memberships",
      );
    }
    for (const name of walk) settled.add(name);
  }
}

function listedMembers(
  members: readonly string[],
  expansion: Expansion,
  children: ReadonlyMap<string, number> | undefined,
): GroupMember[] {
  return members.flatMap((member): GroupMember[] => {
    const group = children?.get(member);
    if (group !== undefined) return [{ kind: "group", group }];
    const processes = expansion.byDeclaredName.get(member) ?? [];
    return processes.map((process) => ({ kind: "process", process }));
  });
}

/** What no group lists, by the start of its earliest process. */
function rootMembers(
  expansion: Expansion,
  groupOf: readonly number[],
  children: ReadonlyMap<string, number> | undefined,
  rank: ReadonlyMap<number, number>,
  config: Config,
): GroupMember[] {
  const ranked: { at: number; member: GroupMember }[] = [];
  for (const [process, group] of groupOf.entries()) {
    if (group === 0) ranked.push({ at: rank.get(process)!, member: { kind: "process", process } });
  }
  for (const [name, group] of children ?? []) {
    ranked.push({
      at: earliest(name, config, expansion, rank),
      member: { kind: "group", group },
    });
  }
  return ranked.sort((a, b) => a.at - b.at).map(({ member }) => member);
}

function earliest(
  name: string,
  config: Config,
  expansion: Expansion,
  rank: ReadonlyMap<number, number>,
): number {
  let first = Infinity;
  const seen = new Set<string>();
  const pending = [name];
  while (pending.length > 0) {
    const at = pending.pop()!;
    if (seen.has(at)) continue;
    seen.add(at);
    for (const process of expansion.byDeclaredName.get(at) ?? []) {
      first = Math.min(first, rank.get(process)!);
    }
    const group = config.groups?.[at];
    if (group !== undefined) pending.push(...group.members);
  }
  return first;
}
