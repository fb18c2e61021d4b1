import { assert, assertEquals } from "@std/assert";
import { TokenBucket } from "../../../src/child/token_bucket.ts";

Deno.test("TokenBucket.take() lets a second's worth through at once, then one after the other", () => {
  const bucket = new TokenBucket(4, 1000);
  assertEquals([1, 2, 3, 4].map(() => bucket.take(1000)), [0, 0, 0, 0]);
  assertEquals([bucket.take(1000), bucket.take(1000)], [250, 500]);
  // Half a second later two have come, which those two have taken.
  assertEquals(bucket.take(1500), 250);
});

Deno.test("TokenBucket.take() saves up no more than a second's worth", () => {
  const bucket = new TokenBucket(2, 0);
  assertEquals([bucket.take(1e6), bucket.take(1e6)], [0, 0]);
  assertEquals(bucket.take(1e6), 500);
});

Deno.test("TokenBucket.take() keeps to the rate over many, however they come", () => {
  const bucket = new TokenBucket(100, 0);
  let lastMs = 0;
  for (let at = 0; at < 10_000; at++) lastMs = at + bucket.take(at);
  // 100 at once, then 9900 at 100 a second.
  assert(Math.abs(lastMs - 99_000) < 1, `${lastMs}`);
});
