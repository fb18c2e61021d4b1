/** Spans, and samples at their delivery: each limit at max and at max + 1. */
import { assertEquals } from "@std/assert";
import { DeliveryJudge } from "../../../src/deadline/delivery_judge.ts";
import { SpanJudge } from "../../../src/deadline/span_judge.ts";
import { BASE, MS, Scribe, SetDeliveries, span } from "./support.ts";

Deno.test("SpanJudge: what is completed at its limit is kept, one nanosecond later it was told", () => {
  const court = new Scribe();
  const judge = new SpanJudge(0, span({ warnNs: 50 * MS }), court);
  assertEquals(judge.arm(MS), 51 * MS + 1);
  assertEquals(judge.examine(51 * MS + 1), 101 * MS + 1);
  judge.complete(101 * MS);
  assertEquals(court.take(), ["warn too-long 0 due 51"]);
  judge.arm(200 * MS);
  assertEquals(judge.examine(300 * MS + 1), Infinity);
  judge.complete(301 * MS);
  assertEquals(court.take(), ["miss too-long 0 due 300 broke"]);
  assertEquals(judge.tally, { kept: 1, missed: 1, warned: 1, broken: 1 });
});

Deno.test("SpanJudge: one that ends late before anybody looked is missed, with its time", () => {
  const court = new Scribe();
  const judge = new SpanJudge(0, span(), court);
  judge.arm(0);
  judge.complete(100 * MS + 1);
  assertEquals(court.take(), ["miss too-long 0 due 100 at 100.000001 broke"]);
  judge.complete(101 * MS);
  assertEquals(judge.tally.missed, 1);
});

Deno.test("SpanJudge: more time moves the limit, and never back", () => {
  const court = new Scribe();
  const judge = new SpanJudge(0, span(), court);
  judge.arm(0);
  assertEquals(judge.extend(150 * MS), 150 * MS + 1);
  assertEquals(judge.extend(20 * MS), 150 * MS + 1);
  judge.examine(150 * MS);
  assertEquals(court.take(), []);
  judge.disarm();
  assertEquals(judge.examine(200 * MS), Infinity);
});

Deno.test("SpanJudge: more time moves the warning as well", () => {
  const court = new Scribe();
  const judge = new SpanJudge(0, span({ warnNs: 60 * MS }), court);
  judge.arm(0);
  assertEquals(judge.extend(150 * MS), 110 * MS + 1);
  judge.examine(110 * MS);
  assertEquals(court.take(), []);
  judge.examine(110 * MS + 1);
  judge.examine(150 * MS + 1);
  assertEquals(court.take(), ["warn too-long 0 due 110", "miss too-long 0 due 150 broke"]);
});

Deno.test("SpanJudge: what is excused begins anew", () => {
  const court = new Scribe();
  const judge = new SpanJudge(0, span(), court);
  judge.arm(0);
  court.excused = true;
  assertEquals(judge.examine(101 * MS), 201 * MS + 1);
  court.excused = false;
  judge.examine(201 * MS + 1);
  assertEquals(court.take(), ["miss too-long 0 due 201 broke"]);
});

function delivery(warnNs = 0) {
  const [court, source] = [new Scribe(), new SetDeliveries()];
  const plan = {
    ...BASE,
    kind: "latency",
    channel: 0,
    consumer: 0,
    warnNs,
    missNs: 10 * MS,
  } as const;
  const judge = new DeliveryJudge(0, plan, source, court);
  judge.arm(MS);
  return { court, source, judge };
}

Deno.test("DeliveryJudge: a sample that waits is late from one nanosecond after its limit, once", () => {
  const { court, source, judge } = delivery(6 * MS);
  Object.assign(source, { waitingNs: 2 * MS, waitingAt: 1, newestAt: 1 });
  assertEquals(judge.examine(3 * MS), 8 * MS + 1);
  assertEquals(judge.examine(8 * MS + 1), 12 * MS + 1);
  judge.examine(12 * MS);
  assertEquals(court.take(), ["warn late-sample 0 due 8"]);
  judge.examine(12 * MS + 1);
  assertEquals(court.take(), ["miss late-sample 0 due 12 broke"]);
  judge.examine(13 * MS);
  // It is delivered after all, counted as late by who delivered it, and told of no second time.
  Object.assign(source, { delivered: 1, late: 1, lastNs: 14 * MS, waitingNs: 0, settledAt: 1 });
  judge.examine(15 * MS);
  assertEquals(court.take(), []);
  assertEquals(judge.tally, { kept: 0, missed: 1, warned: 1, broken: 1 });
});

Deno.test("DeliveryJudge: late deliveries that nobody saw waiting are each counted", () => {
  const { court, source, judge } = delivery();
  Object.assign(source, { delivered: 10, late: 3, lastNs: 20 * MS });
  judge.examine(21 * MS);
  assertEquals(court.verdicts.map(({ count, broke }) => [count, broke]), [[3, true]]);
  assertEquals(judge.tally, { kept: 7, missed: 3, warned: 0, broken: 1 });
});

Deno.test("DeliveryJudge: a late delivery is as late as the last one's stamp says", () => {
  const { court, source, judge } = delivery();
  Object.assign(source, { delivered: 1, late: 1, lastNs: 40 * MS, lastStampNs: 15 * MS });
  judge.examine(41 * MS);
  // The last was in time: how late the one before it was is not known any more.
  Object.assign(source, { delivered: 3, late: 2, lastNs: 50 * MS, lastStampNs: 45 * MS });
  judge.examine(51 * MS);
  assertEquals(court.verdicts.map(({ latenessNs }) => latenessNs), [15 * MS, 0]);
  const { count, maxNs, minNs } = judge.ages.figures();
  assertEquals([count, maxNs >= 25 * MS, minNs <= 5 * MS], [2, true, true]);
});

Deno.test("DeliveryJudge: counters that go back, or are none, count nothing", () => {
  const { court, source, judge } = delivery();
  for (const wrong of [-1, NaN, Infinity, -Infinity]) {
    Object.assign(source, { delivered: wrong, late: wrong, lastNs: wrong, waitingNs: wrong });
    judge.examine(2 * MS);
  }
  assertEquals(court.take(), []);
  assertEquals(judge.tally, { kept: 0, missed: 0, warned: 0, broken: 0 });
});
