/**
 * `kill -9` of `@relay` at random moments under load, again and again, with the same pipes: what
 * arrives, what is lost, and what is counted. The seed of a failing run is in its message.
 */
import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import type { RelayChannel } from "../../src/channel/relay/relay_protocol.ts";
import { seededRandom } from "../unit/system/relay/support.ts";
import { until } from "./support/harness.ts";
import {
  queuePlan,
  relayChannel,
  RelayRig,
  type TestReader,
  type TestWriter,
} from "./support/relay_rig.ts";

const KILLS = 30;
const QUEUE = { messagesMax: 200, bytesMax: 200_000 };
/** What is taken from a producer at once, and written to a consumer at once, at most. */
const BATCH_BYTES = 65_536;

/** A message says its number twice and its size, so that a cut one is known. */
function payload(number: number, size: number): string {
  return `${number}:${size}:`.padEnd(size, "x") + `:${number}`;
}

function numberOf(text: string): number | null {
  const [, number, size, end] = /^(\d+):(\d+):x*:(\d+)$/.exec(text) ?? [];
  if (number === undefined || number !== end) return null;
  return text === payload(Number(number), Number(size)) ? Number(number) : null;
}

function encode(framing: RelayChannel["framing"], text: string): Uint8Array<ArrayBuffer> {
  const body = new TextEncoder().encode(text);
  if (framing === "lines") return new TextEncoder().encode(text + "\n");
  const bytes = new Uint8Array(4 + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length);
  bytes.set(body, 4);
  return bytes;
}

/** Splits what a consumer has read; `null`: a frame that cannot be. */
function decode(framing: RelayChannel["framing"], bytes: Uint8Array): string[] | null {
  if (framing === "lines") return new TextDecoder().decode(bytes).split("\n").slice(0, -1);
  const found: string[] = [];
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = new DataView(bytes.buffer).getUint32(at);
    if (length > 1_000_000) return null;
    if (at + 4 + length > bytes.length) break;
    found.push(new TextDecoder().decode(bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return found;
}

/** Writes messages for as long as it is let; then what is left of the last. */
class Load {
  sent = 0;
  #left = new Uint8Array(0);

  constructor(
    readonly writer: TestWriter,
    readonly framing: RelayChannel["framing"],
    readonly sizeOf: () => number,
  ) {}

  /** @returns whether a message is begun and not written whole. */
  step(): boolean {
    if (this.#left.length === 0) {
      const parts = Array.from(
        { length: 20 },
        () => encode(this.framing, payload(this.sent++, this.sizeOf())),
      );
      this.#left = Uint8Array.from(parts.flatMap((part) => [...part]));
    }
    return this.finish();
  }

  finish(): boolean {
    this.#left = this.#left.slice(Number(this.writer.write(this.#left)));
    return this.#left.length > 0;
  }
}

interface Outcome {
  /** Of each producer, what arrived. */
  readonly arrived: readonly number[];
  readonly broken: number;
}

function judge(framing: RelayChannel["framing"], bytes: Uint8Array): Outcome {
  const texts = decode(framing, bytes);
  assert(texts !== null, "frames out of step");
  const numbers = texts.map(numberOf);
  return {
    arrived: numbers.filter((number) => number !== null),
    broken: numbers.filter((number) => number === null).length,
  };
}

function assertOnceAndInOrder(arrived: readonly number[], why: string): void {
  arrived.forEach((number, at) => {
    if (at > 0 && number <= arrived[at - 1]!) {
      assertEquals(`${number} after ${arrived[at - 1]}`, `in order, ${why}`);
    }
  });
}

for (const framing of ["lines", "frames"] as const) {
  Deno.test(`kill -9 of @relay over and over: ${framing} are whole, once, in order; losses bounded and counted`, async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const why = `seed ${seed}`;
    const random = seededRandom(seed);
    await using rig = RelayRig.start(relayChannel(1, [queuePlan(QUEUE)], { framing }));
    const load = new Load(rig.input(0), framing, () => 8 + random(random(4) === 0 ? 3000 : 200));
    const reader = rig.output(1);
    let isRunning = true;
    let lastRead = 0;
    const running = (async () => {
      while (isRunning) {
        // Until the pipe is full.
        for (let times = 0; times < 50 && !load.step(); times++);
        // Fast and slow by turns, so that the queue is full and empty by turns.
        if (random(400) === 0) lastRead = random(3) * 3000;
        for (let times = 0; times < 4 && reader.read(lastRead || 65_536) > 0; times++);
        await delay(0);
      }
      while (load.finish()) {
        reader.read();
        await delay(0);
      }
    })();
    for (let kill = 0; kill < KILLS; kill++) {
      const taken = rig.leg(0).messages;
      await until("some to be taken", () => rig.leg(0).messages > taken);
      await delay(random(25));
      await rig.kill();
      rig.restart();
    }
    isRunning = false;
    await running;
    load.writer.close();
    rig.say({ kind: "inputEnded", slot: 0 });
    await until("the end", () => {
      reader.read();
      rig.hear();
      return rig.reports.some(({ kind }) => kind === "outputFinished");
    });
    await reader.readToEnd();

    const { arrived, broken } = judge(framing, reader.bytes);
    assertEquals(broken, 0, why);
    assertOnceAndInOrder(arrived, why);
    const lost = load.sent - arrived.length;
    const counted = rig.leg(0).dropped.lost;
    const smallest = framing === "lines" ? 12 : 15;
    const batchMax = Math.ceil(BATCH_BYTES / smallest);
    // What is taken has room in the queue; one more may be in the consumer's pipe in part.
    assert(lost <= KILLS * (QUEUE.messagesMax + 1), `${lost} lost, ${why}`);
    // Never too few; too many by what was on its way in or out when the kill came.
    assert(counted >= lost, `${lost} lost, ${counted} counted, ${why}`);
    assert(counted <= lost + KILLS * 2 * batchMax, `${lost} lost, ${counted} counted, ${why}`);
    assert(rig.leg(1).dropped.lost >= lost, why);
    const { messages, dropped } = rig.leg(0);
    assert(messages >= load.sent, why);
    assertEquals(dropped.malformed + dropped.oversized + dropped.unfinished, 0, why);
    reader.close();
  });
}

Deno.test("kill -9 of @relay with lines above 4096 bytes: one is cut at most for each kill, and ends", async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const why = `seed ${seed}`;
  const random = seededRandom(seed);
  const changes = { maxMessageBytes: 150_000 };
  await using rig = RelayRig.start(relayChannel(1, [queuePlan()], changes));
  const load = new Load(rig.input(0), "lines", () => random(10) === 0 ? 100_000 : random(20_000));
  const reader = rig.output(1);
  let isRunning = true;
  const running = (async () => {
    while (isRunning) {
      load.step();
      reader.read(30_000);
      await delay(0);
    }
    while (load.finish()) {
      reader.read();
      await delay(0);
    }
  })();
  for (let kill = 0; kill < KILLS; kill++) {
    const taken = rig.leg(0).messages;
    await until("some to be taken", () => rig.leg(0).messages > taken);
    await delay(random(25));
    await rig.kill();
    rig.restart();
  }
  isRunning = false;
  await running;
  load.writer.close();
  rig.say({ kind: "inputEnded", slot: 0 });
  await until("the end", () => {
    reader.read();
    rig.hear();
    return rig.reports.some(({ kind }) => kind === "outputFinished");
  });
  await reader.readToEnd();
  const { arrived, broken } = judge("lines", reader.bytes);
  assert(broken <= KILLS, `${broken} broken, ${why}`);
  assertOnceAndInOrder(arrived, why);
  const lost = load.sent - arrived.length;
  const counted = rig.leg(0).dropped.lost;
  assert(lost > 0 && counted >= lost, `${lost} lost, ${counted} counted, ${why}`);
  reader.close();
});

Deno.test("kill -9 of @relay within a frame for which there was no room: the consumer is to be restarted", async () => {
  const changes = { framing: "frames", maxMessageBytes: 200_000 } as const;
  await using rig = RelayRig.start(relayChannel(1, [queuePlan()], changes));
  const writer = rig.input(0);
  const reader = rig.output(1, 4);
  await writer.writeAll(encode("frames", payload(0, 100)));
  await writer.writeAll(encode("frames", payload(1, 150_000)));
  // The pipe is full of the first and a part of the second.
  await until("a frame in part", () => rig.leg(1).blockedForMs !== null);
  await rig.kill();
  rig.restart();
  const { slot, instance, pipe } = await rig.report("outputTorn");
  assertEquals([slot, instance, pipe], [1, 4, reader.pipe]);
  await writer.writeAll(encode("frames", payload(2, 100)));
  await until("it to be taken", () => rig.leg(0).messages === 3);
  // Nothing follows the piece of the frame, and the next instance sees nothing of it.
  reader.close();
  const next = rig.output(1, 5);
  await rig.report("outputDone");
  await next.readUntil(encode("frames", payload(2, 100)).length);
  assertEquals(judge("frames", next.bytes), { arrived: [2], broken: 0 });
  writer.close();
  next.close();
});

for (const framing of ["lines", "frames"] as const) {
  Deno.test(`kill -9 of @relay and of its consumer: ${framing} are whole, and what is lost is bounded`, () =>
    killBoth(framing));
}

async function killBoth(framing: RelayChannel["framing"]): Promise<void> {
  await using rig = RelayRig.start(relayChannel(1, [queuePlan()], { framing }));
  const load = new Load(rig.input(0), framing, () => 50);
  const readers: TestReader[] = [rig.output(1)];
  for (let round = 0; round < 10; round++) {
    const { messages } = rig.leg(1);
    load.step();
    await until("all to be delivered", () => rig.leg(1).messages >= messages + 20);
    // An odd number of bytes: in the middle of a line, but for the last round.
    const reader = readers.at(-1)!;
    reader.read(round === 9 ? 65_536 : 100 + round);
    await rig.kill();
    rig.restart();
    reader.close();
    readers.push(rig.output(1, 2 + round));
    await rig.report("outputDone", ({ pipe }) => pipe === reader.pipe);
  }
  const last = readers.at(-1)!;
  load.step();
  await last.readUntil((text) => text.trimEnd().endsWith(`:${load.sent - 1}`));
  const found = readers.flatMap((reader) => {
    const { arrived, broken } = judge(framing, reader.bytes);
    assertEquals(broken, 0);
    return arrived;
  });
  assertOnceAndInOrder(found, "");
  // Two lines a round: the one that was begun, and one whose beginning could not be told. Of
  // frames the beginning of none: all 20 that are in the pipe, but for the last round's.
  const most = framing === "lines" ? 20 : 9 * 20;
  assert(load.sent - found.length <= most, `${found.length} of ${load.sent}`);
  const { lost } = rig.leg(1).dropped;
  // One a round, and what was just delivered when it was killed: of that it had no time to say so.
  assert(lost >= 9 && (lost - 9) % 20 === 0, `${lost} lost`);
  load.writer.close();
  last.close();
}

Deno.test("kill -9 of @relay within a line that is longer than the pipe: it goes on behind it", async () => {
  for (const framing of ["lines", "frames"] as const) {
    const changes = { framing, maxMessageBytes: 200_000 };
    await using rig = RelayRig.start(relayChannel(1, [queuePlan()], changes));
    const writer = rig.input(0, 3);
    const reader = rig.output(1);
    const long = encode(framing, payload(0, 150_000));
    await writer.writeAll(long.slice(0, 100_000));
    await rig.kill();
    rig.restart();
    if (framing === "frames") {
      const { slot, instance, why } = await rig.report("inputCut");
      assertEquals([slot, instance, why], [0, 3, "torn"]);
    } else {
      await writer.writeAll(long.slice(100_000));
      await writer.writeAll(encode(framing, payload(1, 100)));
      await reader.readUntil((text) => text.endsWith("\n"));
      assertEquals(judge(framing, reader.bytes), { arrived: [1], broken: 0 });
    }
    assertEquals(rig.leg(0).dropped.lost, 1);
    writer.close();
    reader.close();
  }
});
