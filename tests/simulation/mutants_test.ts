/** Every mutant of the core is caught by the simulator within a bounded number of seeds. */
import { assertEquals, fail } from "@std/assert";
import type { Core } from "./core_types.ts";
import { type Mutant, MUTANTS } from "./mutants.ts";
import { simulate, SimulationFailure } from "./simulate.ts";
import { Violation } from "./world.ts";

const SEEDS_MAX = 300;
const EVENTS = 500;
const SRC = new URL("../../src/", import.meta.url);

/** Copies the core (and the plan's types, which it names) and applies the patch to the copy. */
async function loadMutant(mutant: Mutant, dir: string): Promise<Core> {
  await Deno.mkdir(`${dir}/core`);
  await Deno.mkdir(`${dir}/plan`);
  await Deno.copyFile(new URL("plan/plan.ts", SRC), `${dir}/plan/plan.ts`);
  let applied = 0;
  for await (const { name } of Deno.readDir(new URL("core/", SRC))) {
    let text = await Deno.readTextFile(new URL(`core/${name}`, SRC));
    if (name === mutant.file) {
      applied = text.split(mutant.search).length - 1;
      text = text.replace(mutant.search, () => mutant.replace);
    }
    await Deno.writeTextFile(`${dir}/core/${name}`, text);
  }
  assertEquals(applied, 1, `the patch of "${mutant.name}" applies ${applied} times, not once`);
  return await import(`file://${dir}/core/step.ts`);
}

function caughtAt(core: Core): number | null {
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    try {
      simulate(core, seed, EVENTS);
    } catch (error) {
      // It must break a rule. One that merely crashes proves nothing about the rules.
      const ruled = error instanceof SimulationFailure && error.cause instanceof Violation;
      if (!ruled) throw error;
      return seed;
    }
  }
  return null;
}

for (const mutant of MUTANTS) {
  Deno.test(`simulate() catches the mutant "${mutant.name}"`, async () => {
    const dir = await Deno.makeTempDir({ prefix: "cox-mutant-" });
    try {
      const core = await loadMutant(mutant, dir);
      if (caughtAt(core) === null) fail(`${SEEDS_MAX} seeds did not catch it`);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}
