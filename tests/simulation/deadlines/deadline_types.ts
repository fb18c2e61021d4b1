/** The deadline logic as the simulator is given it: the real one, or one with a mistake in it. */
import type * as cycleJudge from "../../../src/deadline/cycle_judge.ts";
import type * as pulseSource from "../../../src/deadline/pulse_source.ts";
import type * as silenceJudge from "../../../src/deadline/silence_judge.ts";
import type * as stepsJudge from "../../../src/deadline/steps_judge.ts";
import type * as watch from "../../../src/deadline/watch.ts";

export type Deadline =
  & Pick<typeof cycleJudge, "CycleJudge">
  & Pick<typeof pulseSource, "CycleSource" | "PulseSigns" | "StepSource">
  & Pick<typeof silenceJudge, "SilenceJudge">
  & Pick<typeof stepsJudge, "StepsJudge">
  & Pick<typeof watch, "Watch">;

/** Modules that make it up, by file. */
export const MODULES = [
  "cycle_judge.ts",
  "pulse_source.ts",
  "silence_judge.ts",
  "steps_judge.ts",
  "watch.ts",
] as const;

/** Loads it from a folder of sources. */
export async function loadDeadline(folder: string): Promise<Deadline> {
  const modules = await Promise.all(MODULES.map((name) => import(`${folder}/${name}`)));
  return Object.assign({}, ...modules);
}
