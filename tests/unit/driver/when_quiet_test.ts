import { assertEquals } from "@std/assert";
import { whenQuiet } from "../../../src/driver/when_quiet.ts";

Deno.test("whenQuiet() acts once, as soon as the count has stood still", async () => {
  // Asked at the start and at the end of each wait: busy, busy, quiet.
  const counts = [0, 5, 5, 9, 9, 9];
  const acted = Promise.withResolvers<number>();
  let acts = 0;
  whenQuiet(() => counts.shift()!, () => {
    acts++;
    acted.resolve(counts.length);
  }, { quietMs: 1 });
  assertEquals(await acted.promise, 0);
  await new Promise((resolve) => setTimeout(resolve, 10));
  assertEquals(acts, 1);
});
