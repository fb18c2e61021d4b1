import { assertEquals } from "@std/assert";
import type { PassStamps } from "../../../../src/control/deadline_report.ts";
import { BEGUN, ENDED, PULSE_EPOCH, writePulse } from "../../../../src/deadline/pulse_layout.ts";
import { EarlierStamps } from "../../../../src/driver/monitor/earlier_stamps.ts";
import { readStamps } from "../../../../src/driver/monitor/stamps.ts";
import type { Plan } from "../../../../src/plan/plan.ts";
import { cycleLine, PulseMemory, stepsLine } from "../../../support/pulse_memory.ts";
import { cycle, MS, steps } from "../../deadline/support.ts";

const RING = 8;
/** CLOCK_MONOTONIC at the clock's zero. */
const ORIGIN_NS = 1_000 * MS;

/** One process with a cycle and steps, instance after instance. */
class Rig {
  readonly memory = new PulseMemory([
    cycleLine("sample", 10 * MS, RING),
    stepsLine("boot", ["open", "read", "close"], RING),
  ]);
  readonly #plan = {
    processes: [{ name: "sampler", system: false }],
    contracts: [cycle(), steps({ line: 1 })],
  } as unknown as Plan;
  readonly #earlier = new EarlierStamps(this.#plan, { all: () => new Map([[0, this.memory]]) });

  constructor() {
    // As it is before the first instance.
    this.memory.views.words[PULSE_EPOCH] = 0;
  }

  spawn(instance: number, atMs: number): void {
    this.#earlier.ended(0, ORIGIN_NS + atMs * MS);
    writePulse(this.memory.buffer, this.memory.lines, instance);
  }

  ended(atMs: number): void {
    this.#earlier.ended(0, ORIGIN_NS + atMs * MS);
  }

  pass(startMs: number, endMs: number | null = startMs + 1): void {
    this.memory.begin(0, ORIGIN_NS + startMs * MS, ORIGIN_NS + startMs * MS);
    if (endMs !== null) this.memory.end(0, ORIGIN_NS + endMs * MS);
  }

  step(step: number, atMs: number): void {
    this.memory.step(1, step, ORIGIN_NS + atMs * MS);
  }

  read(nowMs: number, seconds = 3600) {
    const { processes } = readStamps({
      plan: this.#plan,
      memories: { memoryOf: () => this.memory },
      earlier: this.#earlier,
      events: [],
      originNs: ORIGIN_NS,
      nowNs: nowMs * MS,
      seconds,
    });
    return { passes: processes[0]!.cycles[0]!.passes, passed: processes[0]!.steps[0]!.passed };
  }

  starts(nowMs: number): number[] {
    return this.read(nowMs).passes.map(([startMs]) => startMs);
  }
}

Deno.test("EarlierStamps keeps the passes and steps of an instance when the memory is the next one's", () => {
  const rig = new Rig();
  rig.spawn(1, 0);
  rig.pass(10);
  rig.step(0, 11);
  rig.pass(20, null);
  const cut: PassStamps[] = [[10, 11, 10], [20, 25, 20, true]];
  rig.ended(25);
  assertEquals(rig.read(30), { passes: cut, passed: [[11, "open"]] });
  rig.spawn(2, 40);
  rig.step(1, 45);
  rig.pass(50);
  rig.pass(60, null);
  assertEquals(rig.read(70), {
    passes: [...cut, [50, 51, 50], [60, null, 60]],
    passed: [[11, "open"], [45, "read"]],
  });
});

Deno.test("EarlierStamps keeps what was stamped though nobody told it of the end before the spawn", () => {
  const rig = new Rig();
  rig.spawn(1, 0);
  rig.pass(10, null);
  rig.spawn(2, 15);
  assertEquals(rig.read(20).passes, [[10, 15, 10, true]]);
});

Deno.test("EarlierStamps tells of the end of an instance once, and of the time that it first heard", () => {
  const rig = new Rig();
  rig.spawn(1, 0);
  rig.pass(10, null);
  rig.ended(12);
  rig.ended(14);
  rig.spawn(2, 16);
  assertEquals(rig.read(20).passes, [[10, 12, 10, true]]);
});

Deno.test("EarlierStamps keeps as many records of a line as its ring, the newest, over all instances", () => {
  const rig = new Rig();
  for (let instance = 1; instance <= 5; instance++) {
    const atMs = instance * 100;
    rig.spawn(instance, atMs);
    for (let pass = 1; pass <= 4; pass++) rig.pass(atMs + pass * 10);
    rig.ended(atMs + 50);
  }
  // A ring of 8 shows 6: the newest is written while it is read.
  assertEquals(rig.starts(600), [430, 440, 510, 520, 530, 540]);
  // One instance that has overwritten its ring is all that is kept.
  rig.spawn(6, 600);
  for (let pass = 1; pass <= 11; pass++) rig.pass(600 + pass * 2);
  rig.ended(650);
  assertEquals(rig.starts(700), [612, 614, 616, 618, 620, 622]);
  // Instances that stamp nothing take nothing away.
  for (let instance = 7; instance <= 40; instance++) rig.spawn(instance, 660);
  assertEquals(rig.starts(700), [612, 614, 616, 618, 620, 622]);
});

Deno.test("readStamps() shows of earlier instances too only what ended within the time asked for", () => {
  const rig = new Rig();
  rig.spawn(1, 0);
  rig.pass(10);
  rig.pass(1990, null);
  rig.step(0, 15);
  rig.step(1, 2005);
  rig.spawn(2, 2010);
  assertEquals(rig.read(3000, 1), {
    passes: [[1990, 2010, 1990, true]],
    passed: [[2005, "read"]],
  });
});

Deno.test("EarlierStamps believes a program's counts no further than its ring goes", () => {
  const rig = new Rig();
  rig.spawn(1, 0);
  rig.pass(10);
  const { words } = rig.memory.views;
  const { word } = rig.memory.place(0);
  // Ended more than were begun; begun more than was ever written.
  words[word + ENDED] = 77;
  rig.ended(20);
  assertEquals(rig.read(30).passes, [[10, 11, 10]]);
  rig.spawn(2, 40);
  words[word + BEGUN] = -1;
  rig.ended(50);
  // What was never written is from before the start.
  assertEquals(rig.read(60).passes, []);
});
