/**
 * One instance: how it is started and how it is brought to its end.
 * Owns the effects on instances; must not know: why, and what comes after.
 */
import type { ProcessIndex } from "../plan/plan.ts";
import { arm, type Draft, edit, setStatus } from "./draft.ts";
import type { KillCause } from "./exit_reason.ts";

const SIGKILL = 9;

/** Starts a new instance. There must be no live one. */
export function spawn(draft: Draft, p: ProcessIndex, why: string): void {
  const process = edit(draft, p);
  process.instance += 1;
  process.starts += 1;
  if (!process.asked) process.restarts += 1;
  process.killCause = null;
  process.again = false;
  process.failsGroup = false;
  setStatus(draft, p, "spawning", why);
  draft.effects.push({ kind: "spawn", process: p, instance: process.instance });
}

/**
 * Sends the stop signal to a starting or running instance; KILL where no time is left.
 *
 * @param signalled The signal is on its way already: a second one ends many programs at once.
 */
export function beginStop(
  draft: Draft,
  p: ProcessIndex,
  cause: KillCause,
  signalled = false,
): void {
  const { stop } = draft.plan.processes[p]!;
  if (stop.timeoutNs === 0 || isHurried(draft, p)) return killTree(draft, p, cause);
  const process = edit(draft, p);
  process.killCause = cause;
  setStatus(draft, p, "stopping", STOP_WHY[cause]);
  if (!signalled) {
    draft.effects.push({
      kind: "kill",
      process: p,
      instance: process.instance,
      signal: stop.signal,
      scope: stop.scope === "group" ? "group" : "process",
      cause,
    });
  }
  arm(draft, p, "stop", draft.nowNs + stop.timeoutNs);
}

/**
 * Whether a shutdown leaves a process no time to stop: from level 2 on; a system process at
 * level 3, because it still has to show how the others ended.
 */
export function isHurried(draft: Draft, p: ProcessIndex): boolean {
  const level = draft.shutdown?.level ?? 0;
  return level === 3 || (level === 2 && !draft.plan.processes[p]!.system);
}

/** Sends KILL to the instance and everything that descends from it. */
export function killTree(draft: Draft, p: ProcessIndex, cause: KillCause): void {
  const process = edit(draft, p);
  process.killCause = cause;
  setStatus(draft, p, "killing", STOP_WHY[cause]);
  draft.effects.push({
    kind: "kill",
    process: p,
    instance: process.instance,
    signal: SIGKILL,
    scope: "tree",
    cause,
  });
}

/**
 * The main process has ended: whatever it left behind, daemonised or not, goes as well,
 * so that nothing of one instance is alive beside the next.
 */
export function killLeftover(draft: Draft, p: ProcessIndex): void {
  draft.effects.push({
    kind: "kill",
    process: p,
    instance: draft.processes[p]!.instance,
    signal: SIGKILL,
    scope: "tree",
    cause: "leftover",
  });
}

/** Kills the finish program. */
export function killFinish(draft: Draft, p: ProcessIndex): void {
  draft.effects.push({
    kind: "killFinish",
    process: p,
    instance: draft.processes[p]!.instance,
  });
}

const STOP_WHY: Readonly<Record<KillCause, string>> = {
  "stop": "stop requested",
  "stop-timeout": "outlived its stop timeout",
  "ready-timeout": "not ready in time",
  "group": "its group stops",
  "restart": "restart requested",
  "deadline": "missed its deadline",
  "guard-lost": "the guard is gone",
};
