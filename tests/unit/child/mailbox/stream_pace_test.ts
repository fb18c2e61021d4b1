import { assertEquals } from "@std/assert";
import { StreamPace } from "../../../../src/child/mailbox/stream_pace.ts";

/** What it says to looks that found so many. */
function looks(pace: StreamPace, gained: readonly number[]): boolean[] {
  return gained.map((count) => pace.followsClosely(count));
}

const FEW = [1, 2, 3, 15, 1, 1, 1, 1];
const NOT = FEW.map(() => false);

Deno.test("StreamPace rests before each look behind one that found few, after the first eight", () => {
  const pace = new StreamPace(1024);
  assertEquals(looks(pace, [...FEW, 3, 16, 15, 100, 1]), [...NOT, true, false, true, false, true]);
});

Deno.test("StreamPace takes a quarter of few slots for many", () => {
  const pace = new StreamPace(8);
  assertEquals(looks(pace, [...FEW.map(() => 1), 1, 2, 1]), [...NOT, true, false, true]);
});

Deno.test("StreamPace begins anew when a look found nothing", () => {
  const pace = new StreamPace(1024);
  looks(pace, FEW);
  pace.ranDry(20);
  assertEquals(looks(pace, [...FEW, 1]), [...NOT, true]);
});

Deno.test("StreamPace.ranDry() says whether eight came since the last time", () => {
  const pace = new StreamPace(1024);
  assertEquals([8, 15, 23, 24, 1000].map((next) => pace.ranDry(next)), [
    true,
    false,
    true,
    false,
    true,
  ]);
});
