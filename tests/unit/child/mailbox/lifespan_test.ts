/** Samples that are older than their lifespan: not lent, given back, counted. */
import { assert, assertEquals } from "@std/assert";
import { consumerFigures } from "../../../../src/channel/mailbox/figures.ts";
import type { MailboxShape } from "../../../../src/channel/mailbox/layout.ts";
import { Consumer } from "../../../../src/child/mailbox/consumer.ts";
import { Producer } from "../../../../src/child/mailbox/producer.ts";
import { idlePort, plainMailbox, shapeWith } from "../../../support/mailbox_memory.ts";

const LIFESPAN = 100;

/** A mailbox whose clock stands still where it is put. */
function open(shape: MailboxShape) {
  const memory = plainMailbox(shape);
  const clock = { nowNs: 1000 };
  const port = { ...idlePort(), nowNs: () => clock.nowNs };
  const producer = new Producer(memory, port, { shape });
  const makeConsumer = () =>
    new Consumer({ samples: memory.samples, own: memory.consumers[0]! }, port, {
      shape,
      number: 0,
      from: "resume",
      lifespanNs: LIFESPAN,
      waiting: "park",
    });
  const publish = (...stamps: number[]) => {
    for (const stampNs of stamps) {
      const loan = producer.loan();
      assert(loan.kind === "loan", "full");
      loan.stampNs = stampNs;
      loan.length = 1;
      producer.publish();
    }
  };
  const figures = () => {
    const { received, missed, expired, lag } = consumerFigures(
      memory.consumers[0]!,
      producer.published,
    );
    return { received, missed, expired, lag };
  };
  return { clock, publish, makeConsumer, figures };
}

const keepAll = shapeWith({ history: "keepAll", keep: 0, slots: 4 });

Deno.test("Consumer.poll() lends a sample at its lifespan, and none that is a nanosecond older", () => {
  const { clock, publish, makeConsumer, figures } = open(shapeWith());
  const consumer = makeConsumer();
  publish(1000, 1001);
  clock.nowNs = 1001 + LIFESPAN;
  const found = consumer.poll();
  assert(found.kind === "sample");
  assertEquals([found.sequence, found.missed], [2, 0]);
  assertEquals(figures(), { received: 0, missed: 0, expired: 1, lag: 1 });
  found.release();
  assertEquals(figures(), { received: 1, missed: 0, expired: 1, lag: 0 });
});

Deno.test("keepAll: what has expired holds the producer back no longer than what was lent before it", () => {
  const { clock, publish, makeConsumer, figures } = open(keepAll);
  const consumer = makeConsumer();
  publish(1, 2, 3, 4);
  assertEquals(consumer.poll(), { kind: "none" });
  assertEquals(figures(), { received: 0, missed: 0, expired: 4, lag: 0 });
  publish(1000, 5, 1000, 6);
  const [first, third] = [consumer.poll(), consumer.poll()];
  assert(first.kind === "sample" && third.kind === "sample");
  assertEquals([first.sequence, third.sequence, consumer.poll().kind], [5, 7, "none"]);
  assertEquals(figures().lag, 4, "the first is lent");
  third.release();
  assertEquals(figures().lag, 4);
  first.release();
  assertEquals(figures(), { received: 2, missed: 0, expired: 6, lag: 0 });
  clock.nowNs = 2000;
  publish(1, 1, 1, 1);
});

Deno.test("Consumer.pollBatch() leaves out what has expired; what was missed before it is told and counted once", () => {
  const { publish, makeConsumer, figures } = open(shapeWith({ slots: 8, keep: 4 }));
  const consumer = makeConsumer();
  // Of nine the newest four are kept.
  publish(1000, 1000, 1000, 1000, 1000, 1, 1000, 1, 1000);
  const batch = consumer.pollBatch(8);
  assert(batch.kind === "batch");
  assertEquals(batch.samples.map(({ sequence, missed }) => [sequence, missed]), [[7, 5], [9, 0]]);
  assertEquals(figures(), { received: 0, missed: 5, expired: 2, lag: 3 });
  consumer.releaseAll();
  assertEquals(figures(), { received: 2, missed: 5, expired: 2, lag: 0 });
});

Deno.test("Consumer counts what has expired over all its instances, and what was missed before it at once", () => {
  const { publish, makeConsumer, figures } = open(shapeWith({ slots: 8, keep: 2 }));
  const consumer = makeConsumer();
  publish(1, 1, 1, 1);
  assertEquals(consumer.poll(), { kind: "none" });
  assertEquals(figures(), { received: 0, missed: 2, expired: 2, lag: 0 });
  publish(1, 1, 1);
  assertEquals(makeConsumer().receive(0), { kind: "none" });
  assertEquals(figures(), { received: 0, missed: 3, expired: 4, lag: 0 });
});

Deno.test("Consumer.poll() comes to an end while more expires than it can pass over at once", () => {
  const { publish, makeConsumer, figures } = open(shapeWith({ slots: 1024, keep: 512 }));
  const consumer = makeConsumer();
  publish(...Array.from({ length: 300 }, () => 1), 1000);
  assertEquals(consumer.poll(), { kind: "none" });
  assertEquals(figures(), { received: 0, missed: 0, expired: 256, lag: 45 });
  const found = consumer.receive(0);
  assert(found.kind === "sample");
  assertEquals([found.sequence, figures().expired], [301, 300]);
});
