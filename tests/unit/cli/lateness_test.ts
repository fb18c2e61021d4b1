/** How late this machine is, measured and summed up. */
import { assert, assertEquals } from "@std/assert";
import { describe } from "../../../src/cli/diagnose_time.ts";
import { latenessOf, MEASURE_MS, wakeUpLateness } from "../../../src/cli/lateness.ts";
import { readRights } from "../../../src/plan/probe/rights.ts";

const CAP_SYS_NICE = 23;

Deno.test("latenessOf() finds the middle, the hundredth from above and the worst", () => {
  const hundred = Array.from({ length: 100 }, (_, at) => 99 - at);
  assertEquals(latenessOf(hundred), { count: 100, p50Ns: 50, p99Ns: 99, maxNs: 99 });
  assertEquals(latenessOf([7]), { count: 1, p50Ns: 7, p99Ns: 7, maxNs: 7 });
  const thousand = Array.from({ length: 1000 }, (_, at) => at * 1e4);
  assertEquals(
    describe(latenessOf(thousand)),
    "5.00 ms p50, 9.90 ms p99, 9.99 ms at most (1000 times)",
  );
});

Deno.test("wakeUpLateness() measures under both policies, and sets its own back", () => {
  const own = wakeUpLateness("own");
  assert(typeof own !== "string");
  assert(own.count > 0 && own.count <= MEASURE_MS);
  assert(own.p50Ns <= own.p99Ns && own.p99Ns <= own.maxNs);
  const fifo = wakeUpLateness("fifo");
  const may = readRights(Deno.readTextFileSync).capabilities.includes(CAP_SYS_NICE);
  assertEquals(typeof fifo === "string" ? fifo : "measured", may ? "measured" : "EPERM");
  const stat = Deno.readTextFileSync("/proc/self/stat");
  // proc_pid_stat(5): field 41 is the policy.
  assertEquals(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[41 - 3], "0");
});
