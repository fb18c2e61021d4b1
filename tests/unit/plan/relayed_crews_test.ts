/** Random crews of relayed pipes: every leg is where the plan says, for all of them. Seeded. */
import { assert, assertEquals } from "@std/assert";
import type { ProcessConfig } from "../../../src/config/config.ts";
import { validateConfig } from "../../../src/config/validate.ts";
import { compile } from "../../../src/plan/compile.ts";
import { formatGraph } from "../../../src/plan/graph_format.ts";
import type { LegPlan, Plan } from "../../../src/plan/plan.ts";
import { type RandomSource, randomSource } from "../config/random.ts";
import { commandProcess, machine } from "./fixtures.ts";

const CREWS = 1000;
const NAMES = ["a", "b", "c", "d", "e"];

Deno.test(`compile() puts every leg in its place, for ${CREWS} random crews`, () => {
  let compiled = 0;
  for (let seed = 1; seed <= CREWS; seed++) {
    const random = randomSource(seed);
    const raw = randomCrew(random);
    const result = validateConfig(raw);
    if (result.kind === "invalid") continue;
    const extra = Object.values(result.config.processes).some(({ profiles }) => profiles);
    const facts = machine({
      profiles: extra && random.chance(0.5) ? ["extra"] : [],
      pipeBytesMax: random.pick([null, 1 << 20]),
    });
    const compilation = compile(result.config, facts);
    if (compilation.kind === "refused") continue;
    compiled++;
    try {
      assertLegs(compilation.plan);
    } catch (error) {
      throw new Error(`seed ${seed}: ${JSON.stringify(raw)}`, { cause: error });
    }
  }
  assert(compiled >= CREWS / 3, `only ${compiled} compiled`);
});

function randomCrew(random: RandomSource): unknown {
  const processes = Object.fromEntries(NAMES.map((name): [string, ProcessConfig] => [
    name,
    commandProcess({
      ...random.chance(0.2) ? { profiles: ["extra"] } : {},
      ...random.chance(0.2) ? { replicas: 1 + random.below(3) } : {},
    }),
  ]));
  let ports = 0;
  const endpoint = (name: string) => `${name}.p${ports++}`;
  const channel = () => {
    const first = random.below(NAMES.length);
    const names = [...NAMES.slice(first), ...NAMES.slice(0, first)];
    const producers = 1 + random.below(3);
    return {
      kind: "pipe",
      framing: random.pick(["lines", "ndjson", "frames"]),
      from: names.slice(0, producers).map(endpoint),
      to: names.slice(producers, producers + 1 + random.below(2)).map((name) =>
        random.chance(0.5)
          ? endpoint(name)
          : { port: endpoint(name), overflow: random.pick(["block", "drop-oldest"]) }
      ),
      ...random.chance(0.5) ? { maxMessage: random.pick(["1B", "1MiB", "256MiB"]) } : {},
      ...random.chance(0.3) ? { rate: { messages: 0.5 + random.below(100) } } : {},
    };
  };
  const channels = Array.from({ length: 1 + random.below(4) }, (_, at) => [`k${at}`, channel()]);
  return { name: "crew", processes, channels: Object.fromEntries(channels) };
}

/** What the supervisor and `@relay` rely on. */
function assertLegs(plan: Plan): void {
  const legs = plan.channels.flatMap((leg, at) => leg.kind === "leg" ? [{ leg, at }] : []);
  assertEquals(legs.map(({ leg }) => leg.slot), legs.map((_, at) => at));
  for (const [index, relayed] of plan.relayed.entries()) {
    const own = legs.filter(({ leg }) => leg.relayed === index);
    const of = (direction: LegPlan["direction"]) =>
      own.filter(({ leg }) => leg.direction === direction).map(({ at }) => at);
    assertEquals([relayed.inLegs, relayed.outLegs], [of("in"), of("out")]);
    assert(relayed.inLegs.length > 0 && relayed.outLegs.length > 0, "a side is empty");
    assert(own.every(({ leg }) => leg.name === relayed.name));
  }
  if (legs.length > 0) assertEquals(plan.processes[1]!.name, "@relay");
  for (const { leg, at } of legs) {
    const [own, relays] = leg.direction === "in" ? [leg.from, leg.to] : [leg.to, leg.from];
    assertEquals([relays.processes, relays.fd], [[1], -1]);
    assertEquals(own.processes.length, 1);
    assertEquals(leg.queue === null, leg.direction === "in");
    const held = plan.processes[own.processes[0]!]!.descriptors.find(({ fd }) => fd === own.fd);
    assertEquals(held, {
      fd: own.fd,
      kind: "channel",
      channel: at,
      end: leg.direction === "in" ? "write" : "read",
    });
  }
  for (const format of ["text", "mermaid", "dot", "json"] as const) {
    assert(!/undefined|NaN|@relay/.test(formatGraph(plan, format)), `a leak in ${format}`);
  }
}
