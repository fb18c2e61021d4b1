import { assertEquals } from "@std/assert";
import { COUNTER, counterAt, countersBytes } from "../../../../src/channel/relay/relay_counters.ts";
import {
  Deliveries,
  LegSigns,
  LegWaiting,
  MailboxWaiting,
  PublishSigns,
  type WaitingSource,
} from "../../../../src/driver/monitor/channel_sources.ts";
import {
  CONSUMER_BYTES,
  CURSOR,
  HEADER_BYTES,
  HEARTBEAT_NS,
  LAST_ORIGIN_NS,
  LAST_PUBLISH_NS,
  LAST_RECEIVE_NS,
  LATE,
  type MailboxShape,
  ORIGIN_LOW,
  PATH_LATE,
  PUBLISHED,
  RECEIVED,
  segmentBytes,
  SEQUENCE_LOW,
  slotStride,
  STAMP_LOW,
} from "../../../../src/channel/mailbox/layout.ts";

const SHAPE: MailboxShape = {
  slots: 4,
  sampleBytes: 64,
  history: "keepLast",
  keep: 2,
  consumers: 1,
  checksum: "none",
  schemaHash: [0, 0],
};

/** A mailbox as its clients write it, by the layout alone. */
function mailbox() {
  const samples = new ArrayBuffer(segmentBytes(SHAPE));
  const page = new ArrayBuffer(CONSUMER_BYTES);
  const [words, own] = [new Int32Array(samples), new Int32Array(page)];
  const [doubles, ownDoubles] = [new Float64Array(samples), new Float64Array(page)];
  const position = (into: Int32Array, word: number, value: number) => {
    into[word] = value;
    into[word + 1] = 0;
  };
  return {
    memory: { shape: SHAPE, samples, pages: [page] },
    publish(sequence: number, stampNs: number, originNs = stampNs) {
      const base = (HEADER_BYTES + (sequence % SHAPE.slots) * slotStride(SHAPE.sampleBytes)) / 4;
      words[base + SEQUENCE_LOW] = sequence;
      words[base + STAMP_LOW] = stampNs;
      words[base + ORIGIN_LOW] = originNs;
      position(words, PUBLISHED, sequence);
      doubles[LAST_PUBLISH_NS >> 1] = stampNs;
    },
    sign: (atNs: number) => void (doubles[HEARTBEAT_NS >> 1] = atNs),
    lend: (atNs: number) => void (ownDoubles[LAST_RECEIVE_NS >> 1] = atNs),
    release(sequence: number) {
      position(own, CURSOR, sequence);
      ownDoubles[RECEIVED >> 1] = sequence;
    },
    arrived(path: number, late: number, originNs: number) {
      ownDoubles[(PATH_LATE >> 1) + path] = late;
      ownDoubles[LAST_ORIGIN_NS >> 1] = originNs;
    },
    late: (count: number) => void (ownDoubles[LATE >> 1] = count),
  };
}

Deno.test("MailboxWaiting sees the oldest that waits, and not the one in hand", () => {
  const box = mailbox();
  const waiting = new MailboxWaiting(box.memory, 0);
  const look = (byOrigin = false) => {
    waiting.look(byOrigin);
    return waiting.waitingNs;
  };
  assertEquals(look(), 0);
  box.publish(1, 100, 60);
  assertEquals([look(), look(true)], [100, 60]);
  box.lend(110);
  assertEquals(look(), 0, "in hand");
  box.publish(2, 120);
  assertEquals(look(), 120, "behind the one in hand");
  box.release(1);
  assertEquals(look(), 120);
  box.lend(130);
  box.release(2);
  assertEquals([look(), waiting.delivered, waiting.lastNs], [0, 2, 130]);
});

Deno.test("MailboxWaiting of a sample that was overwritten knows nothing", () => {
  const box = mailbox();
  const waiting = new MailboxWaiting(box.memory, 0);
  for (let sequence = 1; sequence <= 9; sequence++) box.publish(sequence, sequence * 10);
  waiting.look(false);
  assertEquals(waiting.waitingNs, 0);
});

Deno.test("Deliveries of a mailbox take what is late from the consumer's own count, however late the look", () => {
  const box = mailbox();
  const ends = [new MailboxWaiting(box.memory, 0)];
  const options = { limitNs: 50, nowNs: () => 1e6 };
  const latency = new Deliveries(ends, { ...options, byOrigin: false });
  for (const sequence of [1, 2, 3]) box.publish(sequence, sequence * 10);
  box.lend(100);
  box.late(1);
  box.release(1);
  latency.read();
  assertEquals([latency.late, latency.settledAt, latency.newestAt], [1, 1, 3]);
  assertEquals([latency.waitingAt, latency.waitingNs], [3, 30], "the second is in hand");
  box.late(3);
  box.release(3);
  latency.read();
  assertEquals([latency.late, latency.settledAt, latency.delivered], [3, 3, 3]);
});

Deno.test("Deliveries of a path that ends at a mailbox take what is late from the consumer's own count", () => {
  const [first, last] = [mailbox(), mailbox()];
  const path = new Deliveries(
    [new MailboxWaiting(first.memory, 0), new MailboxWaiting(last.memory, 0, 1)],
    { limitNs: 50, byOrigin: true, nowNs: () => 1000 },
  );
  first.publish(1, 100);
  path.read();
  assertEquals([path.waitingNs, path.waitingAt], [100, 100], "waits at the first channel");
  first.lend(110);
  first.release(1);
  path.read();
  assertEquals([path.waitingNs, path.late, path.settledAt], [0, 0, 0], "in the hands of the stage");
  last.publish(1, 400, 100);
  last.arrived(1, 1, 100);
  last.lend(401);
  last.release(1);
  path.read();
  assertEquals([path.late, path.settledAt, path.newestAt], [1, 100, 1000]);
  assertEquals([path.delivered, path.lastNs, path.lastStampNs], [1, 401, 100]);
});

Deno.test("PublishSigns counts samples, and a sign without one where it is asked for", () => {
  const box = mailbox();
  const [gap, alive] = [new PublishSigns(box.memory, false), new PublishSigns(box.memory, true)];
  box.publish(1, 100);
  box.sign(150);
  gap.read();
  alive.read();
  assertEquals([gap.signs, gap.lastNs], [1, 100]);
  assertEquals([alive.signs, alive.lastNs], [1, 150]);
});

Deno.test("LegSigns and LegWaiting read what @relay counts of a leg", () => {
  const counters = new Float64Array(countersBytes(2) / 8);
  counters[counterAt(1, COUNTER.messages)] = 7;
  counters[counterAt(1, COUNTER.lastMs)] = 3;
  counters[counterAt(1, COUNTER.oldestMs)] = 2.5;
  const signs = new LegSigns(counters, 1);
  signs.read();
  assertEquals([signs.signs, signs.lastNs], [7, 3e6]);
  const waiting = new LegWaiting(counters, 1, () => 0);
  waiting.look();
  assertEquals([waiting.delivered, waiting.lastNs, waiting.waitingNs], [7, 3e6, 2.5e6]);
});

Deno.test("LegWaiting: what the consumer has not read from its pipe waits, since the mark or the last write", () => {
  const counters = new Float64Array(countersBytes(1) / 8);
  const set = (fields: Partial<Record<keyof typeof COUNTER, number>>) => {
    for (const [name, value] of Object.entries(fields)) {
      counters[counterAt(0, COUNTER[name as keyof typeof COUNTER])] = value;
    }
  };
  let fill = 0;
  const waiting = new LegWaiting(counters, 0, () => fill);
  const look = () => {
    waiting.look();
    return [waiting.waitingNs / 1e6, waiting.delivered];
  };
  // Three of ten bytes each, of which the second is marked.
  set({ messages: 3, lastMs: 30, writtenTo: 30, markMs: 20, markTo: 20, markMessages: 1 });
  assertEquals(look(), [0, 3], "all is read");
  fill = 30;
  assertEquals(look(), [20, 1], "nothing is");
  fill = 11;
  assertEquals(look(), [20, 1], "all but a byte of what is marked");
  fill = 10;
  assertEquals(look(), [30, 3], "what is marked, and nothing behind it");
  fill = 0;
  set({ oldestMs: 25 });
  assertEquals(look(), [25, 3], "what waits at @relay is next");
  fill = 30;
  set({ markMs: 0 });
  assertEquals(look(), [30, 3], "the mark is being moved");
});

Deno.test("LegWaiting takes nothing for older than it is while @relay writes", () => {
  const counters = new Float64Array(countersBytes(1) / 8);
  const at = (name: keyof typeof COUNTER) => counterAt(0, COUNTER[name]);
  counters[at("lastMs")] = 10;
  counters[at("writtenTo")] = 10;
  // It looks at the pipe, which was empty a moment ago: the message in it is not of 10 ms.
  const waiting = new LegWaiting(counters, 0, () => {
    counters[at("writtenTo")] = 20;
    counters[at("lastMs")] = 500;
    return 10;
  });
  waiting.look();
  assertEquals(waiting.waitingNs, 500e6);
});

Deno.test("Deliveries of a path are as old as the oldest at any of its channels, late once when it is taken", () => {
  const end = (): WaitingSource & { waitingNs: number; delivered: number } => ({
    look: () => {},
    delivered: 0,
    lastNs: 0,
    waitingNs: 0,
    lastStampNs: 0,
    counted: null,
  });
  const [first, last] = [end(), end()];
  let nowNs = 0;
  const path = new Deliveries([first, last], { limitNs: 50, byOrigin: true, nowNs: () => nowNs });
  first.waitingNs = 100;
  last.waitingNs = 120;
  nowNs = 140;
  path.read();
  assertEquals([path.waitingNs, path.late], [100, 0]);
  nowNs = 160;
  path.read();
  assertEquals(path.late, 0, "it still waits");
  first.waitingNs = 0;
  last.delivered = 1;
  path.read();
  assertEquals([path.waitingNs, path.late, path.delivered], [120, 1, 1]);
  last.waitingNs = 0;
  nowNs = 165;
  path.read();
  assertEquals(path.late, 1, "the other was in time");
});
