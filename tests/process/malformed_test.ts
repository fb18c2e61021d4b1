/**
 * A million malformed messages each, seeded, to `@relay` and to a client that reads a pipe: all are
 * counted, what is good between them arrives, and memory stays what it is.
 */
import { assert, assertEquals } from "@std/assert";
import { PipeChannel } from "../../src/channel/pipe/pipe_channel.ts";
import { closeFd, reopenPipe } from "../../src/os/pipe.ts";
import { seededRandom } from "../unit/system/relay/support.ts";
import { startClient } from "../conformance/instances.ts";
import { until } from "./support/harness.ts";
import { queuePlan, relayChannel, RelayRig, TestWriter } from "./support/relay_rig.ts";

const MALFORMED = 1_000_000;
/** One in so many is good. */
const GOOD_EVERY = 64;
const BATCH = 20_000;
/** Of the largest message. */
const MAX_BYTES = 40;
/** A heap that grows with what it reads would have grown by far more. */
const GROWTH_KIB_MAX = 24 << 10;
/** Messages that are kept would take twenty times as much. */
const HEAP_GROWTH_BYTES_MAX = 2 << 20;

type Random = (below: number) => number;
/** Puts one message at `at`. @returns where it ends. */
type Put = (into: Uint8Array, at: number, random: Random) => number;

/** A length above the largest, by one or by much. */
const putBadFrame: Put = (into, at, random) => {
  const length = MAX_BYTES + 1 + (random(2) === 0 ? 0 : random(60));
  new DataView(into.buffer).setUint32(at, length);
  for (let index = 0; index < length; index++) into[at + 4 + index] = random(256);
  return at + 4 + length;
};

const BROKEN = [
  "{",
  "[1,",
  "tru",
  '"open',
  '"\\x01"',
  "1 2",
  '{"a":}',
  "-",
  "01",
  "\\u00",
  "]",
  `"${"x".repeat(MAX_BYTES)}"`,
];

/** What is no JSON, no UTF-8, or too long. */
const putBadLine: Put = (into, at, random) => {
  const text = BROKEN[random(BROKEN.length + 1)];
  let end = at;
  if (text === undefined) {
    for (const byte of [0x22, 0xc0 + random(2), 0x80, 0x22]) into[end++] = byte;
  } else end += new TextEncoder().encodeInto(text, into.subarray(at)).written;
  into[end] = 10;
  return end + 1;
};

function putGood(
  framing: "frames" | "ndjson",
  number: number,
  into: Uint8Array,
  at: number,
): number {
  const isFrame = framing === "frames";
  const text = isFrame ? String(number) : `${number}\n`;
  if (isFrame) new DataView(into.buffer).setUint32(at, text.length);
  const from = at + (isFrame ? 4 : 0);
  return from + new TextEncoder().encodeInto(text, into.subarray(from)).written;
}

/** Batches of messages until there were enough bad ones. @returns how many good ones there were. */
async function sendAll(
  writer: TestWriter,
  framing: "frames" | "ndjson",
  seed: number,
  afterBatch: (bad: number) => void,
): Promise<number> {
  const random = seededRandom(seed);
  const put = framing === "frames" ? putBadFrame : putBadLine;
  const bytes = new Uint8Array(BATCH * 128);
  let good = 0;
  for (let bad = 0; bad < MALFORMED;) {
    let end = 0;
    for (const last = bad + BATCH; bad < last; bad++) {
      end = put(bytes, end, random);
      if (random(GOOD_EVERY) === 0) end = putGood(framing, good++, bytes, end);
    }
    await writer.writeAll(bytes.slice(0, end));
    afterBatch(bad);
  }
  return good;
}

const residentKib = (pid: number) =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1]);

/** Watches how a process grows, from when it has come to work. */
class Growth {
  #fromKib = 0;
  #mostKib = 0;

  constructor(readonly pid: number) {}

  look(bad: number): void {
    const kib = residentKib(this.pid);
    if (bad <= MALFORMED / 5) this.#fromKib = Math.max(this.#fromKib, kib);
    this.#mostKib = Math.max(this.#mostKib, kib);
  }

  get kib(): number {
    return this.#mostKib - this.#fromKib;
  }
}

for (const framing of ["frames", "ndjson"] as const) {
  Deno.test(`@relay counts a million malformed ${framing}, passes on what is good, and does not grow`, async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const why = `seed ${seed}`;
    const changes = { framing, maxMessageBytes: MAX_BYTES };
    await using rig = RelayRig.start(relayChannel(1, [queuePlan()], changes));
    const writer = rig.input(0);
    const reader = rig.output(1);
    const growth = new Growth(rig.pid);
    const expected: number[] = [];
    const good = await sendAll(writer, framing, seed, (bad) => {
      growth.look(bad);
      reader.read();
      rig.hear();
    });
    await until("all to arrive", () => {
      reader.read();
      return rig.leg(1).messages === good && rig.leg(1).queuedMessages === 0;
    });
    while (reader.read() > 0);
    const { messages, dropped } = rig.leg(0);
    assertEquals(dropped.malformed + dropped.oversized, MALFORMED, why);
    assertEquals([messages, rig.leg(1).messages], [MALFORMED + good, good], why);
    for (let number = 0; number < good; number++) expected.push(number);
    assertEquals(numbersIn(framing, reader.bytes), expected, why);
    assert(growth.kib <= GROWTH_KIB_MAX, `grew by ${growth.kib} KiB, ${why}`);
    writer.close();
    reader.close();
  });

  Deno.test(`connect() reads past a million malformed ${framing}, and does not grow`, async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const why = `seed ${seed}`;
    using channel = new PipeChannel({
      kind: "pipe",
      name: "malformed",
      from: { processes: [0], port: "out", fd: 4 },
      to: { processes: [1], port: "in", fd: 4 },
      capacityBytes: 65_536,
      producerEnds: "eof",
      consumerEnds: "epipe",
      stall: null,
    });
    const limit = framing === "frames" ? "maxFrameBytes" : "maxLineBytes";
    const client = startClient(
      `
      let bad = 0, good = 0, wrong = 0;
      const alive = [];
      const onBadMessage = () => {
        if (++bad % ${MALFORMED / 5} !== 0) return;
        // All that is not in use is collected: when V8 would do so by itself is its own affair.
        gc();
        alive.push(Deno.memoryUsage().heapUsed);
      };
      const link = connect("in", { as: "${framing}", ${limit}: ${MAX_BYTES}, onBadMessage });
      for await (const message of link) {
        const number = Number(typeof message === "number" ? message : new TextDecoder().decode(message));
        if (number !== good++) wrong++;
      }
      console.log(JSON.stringify({ counts: [bad, good, wrong], alive }));`,
      [{
        channel,
        end: "read",
        fd: 4,
        description: {
          name: "malformed",
          port: "in",
          kind: "pipe",
          direction: "read",
          fd: 4,
          limits: { capacityBytes: 65_536 },
        },
      }],
      ["--expose-gc"],
    );
    const end = channel.openEnd("write");
    const writer = new TestWriter(reopenPipe(end, "write", { nonBlocking: true }));
    closeFd(end);
    const good = await sendAll(writer, framing, seed, () => {});
    writer.close();
    channel.endProducer();
    const { counts, alive } = JSON.parse(await client.ended());
    assertEquals(counts, [MALFORMED, good, 0], why);
    assertEquals(alive.length, 5, why);
    const grown = Math.max(...alive) - alive[0];
    assert(grown <= HEAP_GROWTH_BYTES_MAX, `grew by ${grown} of ${alive[0]} bytes, ${why}`);
  });
}

function numbersIn(framing: "frames" | "ndjson", bytes: Uint8Array): number[] {
  if (framing === "ndjson") {
    return new TextDecoder().decode(bytes).split("\n").slice(0, -1).map(Number);
  }
  const found: number[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint32(at);
    found.push(Number(new TextDecoder().decode(bytes.subarray(at + 4, at + 4 + length))));
    at += 4 + length;
  }
  return found;
}
