/** A mailbox's two ends in one thread: what each call gives, and what it refuses. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { faultOf } from "../../../../src/channel/mailbox/figures.ts";
import {
  ATTACHED_EPOCH,
  CURSOR,
  headerFault,
  PUBLISHED,
  RECEIVED,
  shapeFault,
} from "../../../../src/channel/mailbox/layout.ts";
import { Consumer } from "../../../../src/child/mailbox/consumer.ts";
import type { ConsumerOptions } from "../../../../src/child/mailbox/consumer_types.ts";
import { crc32c } from "../../../../src/child/mailbox/crc32c.ts";
import { MailboxError, ReleasedError } from "../../../../src/child/mailbox/fault.ts";
import { joinPosition } from "../../../../src/child/mailbox/position.ts";
import { Producer, type ProducerOptions } from "../../../../src/child/mailbox/producer.ts";
import type { Sample } from "../../../../src/child/mailbox/sample.ts";
import type { MailboxShape } from "../../../../src/channel/mailbox/layout.ts";
import { idlePort, plainMailbox, shapeWith } from "../../../support/mailbox_memory.ts";

type More = Partial<ProducerOptions> & Partial<ConsumerOptions>;

function open(shape: MailboxShape, more: More = {}) {
  const memory = plainMailbox(shape);
  const port = idlePort();
  const words = new Int32Array(memory.samples);
  const makeProducer = () => new Producer(memory, port, { shape, ...more });
  const makeConsumer = (number = 0) =>
    new Consumer({ samples: memory.samples, own: memory.consumers[number]! }, port, {
      shape,
      number,
      from: "resume",
      ...more,
    });
  return { memory, port, words, makeProducer, makeConsumer };
}

const bytesOf = (...values: number[]) => new Uint8Array(values);

function mustPoll(consumer: Consumer): Sample {
  const found = consumer.poll();
  if (found.kind !== "sample") throw new Error(`no sample: ${JSON.stringify(found)}`);
  return found;
}

Deno.test("Consumer.poll() lends what Producer.send() was given, and then none", () => {
  const { makeProducer, makeConsumer } = open(shapeWith());
  const producer = makeProducer();
  const consumer = makeConsumer();
  assertEquals(consumer.poll(), { kind: "none" });
  producer.send(bytesOf(1, 2, 3), 77);
  const sample = mustPoll(consumer);
  assertEquals([...sample.bytes], [1, 2, 3]);
  assertEquals([sample.sequence, sample.originNs, sample.missed, sample.length], [1, 77, 0, 3]);
  assert(sample.stampNs > 0 && sample.receivedNs >= sample.stampNs);
  assertEquals(sample.release(), "intact");
  assertEquals(consumer.poll(), { kind: "none" });
});

Deno.test("Producer.publish() publishes all loans at once, written in place", () => {
  const { makeProducer, makeConsumer, words } = open(shapeWith());
  const producer = makeProducer();
  const consumer = makeConsumer();
  for (let at = 1; at <= 4; at++) {
    const loan = producer.loan();
    assert(loan.kind === "loan");
    loan.bytes[0] = at;
    loan.length = at;
    assertEquals(words[PUBLISHED], 0);
  }
  assertEquals(producer.loan(), { kind: "full" }, "4 of 8 are kept for consumers");
  producer.publish();
  for (let at = 1; at <= 4; at++) {
    using sample = mustPoll(consumer);
    assertEquals([sample.sequence, sample.length, sample.bytes[0]], [at, at, at]);
  }
});

Deno.test("a consumer that is behind goes on at the oldest kept, or the newest, and is told how many it missed", () => {
  for (const [behind, first] of [["oldest", 17], ["newest", 20]] as const) {
    const { makeProducer, makeConsumer } = open(shapeWith(), { behind });
    const consumer = makeConsumer();
    const producer = makeProducer();
    for (let at = 1; at <= 20; at++) producer.send(bytesOf(at));
    using sample = mustPoll(consumer);
    assertEquals([sample.sequence, sample.missed, sample.bytes[0]], [first, first - 1, first]);
  }
});

Deno.test("Sample.release() says overtaken once the producer has claimed the slot", () => {
  const { makeProducer, makeConsumer } = open(shapeWith({ slots: 2, keep: 1 }));
  const producer = makeProducer();
  const consumer = makeConsumer();
  producer.send(bytesOf(1));
  const sample = mustPoll(consumer);
  producer.send(bytesOf(2));
  assert(sample.isIntact());
  producer.loan();
  assert(!sample.isIntact());
  assertEquals(sample.release(), "overtaken");
});

Deno.test("a sample and a loan that were given back are refused", () => {
  const { makeProducer, makeConsumer } = open(shapeWith());
  const producer = makeProducer();
  const consumer = makeConsumer();
  const loan = producer.loan();
  assert(loan.kind === "loan");
  producer.publish();
  assertThrows(() => loan.bytes, ReleasedError, "loan of 1");
  const sample = mustPoll(consumer);
  sample.release();
  assertThrows(() => sample.bytes, ReleasedError, "sample 1");
  assertThrows(() => sample.release(), ReleasedError);
  assertThrows(() => sample.isIntact(), ReleasedError);
});

Deno.test("checked: every view is empty after its release", () => {
  const { makeProducer, makeConsumer } = open(shapeWith(), { checked: true });
  const producer = makeProducer();
  const consumer = makeConsumer();
  const loan = producer.loan();
  assert(loan.kind === "loan");
  const written = loan.bytes;
  written[0] = 9;
  loan.length = 1;
  producer.publish();
  assertEquals(written.length, 0);
  const sample = mustPoll(consumer);
  const read = sample.bytes;
  assertEquals([...read], [9]);
  sample.release();
  assertEquals([read.length, read[0]], [0, undefined]);
  assertThrows(() => read.set([1]), TypeError);
});

Deno.test("keepAll: a full mailbox gives the sample back until the slowest has released", () => {
  const shape = shapeWith({ history: "keepAll", keep: 0, slots: 2, consumers: 2 });
  const { makeProducer, makeConsumer } = open(shape);
  const producer = makeProducer();
  const fast = makeConsumer(0);
  const slow = makeConsumer(1);
  producer.send(bytesOf(1));
  producer.send(bytesOf(2));
  mustPoll(fast).release();
  const third = bytesOf(3);
  assertEquals(producer.send(third), { kind: "full", value: third });
  mustPoll(slow).release();
  assertEquals(producer.send(third), { kind: "sent" });
  assertEquals(producer.send(third).kind, "full");
  assertEquals(mustPoll(fast).sequence, 2);
});

Deno.test("keepAll: samples may be released in any order; the oldest that is lent holds the producer", () => {
  const shape = shapeWith({ history: "keepAll", keep: 0, slots: 4 });
  const { makeProducer, makeConsumer, memory } = open(shape);
  const producer = makeProducer();
  const consumer = makeConsumer();
  for (let at = 1; at <= 4; at++) producer.send(bytesOf(at));
  const [first, second, third] = [mustPoll(consumer), mustPoll(consumer), mustPoll(consumer)];
  const cursor = () => new Int32Array(memory.consumers[0]!)[CURSOR];
  third.release();
  second.release();
  assertEquals([cursor(), producer.send(bytesOf(5)).kind], [0, "full"]);
  first.release();
  assertEquals([cursor(), producer.send(bytesOf(5)).kind], [3, "sent"]);
});

Deno.test("keepAll: a loan waits blockNs and then fails; a cursor that cannot be is not believed", () => {
  const shape = shapeWith({ history: "keepAll", keep: 0, slots: 2 });
  const { makeProducer, makeConsumer, memory } = open(shape, { blockNs: 1e9, waiting: "park" });
  makeConsumer();
  const producer = makeProducer();
  producer.send(bytesOf(1));
  producer.send(bytesOf(2));
  new Int32Array(memory.consumers[0]!)[CURSOR] = 1000;
  assertEquals(producer.loan(), { kind: "full" });
});

Deno.test("Consumer.poll() says held when 256 are lent", () => {
  const { makeProducer, makeConsumer } = open(shapeWith({ slots: 1024, keep: 512 }));
  const producer = makeProducer();
  const consumer = makeConsumer();
  for (let at = 0; at < 300; at++) producer.send(bytesOf(at));
  const lent = Array.from({ length: 256 }, () => mustPoll(consumer));
  assertEquals(consumer.poll(), { kind: "held" });
  assertEquals(consumer.pollBatch(16), { kind: "held" });
  lent[5]!.release();
  assertEquals(consumer.poll(), { kind: "held" });
  lent[0]!.release();
  assertEquals(mustPoll(consumer).sequence, 257);
});

Deno.test("Consumer.pollBatch() lends what is there, up to the limit, and releaseAll() counts", () => {
  const { makeProducer, makeConsumer, memory } = open(shapeWith({ slots: 8, keep: 4 }));
  const producer = makeProducer();
  const consumer = makeConsumer();
  assertEquals(consumer.pollBatch(4), { kind: "none" });
  for (let at = 1; at <= 4; at++) producer.send(bytesOf(at));
  const batch = consumer.pollBatch(3);
  assert(batch.kind === "batch");
  const [first] = batch.samples;
  assertEquals(batch.samples.map(({ sequence }) => sequence), [1, 2, 3]);
  assertEquals(batch.samples.map(({ bytes }) => [...bytes]), [[1], [2], [3]]);
  assertEquals(new Set(batch.samples.map(({ receivedNs }) => receivedNs)).size, 1);
  // The slot of 1 is written again: 9 comes there.
  for (let at = 5; at <= 9; at++) producer.send(bytesOf(at));
  assertEquals(consumer.releaseAll(), 1);
  assertThrows(() => first!.bytes, ReleasedError);
  assertEquals(consumer.releaseAll(), 0);
  assertEquals(new Float64Array(memory.consumers[0]!)[RECEIVED / 2], 2);
  const rest = consumer.pollBatch(256);
  assert(rest.kind === "batch");
  // 4 is no longer to be relied on, and still there.
  assertEquals(rest.samples.map(({ sequence }) => sequence), [4, 6, 7, 8, 9]);
  assertEquals(rest.samples[1]!.missed, 1);
  rest.samples[1]!.release();
  assertEquals(consumer.releaseAll(), 0);
  assertEquals(new Int32Array(memory.consumers[0]!)[CURSOR], 9);
});

for (
  const [how, changes, options] of [
    ["as they come", {}, {}],
    ["as copies", {}, { checked: true }],
    ["with a checksum", { checksum: "crc32c" }, {}],
    ["with a lifespan", {}, { lifespanNs: 1e9 }],
  ] as const
) {
  Deno.test(`Consumer.pollBatch() gives what one look found one time of receipt: ${how}`, () => {
    const { makeProducer, makeConsumer } = open(shapeWith(changes), options);
    const producer = makeProducer();
    const consumer = makeConsumer();
    for (let at = 1; at <= 4; at++) producer.send(bytesOf(at));
    const batch = consumer.pollBatch(256);
    assert(batch.kind === "batch");
    assertEquals(batch.samples.length, 4);
    assertEquals(new Set(batch.samples.map(({ receivedNs }) => receivedNs)).size, 1);
  });
}

Deno.test("Consumer.receiveBatch() waits for the first and takes what is there with it", () => {
  const { makeProducer, makeConsumer, port } = open(shapeWith(), { waiting: "park" });
  const producer = makeProducer();
  const consumer = makeConsumer();
  assertEquals(consumer.receiveBatch(4, 2e6), { kind: "none" });
  port.waitForBell = () => {
    for (let at = 1; at <= 4; at++) producer.send(bytesOf(at));
    return 0;
  };
  for (const expected of [[1, 2, 3], [4]]) {
    const batch = consumer.receiveBatch(3);
    assert(batch.kind === "batch");
    assertEquals(batch.samples.map(({ bytes }) => bytes[0]), expected);
    assertEquals(consumer.releaseAll(), 0);
  }
});

Deno.test("a new producer continues the numbers, and a new consumer where the policy says", () => {
  const { makeProducer, makeConsumer } = open(shapeWith());
  makeProducer().send(bytesOf(1));
  const first = makeConsumer();
  mustPoll(first).release();
  const producer = makeProducer();
  producer.send(bytesOf(2));
  producer.send(bytesOf(3));
  assertEquals(mustPoll(makeConsumer()).sequence, 2);
  const { makeProducer: p, makeConsumer: c } = open(shapeWith(), { from: "newest" });
  const other = p();
  for (let at = 1; at <= 3; at++) other.send(bytesOf(at));
  assertEquals(mustPoll(c()).sequence, 3);
});

Deno.test("positions go over 2^31 and 2^32 without a slip", () => {
  for (const start of [2 ** 31 - 5, 2 ** 32 - 5, 2 ** 40 + 2 ** 31 - 5]) {
    const { makeProducer, makeConsumer, words, memory } = open(shapeWith());
    words[PUBLISHED] = start | 0;
    words[PUBLISHED + 1] = Math.floor(start / 2 ** 31);
    const own = new Int32Array(memory.consumers[0]!);
    own[CURSOR] = start | 0;
    own[CURSOR + 1] = Math.floor(start / 2 ** 31);
    const producer = makeProducer();
    const consumer = makeConsumer();
    for (let at = 1; at <= 10; at++) {
      producer.send(bytesOf(at));
      const sample = mustPoll(consumer);
      assertEquals([sample.sequence, sample.bytes[0]], [start + at, at]);
      sample.release();
    }
    assertEquals(joinPosition(own[CURSOR]!, own[CURSOR + 1]!), start + 10);
    assertEquals(makeProducer().published, start + 10);
  }
});

Deno.test("a consumer that slept through 2^31 and more samples says how many it missed", () => {
  const { makeProducer, makeConsumer, words } = open(shapeWith());
  const consumer = makeConsumer();
  const start = 3 * 2 ** 31 + 8;
  words[PUBLISHED] = start | 0;
  words[PUBLISHED + 1] = 3;
  const producer = makeProducer();
  for (let at = 0; at < 4; at++) producer.send(bytesOf(at));
  assertEquals(mustPoll(consumer).missed, start);
});

Deno.test("the checksum finds data that was changed, and ends the link", () => {
  const { makeProducer, makeConsumer, memory } = open(shapeWith({ checksum: "crc32c" }));
  const producer = makeProducer();
  const consumer = makeConsumer();
  producer.send(bytesOf(1, 2, 3));
  mustPoll(consumer).release();
  producer.send(bytesOf(1, 2, 3));
  new Uint8Array(memory.samples)[4096 + 2 * 128 + 64] = 7;
  assertEquals(consumer.poll(), { kind: "corrupt", fault: "checksum of 2 is wrong" });
  assertEquals(consumer.poll().kind, "corrupt");
});

Deno.test("crc32c() is that of RFC 3720", () => {
  assertEquals(crc32c(new TextEncoder().encode("123456789")) >>> 0, 0xe306_9283);
  assertEquals(crc32c(new Uint8Array(32)) >>> 0, 0x8a91_36aa);
  assertEquals(crc32c(new Uint8Array(32).fill(0xff)) >>> 0, 0x62a8_ab43);
});

Deno.test("opening refuses a header that is not as the shape says, with the field", () => {
  const shape = shapeWith();
  const { words, makeProducer, makeConsumer } = open(shape);
  words[3] = 9;
  const rule = "slots must be 8, is 9";
  assertThrows(makeProducer, MailboxError, rule);
  assertThrows(makeConsumer, MailboxError, rule);
  words[3] = 8;
  words[6] = 1;
  assertThrows(makeConsumer, MailboxError, "schemaHash's low half must be 0, is 1");
  assertEquals(headerFault(words, 4096, shape), "the segment's bytes must be 5120, is 4096");
});

Deno.test("shapeFault() takes each limit and not one more", () => {
  const keepAll = { history: "keepAll", keep: 0 } as const;
  assertEquals(shapeFault(shapeWith({ slots: 2, keep: 1 })), null);
  assert(shapeFault(shapeWith({ slots: 2, keep: 2 }))!.startsWith("keep"));
  assert(shapeFault(shapeWith({ ...keepAll, slots: 1 }))!.startsWith("slots"));
  assertEquals(shapeFault(shapeWith({ ...keepAll, slots: 1 << 20 })), null);
  assert(shapeFault(shapeWith({ ...keepAll, slots: (1 << 20) + 1 }))!.startsWith("slots"));
  assertEquals(shapeFault(shapeWith({ sampleBytes: 1 << 28 })), null);
  assert(shapeFault(shapeWith({ sampleBytes: 1 << 30 }))!.startsWith("the segment"));
  assert(shapeFault(shapeWith({ consumers: 65 }))!.startsWith("consumers"));
});

Deno.test("what a program makes of Atomics and of arrays afterwards does not change the client", () => {
  const { makeProducer, makeConsumer } = open(shapeWith());
  const producer = makeProducer();
  const consumer = makeConsumer();
  const kept = [Atomics.load, Atomics.store, Function.prototype.call, Uint8Array.prototype.set];
  const refuse = () => {
    throw new Error("patched");
  };
  Object.assign(Atomics, { load: refuse, store: refuse });
  Function.prototype.call = refuse;
  Uint8Array.prototype.set = refuse;
  try {
    producer.send(bytesOf(4));
    assert(mustPoll(consumer).bytes[0] === 4);
  } finally {
    Object.assign(Atomics, { load: kept[0], store: kept[1] });
    Function.prototype.call = kept[2] as typeof Function.prototype.call;
    Uint8Array.prototype.set = kept[3] as typeof Uint8Array.prototype.set;
  }
});

Deno.test("a consumer that finds memory corrupt says so in its page, once for its instance", () => {
  const { makeProducer, makeConsumer, memory, words } = open(shapeWith());
  const [page] = memory.consumers;
  makeProducer().send(bytesOf(1));
  const consumer = makeConsumer();
  new Int32Array(page!)[ATTACHED_EPOCH] = 3;
  assertEquals(mustPoll(consumer).release(), "intact");
  assertEquals(faultOf(page!), null);
  words[PUBLISHED] = 0;
  const found = consumer.poll();
  assert(found.kind === "corrupt");
  assertEquals(faultOf(page!), { instance: 3, text: found.fault });
  assertEquals(consumer.poll(), found);
  new Int32Array(page!)[ATTACHED_EPOCH] = 4;
  words[3] = 9;
  assertThrows(() => makeConsumer(), MailboxError, "slots must be 8, is 9");
  assertEquals(faultOf(page!), { instance: 4, text: "slots must be 8, is 9" });
});
