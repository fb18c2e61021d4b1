/**
 * One live run of a process, as the driver holds it: pids, descriptors, and what it said
 * of itself. Data and its disposal; must not know: what any of it leads to.
 */
import type { ProcessIndex } from "../plan/plan.ts";

/** A live instance. */
export interface Instance {
  readonly process: ProcessIndex;
  readonly number: number;
  /** What we spawned; its session and process group have the same number. */
  readonly pid: number;
  /** Who receives signals for the process: `pid`, or what MAINPID= named. */
  mainPid: number;
  readonly spawnedNs: number;
  /** STATUS= of sd_notify. */
  statusText: string | null;
  /** Takes in what it has said and was not heard yet. */
  readonly hearings: (() => void)[];
  /** Undone in reverse order when the instance has ended. */
  readonly cleanups: (() => void)[];
}

/** Lets go of everything that the instance held. */
export function disposeInstance(instance: Instance): void {
  for (const cleanup of instance.cleanups.toReversed()) cleanup();
  instance.cleanups.length = 0;
}
