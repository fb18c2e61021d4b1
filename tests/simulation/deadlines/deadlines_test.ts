/** The deadline logic over random histories and random crews; a seed that fails is printed. */
import { fail } from "@std/assert";
import { Random } from "../random.ts";
import { loadDeadline } from "./deadline_types.ts";
import { playCycle, playSilence, playSteps } from "./histories.ts";
import { playWatch } from "./watch_world.ts";

const deadline = await loadDeadline(new URL("../../../src/deadline", import.meta.url).href);
const SEEDS = 2000;

const PLAYS = {
  "CycleJudge agrees with the reference": playCycle,
  "SilenceJudge agrees with the reference": playSilence,
  "StepsJudge agrees with the reference": playSteps,
  "Watch tells every silence in time and once, and blames nobody for what is not his": playWatch,
};

for (const [name, play] of Object.entries(PLAYS)) {
  Deno.test(`${name}, with ${SEEDS} seeds`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        play(deadline, new Random(seed));
      } catch (error) {
        fail(`seed ${seed}: ${(error as Error).message}`);
      }
    }
  });
}
