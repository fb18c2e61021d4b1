/**
 * Nothing that a supervisor started is alive one second after `kill -9` of it, whatever
 * manner of getting away it chose, with a cgroup and without one.
 */
import { assert, assertEquals } from "@std/assert";
import { cgroupMissing } from "./support/cgroup.ts";
import { promptly, temporaryDirectory, uniqueSeconds, until } from "./support/harness.ts";
import { ORPHAN_SHAPES, type OrphanShape } from "./support/orphan_shapes.ts";
import { StandInCrew } from "./support/stand_in_crew.ts";

/** How often all shapes together go through a kill in the last two tests. */
const RUNS = Number(Deno.env.get("COX_KILL_RUNS") ?? "10");
/** What the project promises. */
const GONE_WITHIN_MS = 1000;

const available = ORPHAN_SHAPES.filter((shape) => shape.missing() === null);

async function killSupervisor(shapes: readonly OrphanShape[], cgroup: boolean): Promise<void> {
  using dir = temporaryDirectory();
  const runs = shapes.map((shape, index) => {
    const place = `${dir.path}/${index}`;
    Deno.mkdirSync(place);
    const marker = uniqueSeconds();
    const argv = shape.argv(marker, place);
    return { shape, argv, living: () => shape.living(marker, place) };
  });
  const programs = runs.map(({ shape, argv }) => ({ name: shape.name, argv }));
  await using crew = new StandInCrew({ programs }, { cgroup });
  const { supervisor, level, cgroupDir } = await crew.started();
  assertEquals(level, cgroup ? "cgroup" : "guard");
  for (const { shape, living } of runs) {
    await until(`"${shape.name}" to run`, () => living().length >= shape.count);
  }
  Deno.kill(supervisor, "SIGKILL");
  for (const { shape, living } of runs) {
    await promptly(`"${shape.name}" to be gone`, () => living().length === 0, GONE_WITHIN_MS);
  }
  assertEquals((await crew.guard.status).code, 128 + 9);
  if (cgroupDir !== null) {
    assert(!isThere(cgroupDir), `cgroup ${cgroupDir} was not removed`);
    assert(!isThere(`${crew.runDir}/cgroup`), "the note of the cgroup was not removed");
  }
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

for (const cgroup of [false, true]) {
  const by = cgroup ? "with a cgroup" : "by descent alone";
  const missing = cgroup ? cgroupMissing() : null;
  if (missing !== null) console.warn(`Skipped, no cgroup can be made: ${missing}`);

  for (const shape of ORPHAN_SHAPES) {
    const why = missing ?? shape.missing();
    if (why !== null) console.warn(`Skipped, "${shape.name}" ${by}: ${why}`);
    Deno.test({
      name: `guard kills "${shape.name}" after kill -9 of the supervisor, ${by}`,
      ignore: why !== null,
      fn: () => killSupervisor([shape], cgroup),
    });
  }

  Deno.test({
    name: `guard kills all shapes in each of ${RUNS} runs, ${by}`,
    ignore: missing !== null,
    fn: async () => {
      for (let run = 0; run < RUNS; run++) await killSupervisor(available, cgroup);
    },
  });
}
