/**
 * Requests of operators: accepted, ignored because already true, or denied with a reason.
 * Owns the handlers of the request columns of the table; must not know who asks.
 */
import type { ProcessIndex } from "../plan/plan.ts";
import { type Draft, edit, setStatus } from "./draft.ts";
import type { Admission } from "./effect.ts";
import type { Request } from "./event.ts";
import { beginStop, spawn } from "./instance.ts";
import { comeBack, startAnew } from "./order.ts";
import { isOwnFault } from "./restart.ts";

/** A request about one process. */
export type ProcessRequest = Exclude<Request, { op: "shutdown" }>;

/** Answers a request about one process, and begins to carry it out. */
export type RequestHandler = (
  draft: Draft,
  p: ProcessIndex,
  request: ProcessRequest,
) => Admission;

const ACCEPTED: Admission = { kind: "accepted" };
const ignored = (reason: string): Admission => ({ kind: "ignored", reason });
const denied = (reason: string): Admission => ({ kind: "denied", reason });

/** What holds for every process, whatever its status; null: the table decides. */
export function admit(draft: Draft, request: ProcessRequest): Admission | null {
  const plan = draft.plan.processes[request.process];
  if (plan === undefined) return denied("no such process");
  if (draft.phase === "new") return denied("the crew has not started yet");
  if (draft.phase === "ended") return denied("the crew has ended");
  if (request.op === "signal") return null;
  if (draft.shutdown !== null) {
    return request.op === "stop"
      ? ignored("the crew is shutting down, which stops it")
      : denied("the crew is shutting down");
  }
  if (plan.system && request.op === "stop") {
    return denied("a system process stops with the crew");
  }
  return null;
}

/** start and restart of a process that is down or waits for its dependencies. */
export const start: RequestHandler = (draft, p) => {
  if (startAnew(draft, p, new Set())) return ACCEPTED;
  return ignored("already wanted, waits for others");
};

/** start and restart in backoff: now, not when the delay is over. */
export const startNow: RequestHandler = (draft, p) => {
  const process = edit(draft, p);
  process.asked = true;
  process.attempt = 0;
  if (process.heldBy === null) spawn(draft, p, "start requested");
  else setStatus(draft, p, "waiting", "its group restarts");
  return ACCEPTED;
};

/** start and restart while the driver has not answered the spawn. */
export const startSpawning: RequestHandler = (draft, p) => {
  if (draft.processes[p]!.wanted === "up") return ignored("already starting");
  comeBack(draft, p);
  return ACCEPTED;
};

/** start of what is up. */
export const alreadyUp: RequestHandler = (draft, p) => {
  const { status, heldBy } = draft.processes[p]!;
  if (heldBy === null) return ignored(`already ${status}`);
  // Its group is about to stop it, and would not bring a temporary process back.
  const lost = draft.plan.processes[p]!.restart.policy === "temporary";
  return lost ? returnWithGroup(draft, p) : ignored("its group restarts");
};

/** start of what is on its way down. */
export const startAgain: RequestHandler = (draft, p) => {
  const { wanted, again, killCause } = draft.processes[p]!;
  // After an end of its own, and in a group after any end, the policy may leave it down:
  // the request overrides that.
  const stopped = killCause !== null && !isOwnFault(killCause);
  const temporary = draft.plan.processes[p]!.restart.policy === "temporary";
  if (wanted === "up" && (again || (stopped && !temporary))) return ignored("already restarting");
  comeBack(draft, p);
  return ACCEPTED;
};

/** restart of what is up. */
export const restart: RequestHandler = (draft, p) => {
  if (draft.processes[p]!.heldBy !== null) return returnWithGroup(draft, p);
  const process = edit(draft, p);
  process.again = true;
  process.asked = true;
  process.attempt = 0;
  beginStop(draft, p, "restart");
  return ACCEPTED;
};

/** It is going to be stopped by its group: an operator wants it back after that. */
function returnWithGroup(draft: Draft, p: ProcessIndex): Admission {
  const process = edit(draft, p);
  if (process.again) return ignored("already restarting");
  process.again = true;
  process.asked = true;
  process.attempt = 0;
  return ACCEPTED;
}

/** restart of what is on its way down. */
export const restartAgain: RequestHandler = (draft, p) => {
  const { wanted, again } = draft.processes[p]!;
  if (wanted === "up" && again) return ignored("already restarting");
  comeBack(draft, p);
  return ACCEPTED;
};

/** stop of what is down: it is not wanted either from now on. */
export const alreadyDown: RequestHandler = (draft, p) => {
  if (draft.processes[p]!.wanted === "up") edit(draft, p).wanted = "down";
  return ignored(`already down: ${draft.processes[p]!.status}`);
};

/** stop of what waits for its dependencies or for its restart. */
export const cancel: RequestHandler = (draft, p) => {
  edit(draft, p).wanted = "down";
  setStatus(draft, p, "idle", "stop requested");
  return ACCEPTED;
};

/** stop of what is up. */
export const stop: RequestHandler = (draft, p) => {
  edit(draft, p).wanted = "down";
  beginStop(draft, p, "stop");
  return ACCEPTED;
};

/** stop of what is on its way up (it stops once it is there) or down. */
export const stayDown: RequestHandler = (draft, p) => {
  if (draft.processes[p]!.wanted === "down") return ignored("already stopping");
  const process = edit(draft, p);
  process.wanted = "down";
  process.again = false;
  return ACCEPTED;
};

/** signal to a live main process. An exit that it causes is the process's own. */
export const signal: RequestHandler = (draft, p, request) => {
  if (request.op !== "signal") throw new TypeError(`Not a signal request: ${request.op}`);
  draft.effects.push({
    kind: "kill",
    process: p,
    instance: draft.processes[p]!.instance,
    signal: request.signal,
    scope: "process",
    cause: "operator",
  });
  return ACCEPTED;
};

/** signal where nothing can receive one. */
export const nobody: RequestHandler = (draft, p) => {
  return denied(`not running: ${draft.processes[p]!.status}`);
};
