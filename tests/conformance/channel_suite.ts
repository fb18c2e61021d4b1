/**
 * What every mechanism promises to the processes on it, tested with real descriptors and,
 * where a program's behaviour matters, real processes. Written once; see `mechanism.ts`.
 */
import { assert, assertEquals } from "@std/assert";
import type { Channel } from "../../src/channel/channel.ts";
import { libc, O_NONBLOCK } from "../../src/os/libc.ts";
import { closeFd, readFd, writeFd } from "../../src/os/pipe.ts";
import { startShell } from "./instances.ts";
import type { Mechanism, TestConsumer, TestProducer } from "./mechanism.ts";

const F_GETFD = 1;
const F_GETFL = 3;
const F_SETFL = 4;
const FD_CLOEXEC = 1;

/** Registers the tests of the interface for one mechanism. */
export function channelSuite(mechanism: Mechanism): void {
  const test = (name: string, body: () => void | Promise<void>) =>
    Deno.test(`${mechanism.name}: ${name}`, body);

  test("openEnd() gives descriptors that stay out of later children", () => {
    using channel = mechanism.open();
    for (const fd of handed(mechanism, channel)) {
      assertEquals(libc().fcntl(fd, F_GETFD, 0) & FD_CLOEXEC, FD_CLOEXEC);
      closeFd(fd);
    }
  });

  const byBytes = mechanism.players === undefined ? test : () => {};
  byBytes("openEnd() gives the next instance a blocking end, whatever the last one set", () => {
    using channel = mechanism.open();
    for (const end of [mechanism.producerEnd, mechanism.consumerEnd]) {
      const fd = channel.openEnd(end, 1);
      setNonBlocking(fd);
      const next = channel.openEnd(end, 2);
      assertEquals(libc().fcntl(next, F_GETFL, 0) & O_NONBLOCK, 0);
      closeFd(fd);
      closeFd(next);
    }
  });

  if (mechanism.players !== undefined) {
    test("order is kept, and nothing is lost, over many times the capacity", () => {
      using channel = mechanism.open();
      const [producer, consumer] = openBoth(mechanism, channel);
      let received = "";
      let sent = "";
      for (let number = 1; number <= 10_000; number++) {
        while (producer.send(`${number}\n`) === "full") received += consumer.take().text;
        sent += `${number}\n`;
      }
      received += consumer.take().text;
      assert(received === sent);
      producer.close();
      consumer.close();
    });

    test("a full channel takes no more, and one again when one was taken", () => {
      using channel = mechanism.open();
      const [producer, consumer] = openBoth(mechanism, channel);
      let sent = 0;
      while (producer.send("x") === "sent") sent++;
      assert(sent > 0 && sent < 1000, `${sent}`);
      assertEquals(producer.send("y"), "full");
      assertEquals(consumer.take().text, "x".repeat(sent));
      assertEquals(producer.send("y"), "sent");
      producer.close();
      consumer.close();
    });
  }

  byBytes("order is kept, and nothing is lost, over many times the capacity", async () => {
    using channel = mechanism.open({ capacityBytes: 4096 });
    const { producerEnd, consumerEnd } = mechanism;
    const producer = startShell("seq 1 100000 >&4", [{ channel, end: producerEnd, fd: 4 }]);
    const consumer = startShell("cat <&4", [{ channel, end: consumerEnd, fd: 4 }]);
    await producer.ended();
    channel.endProducer();
    const expected = Array.from({ length: 100_000 }, (_, n) => `${n + 1}\n`).join("");
    assert(await consumer.ended() === expected);
  });

  const exactly = mechanism.isExact === false ? () => {} : test;
  exactly("a full channel takes no byte more, and one again when one was taken", () => {
    using channel = mechanism.open({ capacityBytes: 8192 });
    const [producer, consumer] = [
      openNonBlocking(channel, mechanism.producerEnd),
      openNonBlocking(channel, mechanism.consumerEnd),
    ];
    assertEquals(writeFd(producer, new Uint8Array(channel.capacityBytes)), channel.capacityBytes);
    assertEquals(channel.fillBytes(), channel.capacityBytes);
    assertEquals(writeFd(producer, new Uint8Array(1)), "would-block");
    assertEquals(readFd(consumer, new Uint8Array(channel.capacityBytes)), channel.capacityBytes);
    assertEquals(writeFd(producer, new Uint8Array(1)), 1);
    assertEquals(channel.fillBytes(), 1);
    closeFd(producer);
    closeFd(consumer);
  });

  test("half-close: the consumer sees the end after the last byte, once the producer has ended", async () => {
    using channel = mechanism.open();
    const [producer, consumer] = openBoth(mechanism, channel);
    producer.send("last\n");
    producer.close();
    await mechanism.settle?.(channel);
    assertEquals(consumer.take(), { text: "last\n", ended: false }, "it may be restarted");
    channel.endProducer();
    await mechanism.settle?.(channel);
    assertEquals(consumer.take(), { text: "", ended: true });
    consumer.close();
  });

  const seesEnd = mechanism.seesConsumersEnd === false ? () => {} : test;
  seesEnd(
    "half-close: the producer sees a closed channel once the consumer has ended",
    async () => {
      using channel = mechanism.open();
      const [producer, consumer] = openBoth(mechanism, channel);
      consumer.close();
      assertEquals(producer.send("kept\n"), "sent", "it may be restarted");
      channel.endConsumer();
      await mechanism.settle?.(channel);
      assertEquals(producer.send("lost\n"), "closed");
      producer.close();
    },
  );

  for (const order of INTERLEAVINGS) {
    test(`restarts lose nothing: ${order.join(", ")}`, () => restartIn(order, mechanism, false));
    // One side up and down and up again, all while the other was up.
    const apart = order[1]!.endsWith("up");
    if (mechanism.rejoins === "never" || (apart && mechanism.rejoins === false)) continue;
    test(`a final end and a new start let it flow: ${order.join(", ")}`, () =>
      restartIn(order, mechanism, true));
  }

  if (mechanism.rejoins === "never") {
    test("who starts when the other side has finally ended sees it at once", async () => {
      using channel = mechanism.open();
      channel.endProducer();
      const consumer = openConsumer(mechanism, channel);
      await mechanism.settle?.(channel);
      assertEquals(consumer.take().ended, true);
      consumer.close();
      channel.endConsumer();
      const producer = openProducer(mechanism, channel);
      assertEquals(producer.send("lost\n"), "closed");
      producer.close();
    });
  }

  test("endProducer(), endConsumer() and reopen() may be called twice", async () => {
    using channel = mechanism.open();
    for (const call of ["endProducer", "endConsumer", "reopen"] as const) {
      channel[call]();
      channel[call]();
    }
    if (mechanism.rejoins === "never") return;
    const [producer, consumer] = openBoth(mechanism, channel);
    producer.send("x");
    await mechanism.settle?.(channel);
    assertEquals(consumer.take().text, "x");
    producer.close();
    consumer.close();
  });
}

const STEPS = ["producer down", "producer up", "consumer down", "consumer up"] as const;
type Step = typeof STEPS[number];

/** Each side goes down before it comes up: six orders. */
const INTERLEAVINGS: readonly (readonly Step[])[] = permutations(STEPS).filter((order) =>
  order.indexOf("producer down") < order.indexOf("producer up") &&
  order.indexOf("consumer down") < order.indexOf("consumer up")
);

/**
 * One message before the restarts, one after each step at which there is a producer. The
 * consumers together must see every message once, in order.
 *
 * @param final Whether going down is for good, as the core would say it, and coming up anew.
 */
async function restartIn(
  order: readonly Step[],
  mechanism: Mechanism,
  final: boolean,
): Promise<void> {
  using channel = mechanism.open();
  let producer: TestProducer | null = openProducer(mechanism, channel);
  let consumer: TestConsumer | null = openConsumer(mechanism, channel);
  const sent: string[] = [];
  let received = "";
  const exchange = async (number: number) => {
    const message = `${number}\n`;
    if (producer?.send(message) === "sent") sent.push(message);
    await mechanism.settle?.(channel);
    received += consumer?.take().text ?? "";
  };
  await exchange(0);
  for (const [at, step] of order.entries()) {
    switch (step) {
      case "producer down":
        producer!.close();
        producer = null;
        if (final) channel.endProducer();
        break;
      case "consumer down":
        consumer!.close();
        consumer = null;
        if (final) channel.endConsumer();
        break;
      case "producer up":
        if (final) channel.reopen();
        producer = openProducer(mechanism, channel);
        break;
      case "consumer up":
        if (final) channel.reopen();
        consumer = openConsumer(mechanism, channel);
        break;
    }
    await exchange(at + 1);
  }
  await exchange(5);
  assertEquals(received, sent.join(""));
  assert(sent.at(-1) === "5\n", `the last message was not taken: ${sent}`);
  if (!final) {
    assertEquals(sent.length, 6 - (order.indexOf("producer up") - order.indexOf("producer down")));
  }
  producer!.close();
  consumer!.close();
}

function handed(mechanism: Mechanism, channel: Channel): number[] {
  if (mechanism.handed !== undefined) return mechanism.handed(channel);
  return [mechanism.producerEnd, mechanism.consumerEnd].map((end) => channel.openEnd(end, 1));
}

function openBoth(mechanism: Mechanism, channel: Channel): [TestProducer, TestConsumer] {
  return [openProducer(mechanism, channel), openConsumer(mechanism, channel)];
}

/** Where bytes go by descriptors, one that writes them. */
function openProducer(mechanism: Mechanism, channel: Channel): TestProducer {
  if (mechanism.players !== undefined) return mechanism.players.producer(channel);
  const fd = openNonBlocking(channel, mechanism.producerEnd);
  return {
    send(text) {
      const bytes = encode(text);
      const count = writeFd(fd, bytes);
      if (count === "closed") return "closed";
      return count === bytes.length ? "sent" : "full";
    },
    close: () => closeFd(fd),
  };
}

function openConsumer(mechanism: Mechanism, channel: Channel): TestConsumer {
  if (mechanism.players !== undefined) return mechanism.players.consumer(channel);
  const fd = openNonBlocking(channel, mechanism.consumerEnd);
  return {
    take() {
      const text = readText(fd);
      return { text, ended: text === "" && readFd(fd, new Uint8Array(1)) === 0 };
    },
    close: () => closeFd(fd),
  };
}

function openNonBlocking(channel: Channel, end: Parameters<Channel["openEnd"]>[0]): number {
  const fd = channel.openEnd(end, 1);
  setNonBlocking(fd);
  return fd;
}

function setNonBlocking(fd: number): void {
  const flags = libc().fcntl(fd, F_GETFL, 0);
  assertEquals(libc().fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** All that is there; "" for nothing. */
function readText(fd: number): string {
  const buffer = new Uint8Array(4096);
  const count = readFd(fd, buffer);
  return count === "would-block" ? "" : new TextDecoder().decode(buffer.subarray(0, count));
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, at) =>
    permutations(items.filter((_, other) => other !== at)).map((rest) => [item, ...rest])
  );
}
