/** The vitals pipeline's pure parts: baseline, rules, schedule and words. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Baseline } from "../../../examples/vitals/baseline.ts";
import {
  CPU_SAMPLES,
  Detector,
  RULES,
  WARM_UP_SAMPLES,
} from "../../../examples/vitals/detector_rules.ts";
import type { Alert, Judged, Sample } from "../../../examples/vitals/sample.ts";
import { parseJudged, parseSample } from "../../../examples/vitals/sample.ts";
import { nextDue } from "../../../examples/vitals/schedule.ts";
import { formatAlert, formatVitals } from "../../../examples/vitals/vitals_line.ts";

/** Numerical Recipes' linear congruential generator: the same numbers in every run. */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const lowerMedian = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[(values.length - 1) >> 1]!;

Deno.test("Baseline.median() and sigma() agree with sorting the window anew at every push", () => {
  for (const windowSize of [1, 2, 3, 10, 37]) {
    const random = numbers(windowSize);
    const baseline = new Baseline(windowSize);
    const all: number[] = [];
    for (let i = 0; i < 300; i++) {
      // Few distinct values, so that ties are met as well.
      all.push(Math.floor(random() * 20) - 10);
      baseline.push(all.at(-1)!);
      const window = all.slice(-windowSize);
      const median = lowerMedian(window);
      assertEquals(baseline.count, window.length);
      assertEquals(baseline.median(), median);
      const distance = lowerMedian(window.map((value) => Math.abs(value - median)));
      assertEquals(baseline.sigma(), 1.4826 * distance);
    }
  }
});

Deno.test("Baseline is not moved by a minority of wild values", () => {
  const baseline = new Baseline(100);
  for (let i = 0; i < 100; i++) baseline.push(i % 10 < 4 ? 1e9 : 5 + (i % 3) / 10);
  assert(baseline.median() < 6);
  assertThrows(() => baseline.push(NaN), RangeError);
  assertThrows(() => new Baseline(0), RangeError);
});

Deno.test("Baseline of nothing is 0", () => {
  assertEquals([new Baseline(3).median(), new Baseline(3).sigma()], [0, 0]);
});

function sampleAt(seq: number, changes: Partial<Sample> = {}): Sample {
  return {
    at: "2026-01-01T00:00:00.000Z",
    seq,
    lateMs: 0.1,
    skipped: 0,
    load: 1,
    memoryTotalBytes: 1000,
    memoryAvailableBytes: 500,
    cpuBusyMs: seq * 10,
    cpuTotalMs: seq * 40,
    ...changes,
  };
}

/** Feeds `count` samples and collects what was alerted. */
function feed(detector: Detector, from: number, count: number, changes?: Partial<Sample>) {
  const alerts: Alert[] = [];
  let last: Judged | null = null;
  for (let seq = from; seq < from + count; seq++) {
    last = detector.judge(sampleAt(seq, changes));
    alerts.push(...last.alerts);
  }
  return { alerts, last: last! };
}

Deno.test("Detector.judge() raises once when a metric leaves its range, and clears once", () => {
  const detector = new Detector();
  assertEquals(feed(detector, 0, WARM_UP_SAMPLES + 1).alerts, []);
  const low = { memoryAvailableBytes: 100 };
  const quiet = feed(detector, 200, RULES.memory.hold - 1, low);
  assertEquals(quiet.alerts, []);
  const raised = feed(detector, 300, 20, low);
  assertEquals(raised.alerts.map((a) => [a.metric, a.kind, a.value, a.usual]), [
    ["memory", "raised", 0.9, 0.5],
  ]);
  assertEquals(raised.last.unusual, ["memory"]);
  const cleared = feed(detector, 400, 20);
  assertEquals(cleared.alerts.map((a) => [a.metric, a.kind]), [["memory", "cleared"]]);
  assertEquals(cleared.last.unusual, []);
});

Deno.test("Detector.judge() says nothing before it has seen enough", () => {
  const detector = new Detector();
  assertEquals(feed(detector, 0, WARM_UP_SAMPLES / 2).alerts, []);
  assertEquals(feed(detector, 50, WARM_UP_SAMPLES / 2, { load: 1000 }).alerts, []);
});

Deno.test("Detector.judge() ignores a spike that is shorter than the rule's hold", () => {
  const detector = new Detector();
  feed(detector, 0, 200);
  assertEquals(feed(detector, 200, RULES.late.hold - 1, { lateMs: 500 }).alerts, []);
  assertEquals(feed(detector, 300, 10).alerts, []);
});

Deno.test("Detector.judge() takes the CPU share over the last second, counters alone", () => {
  const detector = new Detector();
  assertEquals(detector.judge(sampleAt(0)).cpu, 0);
  assertEquals(feed(detector, 1, 60).last.cpu, 0.25);
  // One second later nothing of the busy time before it counts any more.
  let cpu = 1;
  for (let i = 1; i <= CPU_SAMPLES; i++) {
    cpu = detector.judge(sampleAt(100, { cpuBusyMs: 600, cpuTotalMs: 2400 + i * 40 })).cpu;
  }
  assertEquals(cpu, 0);
  // A counter that went back (another machine's samples) is no share below 0.
  assertEquals(detector.judge(sampleAt(0)).cpu, 0);
});

Deno.test("nextDue() stays on multiples of the period and counts what it leaves out", () => {
  assertEquals(nextDue(0, 20, 3), { dueMs: 20, skipped: 0 });
  assertEquals(nextDue(20, 20, 40), { dueMs: 40, skipped: 0 });
  assertEquals(nextDue(20, 20, 40.5), { dueMs: 60, skipped: 1 });
  assertEquals(nextDue(20, 20, 1000), { dueMs: 1000, skipped: 48 });
});

Deno.test("parseSample() and parseJudged() name the field that is wrong", () => {
  assertEquals(parseSample(sampleAt(1)), sampleAt(1));
  assertThrows(() => parseSample({ ...sampleAt(1), load: "1" }), TypeError, "load");
  assertThrows(() => parseSample({ ...sampleAt(1), at: 5 }), TypeError, "at must");
  assertThrows(() => parseSample(null), TypeError, "object");
  assertThrows(() => parseJudged(sampleAt(1)), TypeError, "alerts");
});

Deno.test("formatVitals() and formatAlert() fit on a line and carry their units", () => {
  const sample = sampleAt(1, {
    memoryTotalBytes: 4 * 2 ** 30,
    memoryAvailableBytes: 3 * 2 ** 30,
  });
  const judged = { ...sample, cpu: 0.125, memory: 0.25, unusual: ["cpu" as const], alerts: [] };
  assertEquals(
    formatVitals(judged, [0, 0.5, 1]),
    "cpu  12.5% ▁▅█  mem 1.0/4.0 GiB  load 1.00  unusual: cpu",
  );
  assertEquals(
    formatVitals(judged, [1], 0.1234),
    "cpu  12.5% █  mem 1.0/4.0 GiB  load 1.00  age 0.12 ms  unusual: cpu",
  );
  const alert: Alert = { metric: "late", kind: "raised", value: 80, usual: 0.25, score: 79.8 };
  assertEquals(formatAlert(alert), "ALERT late 80.0 ms, usually 0.3 ms (79.8 sigma)");
  assertEquals(
    formatAlert({ ...alert, metric: "cpu", kind: "cleared", value: 0.1 }),
    "clear cpu 10.0%, usually 25.0% by now (79.8 sigma)",
  );
});
