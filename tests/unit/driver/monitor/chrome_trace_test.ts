import { assert, assertEquals } from "@std/assert";
import type { StampsReport } from "../../../../src/control/deadline_report.ts";
import { chromeTrace } from "../../../../src/driver/monitor/chrome_trace.ts";
import { within } from "../../../../src/driver/monitor/flight_recorder.ts";

const REPORT: StampsReport = {
  fromMs: 0,
  toMs: 100,
  processes: [{
    process: "sampler",
    cycles: [{
      cycle: "sample",
      periodMs: 20,
      budgetMs: 5,
      passes: [[0.5, 2.5, 0], [20.25, 27, 20], [30, 31, 30, true], [40, null, null]],
    }],
    steps: [{ steps: "boot", passed: [[1, "open"], [2, "close"]] }],
    marks: [{ atMs: 25, kind: "miss", text: "sampler.cycle.sample missed" }],
  }],
};

Deno.test("chromeTrace() is what the Trace Event Format asks for, event by event", () => {
  const { traceEvents, displayTimeUnit } = chromeTrace(REPORT, { contract: "x" });
  assertEquals(displayTimeUnit, "ms");
  for (const event of traceEvents) {
    assert(typeof event.name === "string" && event.name !== "");
    assert(Number.isInteger(event.pid) && Number.isInteger(event.tid));
    assert(Number.isInteger(event.ts) && event.ts >= 0);
    switch (event.ph) {
      case "X":
        assert(Number.isInteger(event.dur) && event.dur! >= 0);
        break;
      case "i":
        assert(["t", "p", "g"].includes(event.s!));
        break;
      case "M":
        assert(["process_name", "thread_name"].includes(event.name));
        assert(typeof event.args?.["name"] === "string");
    }
  }
  // Every thread that has events has a name.
  const named = new Set(
    traceEvents.filter(({ name }) => name === "thread_name").map(({ tid }) => tid),
  );
  for (const { ph, tid } of traceEvents) assert(ph === "M" || named.has(tid));
});

Deno.test("chromeTrace() tells of each pass how long it took, how late it began, and whether it ended", () => {
  const passes = chromeTrace(REPORT).traceEvents.filter(({ ph }) => ph === "X");
  assertEquals(passes.map(({ ts, dur, args }) => [ts, dur, args]), [
    [500, 2000, { ended: true, overBudget: false, lateMs: 0.5 }],
    [20250, 6750, { ended: true, overBudget: true, lateMs: 0.25 }],
    [30000, 1000, { ended: false, overBudget: false, lateMs: 0 }],
    [40000, 60000, { ended: false, overBudget: true }],
  ]);
});

Deno.test("within() keeps the newest of each line, so that a file has its size", () => {
  const passes = Array.from({ length: 5000 }, (_, n) => [n, n + 0.5, n] as const);
  const [process] = REPORT.processes;
  const report = {
    ...REPORT,
    processes: [{ ...process!, cycles: [{ ...process!.cycles[0]!, passes }] }],
  };
  const cut = within(report, 100_000);
  const kept = cut.processes[0]!.cycles[0]!.passes;
  assert(kept.length > 100 && kept.length < 1000);
  assertEquals(kept.at(-1), passes.at(-1));
  assert(JSON.stringify(chromeTrace(cut)).length <= 100_000);
});
