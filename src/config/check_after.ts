/**
 * Checks dependencies: that each names a process, can ever hold, and waits for nothing that
 * waits for it in turn. Must not know: groups, channels.
 */
import { topologicalOrder } from "../plan/graph.ts";
import type { Config, ConfigIssue } from "./config.ts";
import { DEFAULTS } from "./defaults.ts";
import { errorAt } from "./issue.ts";
import { isProcess, unknownName } from "./names.ts";

/** Each further cycle costs another pass, and a dozen of them are as good as all. */
const CYCLES_MAX = 12;

/**
 * Checks every `after`.
 *
 * @param config A configuration of the right shape.
 * @returns All issues; of cycles that share a dependency only one.
 */
export function checkAfter(config: Config): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  for (const [name, { after = {} }] of Object.entries(config.processes)) {
    for (const [dependency, condition] of Object.entries(after)) {
      const path = ["processes", name, "after", dependency];
      if (!isProcess(config, dependency)) {
        issues.push(unknownName(config, { name: dependency, path }));
        continue;
      }
      const policy = config.processes[dependency]?.restart?.policy ?? DEFAULTS.restart.policy;
      if (condition === "completed" && policy === "permanent") {
        issues.push(errorAt(
          path,
          `"${dependency}" never completes: its restart policy is "permanent"`,
          `set restart.policy of "${dependency}" to "temporary" or "transient"`,
        ));
      }
    }
  }
  return [...issues, ...cycles(config)];
}

function cycles(config: Config): ConfigIssue[] {
  const names = Object.keys(config.processes);
  const numbers = new Map(names.map((name, number) => [name, number]));
  let edges: [number, number][] = [];
  for (const [name, { after = {} }] of Object.entries(config.processes)) {
    for (const dependency of Object.keys(after)) {
      const before = numbers.get(dependency);
      if (before !== undefined) edges.push([before, numbers.get(name)!]);
    }
  }
  const issues: ConfigIssue[] = [];
  while (issues.length < CYCLES_MAX) {
    const found = topologicalOrder(names.length, edges);
    if (found.kind === "order") break;
    // The cycle runs from what comes first to what waits for it; a reader follows "waits for".
    const waiting = [found.cycle[0]!, ...found.cycle.slice(1).reverse()];
    const [first, second = first] = waiting as [number, number?];
    const chain = [...waiting, first].map((number) => names[number]);
    issues.push(errorAt(
      ["processes", names[first]!, "after", names[second]!],
      `processes wait for each other: ${chain.join(" -> ")}`,
      "remove one of these dependencies",
    ));
    edges = edges.filter(([before, after]) => before !== second || after !== first);
  }
  return issues;
}
