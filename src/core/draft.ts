/**
 * The next state while one step builds it: copy on write over the previous one.
 *
 * Owns the copying, status changes and timers, so that no handler can forget to record
 * a change or to disarm a timer. The draft never leaves its step; the states before and
 * after it share whatever did not change. Must not know: policy.
 */
import type { GroupIndex, Plan, ProcessIndex } from "../plan/plan.ts";
import { reopenChannels } from "./channels.ts";
import type { Effect, ProcessStatus } from "./effect.ts";
import type { TimerKey } from "./event.ts";
import type { PlanIndex } from "./plan_index.ts";
import type { ChannelState, CoreState, GroupState, ProcessState, ShutdownState } from "./state.ts";

/** `T` without its `readonly`. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A state under construction, with the effects so far. */
export interface Draft {
  readonly base: CoreState;
  readonly plan: Plan;
  readonly index: PlanIndex;
  readonly nowNs: number;
  readonly effects: Effect[];
  /** Processes whose status changed and whose neighbours have not been looked at yet. */
  readonly changed: ProcessIndex[];
  /** Groups that hold a process which changed. */
  readonly scopes: GroupIndex[];
  /** Why the crew must end, with 111; null while it need not. */
  crewEnd: string | null;
  processes: readonly ProcessState[];
  groups: readonly GroupState[];
  channels: readonly ChannelState[];
  shutdown: ShutdownState | null;
  phase: CoreState["phase"];
  random: number;
  wave: number;
  safeMode: boolean;
}

/** Opens a draft over `base`. */
export function openDraft(base: CoreState, nowNs: number): Draft {
  return {
    base,
    plan: base.plan,
    index: base.index,
    nowNs,
    effects: [],
    changed: [],
    scopes: [],
    crewEnd: null,
    processes: base.processes,
    groups: base.groups,
    channels: base.channels,
    shutdown: base.shutdown,
    phase: base.phase,
    random: base.random,
    wave: base.wave,
    safeMode: base.safeMode,
  };
}

/** The state that the draft has become; `base` itself when nothing changed. */
export function sealDraft(draft: Draft): CoreState {
  const { base } = draft;
  const same = draft.processes === base.processes && draft.shutdown === base.shutdown &&
    draft.phase === base.phase && draft.groups === base.groups &&
    draft.channels === base.channels && draft.random === base.random && draft.wave === base.wave &&
    draft.safeMode === base.safeMode;
  if (same) return base;
  return {
    plan: base.plan,
    processes: draft.processes,
    shutdown: draft.shutdown,
    phase: draft.phase,
    groups: draft.groups,
    channels: draft.channels,
    index: base.index,
    random: draft.random,
    wave: draft.wave,
    safeMode: draft.safeMode,
  };
}

/** The process's own copy in this step, to be written to. */
export function edit(draft: Draft, p: ProcessIndex): Mutable<ProcessState> {
  const before = draft.base.processes;
  if (draft.processes === before) draft.processes = before.slice();
  const current = draft.processes[p]!;
  if (current !== before[p]) return current;
  const copy = { ...current };
  (draft.processes as ProcessState[])[p] = copy;
  return copy;
}

/** Replaces the group's window of restarts. */
export function setRestarts(draft: Draft, g: GroupIndex, restartsNs: readonly number[]): void {
  if (draft.groups === draft.base.groups) draft.groups = draft.groups.slice();
  (draft.groups as GroupState[])[g] = { restartsNs };
}

/**
 * Changes the status and records why. A timer belongs to one status: it is disarmed.
 * Leaving a final status opens the channel ends anew that its end had closed.
 */
export function setStatus(draft: Draft, p: ProcessIndex, to: ProcessStatus, why: string): void {
  const process = edit(draft, p);
  const from = process.status;
  disarm(draft, p);
  process.status = to;
  draft.effects.push({
    kind: "record",
    record: { event: "state", process: p, instance: process.instance, from, to, why },
  });
  draft.changed.push(p);
  if (process.heldBy !== null) draft.scopes.push(process.heldBy);
  if (isFinal(from)) reopenChannels(draft, p);
}

/** Arms the timer of the status that the process is in. */
export function arm(draft: Draft, p: ProcessIndex, kind: TimerKey["kind"], dueNs: number): void {
  edit(draft, p).dueNs = dueNs;
  draft.effects.push({ kind: "setTimer", timer: { process: p, kind }, dueNs });
}

/** Disarms the timer of the status that the process is in, if it has one. */
export function disarm(draft: Draft, p: ProcessIndex): void {
  const { dueNs, status } = draft.processes[p]!;
  if (dueNs === null) return;
  edit(draft, p).dueNs = null;
  const kind = TIMER_OF[status];
  if (kind !== null) draft.effects.push({ kind: "clearTimer", timer: { process: p, kind } });
}

/** The one timer that can be armed in each status. */
export const TIMER_OF: Readonly<Record<ProcessStatus, TimerKey["kind"] | null>> = {
  idle: null,
  waiting: null,
  spawning: null,
  starting: "ready",
  running: null,
  stopping: "stop",
  killing: null,
  finishing: "finish",
  backoff: "backoff",
  completed: null,
  failed: null,
};

/** True while an instance or its finish program exists, or may. */
export function isLive(status: ProcessStatus): boolean {
  switch (status) {
    case "spawning":
    case "starting":
    case "running":
    case "stopping":
    case "killing":
    case "finishing":
      return true;
    case "idle":
    case "waiting":
    case "backoff":
    case "completed":
    case "failed":
      return false;
  }
}

/** True when the process has ended for good: only an operator brings it back. */
export function isFinal(status: ProcessStatus): boolean {
  return status === "completed" || status === "failed";
}
