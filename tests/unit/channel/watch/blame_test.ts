// Who is to blame, in wirings drawn by hand and in simulated crews whose truth is known.
import { assert, assertEquals } from "@std/assert";
import {
  type Blame,
  type Condition,
  findBlame,
  type Standing,
} from "../../../../src/channel/watch/blame.ts";
import type { Flow } from "../../../../src/channel/watch/flow.ts";
import {
  type FlowMemory,
  holdsUp,
  observe,
  standsForMs,
} from "../../../../src/channel/watch/observe.ts";
import { Random } from "../../../simulation/random.ts";

const FLOW: Omit<Flow, "from" | "to"> = {
  channel: 0,
  name: "c",
  kind: "pipe",
  side: null,
  relayed: null,
  isRated: false,
};
const pipe = (from: number | number[], to: number | number[]): Flow => ({
  ...FLOW,
  from: [from].flat(),
  to: [to].flat(),
});

function standing(
  flows: readonly Flow[],
  full: readonly number[],
  conditions: Readonly<Record<number, Exclude<Condition, "rated">>> = {},
): Standing {
  return {
    flows,
    holdsUp: (flow) => full.includes(flow),
    conditionOf: (process) => conditions[process] ?? "running",
  };
}

const blamed = (blame: Blame) =>
  blame.kind === "culprits"
    ? blame.culprits.map(({ process, condition }) => `${process} ${condition}`)
    : `cycle ${blame.processes.join(" ")}`;

const LINE = [pipe(0, 1), pipe(1, 2), pipe(2, 3), pipe(3, 4)];

Deno.test("findBlame() follows a line of full pipes to the first that is not", () => {
  const blame = findBlame(standing(LINE, [0, 1]), 0);
  assertEquals(blame, {
    kind: "culprits",
    culprits: [{ process: 2, condition: "running", through: [0, 1] }],
  });
  assertEquals(blamed(findBlame(standing(LINE, [0, 1, 2, 3]), 0)), ["4 running"]);
  assertEquals(blamed(findBlame(standing(LINE, []), 0)), ["1 running"]);
});

Deno.test("findBlame() stops at one that cannot run, whatever holds it up", () => {
  for (const condition of ["suspended", "restarting", "down"] as const) {
    assertEquals(blamed(findBlame(standing(LINE, [0, 1, 2, 3], { 1: condition }), 0)), [
      `1 ${condition}`,
    ]);
  }
});

Deno.test("findBlame() takes the blocked branch of a fan-out, and both where both are", () => {
  const fan = [pipe(0, 1), pipe(1, 2), pipe(1, 3)];
  assertEquals(blamed(findBlame(standing(fan, [0, 2]), 0)), ["3 running"]);
  assertEquals(blamed(findBlame(standing(fan, [0, 1, 2]), 0)), ["2 running", "3 running"]);
});

Deno.test("findBlame() names each replica that shares the work", () => {
  const shared = [pipe(0, [1, 2]), pipe([1, 2], 3)];
  assertEquals(blamed(findBlame(standing(shared, [0]), 0)), ["1 running", "2 running"]);
  assertEquals(blamed(findBlame(standing(shared, [0, 1]), 0)), ["3 running"]);
});

Deno.test("findBlame() names a cycle of those who wait for each other", () => {
  const ring = [pipe(0, 1), pipe(1, 2), pipe(2, 1)];
  assertEquals(blamed(findBlame(standing(ring, [0, 1, 2]), 0)), "cycle 2 1");
  assertEquals(blamed(findBlame(standing([pipe(0, 0)], [0]), 0)), "cycle 0");
  // One within the cycle waits for somebody outside of it.
  const exit = [...ring, pipe(2, 3)];
  assertEquals(blamed(findBlame(standing(exit, [0, 1, 2, 3]), 0)), ["3 running"]);
});

/** Two relayed pipes that 9 moves: 0 → {1, 2}, and 1 → 3. */
function relayed(isRated = false): Flow[] {
  const leg = (kind: "in-leg" | "out-leg", index: number, from: number, to: number): Flow => ({
    ...FLOW,
    kind,
    relayed: index,
    from: [from],
    to: [to],
    isRated,
  });
  return [
    leg("in-leg", 0, 0, 9),
    leg("out-leg", 0, 9, 1),
    leg("out-leg", 0, 9, 2),
    leg("in-leg", 1, 1, 9),
    leg("out-leg", 1, 9, 3),
  ];
}

Deno.test("findBlame() goes through a relayed pipe, and into no other that @relay moves", () => {
  assertEquals(blamed(findBlame(standing(relayed(), [0, 2, 4]), 0)), ["2 running"]);
  assertEquals(blamed(findBlame(standing(relayed(), [0, 1, 3, 4]), 0)), ["3 running"]);
  assertEquals(blamed(findBlame(standing(relayed(), [4]), 1)), ["1 running"]);
});

Deno.test("findBlame() names @relay where it does not run, or nobody holds it up", () => {
  assertEquals(blamed(findBlame(standing(relayed(), [0, 1], { 9: "restarting" }), 0)), [
    "9 restarting",
  ]);
  assertEquals(blamed(findBlame(standing(relayed(), [0]), 0)), ["9 running"]);
});

Deno.test("findBlame() names one that waits because it sends faster than it may", () => {
  const flows = [...relayed(true), pipe(5, 0)];
  assertEquals(blamed(findBlame(standing(flows, [0, 5]), 5)), ["0 rated"]);
  assertEquals(blamed(findBlame(standing(flows, [0, 2, 5]), 5)), ["2 running"]);
});

/**
 * A crew in simulated time. Each process works at most once a tick, if it is not slow: when
 * every flow that it writes to has room, it takes one from each that it reads from and has
 * something, and puts one into each of its outputs. A slow one works every so many ticks, or
 * never.
 */
class World {
  readonly flows: Flow[];
  readonly fills: number[];
  readonly memories: (FlowMemory | null)[];
  readonly #periods: readonly number[];
  readonly #capacity: number;
  #tick = 0;

  constructor(flows: Flow[], periods: readonly number[], capacity: number) {
    this.flows = flows;
    this.fills = flows.map(() => 0);
    this.memories = flows.map(() => null);
    this.#periods = periods;
    this.#capacity = capacity;
  }

  /** Who works in which order is drawn anew for each tick; then everything is looked at. */
  tick(random: Random): void {
    this.#tick++;
    const taken = this.flows.map(() => false);
    const order = this.#periods.map((_, process) => ({ process, key: random.fraction() }))
      .sort((a, b) => a.key - b.key);
    for (const { process } of order) this.#work(process, taken);
    this.flows.forEach((_, flow) => {
      const fill = this.fills[flow]!;
      this.memories[flow] = observe(this.memories[flow] ?? null, {
        atMs: this.#tick,
        fill,
        capacity: this.#capacity,
        waits: fill > 0,
        blocks: fill >= this.#capacity,
        taken: taken[flow]!,
        counted: null,
      });
    });
  }

  #work(process: number, taken: boolean[]): void {
    if (this.#tick % this.#periods[process]! !== 0) return;
    const of = (side: "from" | "to") =>
      this.flows.flatMap((flow, index) => flow[side].includes(process) ? [index] : []);
    const outputs = of("from");
    const inputs = of("to");
    if (outputs.some((flow) => this.fills[flow]! >= this.#capacity)) return;
    const ready = inputs.filter((flow) => this.fills[flow]! > 0);
    if (inputs.length > 0 && ready.length === 0) return;
    for (const flow of ready) {
      this.fills[flow]!--;
      taken[flow] = true;
    }
    for (const flow of outputs) this.fills[flow]!++;
  }
}

/** Edges go from a lower to a higher number: no cycle. Everybody but 0 reads from somebody. */
function drawFlows(count: number, random: Random): Flow[] {
  const flows: Flow[] = [];
  for (let to = 1; to < count; to++) {
    const sources = new Set([random.integer(0, to - 1)]);
    if (random.chance(0.3)) sources.add(random.integer(0, to - 1));
    for (const from of sources) flows.push(pipe(from, to));
  }
  return flows;
}

const STALL_TICKS = 40;

for (const slowest of ["at rest", "slow"] as const) {
  Deno.test(`findBlame() names those who are slow and no victim of theirs, in 400 crews with some ${slowest}`, () => {
    let stalls = 0;
    let long = 0;
    for (let seed = 1; seed <= 400; seed++) {
      const random = new Random(seed);
      const count = random.integer(3, 10);
      const slow = new Set([random.integer(0, count - 1)]);
      if (random.chance(0.3)) slow.add(random.integer(0, count - 1));
      const period = slowest === "at rest" ? Infinity : STALL_TICKS * 2;
      const periods = Array.from({ length: count }, (_, p) => slow.has(p) ? period : 1);
      const world = new World(drawFlows(count, random), periods, random.integer(1, 6));
      const ticks = STALL_TICKS * random.integer(20, 21) + random.integer(0, STALL_TICKS);
      for (let tick = 0; tick < ticks; tick++) world.tick(random);
      const state = standing(world.flows, []);
      const known: Standing = { ...state, holdsUp: (flow) => holdsUp(world.memories[flow]!) };
      world.flows.forEach((_, flow) => {
        if (standsForMs(world.memories[flow]!) < STALL_TICKS) return;
        stalls++;
        const blame = findBlame(known, flow);
        assert(blame.kind === "culprits", `seed ${seed}: no cycle was drawn`);
        for (const { process, through } of blame.culprits) {
          const text = `seed ${seed}: flow ${flow}, slow ${[...slow]}, named ${process}`;
          assert(slow.has(process), text);
          if (through.length > 2) long++;
          assertEquals(through[0], flow, text);
          assert(world.flows[through.at(-1)!]!.to.includes(process), text);
        }
      });
    }
    // The property is not true for want of stalls.
    assert(stalls > 200 && long > 20, `${stalls} stalls, ${long} of them by way of two victims`);
  });
}

Deno.test("findBlame() names five in a row by the third, which the simulation has slowed down", () => {
  const random = new Random(7);
  const world = new World(LINE.slice(), [1, 1, 100, 1, 1], 4);
  for (let tick = 0; tick < 990; tick++) world.tick(random);
  const memories = world.memories.map((memory) => memory!);
  const known = { ...standing(LINE, []), holdsUp: (flow: number) => holdsUp(memories[flow]!) };
  assertEquals(blamed(findBlame(known, 0)), ["2 running"]);
  assertEquals(blamed(findBlame(known, 1)), ["2 running"]);
  assertEquals(memories.map(standsForMs).map((ms) => ms >= STALL_TICKS), [
    true,
    true,
    false,
    false,
  ]);
});
