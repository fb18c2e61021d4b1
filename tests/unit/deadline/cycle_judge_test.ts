/** Cycles: each way to miss, at the limit and one nanosecond beyond it. */
import { assertEquals } from "@std/assert";
import { CycleJudge } from "../../../src/deadline/cycle_judge.ts";
import { CycleSource } from "../../../src/deadline/pulse_source.ts";
import { cycleLine, PulseMemory } from "../../support/pulse_memory.ts";
import { cycle, MS, Scribe } from "./support.ts";

function setUp(changes: Parameters<typeof cycle>[0] = {}, ring = 64) {
  const plan = cycle(changes);
  const memory = new PulseMemory([cycleLine("sample", plan.periodNs, ring)]);
  const court = new Scribe();
  const source = new CycleSource(memory.views, memory.place(0));
  const judge = new CycleJudge(0, plan, source, court);
  judge.arm(0);
  return { memory, court, judge };
}

/** Passes that keep the contract, looked at after each. */
function run(set: ReturnType<typeof setUp>, from: number, to: number): void {
  for (let slot = from; slot < to; slot++) {
    const dueNs = slot * 10 * MS;
    set.memory.begin(0, dueNs + 1000, dueNs);
    set.judge.examine(dueNs + 2000);
    set.memory.end(0, dueNs + MS);
    set.judge.examine(dueNs + 2 * MS);
  }
}

Deno.test("CycleJudge: passes in time are kept, and the next look is for the next limit", () => {
  const set = setUp();
  run(set, 1, 100);
  assertEquals(set.court.take(), []);
  assertEquals(set.judge.tally, { kept: 99, missed: 0, warned: 0, broken: 0 });
  assertEquals(set.judge.examine(993 * MS), 1000 * MS + MS + 1);
  assertEquals(set.judge.startLateness.figures().maxNs, 1000);
});

Deno.test("CycleJudge: a start is late from one nanosecond after its limit, and told once", () => {
  const set = setUp();
  run(set, 1, 3);
  set.judge.examine(30 * MS + MS);
  assertEquals(set.court.take(), []);
  assertEquals(set.judge.examine(30 * MS + MS + 1), 40 * MS + MS + 1);
  assertEquals(set.court.take(), ["miss late-start 3 due 31 broke"]);
  set.memory.begin(0, 32 * MS, 30 * MS);
  set.memory.end(0, 33 * MS);
  set.judge.examine(34 * MS);
  run(set, 4, 6);
  assertEquals(set.court.take(), []);
  assertEquals(set.judge.tally, { kept: 4, missed: 1, warned: 0, broken: 1 });
});

Deno.test("CycleJudge: a start at its limit is kept, seen late or not", () => {
  for (const lateNs of [MS, MS + 1]) {
    const set = setUp();
    run(set, 1, 3);
    set.memory.begin(0, 30 * MS + lateNs, 30 * MS);
    set.memory.end(0, 33 * MS);
    set.judge.examine(39 * MS);
    const expected = lateNs === MS ? [] : ["miss late-start 3 due 31 at 31.000001 broke"];
    assertEquals(set.court.take(), expected);
  }
});

Deno.test("CycleJudge: an overrun is seen while the pass runs, one nanosecond beyond the budget", () => {
  const set = setUp({ warnNs: 3 * MS });
  run(set, 1, 3);
  set.memory.begin(0, 30 * MS, 30 * MS);
  assertEquals(set.judge.examine(30 * MS + 10), 33 * MS + 1);
  assertEquals(set.judge.examine(33 * MS + 1), 34 * MS + 1);
  assertEquals(set.court.take(), ["warn overrun 3 due 33"]);
  set.judge.examine(34 * MS);
  assertEquals(set.court.take(), []);
  set.judge.examine(34 * MS + 1);
  assertEquals(set.court.take(), ["miss overrun 3 due 34 broke"]);
  set.memory.end(0, 35 * MS);
  set.judge.examine(36 * MS);
  run(set, 4, 5);
  assertEquals(set.court.take(), []);
  assertEquals(set.judge.tally, { kept: 3, missed: 1, warned: 1, broken: 1 });
});

Deno.test("CycleJudge: due times that nothing begins for are each counted, and told together", () => {
  const set = setUp({ tolerate: { misses: 2, window: 10 }, recoverAfter: 3 });
  run(set, 1, 3);
  let dueNs = set.judge.examine(29 * MS);
  while (dueNs < 100 * MS) dueNs = set.judge.examine(dueNs);
  // 30 … 90: seven due times; the first is told, the third breaks it, the rest waits.
  assertEquals(set.court.take(), ["miss late-start 3 due 31", "miss skipped 4 x2 due 41 broke"]);
  set.memory.begin(0, 105 * MS, 100 * MS);
  set.judge.examine(105 * MS);
  assertEquals(set.court.take(), [
    "miss skipped 6 x4 due 61 at 105",
    "miss late-start 10 due 101 at 105",
  ]);
  assertEquals(set.judge.tally.missed, 8);
  set.memory.end(0, 106 * MS);
  run(set, 11, 14);
  assertEquals(set.court.recoveries.length, 1);
  assertEquals(set.judge.window.broken, false);
});

Deno.test("CycleJudge: a look that comes late finds the same number of misses", () => {
  const set = setUp();
  run(set, 1, 3);
  set.memory.begin(0, 105 * MS, 100 * MS);
  set.memory.end(0, 106 * MS);
  set.judge.examine(107 * MS);
  assertEquals(set.judge.tally.missed, 8);
});

Deno.test("CycleJudge: a program that leaves its loop is not blamed, nor when it enters it again", () => {
  const set = setUp();
  run(set, 1, 3);
  set.memory.leave(0);
  for (let at = 30; at < 500; at += 7) set.judge.examine(at * MS);
  set.memory.begin(0, 503 * MS, 503 * MS);
  set.memory.end(0, 504 * MS);
  set.judge.examine(505 * MS);
  assertEquals(set.court.take(), []);
  assertEquals(set.judge.examine(513 * MS), 514 * MS + 1);
  set.judge.examine(514 * MS + 1);
  assertEquals(set.court.take(), ["miss late-start 2 due 514 broke"]);
});

Deno.test("CycleJudge: two runs that nobody looked at between are not one with a hole", () => {
  const set = setUp();
  run(set, 1, 3);
  set.memory.leave(0);
  set.memory.begin(0, 503 * MS, 503 * MS);
  set.memory.end(0, 504 * MS);
  set.judge.examine(505 * MS);
  assertEquals(set.court.take(), []);
  assertEquals(set.judge.tally.kept, 3);
});

Deno.test("CycleJudge: passes that were overwritten are nobody's fault", () => {
  const set = setUp({}, 8);
  run(set, 1, 3);
  for (let slot = 3; slot < 40; slot++) {
    set.memory.begin(0, slot * 10 * MS, slot * 10 * MS);
    set.memory.end(0, slot * 10 * MS + MS);
  }
  set.judge.examine(392 * MS);
  assertEquals(set.court.take(), []);
  assertEquals(set.judge.tally, { kept: 8, missed: 0, warned: 0, broken: 0 });
});

Deno.test("CycleJudge: what is excused is not counted, and judged again from there", () => {
  const set = setUp();
  run(set, 1, 3);
  set.court.excused = true;
  let dueNs = set.judge.examine(25 * MS);
  while (dueNs < 200 * MS) dueNs = set.judge.examine(dueNs);
  set.court.excused = false;
  assertEquals(set.judge.tally.missed, 0);
  set.judge.examine(dueNs);
  assertEquals(set.judge.tally.missed, 1);
});

Deno.test("CycleJudge: a program that keeps no pace may begin a little early", () => {
  const set = setUp({ latenessNs: 3 * MS });
  // The first begins 2 ms after its time, the next at theirs.
  for (const atMs of [12, 20, 30, 41, 50]) {
    set.memory.begin(0, atMs * MS);
    set.memory.end(0, (atMs + 1) * MS);
    set.judge.examine((atMs + 1) * MS);
  }
  assertEquals(set.court.take(), []);
  assertEquals(set.judge.tally.kept, 5);
});

/** Whole passes, looked at once for each. */
function runWhole(set: ReturnType<typeof setUp>, from: number, to: number, aheadNs = 0): void {
  for (let slot = from; slot < to; slot++) {
    const dueNs = slot * 10 * MS + aheadNs;
    set.memory.begin(0, dueNs + 1000, dueNs);
    set.memory.end(0, dueNs + MS);
    set.judge.examine(dueNs + 2 * MS);
  }
}

Deno.test("CycleJudge: whole passes are counted and timed, however many were gathered", () => {
  for (const passes of [1, 15, 16, 17, 18, 40]) {
    const set = setUp();
    runWhole(set, 1, 1 + passes);
    assertEquals(set.judge.tally.kept, passes);
    assertEquals(set.judge.startLateness.figures().count, passes);
    assertEquals(set.judge.passTimes.figures().maxNs, MS - 1000);
    set.judge.arm(0);
    assertEquals(set.judge.tally.kept, passes);
  }
});

Deno.test("CycleJudge: it recovers at the very pass that it recovers by, seen whole", () => {
  const set = setUp({ recoverAfter: 3 });
  runWhole(set, 1, 10);
  set.judge.examine(101 * MS + 1);
  assertEquals(set.court.take(), ["miss late-start 10 due 101 broke"]);
  runWhole(set, 11, 30);
  assertEquals(set.court.recoveries, [132 * MS]);
  assertEquals(set.judge.tally, { kept: 28, missed: 1, warned: 0, broken: 1 });
});

Deno.test("CycleJudge: a run that follows at once has due times of its own, seen whole", () => {
  const set = setUp();
  runWhole(set, 1, 10);
  set.memory.leave(0);
  // Half a millisecond after the old run's due time: it would be in time there, too.
  runWhole(set, 10, 11, MS / 2);
  assertEquals(set.judge.examine(103 * MS), 110 * MS + MS / 2 + MS + 1);
  assertEquals(set.court.take(), []);
});
