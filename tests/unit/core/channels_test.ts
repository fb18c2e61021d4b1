/** When the ends of a channel are let go of, and when they are made anew. */
import { assertEquals } from "@std/assert";
import { Crew, crewPlan, EXIT_0, pipePlan, processPlan } from "./support.ts";

const once = { ...processPlan("p").restart, policy: "temporary" as const };

/** Two producers, one consumer, all one-shots, and one that keeps the crew up. */
function pipeline(): Crew {
  return new Crew(crewPlan([
    processPlan("left", { restart: once }),
    processPlan("right", { restart: once }),
    processPlan("sink", { restart: once }),
    processPlan("keeper"),
  ], { channels: [pipePlan("c", [0, 1], [2])] })).boot().spawnedAll();
}

function channelEffects(crew: Crew): string[] {
  return crew.effects.map(({ kind }) => kind).filter((kind) =>
    kind === "endProducer" || kind === "endConsumer" || kind === "reopenChannel"
  );
}

Deno.test("step() ends a channel's producers once, when the last has finally ended", () => {
  const crew = pipeline().exits(0, EXIT_0);
  assertEquals(channelEffects(crew), []);
  assertEquals(channelEffects(crew.exits(1)), ["endProducer"]);
  assertEquals(channelEffects(crew.exits(2)), ["endConsumer"]);
});

Deno.test("step() does not end a channel for a producer that is only stopped", () => {
  const crew = pipeline().exits(0, EXIT_0);
  crew.stop(1);
  assertEquals(channelEffects(crew.exits(1)), []);
});

Deno.test("step() reopens a channel before its producer starts again", () => {
  const crew = pipeline().exits(0, EXIT_0).exits(1, EXIT_0);
  crew.start(0);
  const order = crew.effects.map(({ kind }) => kind)
    .filter((kind) => kind === "reopenChannel" || kind === "spawn");
  assertEquals(order, ["reopenChannel", "spawn"]);
  assertEquals(channelEffects(crew.spawned(0).exits(0, EXIT_0)), ["endProducer"]);
});

Deno.test("step() lets go again of the other end that a reopening made anew", () => {
  const crew = pipeline().exits(0, EXIT_0).exits(1, EXIT_0).exits(2, EXIT_0);
  crew.start(2);
  assertEquals(channelEffects(crew), ["reopenChannel", "endProducer"]);
});

Deno.test("step() does not reopen a channel of which nothing was let go", () => {
  const crew = pipeline().exits(0, EXIT_0);
  crew.start(0);
  assertEquals(channelEffects(crew), []);
});
