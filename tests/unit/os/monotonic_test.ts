import { assert } from "@std/assert";
import { monotonicMs } from "../../../src/os/monotonic.ts";

Deno.test("monotonicMs() is the clock that the uptime of the machine is told by", () => {
  const before = monotonicMs();
  // CLOCK_BOOTTIME, which differs by the time that the machine was suspended: never less.
  const uptimeMs = Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]) * 1000;
  assert(before > 0 && before <= uptimeMs + 20, `${before} of ${uptimeMs}`);
});

Deno.test("monotonicMs() never goes back, and tells less than a millisecond apart", () => {
  let last = monotonicMs();
  let fractions = 0;
  for (let count = 0; count < 10_000; count++) {
    const now = monotonicMs();
    assert(now >= last);
    if (now % 1 !== 0) fractions++;
    last = now;
  }
  assert(fractions > 9_000);
});
