/**
 * The safe mode: the plan's fallback set is started, with what it depends on, and everything else
 * but system processes is stopped; once for each run of the crew. An operator may start and stop
 * what he likes after that. Must not know: which contract asks for it.
 */
import type { Plan, ProcessIndex } from "../plan/plan.ts";
import type { Draft } from "./draft.ts";
import { TABLE } from "./transition.ts";

/** Enters it; nothing happens without a fallback set, twice, or when the crew ends. */
export function enterSafeMode(draft: Draft, why: string): void {
  const { safeMode } = draft.plan;
  const refused = safeMode === null || draft.safeMode || draft.phase !== "up" ||
    draft.shutdown !== null;
  if (refused) return;
  draft.safeMode = true;
  draft.effects.push({ kind: "record", record: { event: "safeMode", why } });
  const kept = withDependencies(draft.plan, safeMode.processes);
  // Backwards, as an operator would: dependents before what they depend on.
  for (let p = draft.processes.length - 1; p >= 0; p--) {
    if (kept.has(p) || draft.plan.processes[p]!.system) continue;
    TABLE[draft.processes[p]!.status].stop(draft, p, { op: "stop", process: p });
  }
  for (const p of [...kept].sort((a, b) => a - b)) {
    if (isOnItsWay(draft, p)) continue;
    TABLE[draft.processes[p]!.status].start(draft, p, { op: "start", process: p });
  }
}

function withDependencies(plan: Plan, processes: readonly ProcessIndex[]): Set<ProcessIndex> {
  const found = new Set(processes);
  // The set grows while it is walked.
  for (const p of found) for (const { process } of plan.processes[p]!.after) found.add(process);
  return found;
}

/** It is up and wanted, or comes up without our doing. */
function isOnItsWay(draft: Draft, p: ProcessIndex): boolean {
  const { status, wanted } = draft.processes[p]!;
  switch (status) {
    case "idle":
    case "waiting":
    case "backoff":
    case "completed":
    case "failed":
      return false;
    default:
      return wanted === "up";
  }
}
