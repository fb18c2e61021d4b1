/**
 * Dependency order: who may start now, and who may be stopped now.
 * Must not know: restart policy, groups beyond who holds a process.
 */
import type { Dependency, ProcessIndex } from "../plan/plan.ts";
import { type Draft, edit, isLive, setStatus } from "./draft.ts";
import { spawn } from "./instance.ts";
import type { ProcessState } from "./state.ts";

/** What a dependency says to the start of a dependent. */
export type Verdict = "holds" | "pending" | "impossible";

/** Judges one condition by the state of the process that it names. */
export function judgeDependency(
  condition: Dependency["condition"],
  on: ProcessState,
): Verdict {
  const { status } = on;
  if (status === "failed") return "impossible";
  if (status === "completed") return condition === "ready" ? "impossible" : "holds";
  if (condition === "completed") return "pending";
  if (status === "running") return "holds";
  return status === "starting" && condition === "started" ? "holds" : "pending";
}

/**
 * Starts a process that is down and wanted up, if nothing is in the way; otherwise leaves
 * it `waiting`, or `failed` when a dependency can no longer be satisfied.
 *
 * @param why Reason of the start, for the record.
 */
export function tryStart(draft: Draft, p: ProcessIndex, why: string): void {
  const process = draft.processes[p]!;
  if (draft.shutdown !== null) return;
  if (process.heldBy !== null) return keepWaiting(draft, p, "its group restarts");
  let pending: ProcessIndex | null = null;
  for (const { process: on, condition } of draft.plan.processes[p]!.after) {
    const dependency = draft.processes[on]!;
    // In a group restart only what restarts with it, or since, is awaited: one elsewhere
    // was satisfied once, and that is all that it was asked for; one that an operator has
    // stopped since keeps nobody down that was up.
    const skipped = process.wave !== 0 &&
      (dependency.wave < process.wave || dependency.status === "idle");
    if (skipped) continue;
    const verdict = judgeDependency(condition, dependency);
    if (verdict === "impossible") {
      const name = draft.plan.processes[on]!.name;
      return setStatus(draft, p, "failed", `dependency ${name} ${dependency.status}`);
    }
    if (verdict === "pending" && pending === null) pending = on;
  }
  if (pending === null) return spawn(draft, p, why);
  keepWaiting(draft, p, `waits for ${draft.plan.processes[pending]!.name}`);
}

function keepWaiting(draft: Draft, p: ProcessIndex, why: string): void {
  if (draft.processes[p]!.status !== "waiting") setStatus(draft, p, "waiting", why);
}

/** Looks again at what waits for `p`, whose status has changed. */
export function tryDependents(draft: Draft, p: ProcessIndex): void {
  for (const q of draft.index.dependents[p]!) {
    const dependent = draft.processes[q]!;
    if (dependent.status === "waiting" && dependent.heldBy === null) {
      tryStart(draft, q, "dependencies hold");
    }
  }
}

/**
 * True when nothing that depends on `p`, directly or not, is still up.
 *
 * @param among Only dependents held by the same group count; null: all of them.
 */
export function mayStop(draft: Draft, p: ProcessIndex, among: number | null): boolean {
  for (const q of draft.index.allDependents[p]!) {
    const { status, heldBy } = draft.processes[q]!;
    if (isLive(status) && (among === null || heldBy === among)) return false;
  }
  return true;
}

/**
 * Makes `p` wanted, anew: what it depends on comes first.
 *
 * @returns false when everything was on its way already.
 */
export function startAnew(draft: Draft, p: ProcessIndex, seen: Set<ProcessIndex>): boolean {
  const pulled = pullDependencies(draft, p, seen);
  const process = edit(draft, p);
  process.wanted = "up";
  if (process.status === "waiting") return pulled;
  process.attempt = 0;
  process.hasBeenReady = false;
  process.asked = true;
  process.wave = 0;
  tryStart(draft, p, "start requested");
  return true;
}

function pullDependencies(draft: Draft, p: ProcessIndex, seen: Set<ProcessIndex>): boolean {
  let pulled = false;
  for (const { process: on, condition } of draft.plan.processes[p]!.after) {
    // Each once: over a lattice of dependencies the paths are exponentially many. One that
    // completed may be asked for again, by a dependent that wants it running.
    if (seen.has(on) && draft.processes[on]!.status !== "completed") continue;
    seen.add(on);
    if (pull(draft, on, condition, seen)) pulled = true;
  }
  return pulled;
}

function pull(
  draft: Draft,
  p: ProcessIndex,
  condition: Dependency["condition"],
  seen: Set<ProcessIndex>,
): boolean {
  const { status, wanted } = draft.processes[p]!;
  switch (status) {
    case "completed":
      return condition === "ready" && startAnew(draft, p, seen);
    case "idle":
    case "failed":
    case "waiting":
      return startAnew(draft, p, seen);
    case "spawning":
    case "stopping":
    case "killing":
    case "finishing":
      if (wanted === "up") return false;
      comeBack(draft, p);
      return true;
    case "starting":
    case "running":
    case "backoff":
      return false;
  }
}

/** A process that is being stopped is wanted after all: it comes back when it is down. */
export function comeBack(draft: Draft, p: ProcessIndex): void {
  const process = edit(draft, p);
  process.wanted = "up";
  process.asked = true;
  process.attempt = 0;
  // An instance that was never signalled (still spawning) simply stays.
  process.again = process.status !== "spawning";
}
