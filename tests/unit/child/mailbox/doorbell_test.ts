/** Waiting while the program goes on: the doorbell, `next()` and `for await`. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { deadline } from "@std/async/deadline";
import { producerEnded } from "../../../../src/channel/mailbox/attendance.ts";
import { ARMED, ARMED_DOORBELL } from "../../../../src/channel/mailbox/layout.ts";
import { Consumer } from "../../../../src/child/mailbox/consumer.ts";
import { PipeDoorbell } from "../../../../src/child/mailbox/pipe_doorbell.ts";
import { Producer } from "../../../../src/child/mailbox/producer.ts";
import { MappedWords } from "../../../../src/child/mailbox/shared_words.ts";
import { closeFd, createPipe, writeFd as writeTo } from "../../../../src/os/pipe.ts";
import { idlePort, plainMailbox, shapeWith } from "../../../support/mailbox_memory.ts";

/** A mailbox in one process whose doorbell is a real pipe. */
function open() {
  const shape = shapeWith();
  const memory = plainMailbox(shape);
  const pipe = createPipe();
  let rings = 0;
  const port = {
    ...idlePort(),
    nowNs: () => performance.now() * 1e6,
    ring: () => {
      rings++;
      writeTo(pipe.writeFd, new Uint8Array(1));
    },
  };
  const consumer = new Consumer({ samples: memory.samples, own: memory.consumers[0]! }, port, {
    shape,
    number: 0,
    doorbell: new PipeDoorbell(pipe.readFd),
  });
  const end = () => {
    producerEnded(new MappedWords(memory.samples), true, () => port.ring());
  };
  return {
    producer: new Producer(memory, port, { shape }),
    consumer,
    end,
    isArmed: () => (new Int32Array(memory.consumers[0]!)[ARMED]! & 3) === ARMED_DOORBELL,
    rings: () => rings,
    closeBell: () => closeFd(pipe.writeFd),
  };
}

const bytesOf = (...values: number[]) => new Uint8Array(values);
const soon = () => new Promise((resolve) => setTimeout(resolve, 5));

Deno.test("Consumer.next() waits while the program goes on, and is rung once", async () => {
  const { producer, consumer, isArmed, rings, closeBell } = open();
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const waiting = consumer.next();
  // First it looks by itself for a few turns.
  while (!isArmed() || turns === 0) await soon();
  producer.send(bytesOf(1));
  producer.send(bytesOf(2));
  const sample = await waiting;
  clearInterval(timer);
  assert(sample.kind === "sample" && turns > 0);
  assertEquals([sample.sequence, rings()], [1, 1]);
  sample.release();
  const second = await consumer.next();
  assert(second.kind === "sample");
  assertEquals([second.sequence, rings()], [2, 1]);
  consumer.close();
  closeBell();
});

Deno.test("Consumer.samples() gives each in order, gives it back, and ends with the mailbox", async () => {
  const { producer, consumer, end, closeBell } = open();
  const seen: number[] = [];
  const reading = (async () => {
    for await (const sample of consumer) {
      seen.push(sample.bytes[0]!);
      assert(sample.isLent);
    }
  })();
  for (let at = 1; at <= 40; at++) {
    producer.send(bytesOf(at));
    // Never further ahead than what is kept.
    for (let looks = 0; at % 3 === 0 && seen.length < at && looks < 2000; looks++) await soon();
  }
  end();
  await reading;
  assertEquals(seen, Array.from({ length: 40 }, (_, at) => at + 1));
  assertEquals(consumer.poll(), { kind: "ended" });
  consumer.close();
  closeBell();
});

Deno.test("Consumer.samples() ends when its signal is aborted, and goes on with the next call", async () => {
  const { producer, consumer, closeBell } = open();
  const stop = new AbortController();
  const first = (async () => {
    const seen = [];
    for await (const sample of consumer.samples({ signal: stop.signal })) {
      seen.push(sample.sequence);
    }
    return seen;
  })();
  await soon();
  producer.send(bytesOf(1));
  await soon();
  stop.abort();
  assertEquals(await first, [1]);
  producer.send(bytesOf(2));
  for await (const sample of consumer.samples()) {
    assertEquals(sample.sequence, 2);
    break;
  }
  assertEquals(await consumer.next(stop.signal), { kind: "none" });
  consumer.close();
  closeBell();
});

Deno.test("Consumer.next() finds what comes soon in a turn of the event loop, without being rung", async () => {
  const { producer, consumer, rings, closeBell } = open();
  const waiting = consumer.next();
  // Where it has only begun to look.
  producer.send(new Uint8Array([5]));
  const found = await waiting;
  assert(found.kind === "sample");
  assertEquals([found.bytes[0], rings()], [5, 0]);
  found.release();
  consumer.close();
  closeBell();
});

Deno.test("Consumer.next() refuses a second call, and rejects when nobody can ring any more", async () => {
  const { consumer, closeBell } = open();
  const waiting = consumer.next();
  await assertRejects(() => consumer.next(), TypeError, "Another call waits");
  await soon();
  closeBell();
  await assertRejects(() => waiting, Error, "its supervisor has ended");
  consumer.close();
});

Deno.test("Consumer.close() ends a wait; a `using` consumer leaves nothing open", async () => {
  const { consumer, closeBell } = open();
  const waiting = consumer.next();
  await soon();
  consumer.close();
  // It is not waited for any more, and looks again in vain.
  const found = await deadline(waiting, 5000);
  assertEquals(found.kind, "none");
  closeBell();
});
