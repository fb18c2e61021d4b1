/**
 * Groups: which restart a failure spends, which members stop with it, and in which order
 * they stop and start again.
 *
 * ```
 *  failure ──► budget of the group left? ──yes──► hold the members that the strategy names
 *                 │no: the group gives up           │ stop them backwards
 *                 ▼ and is a failed member          ▼ all down, delay over
 *              parent group … root: crew ends     release: start forwards
 * ```
 *
 * A group restart, at whatever level, brings back what was up or on its way. What had
 * ended for good stays ended, what an operator stopped stays stopped.
 * Must not know: exits, policies of processes.
 */
import type { GroupIndex, ProcessIndex } from "../plan/plan.ts";
import { type Draft, edit, isLive, setRestarts, setStatus } from "./draft.ts";
import { beginStop } from "./instance.ts";
import { mayStop, tryStart } from "./order.ts";

/** Who restarts with the failed process. */
export type Scope =
  | { readonly kind: "process" }
  /** The members of `group` from leaf number `from` on. */
  | { readonly kind: "group"; readonly group: GroupIndex; readonly from: number }
  /** `group`, the outermost that gave up, takes the crew with it. */
  | { readonly kind: "crew"; readonly group: GroupIndex };

/**
 * Adds a restart to a window and prunes it, as OTP does: a restart exactly one period ago
 * still counts.
 *
 * @returns The restarts within the period, the new one last.
 */
export function pushRestart(
  restartsNs: readonly number[],
  nowNs: number,
  periodNs: number,
): readonly number[] {
  const oldestNs = nowNs - periodNs;
  const kept = restartsNs.filter((atNs) => atNs >= oldestNs);
  kept.push(nowNs);
  return kept;
}

/**
 * Spends budgets from the failed process upwards until a group can afford the restart.
 *
 * @param givesUp The group of the process gives up, whatever is left of its budget.
 */
export function chargeFailure(draft: Draft, p: ProcessIndex, givesUp: boolean): Scope {
  const { groups } = draft.plan;
  const { memberAt, groupAt } = draft.index;
  let group = draft.plan.processes[p]!.group;
  let at = memberAt[p]!;
  let member = draft.plan.processes[p]!.name;
  let failedGroup: GroupIndex | null = null;
  while (true) {
    const plan = groups[group]!;
    const forced = givesUp && failedGroup === null;
    if (plan.intensity === null && !forced) {
      if (failedGroup !== null) return { kind: "crew", group: failedGroup };
      if (plan.strategy !== "one_for_one") recordRestart(draft, group, member, 0);
      return affected(draft, group, at, null);
    }
    const count = spend(draft, group);
    if (!forced && count <= plan.intensity!) {
      if (failedGroup !== null || plan.strategy !== "one_for_one") {
        recordRestart(draft, group, member, count);
      }
      return affected(draft, group, at, failedGroup);
    }
    draft.effects.push({ kind: "record", record: { event: "groupGaveUp", group, member, count } });
    if (plan.parent === null) return { kind: "crew", group };
    failedGroup = group;
    member = plan.name;
    at = groupAt[group]!;
    group = plan.parent;
  }
}

/** @returns how many restarts the group has spent within its period, this one included. */
function spend(draft: Draft, group: GroupIndex): number {
  const { intensity, periodNs } = draft.plan.groups[group]!;
  if (intensity === null) return 0;
  const restartsNs = pushRestart(draft.groups[group]!.restartsNs, draft.nowNs, periodNs);
  setRestarts(draft, group, restartsNs);
  return restartsNs.length;
}

function recordRestart(draft: Draft, group: GroupIndex, member: string, count: number): void {
  draft.effects.push({ kind: "record", record: { event: "groupRestart", group, member, count } });
}

/** The scope of a restart of member number `at`; what restarts as a whole starts unspent. */
function affected(
  draft: Draft,
  group: GroupIndex,
  at: number,
  failedGroup: GroupIndex | null,
): Scope {
  const { strategy, members } = draft.plan.groups[group]!;
  const alone = strategy === "one_for_one" || at < 0;
  if (alone && failedGroup === null) return { kind: "process" };
  const first = strategy === "one_for_all" ? 0 : at;
  const last = alone ? at : members.length - 1;
  for (let m = first; m <= last; m++) {
    const member = members[m]!;
    if (member.kind !== "group") continue;
    for (const g of draft.index.nested[member.group]!) {
      if (draft.groups[g]!.restartsNs.length > 0) setRestarts(draft, g, []);
    }
  }
  if (alone) return { kind: "group", group: failedGroup!, from: 0 };
  return { kind: "group", group, from: draft.index.leafStart[group]![first]! };
}

/**
 * Holds the processes of a scope: they stop, and start again together. The failed process
 * is among them; a delay of its own keeps the others down as well.
 */
export function holdScope(draft: Draft, group: GroupIndex, from: number): void {
  draft.wave += 1;
  for (const p of draft.index.leaves[group]!.slice(from)) {
    const process = edit(draft, p);
    process.heldBy = group;
    const { status } = process;
    if (isLive(status) || status === "backoff" || (status === "waiting" && process.wave !== 0)) {
      process.wave = draft.wave;
      process.asked = false;
    }
    if (status === "backoff") setStatus(draft, p, "waiting", "its group restarts");
  }
  draft.scopes.push(group);
}

/** Takes the restart of a group one step further: stops what may stop, or releases all. */
export function driveScope(draft: Draft, group: GroupIndex): void {
  const leaves = draft.index.leaves[group]!;
  let busy = false;
  for (let at = leaves.length - 1; at >= 0; at--) {
    const p = leaves[at]!;
    const { status, heldBy } = draft.processes[p]!;
    if (heldBy !== group) continue;
    if (isLive(status) || status === "backoff") busy = true;
    if ((status === "starting" || status === "running") && mayStop(draft, p, group)) {
      beginStop(draft, p, "group");
    }
  }
  if (busy) return;
  const held = leaves.filter((p) => draft.processes[p]!.heldBy === group);
  for (const p of held) edit(draft, p).heldBy = null;
  for (const p of held) {
    if (draft.processes[p]!.status === "waiting") tryStart(draft, p, "its group restarts");
  }
}
