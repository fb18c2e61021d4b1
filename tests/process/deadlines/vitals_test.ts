/** The default pipeline keeps time, and says on the screen when a stage of it stands still. */
import { assert, assertEquals } from "@std/assert";
import { eventually } from "../../support/crew.ts";
import { Lateness } from "../support/lateness.ts";
import { allRun, startVitals } from "../support/vitals.ts";
import { eventsOf } from "./support.ts";

Deno.test("supervisor.config.ts: a stage that is stopped is told of within a second, and so is its recovery", async () => {
  await using crew = await startVitals({ args: ["--live", "1s"] });
  await allRun(crew);
  await eventually("samples reach the end", async () => {
    const { deadlines } = await crew.snapshot();
    return deadlines["path.vitals"]!.kept > 50;
  });
  for (
    const [stage, contract] of [
      ["detector", "readings.latency@detector"],
      ["sampler", "sampler.cycle.sample"],
      // Its pipe has room for what comes in minutes: it is missed by what it does not read.
      ["recorder", "path.vitals"],
      ["panel", "readings.latency@panel"],
    ]
  ) {
    const { pid } = await crew.process(stage!);
    using lateness = new Lateness();
    const isSoon = (wall: string, sinceMs: number) => {
      const [tookMs, allowedMs] = [Date.parse(wall) - sinceMs, lateness.allow(1000)];
      assert(tookMs < allowedMs, `${stage}: told ${tookMs} of ${allowedMs} ms later`);
    };
    const stoppedMs = Date.now();
    Deno.kill(pid!, "SIGSTOP");
    const told = () =>
      eventsOf(crew, "deadlineExcused").find((event) =>
        event.contract === contract && event.process === stage
      );
    await eventually(`${contract} is missed`, () => told() !== undefined);
    const { why, process, wall } = told()!;
    assertEquals([process, why], [stage, "stopped"]);
    isSoon(wall, stoppedMs);
    Deno.kill(pid!, "SIGCONT");
    const goneOnMs = Date.now();
    const resumed = () =>
      eventsOf(crew, "deadlineResumed").find((event) => event.process === stage);
    await eventually(`${stage} goes on`, () => resumed() !== undefined);
    isSoon(resumed()!.wall, goneOnMs);
  }
  const shown = [
    /detector#1 is stopped by a signal \(SIGSTOP\)/,
    /detector#1 runs again after/,
    /sampler#1 is stopped by a signal \(SIGSTOP\)/,
    /sampler#1 runs again after/,
    /recorder#1 is stopped by a signal \(SIGSTOP\)/,
    /panel#1 runs again after/,
    /sampler\.cycle\.sample \d+\/s, .* ago, /,
  ];
  for (const text of shown) {
    await eventually(`${text} is on the screen`, () => text.test(crew.output()));
  }
  const { processes } = await crew.snapshot();
  for (const { restarts } of Object.values(processes)) {
    assertEquals(restarts, 0, "nobody is punished");
  }
});
