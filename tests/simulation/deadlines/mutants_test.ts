/** Every mutant of the deadline logic is caught within a bounded number of seeds. */
import { assertEquals, fail } from "@std/assert";
import type { Mutant } from "../mutants.ts";
import { Random } from "../random.ts";
import { type Deadline, loadDeadline } from "./deadline_types.ts";
import { playCycle, playSilence, playSteps } from "./histories.ts";
import { MUTANTS } from "./mutants.ts";
import { playWatch } from "./watch_world.ts";

const SEEDS_MAX = 1000;
const SRC = new URL("../../../src/", import.meta.url);
const PLAYS = [playCycle, playSilence, playSteps, playWatch];

/** Copies the logic, and the types that it names, and applies the patch to the copy. */
async function loadMutant(mutant: Mutant, dir: string): Promise<Deadline> {
  for (const folder of ["deadline", "plan"]) await Deno.mkdir(`${dir}/${folder}`);
  for (const name of ["plan.ts", "contract.ts"]) {
    await Deno.copyFile(new URL(`plan/${name}`, SRC), `${dir}/plan/${name}`);
  }
  let applied = 0;
  for await (const { name } of Deno.readDir(new URL("deadline/", SRC))) {
    let text = await Deno.readTextFile(new URL(`deadline/${name}`, SRC));
    if (name === mutant.file) {
      applied = text.split(mutant.search).length - 1;
      text = text.replace(mutant.search, () => mutant.replace);
    }
    await Deno.writeTextFile(`${dir}/deadline/${name}`, text);
  }
  assertEquals(applied, 1, `the patch of "${mutant.name}" applies ${applied} times, not once`);
  return await loadDeadline(`file://${dir}/deadline`);
}

function isCaught(deadline: Deadline): boolean {
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    for (const play of PLAYS) {
      try {
        play(deadline, new Random(seed));
      } catch (error) {
        // It must break a rule. One that merely crashes proves nothing about the rules.
        if (!(error instanceof Error && error.name === "AssertionError")) throw error;
        return true;
      }
    }
  }
  return false;
}

for (const mutant of MUTANTS) {
  Deno.test(`the simulation of deadlines catches the mutant "${mutant.name}"`, async () => {
    const dir = await Deno.makeTempDir({ prefix: "cox-mutant-" });
    try {
      const deadline = await loadMutant(mutant, dir);
      if (!isCaught(deadline)) fail(`${SEEDS_MAX} seeds did not catch it`);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}
