/**
 * Requests that wait until what they asked for has come true. Must not know: transport.
 */
import type { CoreState, ProcessState } from "../core/state.ts";
import type { ProcessIndex } from "../plan/plan.ts";

/** What a waiter waits for. */
export type Goal =
  | { readonly kind: "started"; readonly process: ProcessIndex }
  | { readonly kind: "stopped"; readonly process: ProcessIndex }
  /** Up again as an instance later than `after`. */
  | { readonly kind: "restarted"; readonly process: ProcessIndex; readonly after: number };

/** How it came out. */
export type GoalOutcome = "reached" | "failed";

interface Waiter {
  readonly goal: Goal;
  readonly resolve: (outcome: GoalOutcome) => void;
}

/** All waiting requests; looked at after each turn of the control loop. */
export class Waiters {
  readonly #waiting = new Set<Waiter>();

  /**
   * Waits for the goal. A goal that is already decided resolves at once.
   *
   * @param signal when the asker has gone away.
   */
  wait(goal: Goal, state: CoreState, signal: AbortSignal): Promise<GoalOutcome> {
    const decided = judgeGoal(goal, state);
    if (decided !== null) return Promise.resolve(decided);
    return new Promise((resolve) => {
      const waiter = { goal, resolve };
      this.#waiting.add(waiter);
      signal.addEventListener("abort", () => {
        if (this.#waiting.delete(waiter)) resolve("failed");
      }, { once: true });
    });
  }

  /** Resolves whoever's goal is decided in this state. */
  look(state: CoreState): void {
    for (const waiter of this.#waiting) {
      const outcome = judgeGoal(waiter.goal, state);
      if (outcome === null) continue;
      this.#waiting.delete(waiter);
      waiter.resolve(outcome);
    }
  }
}

/** @returns the outcome, or null while it is open. Pure. */
export function judgeGoal(goal: Goal, state: CoreState): GoalOutcome | null {
  const process = state.processes[goal.process];
  if (process === undefined) return "failed";
  switch (goal.kind) {
    case "stopped":
      if (isDown(process)) return "reached";
      // Somebody else wants it up again: it may go from one instance to the next with no
      // moment between in which it is down.
      return process.wanted === "up" ? "failed" : null;
    case "started":
      return judgeUp(process);
    case "restarted":
      return process.instance > goal.after || process.wanted === "down" ? judgeUp(process) : null;
  }
}

function isDown({ status }: ProcessState): boolean {
  return status === "idle" || status === "completed" || status === "failed";
}

function judgeUp(process: ProcessState): GoalOutcome | null {
  if (process.status === "running" || process.status === "completed") return "reached";
  if (process.status === "failed" || process.wanted === "down") return "failed";
  return null;
}
