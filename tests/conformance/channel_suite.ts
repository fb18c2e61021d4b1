/**
 * What every mechanism promises to the processes on it, tested with real descriptors and,
 * where a program's behaviour matters, real processes. Written once; see `mechanism.ts`.
 */
import { assert, assertEquals } from "@std/assert";
import type { Channel } from "../../src/channel/channel.ts";
import { libc, O_NONBLOCK } from "../../src/os/libc.ts";
import { closeFd, readFd, writeFd } from "../../src/os/pipe.ts";
import { startShell } from "./instances.ts";
import type { Mechanism } from "./mechanism.ts";

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
    for (const end of [mechanism.producerEnd, mechanism.consumerEnd]) {
      const fd = channel.openEnd(end, 1);
      assertEquals(libc().fcntl(fd, F_GETFD, 0) & FD_CLOEXEC, FD_CLOEXEC);
      closeFd(fd);
    }
  });

  test("openEnd() gives the next instance a blocking end, whatever the last one set", () => {
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

  test("order is kept, and nothing is lost, over many times the capacity", async () => {
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
    const [producer, consumer] = openBoth(mechanism, channel);
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
    writeFd(producer, encode("last\n"));
    closeFd(producer);
    await mechanism.settle?.(channel);
    assertEquals(readText(consumer), "last\n");
    assertEquals(readFd(consumer, new Uint8Array(1)), "would-block", "it may be restarted");
    channel.endProducer();
    await mechanism.settle?.(channel);
    assertEquals(readFd(consumer, new Uint8Array(1)), 0);
    closeFd(consumer);
  });

  test("half-close: the producer sees a closed channel once the consumer has ended", async () => {
    using channel = mechanism.open();
    const [producer, consumer] = openBoth(mechanism, channel);
    closeFd(consumer);
    assertEquals(writeFd(producer, encode("kept\n")), 5, "it may be restarted");
    channel.endConsumer();
    await mechanism.settle?.(channel);
    assertEquals(writeFd(producer, encode("lost\n")), "closed");
    closeFd(producer);
  });

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
      const consumer = openNonBlocking(channel, mechanism.consumerEnd);
      await mechanism.settle?.(channel);
      assertEquals(readFd(consumer, new Uint8Array(1)), 0);
      closeFd(consumer);
      channel.endConsumer();
      const producer = openNonBlocking(channel, mechanism.producerEnd);
      assertEquals(writeFd(producer, encode("lost\n")), "closed");
      closeFd(producer);
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
    writeFd(producer, encode("x"));
    await mechanism.settle?.(channel);
    assertEquals(readText(consumer), "x");
    closeFd(producer);
    closeFd(consumer);
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
  let producer: number | null = openNonBlocking(channel, mechanism.producerEnd);
  let consumer: number | null = openNonBlocking(channel, mechanism.consumerEnd);
  const sent: string[] = [];
  let received = "";
  const exchange = async (number: number) => {
    const message = `${number}\n`;
    if (producer !== null && writeFd(producer, encode(message)) === message.length) {
      sent.push(message);
    }
    await mechanism.settle?.(channel);
    if (consumer !== null) received += readText(consumer);
  };
  await exchange(0);
  for (const [at, step] of order.entries()) {
    switch (step) {
      case "producer down":
        closeFd(producer!);
        producer = null;
        if (final) channel.endProducer();
        break;
      case "consumer down":
        closeFd(consumer!);
        consumer = null;
        if (final) channel.endConsumer();
        break;
      case "producer up":
        if (final) channel.reopen();
        producer = openNonBlocking(channel, mechanism.producerEnd);
        break;
      case "consumer up":
        if (final) channel.reopen();
        consumer = openNonBlocking(channel, mechanism.consumerEnd);
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
  closeFd(producer!);
  closeFd(consumer!);
}

function openBoth(mechanism: Mechanism, channel: Channel): [producer: number, consumer: number] {
  return [
    openNonBlocking(channel, mechanism.producerEnd),
    openNonBlocking(channel, mechanism.consumerEnd),
  ];
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
