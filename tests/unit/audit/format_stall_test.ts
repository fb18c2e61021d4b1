// A stall in words.
import { assertEquals } from "@std/assert";
import type { EventRecord } from "../../../src/audit/event_record.ts";
import { formatEvent } from "../../../src/audit/format_event.ts";
import type { StallEvent } from "../../../src/audit/stall_event.ts";

const STAMP = { seq: 1, monoNs: 1, wall: "2025-01-02T03:04:05.678Z" };
const CHANNEL = { channel: "x", from: "a.stdout", to: "b.stdin", actions: ["event", "restart"] };
const STALL: StallEvent = {
  ...CHANNEL,
  event: "stall",
  forMs: 512,
  fill: 65_000,
  capacity: 65_536,
  unit: "bytes",
  unreadBytes: null,
  slow: [{ process: "b", condition: "running", through: ["x"] }],
  cycle: [],
};
const format = (event: Partial<StallEvent>) =>
  formatEvent({ ...STAMP, ...STALL, ...event } as EventRecord);

Deno.test("formatEvent() of a stall names the slow one, its condition and the way to it", () => {
  const begin = "x (a.stdout → b.stdin) stalls: nothing was taken for 512 ms, " +
    "65000 of 65536 bytes wait; ";
  assertEquals(format({}), `${begin}b does not keep up; action: restart`);
  const cases = [
    ["suspended", "is suspended by a signal"],
    ["restarting", "is not up yet"],
    ["down", "is down"],
    ["rated", "sends faster than it may"],
  ] as const;
  for (const [condition, text] of cases) {
    const slow = [{ process: "d", condition, through: ["x", "y", "z"] }];
    assertEquals(format({ slow, actions: ["event"] }), `${begin}d ${text}, by way of y, z`);
  }
});

Deno.test("formatEvent() of a stall counts what was delivered and not read", () => {
  const text = format({ fill: 3, capacity: 100, unit: "messages", unreadBytes: 700 });
  assertEquals(
    text.split(", ")[1]!.split(";")[0],
    "3 of 100 messages and 700 bytes in its pipe wait",
  );
});

Deno.test("formatEvent() of a stall names those who wait for each other", () => {
  const text = format({ slow: [], cycle: ["b", "c"], actions: ["warn"] });
  assertEquals(text.slice(text.indexOf(";")), "; b, c wait for each other");
});

Deno.test("formatEvent() of a stall's end says how long it was, and who was slow", () => {
  const ended = { ...STAMP, ...CHANNEL, event: "stallEnded", forMs: 3210 } as const;
  const text = "x (a.stdout → b.stdin) flows again after 3.2 s";
  assertEquals(formatEvent({ ...ended, slow: ["b"] }), `${text}; b was slow`);
  assertEquals(formatEvent({ ...ended, slow: [] }), text);
});
