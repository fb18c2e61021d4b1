import { assert, assertEquals } from "@std/assert";
import type { Overflow, RatePlan } from "../../../../src/plan/plan.ts";
import { admit, type Room } from "../../../../src/system/relay/admission.ts";
import { DropTallies, TALLY_MS } from "../../../../src/system/relay/drop_tallies.ts";
import { MessageBatch, VERDICT } from "../../../../src/system/relay/message_batch.ts";
import { RateLimit, TokenBucket } from "../../../../src/system/relay/token_bucket.ts";

const ratePlan = (changes: Partial<RatePlan>): RatePlan => ({
  messagesPerSecond: 0,
  messagesBurst: 0,
  bytesPerSecond: 0,
  bytesBurst: 0,
  overflow: "block",
  ...changes,
});

const room = (
  overflow: Overflow,
  roomMessages: number,
  roomBytes = 1e9,
  isEnded = false,
): Room => ({
  isEnded,
  overflow,
  roomMessages,
  roomBytes,
});

function batchOf(...lengths: readonly number[]): MessageBatch {
  const batch = new MessageBatch();
  let end = 0;
  lengths.forEach((length, index) => batch.ends[index] = end += length);
  batch.count = lengths.length;
  return batch;
}

Deno.test("TokenBucket gives its burst at once, then its rate, and never more than its burst", () => {
  const bucket = new TokenBucket(100, 5, 1000);
  assertEquals(bucket.available(1000), 5);
  bucket.take(5);
  assertEquals(bucket.available(1000), 0);
  assertEquals(bucket.waitMs(1, 1000), 10);
  assertEquals(bucket.available(1010), 1);
  assertEquals(bucket.waitMs(1, 1010), 0);
  assertEquals(bucket.waitMs(5, 1010), 40);
  assertEquals(bucket.available(99_999), 5);
  // A clock that stands still or seems to go back gives nothing.
  bucket.take(5);
  assertEquals(bucket.available(5), 0);
});

Deno.test("RateLimit is reached by messages or by bytes, whichever comes first", () => {
  const plan = { messagesPerSecond: 10, messagesBurst: 3, bytesPerSecond: 1000, bytesBurst: 50 };
  const limit = new RateLimit(ratePlan(plan), 0);
  assertEquals(limit.messages(0), 3);
  limit.take(1, 50);
  assertEquals(limit.messages(0), 2);
  assert(limit.bytes(0) < 1);
  assertEquals(limit.waitMs(20, 0), 20);
  limit.take(2, 0);
  assertEquals(limit.waitMs(20, 0), 100);
});

Deno.test("RateLimit over ten seconds lets exactly burst and rate through", () => {
  const limit = new RateLimit(ratePlan({ messagesPerSecond: 333, messagesBurst: 10 }), 0);
  let passed = 0;
  for (let nowMs = 0; nowMs <= 10_000; nowMs++) {
    while (limit.messages(nowMs) >= 1) {
      limit.take(1, 1);
      passed++;
    }
  }
  assertEquals(passed, 3340);
});

Deno.test("admit() takes what there is room for at all that block, and says when it is short", () => {
  const batch = batchOf(10, 10, 10, 10);
  const rooms = [room("block", 9, 30), room("drop-newest", 0), room("block", 1, 9, true)];
  assertEquals(admit(batch, rooms, null, "drop", 0), {
    count: 3,
    cut: null,
    isShortOfRoom: true,
    waitMs: 0,
  });
  assertEquals(admit(batch, [room("block", 4, 40)], null, "drop", 0).isShortOfRoom, false);
  assertEquals(admit(batch, [room("block", 0)], null, "drop", 0).count, 0);
});

Deno.test("admit() takes first what has room, whatever the policy, and decides about the rest after", () => {
  const batch = batchOf(10, 10, 10);
  for (const overflow of ["drop-oldest", "drop-newest", "fail"] as const) {
    const some = admit(batch, [room(overflow, 2)], null, "drop", 0);
    assertEquals([some.count, some.cut, some.isShortOfRoom], [2, null, false]);
    const all = admit(batch, [room(overflow, 3)], null, "drop", 0);
    assertEquals([all.count, all.cut], [3, null]);
  }
  const drops = [room("drop-oldest", 0), room("drop-newest", 9, 9)];
  assertEquals(admit(batch, drops, null, "drop", 0).count, 3);
});

Deno.test("admit() takes the one that a failing consumer has no room for, and cuts the link", () => {
  const admission = admit(batchOf(10, 10, 10), [room("fail", 0)], null, "drop", 0);
  assertEquals([admission.count, admission.cut], [1, "overflow"]);
  const bytes = admit(batchOf(10, 10, 10), [room("fail", 5, 9)], null, "drop", 0);
  assertEquals([bytes.count, bytes.cut], [1, "overflow"]);
  const blocked = admit(batchOf(10), [room("fail", 0), room("block", 0)], null, "drop", 0);
  assertEquals([blocked.count, blocked.cut, blocked.isShortOfRoom], [0, null, true]);
});

Deno.test("admit() ends a link behind the first fault, if what comes before has room", () => {
  const batch = batchOf(10, 10, 10, 10);
  batch.condemn(1, VERDICT.malformed, "why");
  const ended = admit(batch, [room("block", 9)], null, "end", 0);
  assertEquals([ended.count, ended.cut], [2, "malformed"]);
  const later = admit(batch, [room("block", 0)], null, "end", 0);
  assertEquals([later.count, later.cut], [0, null]);
  assertEquals(admit(batch, [room("block", 9)], null, "drop", 0).count, 4);
});

Deno.test("admit() by a rate that blocks takes what may come, and says when the next may", () => {
  const limit = new RateLimit(ratePlan({ messagesPerSecond: 100, messagesBurst: 2 }), 0);
  const first = admit(batchOf(5, 5, 5), [], limit, "drop", 0);
  assertEquals([first.count, first.waitMs, first.isShortOfRoom], [2, 10, false]);
  assertEquals(admit(batchOf(5), [], limit, "drop", 9.9).count, 0);
  assertEquals(admit(batchOf(5), [], limit, "drop", 10).count, 1);
});

Deno.test("admit() by a rate that drops condemns what is too fast, and lets smaller ones through", () => {
  const plan = ratePlan({ bytesPerSecond: 1000, bytesBurst: 25, overflow: "drop-newest" });
  const limit = new RateLimit(plan, 0);
  const batch = batchOf(20, 10, 5, 1);
  assertEquals(admit(batch, [], limit, "drop", 0).count, 4);
  assertEquals([...batch.verdicts.subarray(0, 4)], [0, VERDICT.rate, 0, VERDICT.rate]);
  // What was dropped cost nothing.
  assert(limit.bytes(0) < 1e-6);
});

Deno.test("admit() by a rate that fails cuts the link at the first that is too fast", () => {
  const plan = ratePlan({ messagesPerSecond: 10, messagesBurst: 2, overflow: "fail" });
  const batch = batchOf(1, 1, 1, 1);
  const admission = admit(batch, [], new RateLimit(plan, 0), "drop", 0);
  assertEquals([admission.count, admission.cut], [3, "rate"]);
  assertEquals(batch.verdicts[2], VERDICT.rate);
});

Deno.test("DropTallies tells the first at once and the rest once a second for slot and reason", () => {
  const tallies = new DropTallies();
  const told: unknown[] = [];
  const sink = (...what: unknown[]) => {
    told.push(what);
    return true;
  };
  assertEquals([tallies.isEmpty, tallies.dueMs()], [true, Infinity]);
  tallies.add(1, "overflow", 3);
  tallies.add(2, "overflow", 1);
  tallies.add(1, "malformed", 2, "first");
  tallies.add(1, "malformed", 1, "second");
  tallies.flush(100, sink);
  assertEquals(told.splice(0), [
    [1, "overflow", 3, null],
    [2, "overflow", 1, null],
    [1, "malformed", 3, "first"],
  ]);
  tallies.add(1, "overflow", 5);
  tallies.flush(100 + TALLY_MS - 1, sink);
  assertEquals([told.length, tallies.dueMs()], [0, 100 + TALLY_MS]);
  tallies.add(1, "overflow", 6);
  tallies.flush(100 + TALLY_MS, sink);
  assertEquals(told.splice(0), [[1, "overflow", 11, null]]);
  assertEquals(tallies.isEmpty, true);
  tallies.add(1, "overflow", 1);
  tallies.flush(100 + TALLY_MS, sink, true);
  assertEquals(told, [[1, "overflow", 1, null]]);
});

Deno.test("DropTallies keeps what its sink does not take", () => {
  const tallies = new DropTallies();
  tallies.add(1, "rate", 3);
  tallies.flush(0, () => false);
  tallies.add(1, "rate", 2);
  const told: unknown[] = [];
  tallies.flush(0, (...what) => {
    told.push(what);
    return true;
  });
  assertEquals(told, [[1, "rate", 5, null]]);
});
