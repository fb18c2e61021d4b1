/** `@relay` by itself, with real pipes: see `support/relay_rig.ts`. */
import { assert, assertEquals } from "@std/assert";
import type { RelayChannel } from "../../src/channel/relay/relay_protocol.ts";
import { LEG_PIPES_MAX } from "../../src/channel/relay/relay_protocol.ts";
import type { Overflow } from "../../src/plan/plan.ts";
import { pipeFillBytes } from "../../src/os/pipe.ts";
import { outputOf, shellRequest, until } from "./support/harness.ts";
import { queuePlan, relayChannel, RelayRig } from "./support/relay_rig.ts";

const numbers = (from: number, to: number, of = "") =>
  Array.from({ length: to - from }, (_, index) => `${of}${from + index}\n`).join("");
const linesOf = (text: string) => text.split("\n").slice(0, -1);

/** A line that fills a page: a pipe of one page holds exactly one. */
const PAGE = 4096;
const SIGSTOP = 19;
const SIGCONT = 18;
const pageLine = (mark: string) => mark.padEnd(PAGE - 1, "x") + "\n";
const marksOf = (text: string) => linesOf(text).map((line) => line[0]).join("");

function frame(payload: string | number, byte = 1): Uint8Array<ArrayBuffer> {
  const body = typeof payload === "string"
    ? new TextEncoder().encode(payload)
    : new Uint8Array(payload).fill(byte);
  const bytes = new Uint8Array(4 + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length);
  bytes.set(body, 4);
  return bytes;
}

Deno.test("@relay passes lines on whole and in order, and the end after them", async () => {
  await using rig = RelayRig.start(relayChannel(1, [queuePlan()]));
  const writer = rig.input(0);
  const reader = rig.output(1);
  const text = numbers(0, 20_000);
  const reading = reader.readToEnd();
  await writer.writeAll(text);
  writer.close();
  rig.say({ kind: "inputEnded", slot: 0 });
  await rig.report("inputDone");
  await rig.report("outputFinished");
  assertEquals(await reading, text);
  const producer = rig.leg(0);
  assertEquals([producer.messages, producer.bytes], [20_000, text.length]);
  assertEquals(producer.queuedMessages, 0);
  assertEquals([rig.leg(1).messages, rig.leg(1).bytes], [20_000, text.length]);
  assert(rig.leg(1).peakMessages > 0);
  reader.close();
});

Deno.test("@relay passes a program's output on that writes in blocks and waits within them", async () => {
  await using rig = RelayRig.start(relayChannel(1, [queuePlan()]));
  const writer = rig.input(0);
  const reader = rig.output(1);
  const reading = reader.readToEnd();
  // The description is the writer's own: the program waits where ours would not.
  const { exit } = await outputOf(shellRequest(
    `exec python3 -c 'import os
os.set_blocking(9, True)
data = b"".join(b"%d\\n" % i for i in range(300000))
view = memoryview(data)
while view: view = view[os.write(9, view[:100001]):]'`,
    { descriptors: [{ fd: 9, source: writer.fd }] },
  ));
  assertEquals(exit.reason.kind === "code" && exit.reason.code, 0);
  writer.close();
  rig.say({ kind: "inputEnded", slot: 0 });
  await rig.report("outputFinished");
  assertEquals(await reading, numbers(0, 300_000));
  reader.close();
});

for (
  const [overflow, kept, cut] of [
    ["block", "01234", false],
    ["drop-oldest", "0234", false],
    ["drop-newest", "0123", false],
    ["fail", "0123", true],
  ] as readonly (readonly [Overflow, string, boolean])[]
) {
  Deno.test(`@relay with a queue of 3 and "${overflow}" at its mark and one above`, async () => {
    await using rig = RelayRig.start(relayChannel(1, [queuePlan({ overflow, messagesMax: 3 })]));
    const writer = rig.input(0, 5);
    const reader = rig.output(1, 7, PAGE);
    // One is in the consumer's pipe, three wait.
    for (const mark of "0123") {
      await writer.writeAll(pageLine(mark));
      await until("it to be taken", () => rig.leg(0).messages === Number(mark) + 1);
    }
    assertEquals(rig.leg(1).queuedMessages, 3);
    assertEquals(rig.leg(1).dropped.overflow, 0);
    await writer.writeAll(pageLine("4"));
    if (overflow === "block") {
      await until("the producer to be held up", () => rig.leg(0).blockedForMs !== null);
      assertEquals(rig.leg(0).messages, 4);
    } else {
      await until("a drop", () => rig.leg(1).dropped.overflow === 1);
      const { slot, instance, messages } = await rig.report("dropped");
      assertEquals([slot, instance, messages], [1, 7, 1]);
      assertEquals(rig.leg(0).dropped.overflow, 1);
    }
    if (cut) {
      const { slot, instance, why } = await rig.report("inputCut");
      assertEquals([slot, instance, why], [0, 5, "overflow"]);
      assertEquals(writer.write(new Uint8Array(1)), "closed");
    }
    assertEquals(rig.leg(1).peakMessages, 3);
    await reader.readUntil(kept.length * PAGE);
    assertEquals(marksOf(reader.text), kept);
    await until("nothing to wait", () => rig.leg(1).queuedMessages === 0);
    assertEquals(rig.leg(0).queuedMessages, 0);
    assertEquals(rig.leg(1).blockedForMs, null);
    writer.close();
    reader.close();
  });
}

Deno.test("@relay joins producers that write in blocks, and no line is torn", async () => {
  const producers = ["a", "b", "c", "d"];
  await using rig = RelayRig.start(relayChannel(producers.length, [queuePlan()]));
  const reader = rig.output(producers.length);
  const reading = reader.readToEnd();
  await Promise.all(producers.map(async (name, slot) => {
    const writer = rig.input(slot);
    const bytes = new TextEncoder().encode(numbers(0, 5000, name));
    for (let at = 0; at < bytes.length; at += 4099) {
      await writer.writeAll(bytes.slice(at, at + 4099));
    }
    writer.close();
    rig.say({ kind: "inputEnded", slot });
  }));
  await rig.report("outputFinished");
  const lines = linesOf(await reading);
  for (const name of producers) {
    const own = lines.filter((line) => line.startsWith(name));
    assertEquals(own, linesOf(numbers(0, 5000, name)));
  }
  assertEquals(lines.length, 20_000);
  reader.close();
});

Deno.test("@relay: a consumer that reads nothing stops no other, unless it says block", async () => {
  await using rig = RelayRig.start(
    relayChannel(1, [
      queuePlan(),
      queuePlan({ overflow: "drop-oldest", messagesMax: 10 }),
    ]),
  );
  const writer = rig.input(0);
  const [reader, stuck] = [rig.output(1), rig.output(2)];
  const text = numbers(0, 50_000);
  const reading = reader.readUntil(text.length);
  await writer.writeAll(text);
  assertEquals(await reading, text);
  await until("the newest to wait", () => rig.leg(2).queuedMessages === 10);
  const { messages, dropped } = rig.leg(2);
  assertEquals(messages + 10 + dropped.overflow, 50_000);
  assertEquals(rig.leg(0).dropped.overflow, dropped.overflow);
  assert(rig.leg(2).blockedForMs !== null);
  // What it reads now is whole, in order, and ends with the newest.
  await stuck.readUntil((read) => read.endsWith("49999\n"));
  const read = linesOf(stuck.text).map(Number);
  assert(read.every((number, at) => at === 0 || number > read[at - 1]!));
  assertEquals(read.slice(-10), Array.from({ length: 10 }, (_, at) => 49_990 + at));
  // From now on it holds up the others.
  rig.say({ kind: "overflow", slot: 2, overflow: "block" });
  let sent = 0;
  const more = new TextEncoder().encode(pageLine("n"));
  await until("the producer to be held up", () => {
    sent += Number(writer.write(more)) / PAGE;
    reader.read();
    return rig.leg(0).blockedForMs !== null && pipeFillBytes(writer.fd) === 16 * PAGE;
  });
  assertEquals(rig.leg(2).overflow, "block");
  await until("all to arrive", () => {
    reader.read();
    stuck.read();
    return reader.text.length === text.length + sent * PAGE;
  });
  for (const end of [writer, reader, stuck]) end.close();
});

Deno.test("@relay drops what has outlived its lifespan, and delivers what has not", async () => {
  const lifespanNs = 150e6;
  await using rig = RelayRig.start(relayChannel(1, [queuePlan({ lifespanNs })]));
  const writer = rig.input(0);
  const reader = rig.output(1, 1, PAGE);
  await writer.writeAll(pageLine("0") + pageLine("1") + pageLine("2"));
  // The first is in the consumer's pipe: it was delivered.
  await until("two drops", () => rig.leg(1).dropped.expired === 2);
  assertEquals((await rig.report("dropped")).reason, "expired");
  assertEquals([rig.leg(0).dropped.expired, rig.leg(1).queuedMessages], [2, 0]);
  await reader.readUntil(PAGE);
  await writer.writeAll(pageLine("3"));
  await reader.readUntil(2 * PAGE);
  assertEquals(marksOf(reader.text), "03");
  writer.close();
  reader.close();
});

for (
  const [overflow, kept] of [["block", 6], ["drop-newest", 2], ["fail", 2]] as const
) {
  Deno.test(`@relay with a rate and "${overflow}": the burst, then what the rate allows`, async () => {
    const perSecond = overflow === "block" ? 20 : 0.001;
    const rate = {
      messagesPerSecond: perSecond,
      messagesBurst: 2,
      bytesPerSecond: 0,
      bytesBurst: 0,
      overflow,
    };
    await using rig = RelayRig.start(relayChannel(2, [queuePlan()], { rate }));
    const [writer, other] = [rig.input(0), rig.input(1)];
    const reader = rig.output(2);
    const start = performance.now();
    await writer.writeAll(numbers(0, 6));
    const text = numbers(0, kept);
    await reader.readUntil(text.length);
    assertEquals(reader.text, text);
    if (overflow === "block") {
      assert(performance.now() - start >= 180, "six of twenty a second came too fast");
      assert(rig.leg(0).blockedTotalMs > 0);
    } else {
      const { slot, reason, messages } = await rig.report("dropped");
      assertEquals([slot, reason, messages], [0, "rate", overflow === "fail" ? 1 : 4]);
      assertEquals(rig.leg(0).dropped.rate, messages);
    }
    if (overflow === "fail") assertEquals((await rig.report("inputCut")).why, "rate");
    // Each producer has its own.
    await other.writeAll("other\n");
    await reader.readUntil((read) => read.endsWith("other\n"));
    for (const end of [writer, other, reader]) end.close();
  });
}

const BAD: readonly (readonly [
  name: string,
  changes: Partial<RelayChannel>,
  input: readonly Uint8Array<ArrayBuffer>[],
  good: number,
  reason: "malformed" | "oversized",
])[] = [
  [
    "a line above the largest",
    { framing: "lines", maxMessageBytes: 100 },
    ["a\n", "x".repeat(101) + "\n", "x".repeat(100) + "\n"].map((text) =>
      new TextEncoder().encode(text)
    ),
    2 + 101,
    "oversized",
  ],
  [
    "a line far above the largest, and above the pipe",
    { framing: "lines", maxMessageBytes: 100 },
    ["a\n", "x".repeat(300_000) + "\n", "b\n"].map((text) => new TextEncoder().encode(text)),
    4,
    "oversized",
  ],
  [
    "a line that is no JSON",
    { framing: "ndjson" },
    ['{"a":1}\n', "oops\n", "[2]\n"].map((text) => new TextEncoder().encode(text)),
    8 + 4,
    "malformed",
  ],
  [
    "a long line that is no JSON",
    { framing: "ndjson", maxMessageBytes: 200_000 },
    ["1\n", '"' + "x".repeat(150_000) + "\n", "2\n"].map((text) => new TextEncoder().encode(text)),
    4,
    "malformed",
  ],
  [
    "a frame above the largest",
    { framing: "frames", maxMessageBytes: 100 },
    [frame("a"), frame(101), frame(100)],
    5 + 104,
    "oversized",
  ],
  [
    "a frame far above the largest, and above the pipe",
    { framing: "frames", maxMessageBytes: 100 },
    [frame("a"), frame(300_000), frame(100)],
    5 + 104,
    "oversized",
  ],
];

for (const [name, changes, parts, goodBytes, reason] of BAD) {
  Deno.test(`@relay drops ${name}, says so, and goes on behind it`, async () => {
    await using rig = RelayRig.start(relayChannel(1, [queuePlan()], changes));
    const writer = rig.input(0, 3);
    const reader = rig.output(1);
    for (const bytes of parts) await writer.writeAll(bytes);
    await reader.readUntil(goodBytes);
    assertEquals(reader.bytes.length, goodBytes);
    const report = await rig.report("dropped");
    assertEquals([report.slot, report.instance, report.messages], [0, 3, 1]);
    assertEquals(report.reason, reason);
    assert(report.detail !== null && report.detail.startsWith("must be"), `${report.detail}`);
    assertEquals([rig.leg(0).messages, rig.leg(0).dropped[reason]], [3, 1]);
    assertEquals(rig.leg(1).messages, 2);
    writer.close();
    reader.close();
  });

  Deno.test(`@relay ends the link of who sends ${name}, where it is told to`, async () => {
    const [good, bad] = parts as [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>];
    let left = bad;
    await using rig = RelayRig.start(
      relayChannel(1, [queuePlan()], { ...changes, onMalformed: "end" }),
    );
    const writer = rig.input(0, 3);
    const reader = rig.output(1);
    await writer.writeAll(good);
    await reader.readUntil(good.length);
    await until("the link to be ended", () => {
      left = left.subarray(Number(writer.write(left)) || 0);
      rig.hear();
      return rig.reports.length > 0;
    });
    const { slot, instance, why } = await rig.report("inputCut");
    assertEquals([slot, instance, why], [0, 3, reason]);
    assertEquals(writer.write(new Uint8Array(1)), "closed");
    assertEquals(reader.bytes.length, good.length);
    // Another instance may send again.
    const next = rig.input(0, 4);
    await next.writeAll(good);
    await reader.readUntil(2 * good.length);
    for (const end of [writer, next, reader]) end.close();
  });
}

Deno.test("@relay passes messages larger than any pipe, both ways", async () => {
  for (const framing of ["lines", "frames"] as const) {
    const maxMessageBytes = 500_000;
    await using rig = RelayRig.start(relayChannel(1, [queuePlan()], { framing, maxMessageBytes }));
    const writer = rig.input(0);
    const reader = rig.output(1);
    const sizes = [10, 500_000, 3, 70_000, 499_999, 0, 65_531, 1];
    const messages = sizes.map((size, at) =>
      framing === "frames"
        ? frame(size, at)
        : new TextEncoder().encode(String(at).repeat(size) + "\n")
    );
    const total = messages.reduce((sum, { length }) => sum + length, 0);
    const reading = reader.readUntil(total);
    for (const message of messages) await writer.writeAll(message);
    await reading;
    assertEquals(reader.bytes, Uint8Array.from(messages.flatMap((message) => [...message])));
    await until("the books", () => rig.leg(1).messages === sizes.length);
    assertEquals([rig.leg(0).messages, rig.leg(0).queuedMessages], [sizes.length, 0]);
    assertEquals([rig.leg(1).bytes, rig.leg(0).bytes], [total, total]);
    writer.close();
    reader.close();
  }
});

Deno.test("@relay writes a message of up to a pipe's capacity in one piece, and waits for the room", async () => {
  for (const framing of ["lines", "frames"] as const) {
    const changes = { framing, maxMessageBytes: 60_000 };
    await using rig = RelayRig.start(relayChannel(1, [queuePlan({ messagesMax: 1 })], changes));
    const writer = rig.input(0);
    const reader = rig.output(1);
    const message = (mark: number, size: number) =>
      framing === "frames"
        ? frame(size, mark)
        : new TextEncoder().encode(String(mark).repeat(size) + "\n");
    const [first, second, third] = [message(1, 40_000), message(2, 50_000), message(3, 1)];
    const reading = (async () => {
      // It is a pipe of 16 pages: read one by one, until 13 are free.
      await until("the first", () => rig.leg(1).messages === 1);
      for (let pages = 0; pages < 6; pages++) {
        await until("the next to wait", () => rig.leg(1).queuedMessages === 1);
        assertEquals(pipeFillBytes(reader.fd), first.length - pages * PAGE);
        reader.read(PAGE);
      }
      await reader.readUntil(first.length + second.length + third.length);
    })();
    for (const bytes of [first, second, third]) await writer.writeAll(bytes);
    await reading;
    assertEquals(reader.bytes, Uint8Array.from([...first, ...second, ...third]));
    await until("the books", () => rig.leg(1).messages === 3);
    assertEquals([rig.leg(0).queuedMessages, rig.leg(1).peakMessages], [0, 1]);
    writer.close();
    reader.close();
  }
});

Deno.test("@relay holds no more than the high-water mark of messages longer than the pipe, and goes on when their reader dies", async () => {
  const changes = { maxMessageBytes: 100_000 };
  await using rig = RelayRig.start(
    relayChannel(1, [queuePlan({ messagesMax: 1, bytesMax: 1 })], changes),
  );
  const writer = rig.input(0, 1, 1 << 20);
  const reader = rig.output(1);
  const line = (mark: number) => String(mark).repeat(90_000) + "\n";
  await writer.writeAll(line(1) + line(2) + line(3));
  // One is in the pipe in part, one waits, one is with the producer.
  await until(
    "the producer to be held up",
    () => rig.leg(0).messages === 2 && rig.leg(0).blockedForMs !== null,
  );
  assertEquals(rig.leg(1).queuedMessages, 1);
  reader.read(10);
  reader.close();
  // The dead one had begun the first.
  const next = rig.output(1, 2);
  await next.readUntil(2 * 90_001);
  assertEquals(next.text, line(2) + line(3));
  await until("the books", () => rig.leg(1).messages === 3);
  assertEquals([rig.leg(0).queuedMessages, rig.leg(1).peakMessages], [0, 1]);
  writer.close();
  next.close();
});

Deno.test("@relay sends nobody the rest of a message of which a dead consumer had read all that was there", async () => {
  const cases = [["lines", true], ["lines", false], ["frames", true], ["frames", false]] as const;
  for (const [framing, reads] of cases) {
    const changes = { framing, maxMessageBytes: 100_000 };
    await using rig = RelayRig.start(relayChannel(1, [queuePlan()], changes));
    const writer = rig.input(0);
    const message = (mark: number, size: number) =>
      framing === "frames"
        ? frame(size, mark)
        : new TextEncoder().encode(String(mark).repeat(size) + "\n");
    const reader = rig.output(1);
    await writer.writeAll(message(1, 90_000));
    await until("a part", () => pipeFillBytes(reader.fd) === 16 * PAGE);
    // Nothing more is written before it hears of the next instance.
    rig.signal(SIGSTOP);
    reader.read();
    assertEquals(reader.bytes.length, 16 * PAGE);
    reader.close();
    const next = rig.output(1, 2);
    rig.signal(SIGCONT);
    await writer.writeAll(message(2, 10));
    const { length } = message(2, 10);
    await until("the next", () => pipeFillBytes(next.fd) >= length);
    if (reads) {
      await next.readUntil(length);
      assertEquals(next.bytes, message(2, 10));
    }
    next.close();
    // What the next did not read goes on, whole.
    const third = rig.output(1, 3);
    await writer.writeAll(message(3, 10));
    const expected = Uint8Array.from([...reads ? [] : message(2, 10), ...message(3, 10)]);
    await third.readUntil(expected.length);
    assertEquals(third.bytes, expected);
    writer.close();
    third.close();
  }
});

Deno.test("@relay drops the unfinished message of an instance; the next one's begins anew", async () => {
  await using rig = RelayRig.start(relayChannel(1, [queuePlan()]));
  const reader = rig.output(1);
  const first = rig.input(0, 1);
  await first.writeAll("one\nhal");
  const second = rig.input(0, 2);
  await second.writeAll("two\n");
  first.close();
  await rig.report("inputDone", ({ pipe }) => pipe === 2);
  assertEquals((await rig.report("dropped")).reason, "unfinished");
  await reader.readUntil(8);
  assertEquals(reader.text, "one\ntwo\n");
  assertEquals(rig.leg(0).instance, 2);
  assertEquals([rig.leg(0).dropped.unfinished, rig.leg(0).messages], [1, 3]);
  second.close();
  reader.close();
});

Deno.test("@relay takes what is in earlier instances' pipes first, and keeps so many of them", async () => {
  await using rig = RelayRig.start(relayChannel(1, [queuePlan({ messagesMax: 1 })]));
  const reader = rig.output(1, 1, PAGE);
  const filler = rig.input(0, 1);
  await filler.writeAll(pageLine("f") + pageLine("g"));
  await until("a full queue", () => rig.leg(0).messages === 2);
  filler.close();
  await rig.report("inputDone");
  const count = LEG_PIPES_MAX + 2;
  for (let instance = 2; instance < 2 + count; instance++) {
    const writer = rig.input(0, instance);
    await writer.writeAll(`${instance}-1\n${instance}-2\nunfinished`);
    writer.close();
  }
  await until("the oldest to be let go of", () => rig.leg(0).dropped.lost === 4);
  const kept = Array.from({ length: LEG_PIPES_MAX }, (_, at) => `${at + 4}-1\n${at + 4}-2\n`);
  await reader.readUntil(2 * PAGE + kept.join("").length);
  assertEquals(reader.text.slice(2 * PAGE), kept.join(""));
  await until("all ends", () => rig.leg(0).dropped.unfinished === LEG_PIPES_MAX);
  reader.close();
});

Deno.test("@relay gives what a dead consumer had not read to the next, whole and once", async () => {
  for (const framing of ["lines", "frames"] as const) {
    await using rig = RelayRig.start(relayChannel(1, [queuePlan()], { framing }));
    const writer = rig.input(0);
    const messages = Array.from({ length: 20_000 }, (_, at) => `message ${at}`);
    const encoded = messages.map((text) =>
      framing === "lines" ? new TextEncoder().encode(text + "\n") : frame(text)
    );
    const writing = writer.writeAll(
      Uint8Array.from(encoded.flatMap((bytes) => [...bytes])),
    );
    const ends: number[] = [];
    encoded.reduce((sum, { length }) => (ends.push(sum + length), sum + length), 0);
    let instance = 1;
    let next = 0;
    // Each instance reads an odd number of bytes, and dies: what it had begun is gone with it.
    while (next < messages.length) {
      const reader = rig.output(1, instance++);
      const most = instance % 3 === 0 ? 40_001 : instance % 3 === 1 ? 333 : ends[next]! -
        (ends[next - 1] ?? 0);
      await until("some of it", () =>
        reader.read(most - reader.bytes.length) < 0 ||
        reader.bytes.length >= most || (ends[next - 1] ?? 0) + reader.bytes.length === ends.at(-1));
      const at = ends[next - 1] ?? 0;
      const expected = Uint8Array.from(encoded.slice(next, next + 6000).flatMap((m) => [...m]));
      assertEquals(reader.bytes, expected.subarray(0, reader.bytes.length));
      const end = at + reader.bytes.length;
      while (next < ends.length && (ends[next - 1] ?? 0) < end) next++;
      const { pipe } = reader;
      reader.close();
      if (next < messages.length) {
        const after = rig.output(1, instance);
        await rig.report("outputDone", (report) => report.pipe === pipe);
        // It reads nothing: all goes on to the one after it.
        after.close();
        instance++;
      }
    }
    await writing;
    assertEquals(rig.leg(1).messages, messages.length);
    assertEquals(rig.leg(0).queuedMessages, 0);
    writer.close();
  }
});

Deno.test("@relay drops what a consumer that has ended would get, and its producers' links with the last", async () => {
  await using rig = RelayRig.start(
    relayChannel(1, [queuePlan({ messagesMax: 2 }), queuePlan()]),
  );
  const writer = rig.input(0);
  const [stuck, reader] = [rig.output(1, 1, PAGE), rig.output(2)];
  await writer.writeAll(pageLine("0") + pageLine("1") + pageLine("2") + pageLine("3"));
  await until("the producer to be held up", () => rig.leg(0).blockedForMs !== null);
  stuck.close();
  rig.say({ kind: "outputEnded", slot: 1 });
  await reader.readUntil(4 * PAGE);
  await until("all drops", () => rig.leg(1).dropped.ended === 3);
  assertEquals([rig.leg(0).dropped.ended, rig.leg(0).queuedMessages], [3, 0]);
  reader.close();
  rig.say({ kind: "outputEnded", slot: 2 });
  await until("a broken pipe", () => {
    // The rig holds the read end as the supervisor would: it lets go as both have to.
    rig.letGoOf(0);
    return writer.write(new Uint8Array([10])) === "closed";
  });
  writer.close();
});

Deno.test("@relay shows no end before what waits was delivered, and goes on after it", async () => {
  await using rig = RelayRig.start(relayChannel(1, [queuePlan()]));
  const writer = rig.input(0);
  const reader = rig.output(1, 1, PAGE);
  await writer.writeAll(pageLine("0") + pageLine("1"));
  writer.close();
  rig.say({ kind: "inputEnded", slot: 0 });
  await rig.report("inputDone");
  assertEquals(rig.reports.filter(({ kind }) => kind === "outputFinished"), []);
  await reader.readUntil(PAGE);
  await rig.report("outputFinished");
  // It dies before it has read the rest, and the next one does.
  reader.close();
  const next = rig.output(1, 2, PAGE);
  await rig.report("outputFinished", ({ pipe }) => pipe === next.pipe);
  assertEquals(marksOf(await next.readToEnd()), "1");
  // The producer starts again.
  const again = rig.input(0, 2);
  const last = rig.output(1, 3);
  await again.writeAll("again\n");
  await last.readUntil(6);
  assertEquals(last.text, "again\n");
  for (const end of [again, next, last]) end.close();
});

Deno.test("@relay, told to drain, delivers what moves and ends", async () => {
  await using rig = RelayRig.start(relayChannel(1, [queuePlan()]));
  const writer = rig.input(0);
  const reader = rig.output(1);
  const text = numbers(0, 30_000);
  const reading = reader.readUntil(text.length);
  await writer.writeAll(text);
  rig.drain();
  assertEquals(await reading, text);
  assertEquals(await rig.end(), 0);
  writer.close();
  reader.close();
});

Deno.test("@relay, told to drain, waits for who reads slowly, though it cannot write meanwhile", async () => {
  const changes = { framing: "frames", maxMessageBytes: 60_000 } as const;
  await using rig = RelayRig.start(relayChannel(1, [queuePlan()], changes));
  const writer = rig.input(0);
  const reader = rig.output(1);
  const bytes = Uint8Array.from([...frame(60_000, 1), ...frame(60_000, 2)]);
  await writer.writeAll(bytes);
  await until("one to wait", () => rig.leg(1).queuedMessages === 1);
  rig.drain();
  // Longer in all than the silence after which a drain gives up.
  for (let pages = 0; pages < 7; pages++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    reader.read(PAGE);
  }
  await reader.readUntil(bytes.length);
  assertEquals(reader.bytes, bytes);
  assertEquals(await rig.end(), 0);
  writer.close();
  reader.close();
});

Deno.test("@relay, told to drain, does not wait for who does not read, and counts what is left", async () => {
  await using rig = RelayRig.start(relayChannel(1, [queuePlan()]));
  const writer = rig.input(0);
  const reader = rig.output(1, 1, PAGE);
  await writer.writeAll(pageLine("0") + pageLine("1") + pageLine("2"));
  await until("all to be taken", () => rig.leg(0).messages === 3);
  rig.drain();
  assertEquals(await rig.end(), 0);
  assertEquals([rig.leg(1).messages, rig.leg(1).dropped.ended], [1, 2]);
  assertEquals(rig.leg(0).queuedMessages, 0);
  assert(rig.reports.some((report) => report.kind === "dropped" && report.messages === 2));
  writer.close();
  reader.close();
});

Deno.test("@relay is done when its supervisor is gone", async () => {
  await using rig = RelayRig.start(relayChannel(1, [queuePlan()]));
  const writer = rig.input(0);
  rig.hangUp();
  assertEquals(await rig.end(), 0);
  writer.close();
});

Deno.test("@relay sleeps while nothing happens, also with half a line and a full consumer", async () => {
  await using rig = RelayRig.start(relayChannel(2, [queuePlan()]));
  const writers = [rig.input(0), rig.input(1)];
  const reader = rig.output(2, 1, PAGE);
  await writers[0]!.writeAll("half a line");
  await writers[1]!.writeAll(pageLine("0") + pageLine("1") + "half");
  await until("one to wait", () => rig.leg(2).queuedMessages === 1);
  const switches = () =>
    /^voluntary_ctxt_switches:\s+(\d+)$/m.exec(
      Deno.readTextFileSync(`/proc/${rig.pid}/task/${rig.pid}/status`),
    )![1]!;
  // Once, some seconds after its start, it packs its memory.
  await until("a second without a wake-up", async () => {
    const before = switches();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return switches() === before;
  });
  for (const end of [...writers, reader]) end.close();
});

Deno.test("@relay keeps its reports while nobody takes them, and loses none", async () => {
  const changes = { maxMessageBytes: 10 };
  await using rig = RelayRig.start(relayChannel(1, [queuePlan()], changes));
  const reader = rig.output(1);
  const count = 1500;
  // Each instance's pipe is one report; nobody hears.
  for (let instance = 1; instance <= count; instance++) {
    const writer = rig.input(0, instance);
    await writer.writeAll("a\n");
    writer.close();
    await reader.readUntil(2 * instance);
  }
  await until("every report", () => {
    rig.hear();
    return rig.reports.filter(({ kind }) => kind === "inputDone").length === count;
  });
  reader.close();
});

Deno.test("@relay has given up its permission for foreign functions before it is told anything", async () => {
  const probe = `
    const revoke = Deno.permissions.revokeSync.bind(Deno.permissions);
    Deno.permissions.revokeSync = (descriptor) => {
      const status = revoke(descriptor);
      for (const attempt of [
        () => Deno.dlopen("libc.so.6", {}),
        () => Deno.UnsafePointer.of(new Uint8Array(100)),
        () => Deno.UnsafePointer.create(4096n),
      ]) {
        try {
          attempt();
          Deno.exit(51);
        } catch (error) {
          if (!(error instanceof Deno.errors.NotCapable)) Deno.exit(52);
        }
      }
      globalThis.addEventListener("unload", () => Deno.exitCode = 50);
      const exit = Deno.exit;
      Deno.exit = () => exit(50);
      return status;
    };`;
  await using rig = RelayRig.start(relayChannel(1, [queuePlan()]));
  await rig.kill();
  rig.restart([`--preload=data:text/javascript,${encodeURIComponent(probe)}`]);
  const writer = rig.input(0);
  const reader = rig.output(1);
  await writer.writeAll("it works nevertheless\n");
  await reader.readUntil(22);
  rig.drain();
  assertEquals(await rig.end(), 50);
  writer.close();
  reader.close();
});
