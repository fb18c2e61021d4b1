/** What is taken in without a judge comes to what the judge would have found. */
import { assertEquals } from "@std/assert";
import { CycleJudge } from "../../../src/deadline/cycle_judge.ts";
import { KeptPasses, Pulse } from "../../../src/deadline/kept_passes.ts";
import * as layout from "../../../src/deadline/pulse_layout.ts";
import { CycleSource, RECORD_DOUBLES } from "../../../src/deadline/pulse_source.ts";
import { Watch } from "../../../src/deadline/watch.ts";
import { Random } from "../../simulation/random.ts";
import { cycleLine, PulseMemory } from "../../support/pulse_memory.ts";
import { cycle, MS, Scribe } from "./support.ts";

const PERIOD_NS = 10 * MS;
const PLAN = cycle({ periodNs: PERIOD_NS, budgetNs: 4 * MS, latenessNs: 1 * MS, warnNs: 3 * MS });

/** A judge in a watch of several, and one like it by itself, over the same memory. */
function setUp() {
  const memory = new PulseMemory([cycleLine("sample", PERIOD_NS, 64)]);
  const source = () => new CycleSource(memory.views, memory.place(0));
  const [told, toldAlone] = [new Scribe(), new Scribe()];
  const watch = new Watch(3, {
    tell: (verdict) => told.tell({ ...verdict, contract: 0 }),
    recovered: (contract, nowNs) => told.recovered(contract, nowNs),
    absent: () => {},
    isExcused: () => false,
    starvedNs: () => 0,
  }, { restNs: Infinity, absentNs: Infinity });
  const judge = new CycleJudge(2, PLAN, source(), watch.court);
  watch.add(judge);
  const alone = new CycleJudge(0, PLAN, source(), toldAlone);
  return { memory, watch, judge, alone, told, toldAlone };
}

Deno.test("Watch.run() finds of a cycle what its judge finds by itself, with 200 seeds", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed);
    const { memory, watch, judge, alone, told, toldAlone } = setUp();
    watch.arm(2, 0);
    alone.arm(0);
    const look = (nowNs: number) => {
      const before = watch.looks;
      watch.run(nowNs);
      if (watch.looks > before) alone.examine(nowNs);
    };
    const faults = random.pick([0, 0.02, 0.2]);
    let dueNs = PERIOD_NS;
    for (let pass = 0; pass < 300; pass++, dueNs += PERIOD_NS) {
      const lateNs = random.chance(faults) ? random.integer(0, 12 * MS) : random.integer(0, MS / 2);
      const tookNs = random.chance(faults) ? random.integer(0, 9 * MS) : random.integer(0, 2 * MS);
      const startNs = dueNs + lateNs;
      memory.begin(0, startNs, dueNs);
      if (random.chance(0.3)) look(startNs + tookNs / 2);
      memory.end(0, startNs + tookNs);
      if (random.chance(0.9)) look(startNs + tookNs + random.integer(1, MS));
      while (dueNs + PERIOD_NS < startNs + tookNs) dueNs += PERIOD_NS;
    }
    assertEquals(told.take(), toldAlone.take(), `seed ${seed}`);
    assertEquals(judge.tally, alone.tally, `seed ${seed}`);
    assertEquals(judge.startLateness.toJSON(), alone.startLateness.toJSON(), `seed ${seed}`);
    assertEquals(judge.passTimes.toJSON(), alone.passTimes.toJSON(), `seed ${seed}`);
  }
});

Deno.test("KeptPasses.take() takes nothing that is not plain, and no more than it has room for", () => {
  const { memory, watch, judge } = setUp();
  watch.arm(2, 0);
  for (let pass = 1; pass <= 500; pass++) {
    memory.begin(0, pass * PERIOD_NS, pass * PERIOD_NS);
    memory.end(0, pass * PERIOD_NS + MS);
    watch.run(pass * PERIOD_NS + 2 * MS);
  }
  assertEquals(judge.tally, { kept: 500, missed: 0, warned: 0, broken: 0 });
  assertEquals(judge.passTimes.count, 500);
  assertEquals(new KeptPasses(3).take(2), false);
});

Deno.test("KeptPasses knows lines and records as pulse_layout.ts lays them out", () => {
  assertEquals([Pulse.begun, Pulse.ended, Pulse.first], [
    layout.BEGUN,
    layout.ENDED,
    layout.FIRST,
  ]);
  assertEquals(
    [Pulse.recordStart, Pulse.recordEnd, Pulse.recordDue, Pulse.recordFirst, Pulse.recordDoubles],
    [
      layout.RECORD_START,
      layout.RECORD_END,
      layout.RECORD_DUE,
      layout.RECORD_FIRST,
      RECORD_DOUBLES,
    ],
  );
});
