/** What is printed and drawn of time contracts, without a crew. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { DeadlineEvent, MissEvidence } from "../../../src/audit/deadline_event.ts";
import { formatDeadline } from "../../../src/audit/format_deadline.ts";
import type { EventRecord } from "../../../src/audit/event_record.ts";
import { deadlineLines, ratesOf } from "../../../src/cli/deadline_table.ts";
import { timelineSvg } from "../../../src/cli/timeline_svg.ts";
import { whyLines } from "../../../src/cli/why_story.ts";
import type { DeadlineSnapshot } from "../../../src/control/deadline_report.ts";

const HEARTBEAT: DeadlineSnapshot = {
  process: "det",
  kind: "heartbeat",
  holds: true,
  kept: 1200,
  missed: 0,
  warned: 0,
  broken: 0,
  missedInWindow: 0,
  window: 1,
  tolerated: 0,
  limitMs: 100,
  worstLateMs: 0,
  lastMiss: null,
  count: 500,
  ageMs: 3.25,
  times: {},
};

Deno.test("deadlineLines() shows rate, age, worst lateness and misses of each contract", () => {
  const now = {
    "det.heartbeat": HEARTBEAT,
    "det.cycle.scan": {
      ...HEARTBEAT,
      kind: "cycle",
      holds: false,
      missed: 4,
      missedInWindow: 3,
      window: 10,
      worstLateMs: 0.125,
    },
  } as const;
  const before = { ...now, "det.heartbeat": { ...HEARTBEAT, count: 400 } };
  const rates = ratesOf(before, now, 2000);
  const lines = deadlineLines(now, { rates, color: false, columns: null });
  assertEquals(lines.length, 3);
  assertEquals(lines[1]!.split(/ {2,}/), [
    ...["det.heartbeat", "holds", "100 ms", "50", "3.3 ms", "-", "-", "-", "-", "0", "1,200"],
  ]);
  assertStringIncludes(lines[2]!, "broken");
  assertStringIncludes(lines[2]!, "4 (3 of 10)");
  assertStringIncludes(lines[2]!, "0.13 ms");
  assertEquals(deadlineLines({}, { rates, color: false, columns: null }), ["no time contracts"]);
  const narrow = deadlineLines(now, { rates, color: false, columns: 30 });
  assert(narrow.every((line) => line.length <= 30));
});

Deno.test("ratesOf() counts a new instance from its beginning", () => {
  const of = (count: number) => ({ x: { ...HEARTBEAT, count } });
  assertEquals(ratesOf(of(500), of(20), 1000).get("x"), 20);
});

const EVIDENCE: MissEvidence = {
  overMs: 1000,
  state: "S",
  ranMs: 3,
  waitedMs: 0.2,
  voluntarySwitches: 12,
  forcedSwitches: 0,
  minorFaults: 0,
  majorFaults: 0,
  call: "read",
  callOn: "readings",
  pressure: { cpu: 12, memory: 0, io: 0 },
  channels: [{
    channel: "readings",
    side: "reads",
    state: "empty",
    fill: 0,
    capacity: 65536,
    unit: "bytes",
    standsForMs: 0,
    other: ["sampler"],
  }],
};

const MISS: DeadlineEvent = {
  event: "deadline",
  contract: "det.heartbeat",
  process: "det",
  instance: 2,
  kind: "miss",
  reason: "silent",
  item: "",
  count: 1,
  limitMs: 100,
  allowedMs: 100,
  lateMs: 0.081,
  came: false,
  dueNs: 1e9,
  lastAgoMs: 100.081,
  noticedMs: 0.1,
  missed: 1,
  window: 1,
  tolerated: 0,
  broke: true,
  did: ["SIGABRT", "restart"],
  evidence: EVIDENCE,
};

Deno.test("formatDeadline() says of a warning what is allowed, and not only what it was warned at", () => {
  const of = (event: Partial<DeadlineEvent>) =>
    formatDeadline({ ...stamp(1000), ...MISS, kind: "warn", did: [], limitMs: 60, ...event });
  assertEquals(
    of({}),
    "det.heartbeat is near its limit: det#2 is silent for 60 ms, 100 ms are allowed",
  );
  assertEquals(
    of({ reason: "overrun", contract: "det.cycle.look" }),
    "det.cycle.look is near its limit: det#2 has been at it for 60 ms, its budget is 100 ms",
  );
});

let seq = 0;
const stamp = (ms: number) => ({
  seq: ++seq,
  monoNs: ms * 1e6,
  wall: new Date(Date.UTC(2026, 0, 1) + ms).toISOString(),
});

function story(evidence: Partial<MissEvidence>, miss: Partial<DeadlineEvent> = {}): string[] {
  const events: EventRecord[] = [
    { ...stamp(1000), ...MISS, ...miss, evidence: { ...EVIDENCE, ...evidence } },
    {
      ...stamp(1012),
      event: "exit",
      process: "det",
      instance: 2,
      pid: 7,
      reason: { kind: "signal", signal: "SIGTERM", coreDumped: false, cause: "deadline" },
      ranMs: 900,
    },
    { ...stamp(1020), event: "spawn", process: "det", instance: 3, pid: 8 },
  ];
  return whyLines(events, "det", "det");
}

Deno.test("whyLines() tells who, how late, what it waited for, what was done and what came of it", () => {
  const lines = story({});
  assert(lines.length <= 10, lines.join("\n"));
  const text = lines.join("\n");
  for (
    const part of [
      "det missed once; the last at 00:00:01.000",
      "det#2 is silent for 100 ms, 100 ms are allowed",
      "0.08 ms after it was due; the last thing that it did was 100 ms ago",
      "slept in read on readings; of the last 1.0 s it ran 3 ms and waited 0.2 ms for a CPU",
      "readings (reads, from sampler) is empty, 0 of 65536 bytes",
      "it waited in read for readings, from sampler",
      "SIGABRT, restart",
      "#2 ended 12 ms later: SIGTERM (missed its deadline); #3 started 20 ms after the miss",
    ]
  ) assertStringIncludes(text, part);
});

Deno.test("whyLines() finds the likeliest reason by what was seen", () => {
  const so = (...of: Parameters<typeof story>) =>
    story(...of).find((line) => line.startsWith("  so"))!.slice(12);
  const [reading] = EVIDENCE.channels;
  assertEquals(so({ state: "T" }), "it was stopped by a signal");
  const starved = "others had the CPU: it wanted to run and could not";
  assertEquals(so({ waitedMs: 400 }), starved);
  assertEquals(so({ overMs: null, ranMs: 50, waitedMs: 51 }), starved);
  assertStringIncludes(so({ overMs: null, ranMs: 50, waitedMs: 50 }), "it waited in read");
  assertEquals(
    so({ state: "R", call: null, callOn: null, ranMs: 990 }),
    "it was busy: it computed",
  );
  // It has begun to compute within the window, and goes on.
  const running = { state: "R", call: null, callOn: null, channels: [] };
  assertEquals(so({ ...running, ranMs: 70, waitedMs: 9 }), "it was busy: it computed");
  assertEquals(so({ ...running, ranMs: 29, waitedMs: 51 }), starved);
  assertStringIncludes(so({ state: "D" }), "it waited for a device");
  assertEquals(
    so({
      channels: [{ ...reading!, channel: "out", side: "writes", state: "full", other: ["rec"] }],
    }),
    "it waited for room in out, which rec does not drain",
  );
  // It sleeps there, though it waited for a CPU for longer than it ran before.
  assertEquals(
    so({
      ...{ call: "write", callOn: "out", overMs: null, ranMs: 48, waitedMs: 95 },
      channels: [{ ...reading!, channel: "out", side: "writes", state: "full", other: ["rec"] }],
    }),
    "it waited for room in out, which rec does not drain",
  );
  assertEquals(
    so({ call: "futex", callOn: null, channels: [] }),
    "it slept in futex, and nothing woke it",
  );
  // A start that takes too long has lived that long: most of it asleep.
  const start = { reason: "too-long", lastAgoMs: 700 };
  const young = { overMs: null, ranMs: 42, waitedMs: 78, callOn: null, channels: [] };
  assertEquals(so(young, start), "it slept in read, and nothing woke it");
  assertEquals(so({ ...young, waitedMs: 141 }, start), starved);
  // What has come sleeps again when it is looked at.
  const idle = { call: "epoll_wait", callOn: null, channels: [] };
  const late = { reason: "skipped", came: true, lastAgoMs: 210 };
  assertEquals(so({ ...idle, ranMs: 170 }, late), "it was busy: it computed");
  assertEquals(
    so({ ...idle, ranMs: 5 }, late),
    "it came late, and what kept it was over when it was looked at",
  );
});

Deno.test("whyLines() tells of a miss what was seen then, and nothing that another was about", () => {
  const at = (ms: number, of: Partial<DeadlineEvent>) => ({ ...stamp(ms), ...MISS, ...of });
  const other = { contract: "det.steps", evidence: { ...EVIDENCE, call: "futex" } };
  const told = (events: EventRecord[], name = "det") => whyLines(events, "det", name).join("\n");
  const row = [at(1000, {}), at(1100, other), at(1200, { evidence: null })];
  assertStringIncludes(told(row), "slept in read", "the first of its row");
  assertStringIncludes(told([at(1100, other), at(1200, { evidence: null })]), "slept in futex");
  const nothing = "nothing was seen of the process itself";
  assertStringIncludes(told([at(1000, {}), at(2001, { evidence: null })]), nothing);
  assertStringIncludes(told([at(1000, {}), at(1100, { instance: 3, evidence: null })]), nothing);
});

Deno.test("whyLines() says so when there is nothing to tell", () => {
  assertEquals(whyLines([], "det", "det"), ["det has missed nothing that is still remembered"]);
});

Deno.test("timelineSvg() draws a row for each process, and what is late in another colour", () => {
  const svg = timelineSvg({
    fromMs: 0,
    toMs: 1000,
    processes: [
      {
        process: "a<b>&",
        cycles: [{
          cycle: "scan",
          periodMs: 20,
          budgetMs: 5,
          passes: [[100, 103, 100], [200, 210, 200], [300, 302, 300, true], [990, null, null]],
        }],
        steps: [],
        marks: [{ atMs: 205, kind: "miss", text: 'it "missed"' }],
      },
      {
        process: "second",
        cycles: [],
        steps: [{ steps: "boot", passed: [[5, "open"]] }],
        marks: [],
      },
    ],
  }, "crew");
  assert(!svg.includes("a<b>"), "names are escaped");
  assertStringIncludes(svg, "a&lt;b&gt;&amp;");
  assertStringIncludes(svg, "it &quot;missed&quot;");
  assertEquals(svg.match(/fill="#3f8f6b"><title>/g)?.length, 1, "one pass in time");
  assertEquals(
    svg.match(/fill="#d64545"><title>/g)?.length,
    3,
    "one over budget, one open and over, one miss",
  );
  assertStringIncludes(
    svg,
    "2 ms of 5, begun 0 ms after its due time; the process ended within it",
  );
  assertEquals(svg.match(/NaN|undefined|Infinity/g), null);
});
