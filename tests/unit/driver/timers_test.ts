import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { deadline } from "@std/async/deadline";
import type { TimerKey } from "../../../src/core/event.ts";
import { startClock } from "../../../src/driver/clock.ts";
import { Timers } from "../../../src/driver/timers.ts";

Deno.test("Timers fires once, never early, and forgets the key", async () => {
  const { nowNs } = startClock();
  const fired = Promise.withResolvers<TimerKey>();
  let count = 0;
  const timers = new Timers(nowNs, (timer) => {
    count++;
    fired.resolve(timer);
  });
  const dueNs = nowNs() + 5e6;
  timers.set({ process: 3, kind: "stop" }, dueNs);
  assertEquals(await deadline(fired.promise, 5000), { process: 3, kind: "stop" });
  assert(nowNs() >= dueNs);
  await delay(10);
  assertEquals(count, 1);
});

Deno.test("Timers moves a timer that is set again, and clears one that is not wanted", async () => {
  const { nowNs } = startClock();
  const fired: string[] = [];
  const last = Promise.withResolvers<void>();
  const timers = new Timers(nowNs, ({ process, kind }) => {
    fired.push(`${process}/${kind}`);
    if (process === 2) last.resolve();
  });
  timers.set({ process: 0, kind: "ready" }, nowNs() + 1e6);
  timers.set({ process: 0, kind: "ready" }, nowNs() + 8e6);
  timers.set({ process: 1, kind: "ready" }, nowNs() + 2e6);
  timers.clear({ process: 1, kind: "ready" });
  timers.set({ process: 2, kind: "ready" }, nowNs() + 20e6);
  await deadline(last.promise, 5000);
  assertEquals(fired, ["0/ready", "2/ready"]);
});
