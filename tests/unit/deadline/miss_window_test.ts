/** (m,k) at each boundary, by hand and against a list of all outcomes. */
import { assertEquals } from "@std/assert";
import { MissWindow } from "../../../src/deadline/miss_window.ts";
import { Random } from "../../simulation/random.ts";
import { breaches } from "../../simulation/deadlines/reference.ts";

/** `.` kept, `x` missed. @returns where it broke and recovered, from 0 */
function play(window: MissWindow, outcomes: string) {
  const changes: string[] = [];
  [...outcomes].forEach((outcome, at) => {
    const change = outcome === "x" ? window.miss(1) : window.keep(1);
    if (change !== "none") changes.push(`${change} ${at}`);
  });
  return changes;
}

Deno.test("MissWindow breaks at the miss beyond m in k, and at none before", () => {
  const window = () => new MissWindow({ misses: 2, window: 5 }, 2);
  assertEquals(play(window(), "xx...xx...xx..."), []);
  assertEquals(play(window(), "xx..x"), ["broke 4"]);
  assertEquals(play(window(), "xx...x"), []);
  assertEquals(play(window(), "xxx"), ["broke 2"]);
  assertEquals(play(new MissWindow({ misses: 0, window: 1 }, 1), ".x.x"), [
    "broke 1",
    "recovered 2",
    "broke 3",
  ]);
});

Deno.test("MissWindow breaks once until so many in a row were kept, and then counts anew", () => {
  const window = new MissWindow({ misses: 1, window: 4 }, 3);
  assertEquals(play(window, "xxxx..x..x...x..xx"), ["broke 1", "recovered 12", "broke 16"]);
});

Deno.test("MissWindow.restart() forgets misses, and leaves broken what is broken until it is kept", () => {
  const window = new MissWindow({ misses: 1, window: 4 }, 3);
  window.miss(1);
  window.restart();
  assertEquals([window.broken, window.missed, window.miss(1)], [false, 0, "none"]);
  assertEquals(window.miss(1), "broke");
  window.restart();
  assertEquals([window.broken, window.missed], [true, 0]);
  // A miss that is tolerated mends nothing; three in a row do, before that or after.
  assertEquals(play(window, "..x..."), ["recovered 5"]);
  assertEquals(window.broken, false);
  assertEquals(play(window, "xx"), ["broke 1"]);
});

Deno.test("MissWindow.restart() lets what is broken break anew, once, and by later misses alone", () => {
  const window = new MissWindow({ misses: 1, window: 4 }, 3);
  assertEquals(play(window, "xxx"), ["broke 1"]);
  window.restart();
  assertEquals(play(window, "xxx..."), ["broke 1", "recovered 5"]);
  play(window, "xx");
  window.restart();
  window.restart();
  assertEquals(play(window, "..."), ["recovered 2"]);
});

Deno.test("MissWindow takes many at once as one after the other, for 2000 seeds", () => {
  for (let seed = 1; seed <= 2000; seed++) {
    const random = new Random(seed);
    const k = random.pick([1, 2, 31, 32, 33, 64, 1024]);
    const tolerate = { misses: random.integer(0, k - 1), window: k };
    const recoverAfter = random.integer(1, 40);
    const single = new MissWindow(tolerate, recoverAfter);
    const bulk = new MissWindow(tolerate, recoverAfter);
    const outcomes: { missed: boolean; decidedNs: number }[] = [];
    let broke = 0;
    for (let batch = random.integer(1, 40); batch > 0; batch--) {
      const missed = random.chance(0.5);
      const count = random.pick([0, 1, 2, k, k + 1]);
      for (let left = count; left > 0; left--) {
        outcomes.push({ missed, decidedNs: 0 });
        if ((missed ? single.miss(1) : single.keep(1)) === "broke") broke++;
      }
      if (missed) bulk.miss(count);
      // What is kept beyond a recovery leaves nothing behind, in one step or in many.
      else bulk.keep(count);
      assertEquals([bulk.broken, bulk.missed], [single.broken, single.missed], `seed ${seed}`);
    }
    assertEquals(breaches(outcomes, tolerate, recoverAfter).broke.length, broke, `seed ${seed}`);
  }
});
