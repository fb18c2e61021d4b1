/**
 * The end of the crew: nothing starts any more, everything stops backwards in dependency
 * order, system processes last and one after the other, then one `exit`.
 * Must not know: restarts, groups beyond the mark of one that gave up.
 */
import { disarm, type Draft, edit, isFinal, isLive, setStatus } from "./draft.ts";
import { beginStop, isHurried, killFinish, killTree } from "./instance.ts";
import { mayStop } from "./order.ts";
import { describeGaveUp } from "./restart.ts";
import type { ShutdownState } from "./state.ts";

/** Enters or raises the shutdown. */
export function setShutdown(draft: Draft, next: ShutdownState, why: string): void {
  const first = draft.shutdown === null;
  draft.shutdown = next;
  const { level, exitCode } = next;
  draft.effects.push({ kind: "record", record: { event: "shutdown", level, exitCode, why } });
  if (!first) return;
  for (let p = draft.processes.length - 1; p >= 0; p--) {
    const process = edit(draft, p);
    process.wanted = "down";
    process.heldBy = null;
    process.again = false;
    if (process.status !== "waiting" && process.status !== "backoff") continue;
    if (process.gaveUp === null) setStatus(draft, p, "idle", "stopped");
    else setStatus(draft, p, "failed", describeGaveUp(draft, process.gaveUp));
  }
}

/** Ends the crew when each of its processes has ended for good. */
export function endWhenDone(draft: Draft): void {
  let failed: string | null = null;
  for (let p = 0; p < draft.processes.length; p++) {
    const { system, name } = draft.plan.processes[p]!;
    const { status, wanted } = draft.processes[p]!;
    if (system) continue;
    if (!isFinal(status)) return;
    if (status === "failed" && wanted === "up") failed ??= name;
  }
  const why = failed === null
    ? "every process has completed"
    : `every process has ended, ${failed} failed`;
  setShutdown(draft, { level: 1, exitCode: failed === null ? 0 : 111, cause: "stop" }, why);
}

/** Takes a shutdown one step further: stops what may stop now, leaves when all is down. */
export function driveShutdown(draft: Draft): void {
  let live = false;
  let crewLive = false;
  for (let p = draft.processes.length - 1; p >= 0; p--) {
    if (!isLive(draft.processes[p]!.status)) continue;
    live = true;
    if (!draft.plan.processes[p]!.system) crewLive = true;
  }
  if (!live) {
    draft.phase = "ended";
    draft.effects.push({ kind: "exit", code: draft.shutdown!.exitCode });
    return;
  }
  let systemWaits = crewLive;
  for (let p = draft.processes.length - 1; p >= 0; p--) {
    const isSystemLive = draft.plan.processes[p]!.system && isLive(draft.processes[p]!.status);
    hurry(draft, p, systemWaits);
    // The first of them, which shows what happens, is there until all else has ended.
    systemWaits ||= isSystemLive;
  }
}

function hurry(draft: Draft, p: number, systemWaits: boolean): void {
  const { level, cause } = draft.shutdown!;
  const { status, gaveUp, dueNs } = draft.processes[p]!;
  if (status === "starting" || status === "running") {
    const inTurn = !(systemWaits && draft.plan.processes[p]!.system) && mayStop(draft, p, null);
    const killCause = gaveUp === null ? cause : "group";
    if (level === 3) killTree(draft, p, killCause);
    else if (inTurn) beginStop(draft, p, killCause);
  } else if (status === "stopping" && isHurried(draft, p)) {
    killTree(draft, p, "stop-timeout");
  } else if (status === "finishing" && level === 3 && dueNs !== null) {
    // Without a due time it has been killed already.
    disarm(draft, p);
    killFinish(draft, p);
  }
}
