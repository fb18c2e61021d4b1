import { assertEquals } from "@std/assert";
import { StreamPace } from "../../../../src/child/mailbox/stream_pace.ts";

/** What it says to looks that found so many. */
function looks(pace: StreamPace, gained: readonly number[]): boolean[] {
  return gained.map((count) => pace.followsClosely(count));
}

Deno.test("StreamPace rests at the eighth look in a row that found few, and begins to count again", () => {
  const few = [1, 2, 3, 1, 1, 1, 1];
  const not = few.map(() => false);
  const pace = new StreamPace();
  assertEquals(looks(pace, [...few, 3]), [...not, true]);
  assertEquals(looks(pace, [...few, 1]), [...not, true]);
});

Deno.test("StreamPace does not rest when a look found many, or nothing, in between", () => {
  const few = [1, 1, 1, 1, 1, 1, 1];
  const not = few.map(() => false);
  const pace = new StreamPace();
  assertEquals(looks(pace, [...few, 4, ...few]), [...not, false, ...not]);
  pace.ranDry(20);
  assertEquals(looks(pace, few), not);
});

Deno.test("StreamPace.ranDry() says whether eight came since the last time", () => {
  const pace = new StreamPace();
  assertEquals([8, 15, 23, 24, 1000].map((next) => pace.ranDry(next)), [
    true,
    false,
    true,
    false,
    true,
  ]);
});
