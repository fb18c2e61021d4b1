/** Memory that is full of lies: no exception, no endless loop, and nobody else's contract suffers. */
import { assert, assertEquals } from "@std/assert";
import { CycleJudge } from "../../../src/deadline/cycle_judge.ts";
import {
  BEGUN,
  ENDED,
  FIRST,
  pulseBytes,
  readPulse,
  writePulse,
} from "../../../src/deadline/pulse_layout.ts";
import { CycleSource, PulseSigns, StepSource } from "../../../src/deadline/pulse_source.ts";
import { SilenceJudge } from "../../../src/deadline/silence_judge.ts";
import { StepsJudge } from "../../../src/deadline/steps_judge.ts";
import { Watch } from "../../../src/deadline/watch.ts";
import { Random } from "../../simulation/random.ts";
import { cycleLine, HEARTBEAT, PulseMemory, stepsLine } from "../../support/pulse_memory.ts";
import { cycle, heartbeat, MS, steps } from "./support.ts";

const LINES = [HEARTBEAT, cycleLine("sample", 10 * MS, 8), stepsLine("boot", ["a", "b", "c"], 8)];

function randomDouble(random: Random, nowNs: number): number {
  return random.pick([
    NaN,
    Infinity,
    -Infinity,
    -1,
    0,
    5e-324,
    Number.MAX_VALUE,
    nowNs,
    nowNs + 1e15,
    nowNs - random.integer(0, 100) * MS,
    random.fraction() * 3,
  ]);
}

Deno.test("judges of memory that is full of lies do nothing but judge it, for 300 seeds", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const memory = new PulseMemory(LINES);
    const honest = new PulseMemory([HEARTBEAT]);
    const blamed: number[] = [];
    const watch = new Watch(4, {
      tell: ({ contract, kind, dueNs, latenessNs, count }) => {
        blamed.push(contract);
        assert([dueNs, latenessNs, count].every(Number.isFinite), `${kind} ${dueNs} ${latenessNs}`);
      },
      recovered: () => {},
      absent: () => {},
      isExcused: () => false,
      starvedNs: () => 0,
    });
    const { views } = memory;
    const { court } = watch;
    watch.add(new SilenceJudge(0, heartbeat(), new PulseSigns(views, memory.place(0)), court));
    watch.add(new CycleJudge(1, cycle(), new CycleSource(views, memory.place(1)), court));
    watch.add(new StepsJudge(2, steps(), new StepSource(views, memory.place(2)), court));
    const source = new PulseSigns(honest.views, honest.place(0));
    watch.add(new SilenceJudge(3, heartbeat(), source, court));
    for (let contract = 0; contract < 4; contract++) watch.arm(contract, MS);
    for (let nowNs = 2 * MS; nowNs < 300 * MS; nowNs += random.integer(1, 10) * MS) {
      honest.sign(0, nowNs);
      for (let lies = random.integer(0, 30); lies > 0; lies--) {
        if (random.chance(0.5)) {
          const at = random.integer(0, views.doubles.length - 1);
          views.doubles[at] = randomDouble(random, nowNs);
        } else {
          const { word } = memory.place(random.integer(0, 2));
          const lie = random.pick([0, 1, -1, 2 ** 31 - 1, -(2 ** 31), random.integer(0, 100)]);
          views.words[word + random.pick([BEGUN, ENDED, FIRST])] = lie;
        }
      }
      const before = watch.looks;
      watch.run(nowNs);
      assert(watch.looks - before <= 12, `seed ${seed}: ${watch.looks - before} looks`);
      assert(watch.wakeNs > nowNs, `seed ${seed}: it wakes at ${watch.wakeNs}`);
    }
    assertEquals(blamed.includes(3), false, `seed ${seed}`);
  }
});

Deno.test("readPulse() refuses what is no such memory, whatever the bytes, for 3000 seeds", () => {
  let refused = 0;
  for (let seed = 1; seed <= 3000; seed++) {
    const random = new Random(seed);
    const buffer = new ArrayBuffer(pulseBytes(LINES));
    writePulse(buffer, LINES, 1);
    const words = new Uint32Array(buffer);
    for (let lies = random.integer(1, 4); lies > 0; lies--) {
      words[random.integer(0, 120)] = random.pick([
        0,
        1,
        7,
        0xffff_ffff,
        random.integer(0, 2 ** 32 - 1),
      ]);
    }
    try {
      for (const { place, ring } of readPulse(buffer)) {
        assert((place.ringDouble + ring * 4) * 8 <= buffer.byteLength);
        assert(place.word * 4 + 64 <= buffer.byteLength);
      }
    } catch (error) {
      assert(error instanceof TypeError, `seed ${seed}: ${error}`);
      refused++;
    }
  }
  assert(refused > 1000, `${refused} refused`);
});
