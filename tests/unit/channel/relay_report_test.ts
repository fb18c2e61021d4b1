import { assertEquals } from "@std/assert";
import { parseReport } from "../../../src/channel/relay/relay_report.ts";

const BOUNDS = { newestPipe: 7, slots: 3 };

Deno.test("parseReport() takes each kind of report and nothing more than belongs to it", () => {
  const leg = { slot: 2, instance: 1 };
  const dropped = { kind: "dropped", ...leg, reason: "rate", messages: 1 };
  for (
    const report of [
      { kind: "inputDone", pipe: 1 },
      { kind: "outputDone", pipe: 7 },
      { kind: "outputFinished", pipe: 3 },
      { kind: "inputCut", ...leg, pipe: 2, why: "oversized" },
      { kind: "outputTorn", ...leg, pipe: 2 },
      { ...dropped, detail: null },
      { ...dropped, detail: "x".repeat(200) },
    ]
  ) {
    assertEquals(parseReport(JSON.stringify(report), BOUNDS) as unknown, report);
    assertEquals(parseReport(JSON.stringify({ ...report, more: 1 }), BOUNDS) as unknown, report);
  }
});

Deno.test("parseReport() refuses what is no report, and what speaks of what there is not", () => {
  const leg = { slot: 2, instance: 1 };
  const dropped = { kind: "dropped", ...leg, reason: "rate", messages: 1, detail: null };
  for (
    const report of [
      "",
      "{",
      "null",
      "7",
      "[]",
      "{}",
      { kind: "toString" },
      { kind: "inputDone" },
      { kind: "inputDone", pipe: 0 },
      { kind: "inputDone", pipe: 8 },
      { kind: "inputDone", pipe: "1" },
      { kind: "inputDone", pipe: 1.5 },
      { kind: "outputFinished", pipe: -1 },
      { kind: "inputCut", ...leg, pipe: 2, why: "boredom" },
      { kind: "inputCut", ...leg, slot: 3, pipe: 2, why: "rate" },
      { kind: "outputTorn", pipe: 2 },
      { kind: "outputTorn", ...leg, instance: null, pipe: 2 },
      { ...dropped, reason: "constructor" },
      { ...dropped, messages: 0 },
      { ...dropped, messages: 1e300 },
      { ...dropped, detail: 7 },
      { ...dropped, detail: "x".repeat(201) },
      { ...dropped, detail: undefined },
    ]
  ) {
    const text = typeof report === "string" ? report : JSON.stringify(report);
    assertEquals(parseReport(text, BOUNDS), null, text);
  }
});
