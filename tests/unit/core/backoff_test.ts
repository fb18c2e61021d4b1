/** The delays before restarts: the numbers, and what resets them. */
import { assert, assertEquals } from "@std/assert";
import { backoffNs, draw } from "../../../src/core/backoff.ts";
import { Crew, crewPlan, MS, processPlan, SECOND } from "./support.ts";

const BACKOFF = {
  initialNs: 100 * MS,
  factor: 2,
  maxNs: 5 * SECOND,
  jitter: 0,
  resetAfterNs: 10 * SECOND,
};

Deno.test("backoffNs() grows by the factor from initial to max", () => {
  const delays = [0, 1, 2, 3, 6, 7, 8, 5000].map((attempt) => backoffNs(BACKOFF, attempt, 0.5));
  assertEquals(delays, [0, 100, 200, 400, 3200, 5000, 5000, 5000].map((ms) => ms * MS));
});

Deno.test("backoffNs() of an initial 0 is 0, however far", () => {
  assertEquals(backoffNs({ ...BACKOFF, initialNs: 0 }, 5000, 0.5), 0);
});

Deno.test("backoffNs() spreads a delay over [1 - jitter, 1 + jitter]", () => {
  const jittery = { ...BACKOFF, jitter: 0.25 };
  assertEquals(backoffNs(jittery, 1, 0), 75 * MS);
  assertEquals(backoffNs(jittery, 1, 0.5), 100 * MS);
  assert(backoffNs(jittery, 1, 1 - 2 ** -32) <= 125 * MS);
  assert(Number.isSafeInteger(backoffNs(jittery, 3, 0.123456789)));
});

Deno.test("draw() is reproducible, within [0, 1), and evenly spread", () => {
  const tenths = new Array<number>(10).fill(0);
  let random = 42;
  for (let i = 0; i < 10_000; i++) {
    const next = draw(random);
    assertEquals(draw(random), next);
    random = next.random;
    assert(next.value >= 0 && next.value < 1);
    tenths[Math.floor(next.value * 10)]! += 1;
  }
  // 1000 expected in each tenth; six standard deviations are 180.
  for (const count of tenths) assert(count > 820 && count < 1180, `${tenths}`);
});

function delaysOf(crew: Crew, count: number): number[] {
  const delays: number[] = [];
  for (let i = 0; i < count; i++) {
    crew.exits(0);
    delays.push(crew.records("restart")[0]!.delayNs / MS);
    if (crew.status(0) === "backoff") crew.due(0, "backoff");
    crew.spawned(0);
  }
  return delays;
}

Deno.test("step() restarts at once after the first failure, then with growing delays", () => {
  const crew = new Crew(crewPlan([processPlan("a")])).boot().spawned(0);
  assertEquals(delaysOf(crew, 5), [0, 100, 200, 400, 800]);
});

Deno.test("step() resets the backoff after a run that was healthy for exactly resetAfter", () => {
  const crew = new Crew(crewPlan([processPlan("a")])).boot().spawned(0);
  assertEquals(delaysOf(crew, 3), [0, 100, 200]);
  crew.after(10 * SECOND - 1);
  assertEquals(delaysOf(crew, 1), [400]);
  crew.after(10 * SECOND);
  assertEquals(delaysOf(crew, 2), [0, 100]);
});

Deno.test("step() counts health from readiness, not from the spawn", () => {
  const ready = { by: "notify", withinNs: 0 } as const;
  const crew = new Crew(crewPlan([processPlan("a", { ready })])).boot().spawned(0);
  assertEquals(delaysOf(crew, 2), [0, 100]);
  crew.after(60 * SECOND);
  assertEquals(delaysOf(crew, 1), [200]);
  crew.after(60 * SECOND).ready(0).after(10 * SECOND - 1);
  assertEquals(delaysOf(crew, 1), [400]);
});

Deno.test("step() delays even the first restart of what could never be spawned", () => {
  const crew = new Crew(crewPlan([processPlan("a")])).boot().spawnFailed(0);
  assertEquals(crew.records("restart")[0]!.delayNs, 100 * MS);
  crew.due(0, "backoff").spawnFailed(0);
  assertEquals(crew.records("restart")[0]!.delayNs, 200 * MS);
});

Deno.test("step() retries at once what ran before and cannot be spawned again", () => {
  const crew = new Crew(crewPlan([processPlan("a")])).boot().spawned(0).after(20 * SECOND);
  crew.restart(0);
  crew.exits(0).spawnFailed(0);
  assertEquals(crew.records("restart")[0]!.delayNs, 0);
  crew.spawnFailed(0);
  assertEquals(crew.records("restart")[0]!.delayNs, 100 * MS);
});

Deno.test("step() starts at once what an operator starts in backoff, and counts anew", () => {
  const crew = new Crew(crewPlan([processPlan("a")])).boot().spawned(0).exits(0).spawned(0);
  crew.exits(0);
  assertEquals(crew.status(0), "backoff");
  assertEquals(crew.start(0), { kind: "accepted" });
  assertEquals(crew.spawns, [0]);
  crew.spawned(0);
  assertEquals(delaysOf(crew, 2), [0, 100]);
});

Deno.test("step() draws different jitter from different seeds, the same from the same", () => {
  const restart = { ...processPlan("a").restart, backoff: { ...BACKOFF, jitter: 0.5 } };
  const plan = crewPlan([processPlan("a", { restart })]);
  const delays = (seed: number) => delaysOf(new Crew(plan, seed).boot().spawned(0), 6).join();
  assertEquals(delays(1), delays(1));
  assert(delays(1) !== delays(2));
});
