/** The watch's rules that a small case shows. */
import { assertEquals } from "@std/assert";
import { PulseSigns } from "../../../src/deadline/pulse_source.ts";
import { SilenceJudge } from "../../../src/deadline/silence_judge.ts";
import type { Verdict } from "../../../src/deadline/verdict.ts";
import { type Absence, Watch } from "../../../src/deadline/watch.ts";
import { HEARTBEAT, PulseMemory } from "../../support/pulse_memory.ts";
import { heartbeat, MS } from "./support.ts";

function setUp(contracts: number, missNs = 30 * MS) {
  const verdicts: Verdict[] = [];
  const absences: Absence[] = [];
  const watch = new Watch(contracts, {
    tell: (verdict) => verdicts.push(verdict),
    recovered: () => {},
    absent: (absence) => absences.push(absence),
    isExcused: () => false,
    starvedNs: () => 0,
  });
  const memories = Array.from({ length: contracts }, (_, index) => {
    const memory = new PulseMemory([HEARTBEAT]);
    const source = new PulseSigns(memory.views, memory.place(0));
    watch.add(new SilenceJudge(index, heartbeat({ missNs }), source, watch.court));
    watch.arm(index, 0);
    return memory;
  });
  return { watch, memories, verdicts, absences };
}

function creepingSource() {
  const memory = new PulseMemory([HEARTBEAT]);
  return { views: memory.views, place: memory.place(0) };
}

Deno.test("Watch looks at nothing that is disarmed or suspended", () => {
  const { watch, verdicts } = setUp(3);
  watch.disarm(0, MS);
  watch.suspend(1, MS);
  assertEquals([watch.armed, watch.looks], [2, 0]);
  watch.run(30 * MS + 1);
  assertEquals(verdicts.map(({ contract }) => contract), [2]);
  watch.disarm(2, 31 * MS);
  assertEquals(watch.run(40 * MS), Infinity);
});

Deno.test("Watch settles ahead what is kept, and is woken by what is not", () => {
  const { watch, memories } = setUp(100);
  // Due at 30.000 ms and then every 10 µs; all but number 50 give a sign before.
  memories.forEach((memory, index) => {
    memory.sign(0, index * 10_000);
    watch.look(index, MS);
  });
  memories.forEach((memory, index) => index === 50 || memory.sign(0, 20 * MS + index));
  const before = watch.looks;
  assertEquals(watch.run(30 * MS + 1), 30 * MS + 500_000 + 1);
  assertEquals(watch.looks - before, 51);
  watch.run(30 * MS + 500_000 + 1);
  assertEquals(watch.looks - before, 101, "number 50 twice");
});

Deno.test("Watch looks ahead at 256 in a run, and at all that is due", () => {
  const { watch, memories } = setUp(1000);
  memories.forEach((memory, index) => {
    memory.sign(0, index * 1000);
    watch.look(index, MS);
  });
  memories.forEach((memory) => memory.sign(0, 20 * MS));
  const before = watch.looks;
  // Due are those up to number 500.
  const wakeNs = watch.run(30 * MS + 500_000 + 1);
  assertEquals(watch.looks - before, 501 + 256);
  assertEquals(wakeNs, 30 * MS + 757_000 + 1);
});

Deno.test("Watch does not go on looking ahead at one that moves on by a little each time", () => {
  let dueNs = 10 * MS;
  const watch = new Watch(1, {
    tell: () => {},
    recovered: () => {},
    absent: () => {},
    isExcused: () => false,
    starvedNs: () => 0,
  });
  class Creeping extends SilenceJudge {
    override examine(): number {
      return dueNs += 1000;
    }
  }
  const { views, place } = creepingSource();
  watch.add(new Creeping(0, heartbeat(), new PulseSigns(views, place), watch.court));
  watch.arm(0, 0);
  watch.look(0, 9 * MS);
  const before = watch.looks;
  watch.run(9 * MS);
  assertEquals(watch.looks - before, 1);
});

Deno.test("Watch knows that it was away from one nanosecond beyond the limit on", () => {
  for (const lateMs of [200, 201]) {
    const { watch, verdicts, absences } = setUp(1);
    const wakeNs = watch.run(MS);
    watch.run(wakeNs + lateMs * MS);
    assertEquals(verdicts.length, lateMs === 200 ? 1 : 0);
    const expected = { kind: "stopped", fromNs: wakeNs, toNs: wakeNs + 201 * MS, forNs: 201 * MS };
    assertEquals(absences, lateMs === 200 ? [] : [expected as Absence]);
  }
});

Deno.test("Watch sees the machine's sleep by the clock that goes on", () => {
  const { watch, verdicts, absences } = setUp(1);
  watch.run(MS, 5 * MS);
  watch.run(29 * MS, 29 * MS + 4 * MS + 3600_000 * MS);
  watch.run(31 * MS, 31 * MS + 4 * MS + 3600_000 * MS);
  assertEquals(verdicts, []);
  assertEquals(absences.map(({ kind, forNs }) => [kind, forNs]), [["suspended", 3600_000 * MS]]);
});

Deno.test("Watch takes 10,000 contracts", () => {
  const { watch, verdicts } = setUp(10_000);
  watch.run(30 * MS);
  assertEquals(verdicts, []);
  watch.run(30 * MS + 200_000);
  assertEquals(verdicts.length, 10_000);
});
