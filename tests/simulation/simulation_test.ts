/** The simulator over the real core: fixed seeds, then every seed that ever failed. */
import { assert, fail } from "@std/assert";
import { initialState, step } from "../../src/core/step.ts";
import keptSeeds from "./kept_seeds.json" with { type: "json" };
import { replayCommand, simulate, SimulationFailure } from "./simulate.ts";

const core = { initialState, step };
const SEEDS = 2000;
const EVENTS = 500;

function play(seed: number, events: number): number {
  try {
    return simulate(core, seed, events);
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error;
    fail(
      `${error.message}\nreplay: ${replayCommand(seed, events)}\n` +
        "add the seed to tests/simulation/kept_seeds.json once it is fixed",
    );
  }
}

Deno.test("step() keeps every rule over 2000 random crews of 500 events", () => {
  let events = 0;
  for (let seed = 1; seed <= SEEDS; seed++) events += play(seed, EVENTS);
  assert(events >= SEEDS * EVENTS, `only ${events} events were played`);
});

for (const { seed, events, found } of keptSeeds) {
  Deno.test(`step() keeps every rule with seed ${seed} (${found})`, () => {
    play(seed, events);
  });
}
