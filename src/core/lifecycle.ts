/**
 * What the driver reports about instances and timers: the handlers of those columns of
 * the table. Each may count on the event being about the current instance or about a
 * timer that is due. Must not know: requests.
 */
import type { ProcessIndex } from "../plan/plan.ts";
import { arm, type Draft, edit, setStatus, TIMER_OF } from "./draft.ts";
import type { CoreEvent } from "./event.ts";
import type { ExitReason, KillCause } from "./exit_reason.ts";
import { beginStop, killFinish, killLeftover, killTree, spawn } from "./instance.ts";
import { settle } from "./restart.ts";

/** The kinds of event that are about one instance. */
export type InstanceEvent = Extract<CoreEvent, { instance: number }>;
/** Carries out one cell of the table. */
export type EventHandler<E> = (draft: Draft, p: ProcessIndex, event: E) => void;

type EventOf<K extends InstanceEvent["kind"]> = Extract<InstanceEvent, { kind: K }>;

/** The event changes nothing here: too late, too early, or repeated. */
export const ignore: EventHandler<unknown> = () => {};

/** spawning: the instance runs. */
export const spawned: EventHandler<EventOf<"spawned">> = (draft, p, event) => {
  const { ready } = draft.plan.processes[p]!;
  const process = edit(draft, p);
  process.pid = event.pid;
  if (ready.by === "started") {
    process.readySinceNs = draft.nowNs;
    process.hasBeenReady = true;
    setStatus(draft, p, "running", "started");
  } else {
    setStatus(draft, p, "starting", "started");
    if (ready.withinNs > 0) arm(draft, p, "ready", draft.nowNs + ready.withinNs);
  }
  // A stop could not be delivered before. In a shutdown it awaits its turn.
  if (process.wanted === "down" && draft.shutdown === null) beginStop(draft, p, "stop");
};

/** spawning: there is no instance; nothing to clean up and no finish program to run. */
export const spawnFailed: EventHandler<EventOf<"spawnFailed">> = (draft, p, event) => {
  edit(draft, p).lastExit = { kind: "spawnFailed", errno: event.errno, path: event.path };
  settle(draft, p);
};

/** starting: it is ready. */
export const becameReady: EventHandler<EventOf<"becameReady">> = (draft, p) => {
  const process = edit(draft, p);
  process.readySinceNs = draft.nowNs;
  process.hasBeenReady = true;
  setStatus(draft, p, "running", "ready");
};

/** The main process was reaped: its tree goes, its finish program runs, then it settles. */
export const exited: EventHandler<EventOf<"exited">> = (draft, p, event) => {
  const { restart, finish } = draft.plan.processes[p]!;
  const process = edit(draft, p);
  const reason = withCause(event.reason, process.killCause);
  const { readySinceNs, instance } = process;
  const healthy = readySinceNs !== null &&
    draft.nowNs - readySinceNs >= restart.backoff.resetAfterNs;
  if (healthy) process.attempt = 0;
  process.lastExit = reason;
  process.pid = null;
  process.readySinceNs = null;
  draft.effects.push({ kind: "record", record: { event: "exit", process: p, instance, reason } });
  killLeftover(draft, p);
  if (finish === null || draft.shutdown?.level === 3) return settle(draft, p);
  setStatus(draft, p, "finishing", "exited");
  draft.effects.push({ kind: "runFinish", process: p, instance, reason });
  arm(draft, p, "finish", draft.nowNs + finish.timeoutNs);
};

/** finishing: the finish program is gone too. */
export const finished: EventHandler<EventOf<"finished">> = (draft, p) => settle(draft, p);

/** starting, stopping: the armed timer moves, never forwards to an earlier time. */
export const timeoutExtended: EventHandler<EventOf<"timeoutExtended">> = (draft, p, event) => {
  const { status, dueNs } = draft.processes[p]!;
  const kind = TIMER_OF[status];
  const laterNs = draft.nowNs + event.byNs;
  // The number comes from the process: NaN and Infinity must not reach a timer.
  if (kind === null || dueNs === null || !Number.isSafeInteger(laterNs) || laterNs <= dueNs) return;
  arm(draft, p, kind, laterNs);
};

/** Live: a descendant has taken over as the main process. */
export const mainPidChanged: EventHandler<EventOf<"mainPidChanged">> = (draft, p, event) => {
  edit(draft, p).pid = event.pid;
};

/**
 * starting, running: it missed a time contract. One that its group is about to stop, or the end
 * of the crew, ends anyway.
 */
export const deadlineMissed: EventHandler<EventOf<"deadlineMissed">> = (draft, p, event) => {
  if (draft.shutdown !== null || draft.processes[p]!.heldBy !== null) return;
  const process = edit(draft, p);
  if (event.act === "stop") process.wanted = "down";
  if (event.act === "fail-group") process.failsGroup = true;
  beginStop(draft, p, "deadline", event.signalled);
};

/** starting: it was not ready in time, which is a failure. */
export const readyOverdue: EventHandler<unknown> = (draft, p) => {
  killTree(draft, p, "ready-timeout");
};

/** stopping: it outlived its stop timeout. */
export const stopOverdue: EventHandler<unknown> = (draft, p) => {
  killTree(draft, p, "stop-timeout");
};

/** backoff: the delay is over. */
export const backoffOver: EventHandler<unknown> = (draft, p) => {
  if (draft.processes[p]!.heldBy === null) spawn(draft, p, "backoff is over");
  else setStatus(draft, p, "waiting", "its group restarts");
};

/** finishing: the finish program outlived its timeout. */
export const finishOverdue: EventHandler<unknown> = (draft, p) => killFinish(draft, p);

function withCause(reason: ExitReason, cause: KillCause | null): ExitReason {
  return reason.kind === "code" || reason.kind === "signal" ? { ...reason, cause } : reason;
}
