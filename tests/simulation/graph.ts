/** Who depends on whom, for the simulator's own checks. Must not know the core. */
import type { Plan, ProcessIndex } from "./core_types.ts";

/** For each process, everybody who depends on it, directly or not. */
export function reachableDependents(plan: Plan): ReadonlySet<ProcessIndex>[] {
  const sets = plan.processes.map(() => new Set<ProcessIndex>());
  // Dependents come later in a plan, so backwards each set is complete when it is merged.
  for (let p = plan.processes.length - 1; p >= 0; p--) {
    for (const { process: on } of plan.processes[p]!.after) {
      sets[on]!.add(p);
    }
  }
  for (let p = plan.processes.length - 1; p >= 0; p--) {
    for (const q of [...sets[p]!]) for (const further of sets[q]!) sets[p]!.add(further);
  }
  return sets;
}
