/**
 * Resolves the name that an operator typed to processes. Pure.
 * Must not know: requests, transport.
 */
import type { GroupIndex, Plan, ProcessIndex } from "../plan/plan.ts";

/**
 * A process, a declared name (all its replicas) or a group (all its members, nested ones
 * too).
 *
 * @returns indices in start order; null when nothing has that name.
 */
export function resolveName(plan: Plan, name: string): readonly ProcessIndex[] | null {
  const found: ProcessIndex[] = [];
  plan.processes.forEach((process, index) => {
    if (process.name === name || process.declaredName === name) found.push(index);
  });
  if (found.length > 0) return found;
  const group = plan.groups.findIndex((candidate) => candidate.name === name && name !== "");
  if (group < 0) return null;
  return membersOf(plan, group).toSorted((a, b) => a - b);
}

/**
 * Several names at once.
 *
 * @returns each process once, in start order; `unknown` is the first name that nothing has,
 * and then nothing is to be done to the others either.
 */
export function resolveNames(
  plan: Plan,
  names: readonly string[],
): { readonly processes: readonly ProcessIndex[]; readonly unknown: string | null } {
  const found = names.map((name) => resolveName(plan, name));
  const unknown = names[found.indexOf(null)] ?? null;
  if (unknown !== null) return { processes: [], unknown };
  const processes = new Set(found.flatMap((some) => some ?? []));
  return { processes: [...processes].sort((a, b) => a - b), unknown: null };
}

/** Every name that {@link resolveName} takes, for a hint when one is misspelt. */
export function knownNames(plan: Plan): readonly string[] {
  const names = new Set<string>();
  for (const process of plan.processes) names.add(process.name).add(process.declaredName);
  for (const group of plan.groups) if (group.name !== "") names.add(group.name);
  return [...names];
}

function membersOf(plan: Plan, group: GroupIndex): ProcessIndex[] {
  return (plan.groups[group]?.members ?? []).flatMap((member) =>
    member.kind === "process" ? [member.process] : membersOf(plan, member.group)
  );
}
