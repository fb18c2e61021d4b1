// What looks at a flow add up to.
import { assertEquals } from "@std/assert";
import {
  figuresOf,
  type FlowMemory,
  holdsUp,
  type Look,
  observe,
  standsForMs,
} from "../../../../src/channel/watch/observe.ts";
import { judgeStall, lookEveryMs, type Stall } from "../../../../src/channel/watch/stall.ts";

const LOOK: Look = {
  atMs: 0,
  fill: 0,
  capacity: 100,
  waits: false,
  blocks: false,
  taken: null,
  counted: null,
};

function after(...looks: readonly Partial<Look>[]): FlowMemory {
  let memory: FlowMemory | null = null;
  looks.forEach((look, index) => {
    const waits = (look.fill ?? 0) > 0;
    memory = observe(memory, { ...LOOK, atMs: index * 100, waits, ...look });
  });
  return memory!;
}

Deno.test("observe() counts a standstill from the first look at what nobody takes", () => {
  const memory = after({ fill: 5 }, { fill: 5, taken: false }, { fill: 9, taken: false });
  assertEquals(standsForMs(memory), 200);
  assertEquals(figuresOf(memory).standsForMs, 200);
  assertEquals(figuresOf(memory).standsLonger, true, "it may have stood before");
});

Deno.test("observe() sees no standstill where something was taken, though as much is there", () => {
  const full = { fill: 100, blocks: true, taken: true };
  assertEquals(standsForMs(after(full, full, full)), 0);
  assertEquals(standsForMs(after(full, full, { ...full, taken: null })), 0);
});

Deno.test("observe() sees no standstill in what is empty, and one begin when it is filled", () => {
  const memory = after({}, { taken: false }, { fill: 1, taken: false }, { fill: 1, taken: false });
  assertEquals(standsForMs(memory), 100);
  assertEquals(figuresOf(memory).standsLonger, false);
});

Deno.test("observe() sums up the standstills that are over", () => {
  const stands = { fill: 1, taken: false };
  const memory = after({ fill: 1 }, stands, stands, { taken: true }, stands, stands);
  assertEquals(memory.stoodMs, 200);
  assertEquals(figuresOf(memory).stoodMs, 300);
});

Deno.test("observe() says who waits: the consumer of what stays empty, the producer of what is full", () => {
  const dry = figuresOf(after({}, { taken: false }));
  assertEquals([dry.isDry, dry.holdsUp], [true, false]);
  assertEquals(figuresOf(after({})).isDry, false, "one look says nothing of time");
  const busy = figuresOf(after({}, { taken: true }));
  assertEquals([busy.isDry, busy.holdsUp], [false, false], "something came through");
  const full = figuresOf(after({ fill: 9, blocks: true }));
  assertEquals([full.isDry, full.holdsUp], [false, true]);
});

Deno.test("holdsUp() goes by most of the last three looks", () => {
  const full = { fill: 100, blocks: true };
  const room = { fill: 90 };
  assertEquals(holdsUp(after(full)), true);
  assertEquals(holdsUp(after(full, room)), false);
  assertEquals(holdsUp(after(full, full, room)), true);
  assertEquals(holdsUp(after(full, full, room, room)), false);
  assertEquals(holdsUp(after(room, room, full)), false);
});

Deno.test("observe() takes counted figures as they are, and makes rates of two looks", () => {
  const counted = {
    messages: 10,
    bytes: 1000,
    dropped: 3,
    oldestMs: 40,
    blockedForMs: null,
    blockedTotalMs: 500,
  };
  const later = { ...counted, messages: 60, bytes: 6000, blockedForMs: 70, blockedTotalMs: 570 };
  const figures = figuresOf(after({ counted }, { atMs: 500, fill: 4, counted: later }));
  assertEquals(figures, {
    fill: 4,
    capacity: 100,
    holdsUp: false,
    isDry: false,
    oldestMs: 40,
    perSecond: { messages: 100, bytes: 10_000 },
    total: { messages: 60, bytes: 6000 },
    dropped: 3,
    standsForMs: 70,
    standsLonger: false,
    stoodMs: 570,
  });
  assertEquals(figuresOf(after({ counted })).perSecond, null);
  // Empty at both looks: by the counts it is known whether something came through.
  const flowing = { ...later, blockedForMs: null };
  assertEquals(figuresOf(after({ counted }, { counted: flowing })).isDry, false);
  assertEquals(figuresOf(after({ counted }, { counted })).isDry, true);
});

/** Gives looks, one each 125 ms, to a rule of 500 ms. */
function judge(stands: readonly boolean[]): { changes: string[]; stall: Stall | null } {
  let memory: FlowMemory | null = null;
  let stall: Stall | null = null;
  const changes: string[] = [];
  stands.forEach((stand, index) => {
    const atMs = index * 125;
    memory = observe(memory, {
      ...LOOK,
      atMs,
      fill: 10,
      waits: true,
      taken: index === 0 ? null : !stand,
    });
    const judged = judgeStall(stall, memory, 500);
    stall = judged.stall;
    if (judged.change !== null) changes.push(`${judged.change} at ${atMs}`);
  });
  return { changes, stall };
}
const times = (count: number, value: boolean) => Array.from({ length: count }, () => value);

Deno.test("judgeStall() begins at `after` and not one look before", () => {
  assertEquals(judge([false, ...times(3, true)]).changes, []);
  assertEquals(judge([false, ...times(4, true)]).changes, ["began at 500"]);
  assertEquals(judge([false, ...times(4, true)]).stall, { sinceMs: 0, seenMs: 500 });
});

Deno.test("judgeStall() begins once and ends when it has flowed for `after`", () => {
  const { changes } = judge([...times(20, true), ...times(12, false)]);
  // Seen standing last at 2375, flowing from 2500 on.
  assertEquals(changes, ["began at 500", "ended at 2875"]);
});

Deno.test("judgeStall() takes a read now and then for no recovery", () => {
  const resting = [...times(5, true), false];
  const looks = Array.from({ length: 10 }, () => resting).flat();
  assertEquals(judge(looks).changes, ["began at 500"]);
});

Deno.test("lookEveryMs() is a quarter of the rule's time, within 10 ms and 1 s", () => {
  assertEquals([500, 20, 1, 3_600_000].map(lookEveryMs), [125, 10, 10, 1000]);
});
