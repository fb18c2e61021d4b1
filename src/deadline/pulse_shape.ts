/**
 * The lines of a process's pulse memory, as its plan has them. Pure.
 * Must not know: where the memory is.
 */
import type { PulseLinePlan, PulsePlan } from "../plan/contract.ts";
import { type PulseLineShape, ringFor } from "./pulse_layout.ts";

/** So much of the past stays in a ring, up to its largest: the flight recorder reads it there. */
const KEEP_NS = 5_000_000_000;
/** Steps have no pace of their own. */
const STEPS_RING = 64;
/** No channel has such a name: a line that the supervisor stamps is none that a program looks for. */
const NAMES = { client: "", notify: "@notify", output: "@output" } as const;

/** By line number. */
export function pulseShape({ lines }: PulsePlan): PulseLineShape[] {
  return lines.map(lineShape);
}

function lineShape(line: PulseLinePlan): PulseLineShape {
  const none = { steps: [], ring: 0, periodNs: 0, offsetNs: 0 };
  switch (line.kind) {
    case "heartbeat":
      return { ...none, kind: "heartbeat", name: NAMES[line.by] };
    case "liveliness":
      return { ...none, kind: "heartbeat", name: line.name };
    case "cycle": {
      const { name, periodNs, offsetNs } = line;
      return {
        kind: "cycle",
        name,
        steps: [],
        ring: ringFor(KEEP_NS, periodNs),
        periodNs,
        offsetNs,
      };
    }
    case "steps":
      return { ...none, kind: "steps", name: line.name, steps: line.steps, ring: STEPS_RING };
  }
}
