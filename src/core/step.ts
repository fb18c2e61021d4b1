/**
 * The core's two functions: the first state, and the step from one state to the next.
 *
 * Owns the way of an event: refuse what is stale, look the rest up in the table, then
 * follow the consequences for dependents, groups, channels and the crew until none is
 * left. Pure: the same state, event and time give the same answer, and no state changes.
 * Must not know: what a single cell of the table does.
 */
import type { Plan, ProcessIndex } from "../plan/plan.ts";
import { admit, type ProcessRequest } from "./admission.ts";
import { endChannels } from "./channels.ts";
import { type Draft, edit, isFinal, openDraft, sealDraft, TIMER_OF } from "./draft.ts";
import type { Admission, Effect } from "./effect.ts";
import type { CoreEvent, TimerKey } from "./event.ts";
import type { EventHandler, InstanceEvent } from "./lifecycle.ts";
import { tryDependents, tryStart } from "./order.ts";
import { indexPlan } from "./plan_index.ts";
import { enterSafeMode } from "./safe_mode.ts";
import { driveShutdown, endWhenDone, setShutdown } from "./shutdown.ts";
import type { CoreState, ProcessState } from "./state.ts";
import { driveScope } from "./strategy.ts";
import { TABLE } from "./transition.ts";

/**
 * The state before `boot`.
 *
 * @param plan What to run; its indices are trusted, the compiler has checked them.
 * @param seed Seeds the jitter of backoff delays; its lowest 32 bits count.
 */
export function initialState(plan: Plan, seed: number): CoreState {
  const process: ProcessState = {
    status: "idle",
    wanted: "up",
    instance: 0,
    pid: null,
    starts: 0,
    restarts: 0,
    lastExit: null,
    readySinceNs: null,
    killCause: null,
    attempt: 0,
    hasBeenReady: false,
    asked: true,
    again: false,
    dueNs: null,
    heldBy: null,
    wave: 0,
    gaveUp: null,
    failsGroup: false,
  };
  const index = indexPlan(plan);
  // One that a connection starts is as if an operator had not started it yet.
  const asleep: ProcessState = { ...process, wanted: "down" };
  return {
    plan,
    processes: index.lazy.map((lazy) => lazy ? asleep : process),
    shutdown: null,
    phase: "new",
    groups: plan.groups.map(() => ({ restartsNs: [] })),
    channels: plan.channels.map(() => ({ producersEnded: false, consumersEnded: false })),
    index,
    safeMode: false,
    random: seed >>> 0,
    wave: 0,
  };
}

/**
 * What follows from one event.
 *
 * Total: every event is harmless in every state. Events about another instance than the
 * current one, and timers that are not armed or not due, change nothing. Each `requested`
 * is answered by exactly one `reply`. After the `exit` effect only replies come.
 *
 * @param nowNs Integer nanoseconds since the supervisor started; never less than before.
 * @returns The next state (the same object when nothing changed) and what to do, in order.
 */
export function step(
  state: CoreState,
  event: CoreEvent,
  nowNs: number,
): { state: CoreState; effects: Effect[] } {
  const draft = openDraft(state, nowNs);
  dispatch(draft, event);
  if (draft.phase !== "ended") follow(draft, event.kind === "boot");
  return { state: sealDraft(draft), effects: draft.effects };
}

function dispatch(draft: Draft, event: CoreEvent): void {
  switch (event.kind) {
    case "boot":
      return boot(draft);
    case "requested": {
      const { id, request } = event;
      const admission = request.op === "shutdown"
        ? shutDown(draft, request.exitCode)
        : ask(draft, request);
      draft.effects.push({ kind: "reply", id, admission });
      return;
    }
    case "guardLost":
      return loseGuard(draft);
    case "safeModeAsked":
      return enterSafeMode(draft, event.why);
    case "timerFired":
      return fire(draft, event.timer);
    default:
      return report(draft, event);
  }
}

function boot(draft: Draft): void {
  if (draft.phase !== "new") return;
  draft.phase = "up";
  for (let p = 0; p < draft.processes.length; p++) {
    // One that could not start for a dependency's sake has been looked at already.
    const { status, wanted } = draft.processes[p]!;
    if (status === "idle" && wanted === "up") tryStart(draft, p, "boot");
  }
}

function ask(draft: Draft, request: ProcessRequest): Admission {
  const answer = admit(draft, request);
  if (answer !== null) return answer;
  const p = request.process;
  return TABLE[draft.processes[p]!.status][request.op](draft, p, request);
}

function shutDown(draft: Draft, exitCode: 0 | 111): Admission {
  if (draft.phase === "ended") return { kind: "denied", reason: "the crew has ended" };
  const { shutdown } = draft;
  if (shutdown === null) {
    setShutdown(draft, { level: 1, exitCode, cause: "stop" }, "requested");
    return { kind: "accepted" };
  }
  if (shutdown.level === 3) return { kind: "ignored", reason: "everything is being killed" };
  const level = shutdown.level === 1 ? 2 : 3;
  const code = shutdown.exitCode === 111 ? 111 : exitCode;
  setShutdown(draft, { ...shutdown, level, exitCode: code }, "requested again");
  return { kind: "accepted" };
}

function loseGuard(draft: Draft): void {
  const { shutdown } = draft;
  if (draft.phase === "ended" || shutdown?.exitCode === 111) return;
  const next = shutdown ?? { level: 1, cause: "guard-lost" } as const;
  setShutdown(draft, { ...next, exitCode: 111 }, "the guard is gone");
}

function report(draft: Draft, event: InstanceEvent): void {
  const p = event.process;
  const process = draft.processes[p];
  if (process === undefined || process.instance !== event.instance) return;
  // The row's handler for a kind takes events of that kind, which the compiler cannot see.
  const handler = TABLE[process.status][event.kind] as EventHandler<InstanceEvent>;
  handler(draft, p, event);
}

function fire(draft: Draft, timer: TimerKey): void {
  const { process: p, kind } = timer;
  const process = draft.processes[p];
  if (process === undefined || TIMER_OF[process.status] !== kind) return;
  // A timer of this kind that was armed earlier, cleared, and fires all the same.
  if (process.dueNs === null || draft.nowNs < process.dueNs) return;
  edit(draft, p).dueNs = null;
  TABLE[process.status][`${kind}Due`](draft, p, timer);
}

/** Follows what changed until nothing more follows. */
function follow(draft: Draft, booted: boolean): void {
  const quiet = draft.changed.length === 0 && draft.scopes.length === 0 &&
    draft.shutdown === draft.base.shutdown;
  if (quiet && !booted) return;
  let ended = followChanges(draft, 0) || booted;
  while (draft.scopes.length > 0) {
    const from = draft.changed.length;
    driveScope(draft, draft.scopes.pop()!);
    if (followChanges(draft, from)) ended = true;
  }
  const settled = draft.changed.length;
  if (draft.crewEnd !== null && draft.shutdown === null) {
    setShutdown(draft, { level: 1, exitCode: 111, cause: "stop" }, draft.crewEnd);
    followChanges(draft, settled);
  } else if (ended && draft.shutdown === null) {
    endWhenDone(draft);
  }
  if (draft.shutdown !== null) driveShutdown(draft);
}

/** @returns true when a process has ended for good. */
function followChanges(draft: Draft, from: number): boolean {
  let ended = false;
  // The list grows while it is walked: a failure fails what waits for it.
  for (let at = from; at < draft.changed.length; at++) {
    const p: ProcessIndex = draft.changed[at]!;
    tryDependents(draft, p);
    if (!isFinal(draft.processes[p]!.status)) continue;
    ended = true;
    endChannels(draft, p);
    const { critical, name } = draft.plan.processes[p]!;
    if (critical && draft.processes[p]!.status === "failed") {
      draft.crewEnd ??= `critical process ${name} failed`;
    }
  }
  return ended;
}
