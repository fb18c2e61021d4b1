/** How long it is looked again in turns of the event loop. */
import { assert, assertEquals } from "@std/assert";
import { Spinning } from "../../../../src/child/mailbox/spinning.ts";

/** A clock that goes on by `stepNs` with each look at it. */
function clock(stepNs: number): () => number {
  let now = 0;
  return () => now += stepNs;
}

/** Looks in vain once. @returns how many looks that was */
async function lookInVain(spinning: Spinning): Promise<number> {
  let looks = 0;
  assertEquals(await spinning.spinInTurns(() => (looks++, false)), false);
  return looks;
}

Deno.test("Spinning.spinInTurns() looks half as long after each time in vain, and twice as long after a success", async () => {
  const spinning = new Spinning("spin-then-park", clock(1_000), 16_000);
  const looks: number[] = [];
  for (let time = 0; time < 7; time++) looks.push(await lookInVain(spinning));
  assertEquals(looks, [17, 9, 5, 3, 2, 2, 2]);
  assertEquals(await spinning.spinInTurns(() => true), true);
  assertEquals(await lookInVain(spinning), 3);
});

Deno.test("Spinning.spinInTurns() does not look with park, and comes to an end with spin", async () => {
  assertEquals(await lookInVain(new Spinning("park", clock(1_000))), 0);
  assertEquals(await lookInVain(new Spinning("spin", clock(1_000), 4_000)), 5);
});

Deno.test("Spinning.spinInTurns() lets the program go on between two looks", async () => {
  const spinning = new Spinning("spin-then-park", clock(1), 1e9);
  let done = false;
  setTimeout(() => done = true, 5);
  assert(await spinning.spinInTurns(() => done));
});
