/** What is done for each sign, pass and step leaves nothing for the garbage collector. */
import { assert, assertThrows } from "@std/assert";
import { cycleLine, HEARTBEAT, stepsLine } from "../../support/pulse_memory.ts";
import { PulseBench } from "../../support/pulse_program.ts";

/** In each slice: one number on the heap for each would be 24 KB, and seldom a collection. */
const TIMES = 2_000;
/** A collection makes those that it falls into worthless, and what is not compiled yet the first. */
const SLICES = 401;
/** One number in twenty times would be more. */
const ALLOWED_BYTES = 1_000;

/** The middle one of many slices: half of them were no better. */
function assertStill(slices: readonly number[]): void {
  const middle = slices.toSorted((a, b) => a - b)[slices.length >> 1]!;
  assert(middle < ALLOWED_BYTES, `the heap grew by ${middle} bytes in ${TIMES} times`);
}

/** The text of a function that takes what is called, and gives the growth of the heap in each slice. */
const SLICED = `(call) => Array.from({ length: ${SLICES} }, () => {
  const before = Deno.memoryUsage().heapUsed;
  for (let left = ${TIMES}; left > 0; left--) call();
  return Deno.memoryUsage().heapUsed - before;
})`;

Deno.test("assertStill() finds what allocates, and nothing else", async () => {
  using bench = new PulseBench([HEARTBEAT]);
  const { text } = await bench.run(
    "heartbeat",
    `const sliced = ${SLICED};
     const cell = new Float64Array(1);
     let kept = null;
     const calls = [() => { kept = { next: cell[0] }; }, () => { cell[0] += 1.5; }];
     for (const call of calls) sliced(call);
     console.log(JSON.stringify(calls.map(sliced)));`,
  );
  const [one, none] = JSON.parse(text);
  assertThrows(() => assertStill(one), Error, "the heap grew by");
  assertStill(none);
});

Deno.test("heartbeat(), cycle() and checkpoints() allocate nothing", async () => {
  using bench = new PulseBench([HEARTBEAT, cycleLine("sample", 1), stepsLine("boot", ["a", "b"])]);
  const { text } = await bench.run(
    "checkpoints, cycle, heartbeat",
    `const sliced = ${SLICED};
     const [sample, boot] = [cycle("sample"), checkpoints("boot")];
     const passes = sample[Symbol.iterator]();
     const calls = [() => heartbeat(), () => passes.next(), () => boot.at("b")];
     for (const call of calls) sliced(call);
     console.log(JSON.stringify(calls.map(sliced)));`,
  );
  for (const slices of JSON.parse(text)) assertStill(slices);
});
