/**
 * What was found of each contract so far, in numbers: counts, and how the times are distributed.
 * Must not know: who asks.
 */
import { CycleJudge } from "../../deadline/cycle_judge.ts";
import { DeliveryJudge } from "../../deadline/delivery_judge.ts";
import type { HistogramJson } from "../../deadline/histogram.ts";
import type { Judge, Tally } from "../../deadline/judge.ts";
import { SilenceJudge } from "../../deadline/silence_judge.ts";
import { SpanJudge } from "../../deadline/span_judge.ts";
import { StepsJudge } from "../../deadline/steps_judge.ts";
import type { ContractIndex } from "../../plan/contract.ts";

/** What was found of one contract, with histograms of what was measured. */
export interface ContractFigures {
  readonly contract: ContractIndex;
  readonly tally: Tally;
  readonly broken: boolean;
  readonly missedInWindow: number;
  readonly times: readonly { readonly of: TimesOf; readonly histogram: HistogramJson }[];
}

/**
 * What a histogram is of. gap: from sign to sign. start: how late a pass began. pass: how long it
 * took. step: from one to the next. span: how long it took. age: how old samples were at their
 * receipt, those that a look came upon.
 */
export type TimesOf = "gap" | "start" | "pass" | "step" | "span" | "age";

/** What a judge has found. */
export function figuresOf(judge: Judge): ContractFigures {
  return {
    contract: judge.contract,
    tally: judge.tally,
    broken: judge.window.broken,
    missedInWindow: judge.window.missed,
    times: timesOf(judge),
  };
}

function timesOf(judge: Judge): ContractFigures["times"] {
  if (judge instanceof SpanJudge) return [{ of: "span", histogram: judge.times.toJSON() }];
  if (judge instanceof SilenceJudge) return [{ of: "gap", histogram: judge.gaps.toJSON() }];
  if (judge instanceof StepsJudge) return [{ of: "step", histogram: judge.stepTimes.toJSON() }];
  if (judge instanceof CycleJudge) {
    return [
      { of: "start", histogram: judge.startLateness.toJSON() },
      { of: "pass", histogram: judge.passTimes.toJSON() },
    ];
  }
  if (judge instanceof DeliveryJudge) return [{ of: "age", histogram: judge.ages.toJSON() }];
  return [];
}
