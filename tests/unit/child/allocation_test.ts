/** What is done for each sign, pass and step leaves nothing for the garbage collector. */
import { assert, assertThrows } from "@std/assert";
import { cycleLine, HEARTBEAT, stepsLine } from "../../support/pulse_memory.ts";
import { PulseBench } from "../../support/pulse_program.ts";

/** Times that each is done: one number on the heap for each would be 4.8 MB, and some collections. */
const TIMES = 400_000;
/** Other things come and go: of some attempts one has to show that the heap stays as it is. */
const ATTEMPTS = 6;
const ALLOWED_BYTES = 20_000;

/** After a collection the heap is smaller than before, which proves nothing. */
function assertStill(attempts: readonly number[]): void {
  const isStill = attempts.some((bytes) => bytes >= 0 && bytes < ALLOWED_BYTES);
  assert(isStill, `the heap grew by ${attempts.join(", ")} bytes in ${TIMES} times`);
}

Deno.test("assertStill() finds what allocates", () => {
  let kept: unknown = null;
  const attempts = Array.from({ length: ATTEMPTS }, () => {
    const before = Deno.memoryUsage().heapUsed;
    for (let left = TIMES; left > 0; left--) kept = { left };
    return Deno.memoryUsage().heapUsed - before;
  });
  assertThrows(() => assertStill(attempts), Error, "the heap grew by");
  assert(kept !== null);
});

Deno.test("heartbeat(), cycle() and checkpoints() allocate nothing", async () => {
  using bench = new PulseBench([HEARTBEAT, cycleLine("sample", 1), stepsLine("boot", ["a", "b"])]);
  const { text } = await bench.run(
    "checkpoints, cycle, heartbeat",
    `const [sample, boot] = [cycle("sample"), checkpoints("boot")];
     const passes = sample[Symbol.iterator]();
     const calls = [() => heartbeat(), () => passes.next(), () => boot.at("b")];
     const used = (call) => {
       const before = Deno.memoryUsage().heapUsed;
       for (let left = ${TIMES}; left > 0; left--) call();
       return Deno.memoryUsage().heapUsed - before;
     };
     for (const call of calls) used(call);
     console.log(JSON.stringify(calls.map((call) => Array.from({ length: ${ATTEMPTS} }, () => used(call)))));`,
  );
  for (const attempts of JSON.parse(text)) assertStill(attempts);
});
