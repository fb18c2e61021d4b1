/**
 * `deno task sim --seeds N --seed S --events E`: simulates N seeds from S on.
 *
 * Prints the first seed that fails, with the command that replays it; `--seeds 1` prints
 * the whole story of that seed when it fails. Exit 1 on a failure.
 */
import { parseArgs } from "@std/cli/parse-args";
import { initialState, step } from "../../src/core/step.ts";
import { replayCommand, simulate, SimulationFailure } from "./simulate.ts";

function main(): number {
  const options = parseArgs(Deno.args, {
    string: ["seeds", "seed", "events"],
    default: { seeds: "2000", seed: "1", events: "500" },
  });
  const seeds = Number(options["seeds"]);
  const first = Number(options["seed"]);
  const events = Number(options["events"]);
  const startMs = performance.now();
  let count = 0;
  for (let seed = first; seed < first + seeds; seed++) {
    try {
      count += simulate({ initialState, step }, seed, events, seeds === 1);
    } catch (error) {
      if (!(error instanceof SimulationFailure)) throw error;
      for (const line of error.trace) console.log(line);
      console.error(error.message);
      if (!(error.cause instanceof Error && error.cause.name === "Error")) {
        console.error(error.cause);
      }
      console.error(`replay: ${replayCommand(seed, events)}`);
      return 1;
    }
  }
  const tookMs = Math.round(performance.now() - startMs);
  console.log(`${seeds} seeds, ${count} events, ${tookMs} ms: every rule held`);
  return 0;
}

if (import.meta.main) Deno.exit(main());
