/**
 * Dependencies of the expanded processes, and the start order that they force.
 * Must not know: groups, channels.
 */
import type { Expansion } from "./expand.ts";
import { type Edge, topologicalOrder } from "./graph.ts";
import type { Issues } from "./issues.ts";
import type { Dependency } from "./plan.ts";

/** Start order and dependencies; all indices are into the expansion. */
export interface StartOrder {
  readonly order: readonly number[];
  /** By expansion index. */
  readonly after: readonly (readonly Dependency[])[];
}

/**
 * Orders the processes so that each comes after all it waits for; a dependency on a process
 * with replicas is one on each of them.
 *
 * @param expansion What exists.
 * @param issues Receives dependencies on what does not exist, and cycles.
 * @returns null if there is no order (an issue says why).
 */
export function startOrder(expansion: Expansion, issues: Issues): StartOrder | null {
  const edges: Edge[] = [];
  const after: Dependency[][] = [];
  for (const [index, process] of expansion.processes.entries()) {
    const dependencies: Dependency[] = [];
    for (const [name, condition] of Object.entries(process.config.after ?? {})) {
      const targets = expansion.byDeclaredName.get(name);
      if (targets === undefined) {
        // Replicas share their declaration: one issue for all of them.
        const first = expansion.byDeclaredName.get(process.declaredName)?.[0] === index;
        if (first) reportMissing(process.declaredName, name, issues);
        continue;
      }
      for (const target of targets) {
        edges.push([target, index]);
        dependencies.push({ process: target, condition });
      }
    }
    after.push(dependencies);
  }
  const result = topologicalOrder(expansion.processes.length, edges);
  if (result.kind === "order") return { order: result.order, after };
  // A cycle is reported in the direction of waiting: each name waits for the next.
  const names = result.cycle.map((index) => expansion.processes[index]!).reverse();
  const shown = [...names, names[0]!].map((process) => process.name).join(" -> ");
  issues.error(
    ["processes", names[0]!.declaredName, "after"],
    `processes wait for each other in a circle: ${shown}`,
    "remove one of these dependencies",
  );
  return null;
}

function reportMissing(declaredName: string, dependency: string, issues: Issues): void {
  issues.error(
    ["processes", declaredName, "after", dependency],
    `"${declaredName}" waits for "${dependency}", which the active profiles leave out or which is not declared`,
    `switch on a profile of "${dependency}", or give "${declaredName}" the same profiles`,
  );
}
