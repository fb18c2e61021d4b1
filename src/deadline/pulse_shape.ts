/**
 * The lines of a process's pulse memory, from its contracts. Pure.
 * Must not know: where the memory is.
 */
import type { ContractPlan } from "../plan/contract.ts";
import type { ProcessIndex } from "../plan/plan.ts";
import { type PulseLineShape, ringFor } from "./pulse_layout.ts";

/** So much of the past stays in the rings, up to their largest: the flight recorder's memory. */
const KEEP_NS = 5_000_000_000;
/** Steps have no pace of their own. */
const STEPS_RING = 64;
/** What the supervisor stamps is no line that a program finds: its own heartbeat has no name. */
const NAMES = { pulse: "", notify: "@notify", output: "@output" } as const;

/**
 * Which lines the memory of this process has, by their numbers.
 *
 * @returns none: it needs no memory.
 * @throws {RangeError} when the contracts leave a number out, or give one twice: a bug of ours.
 */
export function pulseLinesOf(
  contracts: readonly ContractPlan[],
  process: ProcessIndex,
): PulseLineShape[] {
  const lines: PulseLineShape[] = [];
  for (const contract of contracts) {
    const line = contract.process === process ? lineOf(contract) : null;
    if (line === null) continue;
    const [number, shape] = line;
    if (lines[number] !== undefined) throw new RangeError(`Two contracts have line ${number}`);
    lines[number] = shape;
  }
  for (let number = 0; number < lines.length; number++) {
    if (lines[number] === undefined) throw new RangeError(`No contract has line ${number}`);
  }
  return lines;
}

function lineOf(contract: ContractPlan): readonly [number, PulseLineShape] | null {
  const none = { name: "", steps: [], ring: 0, periodNs: 0, offsetNs: 0 };
  switch (contract.kind) {
    case "heartbeat": {
      const { source } = contract;
      if (source.by === "channel") return null;
      return [source.line, { ...none, kind: "heartbeat", name: NAMES[source.by] }];
    }
    case "cycle": {
      const { line, cycle: name, periodNs, offsetNs } = contract;
      const ring = ringFor(KEEP_NS, periodNs);
      return [line, { ...none, kind: "cycle", name, ring, periodNs, offsetNs }];
    }
    case "steps": {
      const { line, steps: name, order } = contract;
      const steps = order.map((step) => step.name);
      return [line, { ...none, kind: "steps", name, ring: STEPS_RING, steps }];
    }
    case "span":
    case "gap":
    case "latency":
    // Its line, where it has one, is the heartbeat's.
    case "liveliness":
    case "path":
      return null;
  }
}
