/**
 * What comes after the end of an instance: OTP's restart decision.
 * Owns the judgement of exits and the choice among restart, completed, failed, idle.
 * Must not know: how instances are stopped, how a group stops its members.
 */
import type { ProcessIndex, ProcessPlan } from "../plan/plan.ts";
import { backoffNs, draw } from "./backoff.ts";
import { arm, type Draft, edit, setStatus } from "./draft.ts";
import type { ExitReason, KillCause } from "./exit_reason.ts";
import { spawn } from "./instance.ts";
import { chargeFailure, holdScope, type Scope } from "./strategy.ts";

/** How an instance ended, as far as its restart policy is concerned. */
export type Ending = "stopped" | "good" | "bad";

/** The kills of ours that are the process's own fault: they count as a failure of its own. */
export function isOwnFault(killCause: KillCause): boolean {
  return killCause === "ready-timeout" || killCause === "deadline";
}

/**
 * Judges an end. Being stopped by us is neither good nor bad, whatever the code or signal,
 * unless it is the process's own fault. Code 0 is always good, as it is under systemd's
 * SuccessExitStatus.
 */
export function judgeEnding(
  plan: ProcessPlan,
  reason: ExitReason,
  killCause: KillCause | null,
): Ending {
  if (killCause !== null) return isOwnFault(killCause) ? "bad" : "stopped";
  if (reason.kind !== "code") return "bad";
  return reason.code === 0 || plan.restart.successCodes.includes(reason.code) ? "good" : "bad";
}

/** Decides what a process becomes whose instance, and its finish program, have ended. */
export function settle(draft: Draft, p: ProcessIndex): void {
  const process = edit(draft, p);
  const plan = draft.plan.processes[p]!;
  const ending = judgeEnding(plan, process.lastExit!, process.killCause);
  process.killCause = null;
  const { policy } = plan.restart;
  const { system } = plan;
  const ended = !system &&
    (policy === "temporary" || (policy === "transient" && ending === "good"));
  if (draft.shutdown !== null) return settleInShutdown(draft, p, ending, ended);
  if (process.wanted === "down") return setStatus(draft, p, "idle", "stopped");
  const held = process.heldBy !== null;
  if (process.again || (ending === "stopped" && !held)) {
    if (held) return setStatus(draft, p, "waiting", "its group restarts");
    return spawn(draft, p, "restart requested");
  }
  if (process.failsGroup && !held && !system) return failGroup(draft, p, ended);
  if (ended) {
    if (ending === "good") return setStatus(draft, p, "completed", describeExit(process.lastExit!));
    const why = ending === "bad"
      ? describeExit(process.lastExit!)
      : "stopped with its group, and temporary processes do not restart";
    return setStatus(draft, p, "failed", why);
  }
  if (held) return setStatus(draft, p, "waiting", "its group restarts");
  restartFailed(draft, p);
}

function settleInShutdown(draft: Draft, p: ProcessIndex, ending: Ending, ended: boolean): void {
  const { gaveUp, lastExit } = draft.processes[p]!;
  if (gaveUp !== null) return setStatus(draft, p, "failed", describeGaveUp(draft, gaveUp));
  if (!ended || ending === "stopped") return setStatus(draft, p, "idle", "stopped");
  setStatus(draft, p, ending === "good" ? "completed" : "failed", describeExit(lastExit!));
}

/** Its group gives up, whatever is left of its budget. @param ended It does not come back itself. */
function failGroup(draft: Draft, p: ProcessIndex, ended: boolean): void {
  const scope = chargeFailure(draft, p, true);
  if (!ended || scope.kind === "crew") return restartIn(draft, p, scope);
  if (scope.kind === "group") holdScope(draft, scope.group, scope.from);
  setStatus(draft, p, "failed", describeExit(draft.processes[p]!.lastExit!));
}

/** A restart that nobody asked for: charged to the group, delayed by the backoff. */
function restartFailed(draft: Draft, p: ProcessIndex): void {
  const { system } = draft.plan.processes[p]!;
  restartIn(draft, p, system ? { kind: "process" } : chargeFailure(draft, p, false));
}

function restartIn(draft: Draft, p: ProcessIndex, scope: Scope): void {
  if (scope.kind === "crew") return giveUp(draft, p, scope.group);
  const process = edit(draft, p);
  // A program that could not even be started will hardly start a moment later, unless it
  // ran before: then an upgrade may just be replacing it.
  const spawnFailed = process.lastExit!.kind === "spawnFailed";
  const attempt = process.attempt === 0 && spawnFailed && !process.hasBeenReady
    ? 1
    : process.attempt;
  const delayNs = drawDelay(draft, p, attempt);
  process.attempt = attempt + 1;
  process.asked = false;
  draft.effects.push({
    kind: "record",
    record: { event: "restart", process: p, delayNs, attempt: process.attempt },
  });
  if (scope.kind === "group") holdScope(draft, scope.group, scope.from);
  const why = describeExit(process.lastExit!);
  if (delayNs > 0) {
    setStatus(draft, p, "backoff", why);
    arm(draft, p, "backoff", draft.nowNs + delayNs);
  } else if (scope.kind === "group") {
    setStatus(draft, p, "waiting", why);
  } else {
    spawn(draft, p, why);
  }
}

function drawDelay(draft: Draft, p: ProcessIndex, attempt: number): number {
  if (attempt === 0) return 0;
  const { value, random } = draw(draft.random);
  draft.random = random;
  return backoffNs(draft.plan.processes[p]!.restart.backoff, attempt, value);
}

/** The crew ends with the group: its processes are to end as failed, this one does now. */
function giveUp(draft: Draft, p: ProcessIndex, group: number): void {
  for (const q of draft.index.leaves[group]!) {
    const { status } = draft.processes[q]!;
    const stays = status === "completed" || status === "failed" || status === "idle";
    if (!stays) edit(draft, q).gaveUp = group;
  }
  const why = describeGaveUp(draft, group);
  setStatus(draft, p, "failed", why);
  draft.crewEnd = why;
}

/** `group pipeline gave up`, or the root's wording. */
export function describeGaveUp(draft: Draft, group: number): string {
  const { name } = draft.plan.groups[group]!;
  return name === "" ? "the crew's restart budget is spent" : `group ${name} gave up`;
}

/** An exit reason in a few words. */
export function describeExit(reason: ExitReason): string {
  switch (reason.kind) {
    case "code":
      return describeFault(reason.cause) ?? `exited with ${reason.code}`;
    case "signal":
      return describeFault(reason.cause) ??
        `killed by ${reason.signal}${reason.coreDumped ? ", core dumped" : ""}`;
    case "outOfMemory":
      return "killed for lack of memory";
    case "spawnFailed":
      return `cannot spawn ${reason.path}: ${reason.errno}`;
  }
}

function describeFault(cause: KillCause | null): string | null {
  if (cause === "ready-timeout") return "not ready in time";
  return cause === "deadline" ? "missed its deadline" : null;
}
