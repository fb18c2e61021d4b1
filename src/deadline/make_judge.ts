/** The judge that a contract needs, with what it looks at. Pure. Must not know: who maps memory. */
import type { ContractIndex, ContractPlan } from "../plan/contract.ts";
import type { ProcessIndex } from "../plan/plan.ts";
import { CycleJudge } from "./cycle_judge.ts";
import { DeliveryJudge, type DeliverySource } from "./delivery_judge.ts";
import type { Judge } from "./judge.ts";
import { type PulseLineShape, pulsePlace } from "./pulse_layout.ts";
import { CycleSource, PulseSigns, type PulseViews, StepSource } from "./pulse_source.ts";
import { type SignSource, SilenceJudge } from "./silence_judge.ts";
import { SpanJudge } from "./span_judge.ts";
import { StepsJudge } from "./steps_judge.ts";
import type { Court } from "./verdict.ts";

/** What judges look at; asked once for each contract. */
export interface Sources {
  /** The pulse memory of a process, which has some. */
  pulse(process: ProcessIndex): {
    readonly views: PulseViews;
    readonly lines: readonly PulseLineShape[];
  };
  /** Signs of a contract that has no line: a channel's. */
  signs(contract: ContractIndex): SignSource;
  /** Deliveries that a latency or a path is judged by. */
  deliveries(contract: ContractIndex): DeliverySource;
}

/** Makes the judge of contract number `index`. */
export function makeJudge(
  index: ContractIndex,
  plan: ContractPlan,
  sources: Sources,
  court: Court,
): Judge {
  const line = (number: number) => {
    const { views, lines } = sources.pulse(plan.process);
    return [views, pulsePlace(lines, number)] as const;
  };
  switch (plan.kind) {
    case "span":
      return new SpanJudge(index, plan, court);
    case "heartbeat": {
      const { source } = plan;
      const signs = source.by === "channel"
        ? sources.signs(index)
        : new PulseSigns(...line(source.line));
      return new SilenceJudge(index, plan, signs, court);
    }
    case "gap":
    case "liveliness":
      return new SilenceJudge(index, plan, sources.signs(index), court);
    case "cycle":
      return new CycleJudge(index, plan, new CycleSource(...line(plan.line)), court);
    case "steps":
      return new StepsJudge(index, plan, new StepSource(...line(plan.line)), court);
    case "latency":
    case "path":
      return new DeliveryJudge(index, plan, sources.deliveries(index), court);
  }
}
