/**
 * The types that the simulator shares with the core, in one place, and the two functions
 * that it drives: the real ones, or those of a mutant.
 */
import type { CoreEvent } from "../../src/core/event.ts";
import type { Effect } from "../../src/core/effect.ts";
import type { CoreState } from "../../src/core/state.ts";
import type { Plan } from "../../src/plan/plan.ts";

export type { CoreEvent, Request, TimerKey } from "../../src/core/event.ts";
export type { CoreRecord, Effect, ProcessStatus } from "../../src/core/effect.ts";
export type { ExitReason, KillCause } from "../../src/core/exit_reason.ts";
export type { CoreState, ProcessState } from "../../src/core/state.ts";
export type {
  Dependency,
  GroupIndex,
  GroupMember,
  Plan,
  ProcessIndex,
} from "../../src/plan/plan.ts";

/** What is simulated. */
export interface Core {
  initialState(plan: Plan, seed: number): CoreState;
  step(
    state: CoreState,
    event: CoreEvent,
    nowNs: number,
  ): { state: CoreState; effects: Effect[] };
}
