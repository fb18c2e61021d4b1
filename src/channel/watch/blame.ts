/**
 * Who is to blame for a stalled flow: follows those who wait to the one who makes them wait.
 * Pure. Must not know: what a stall leads to.
 *
 * ```
 *  a ══full══► b ══full══► c ──empty──► d        a waits for b, b waits for c; c waits for
 *                                                nobody: it is c
 * ```
 *
 * A consumer is let off when a flow that it writes to keeps it waiting; then who reads that one
 * is looked at. One that cannot run is not let off: it would not read whatever the others do.
 */
import type { ProcessIndex } from "../../plan/plan.ts";
import type { Flow, FlowIndex } from "./flow.ts";

/**
 * What keeps a process from its work, as far as it can be known: `suspended` by a signal;
 * between two instances; down for good or until it is asked for; sending faster than it may.
 */
export type Condition = "running" | "suspended" | "restarting" | "down" | "rated";

/** What is known at this moment. */
export interface Standing {
  readonly flows: readonly Flow[];
  /** Whether the flow keeps who writes to it waiting. */
  readonly holdsUp: (flow: FlowIndex) => boolean;
  readonly conditionOf: (process: ProcessIndex) => Exclude<Condition, "rated">;
}

/** One who makes the others wait. */
export interface Culprit {
  readonly process: ProcessIndex;
  readonly condition: Condition;
  /** From the stalled flow to the one that this process does not drain. */
  readonly through: readonly FlowIndex[];
}

/** The verdict. */
export type Blame =
  /** At least one; several where several hold up the same process, or share its work. */
  | { readonly kind: "culprits"; readonly culprits: readonly Culprit[] }
  /** Each of them waits for the next, and the last for the first. */
  | { readonly kind: "cycle"; readonly processes: readonly ProcessIndex[] };

/** Finds who is to blame for `stalled` not being drained. */
export function findBlame(standing: Standing, stalled: FlowIndex): Blame {
  const search = new Search(standing);
  search.follow(stalled, []);
  if (search.culprits.size > 0) {
    return { kind: "culprits", culprits: [...search.culprits.values()] };
  }
  return { kind: "cycle", processes: search.cycle };
}

class Search {
  readonly culprits = new Map<ProcessIndex, Culprit>();
  cycle: ProcessIndex[] = [];
  readonly #standing: Standing;
  readonly #seen = new Set<FlowIndex>();

  constructor(standing: Standing) {
    this.#standing = standing;
  }

  /** @param through the flows that lead here. */
  follow(flow: FlowIndex, through: readonly FlowIndex[]): void {
    const at = through.indexOf(flow);
    if (at >= 0 && this.cycle.length === 0) this.cycle = this.#readersOf(through.slice(at));
    if (this.#seen.has(flow)) return;
    this.#seen.add(flow);
    const path = [...through, flow];
    for (const consumer of this.#standing.flows[flow]!.to) this.#ask(consumer, flow, path);
  }

  #ask(process: ProcessIndex, flow: FlowIndex, through: readonly FlowIndex[]): void {
    const { conditionOf } = this.#standing;
    const condition = conditionOf(process);
    const next = condition === "running" ? this.#waitsAt(process, flow) : [];
    if (next.length === 0) return this.#blame({ process, condition, through });
    for (const output of next) {
      const { kind, isRated } = this.#standing.flows[output]!;
      // `@relay` holds it up, and no consumer holds up `@relay`.
      const rated = kind === "in-leg" && isRated && this.#blockingOutputs(output).length === 0;
      if (rated) this.#blame({ process, condition: "rated", through });
      else this.follow(output, through);
    }
  }

  /** The flows that keep a process waiting which reads from `flow`. */
  #waitsAt(process: ProcessIndex, flow: FlowIndex): readonly FlowIndex[] {
    const { flows, holdsUp } = this.#standing;
    // `@relay` moves many pipes; what one of them waits at is of that pipe.
    if (flows[flow]!.kind === "in-leg") return this.#blockingOutputs(flow);
    return flows.flatMap((other, index) =>
      other.from.includes(process) && other.kind !== "out-leg" && holdsUp(index) ? [index] : []
    );
  }

  #blockingOutputs(inLeg: FlowIndex): readonly FlowIndex[] {
    const { flows, holdsUp } = this.#standing;
    const { relayed } = flows[inLeg]!;
    return flows.flatMap((other, index) =>
      other.kind === "out-leg" && other.relayed === relayed && holdsUp(index) ? [index] : []
    );
  }

  #blame(culprit: Culprit): void {
    if (!this.culprits.has(culprit.process)) this.culprits.set(culprit.process, culprit);
  }

  #readersOf(path: readonly FlowIndex[]): ProcessIndex[] {
    return [...new Set(path.flatMap((flow) => this.#standing.flows[flow]!.to))];
  }
}
