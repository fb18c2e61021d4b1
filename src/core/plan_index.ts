/**
 * What the core looks up in a plan at every step, computed once.
 * Owns the derivation; must not know any state.
 */
import type { ChannelIndex, GroupIndex, Plan, ProcessIndex } from "../plan/plan.ts";

/** Inverse relations of a plan; every list is in ascending or in member order. */
export interface PlanIndex {
  /** Who names the process in `after`. */
  readonly dependents: readonly (readonly ProcessIndex[])[];
  /** The same, transitively: who must be down before the process may be stopped. */
  readonly allDependents: readonly (readonly ProcessIndex[])[];
  /** Processes of a group and of the groups inside it, in member order; no system process. */
  readonly leaves: readonly (readonly ProcessIndex[])[];
  /** Where in `leaves[group]` each member begins. */
  readonly leafStart: readonly (readonly number[])[];
  /** Position of a process among its group's members; -1: not a member. */
  readonly memberAt: readonly number[];
  /** Position of a group among its parent's members; -1 for the root. */
  readonly groupAt: readonly number[];
  /** The group and every group inside it. */
  readonly nested: readonly (readonly GroupIndex[])[];
  /** Channels that the process writes to. */
  readonly produces: readonly (readonly ChannelIndex[])[];
  /** Channels that the process reads from. */
  readonly consumes: readonly (readonly ChannelIndex[])[];
  /** Starts when a client connects, and not with the crew. */
  readonly lazy: readonly boolean[];
}

/** Derives the index. O(processes * (processes + dependencies)). */
export function indexPlan(plan: Plan): PlanIndex {
  const dependents: ProcessIndex[][] = plan.processes.map(() => []);
  plan.processes.forEach((process, p) => {
    for (const { process: on } of process.after) {
      if (!dependents[on]!.includes(p)) dependents[on]!.push(p);
    }
  });
  const produces: ChannelIndex[][] = plan.processes.map(() => []);
  const consumes: ChannelIndex[][] = plan.processes.map(() => []);
  const lazy = plan.processes.map(() => false);
  plan.channels.forEach((channel, c) => {
    for (const p of channel.from.processes) produces[p]!.push(c);
    for (const p of channel.to.processes) {
      consumes[p]!.push(c);
      if (channel.kind === "listen" && channel.lazy) lazy[p] = true;
    }
  });
  return {
    dependents,
    allDependents: plan.processes.map((_, p) => reachable(dependents, p)),
    ...indexGroups(plan),
    produces,
    consumes,
    lazy,
  };
}

/** Every node that `from` leads to, itself excluded, ascending. */
function reachable(edges: readonly (readonly number[])[], from: number): number[] {
  const seen = new Set<number>();
  const walk = [from];
  for (let at = 0; at < walk.length; at++) {
    for (const next of edges[walk[at]!]!) {
      if (seen.has(next)) continue;
      seen.add(next);
      walk.push(next);
    }
  }
  return [...seen].sort((a, b) => a - b);
}

function indexGroups(
  plan: Plan,
): Pick<PlanIndex, "leaves" | "leafStart" | "memberAt" | "groupAt" | "nested"> {
  const memberAt = plan.processes.map(() => -1);
  const groupAt = plan.groups.map(() => -1);
  const leaves: ProcessIndex[][] = plan.groups.map(() => []);
  const leafStart: number[][] = plan.groups.map(() => []);
  const nested: GroupIndex[][] = plan.groups.map((_, g) => [g]);
  // Parents come before children, so backwards every child is complete when it is used.
  for (let g = plan.groups.length - 1; g >= 0; g--) {
    plan.groups[g]!.members.forEach((member, at) => {
      leafStart[g]!.push(leaves[g]!.length);
      if (member.kind === "process") {
        memberAt[member.process] = at;
        if (!plan.processes[member.process]!.system) leaves[g]!.push(member.process);
      } else {
        groupAt[member.group] = at;
        leaves[g]!.push(...leaves[member.group]!);
        nested[g]!.push(...nested[member.group]!);
      }
    });
  }
  return { leaves, leafStart, memberAt, groupAt, nested };
}
