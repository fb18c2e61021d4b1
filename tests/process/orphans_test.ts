/**
 * Zero orphans with the real `cox up`: whoever is killed, or asked to stop, nothing that the
 * crew started outlives its time, whatever manner of getting away it chose.
 */
import { assertEquals } from "@std/assert";
import { isAlive } from "../../src/process/tree.ts";
import { pidsOf } from "../support/crew_pids.ts";
import { request } from "../support/request.ts";
import { cgroupMissing } from "./support/cgroup.ts";
import { promptly, until } from "./support/harness.ts";
import { nameOf, OrphanCrew, SHAPES } from "./support/orphan_crew.ts";

/** How often each shape goes through a kill of the supervisor, in each mode. */
const RUNS = Number(Deno.env.get("COX_KILL_RUNS") ?? "50");
/** Crews at a time. */
const LANES = 2;
/** What the project promises. */
const GONE_WITHIN_MS = 1000;

const noCgroup = cgroupMissing();
const modes = [
  { contain: "guard", missing: null },
  { contain: "cgroup", missing: noCgroup },
];

async function killSupervisor(contain: string): Promise<void> {
  await using orphans = await OrphanCrew.start(contain);
  Deno.kill(pidsOf(orphans.crew).supervisor, "SIGKILL");
  await promptly("nothing to live", () => orphans.living().size === 0, GONE_WITHIN_MS);
  assertEquals((await orphans.crew.ended()).code, 128 + 9);
}

for (const { contain, missing } of modes) {
  if (missing !== null) console.warn(`Skipped, --contain ${contain}: ${missing}`);
  const ignore = missing !== null;

  Deno.test({
    name: `kill -9 of the supervisor leaves none of ${SHAPES.length} shapes, ${RUNS} times, ` +
      `--contain ${contain}`,
    ignore,
    fn: async () => {
      let left = RUNS;
      await Promise.all(Array.from({ length: LANES }, async () => {
        while (left-- > 0) await killSupervisor(contain);
      }));
    },
  });

  Deno.test({
    name: `kill -9 of the guard ends supervisor and crew, --contain ${contain}`,
    ignore,
    fn: async () => {
      await using orphans = await OrphanCrew.start(contain);
      const { supervisor } = pidsOf(orphans.crew);
      Deno.kill(orphans.crew.pid, "SIGKILL");
      await until("nothing to live", () => orphans.living().size === 0);
      await until("the supervisor's end", () => !isAlive(supervisor));
    },
  });

  Deno.test({
    name: `a clean stop leaves nothing of any shape, --contain ${contain}`,
    ignore,
    fn: async () => {
      await using orphans = await OrphanCrew.start(contain);
      assertEquals((await orphans.crew.stop()).code, 0, orphans.crew.output());
      assertEquals(orphans.living().size, 0);
    },
  });

  Deno.test({
    name: `stop of one process ends its shape alone, each in turn, --contain ${contain}`,
    ignore,
    fn: async () => {
      await using orphans = await OrphanCrew.start(contain);
      await orphans.crew.until("control answers", () => true);
      for (const [index, { name }] of SHAPES.entries()) {
        await request(orphans.crew, "stop", nameOf(index));
        await until(`"${name}" to be gone`, () => !orphans.living().has(nameOf(index)));
        // Relays may be missed in one look; what was killed would never be back.
        await until(
          `the neighbours of "${name}" to be unhurt`,
          () => orphans.areComplete(SHAPES.keys().filter((other) => other > index)),
        );
      }
    },
  });
}
