/**
 * A million corrupted headers: whatever another process may have left in memory, a client says
 * `corrupt`, or goes on with numbers that fit; it never throws, reads elsewhere or hangs.
 */
import { assert } from "@std/assert";
import {
  HEADER_BYTES,
  type MailboxShape,
  slotStride,
} from "../../../../src/channel/mailbox/layout.ts";
import { Consumer } from "../../../../src/child/mailbox/consumer.ts";
import { MailboxError } from "../../../../src/child/mailbox/fault.ts";
import { Producer } from "../../../../src/child/mailbox/producer.ts";
import { idlePort, plainMailbox, shapeWith } from "../../../support/mailbox_memory.ts";

/** xorshift32: the seed is in the test's name. */
function randomWords(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state;
  };
}

const EDGES = [0, 1, 2, -1, 0x7fff_ffff, -0x8000_0000, 64, 65, 0x3f_ffff, 0x20_0000];

function fuzz(shape: MailboxShape, rounds: number, seed: number): Record<string, number> {
  const { samples, consumers } = plainMailbox(shape);
  const words = new Int32Array(samples);
  const own = new Int32Array(consumers[0]!);
  const port = idlePort();
  const producer = new Producer({ samples, consumers }, port, { shape });
  for (let at = 0; at < 11; at++) producer.send(new Uint8Array([at]));
  const good = words.slice();
  const goodOwn = own.slice();
  const random = randomWords(seed);
  const pick = (count: number) => (random() >>> 0) % count;
  const strideWords = slotStride(shape.sampleBytes) / 4;
  const counts: Record<string, number> = {};
  const value = () =>
    pick(3) === 0 ? EDGES[pick(EDGES.length)]! : pick(2) === 0 ? pick(32) : random();
  for (let round = 0; round < rounds; round++) {
    words.set(good);
    own.set(goodOwn);
    const make = () =>
      new Consumer({ samples, own: consumers[0]! }, port, { shape, number: 0, from: "resume" });
    let consumer = pick(2) === 0 ? make() : null;
    for (let at = pick(3); at >= 0; at--) {
      const where = pick(4);
      if (where === 0) words[pick(24)] = value();
      else if (where === 1) words[16 + pick(5)] = value();
      else if (where === 2) own[16 + pick(5)] = value();
      else words[HEADER_BYTES / 4 + pick(shape.slots) * strideWords + pick(10)] = value();
    }
    let outcome = "refused";
    try {
      consumer ??= make();
      for (let at = 0; at < 3; at++) {
        const found = consumer.poll();
        outcome = found.kind;
        if (found.kind !== "sample") break;
        assert(found.length >= 0 && found.length <= shape.sampleBytes, `length ${found.length}`);
        assert(found.bytes.length === found.length && found.slot < shape.slots);
        found.release();
      }
      if (pick(4) === 0) {
        new Producer({ samples, consumers }, port, { shape }).send(new Uint8Array(1));
      }
    } catch (error) {
      if (!(error instanceof MailboxError)) throw error;
    }
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

for (
  const [seed, shape] of [
    [1, shapeWith()],
    [2, shapeWith({ history: "keepAll", keep: 0, slots: 16 })],
    [3, shapeWith({ checksum: "crc32c" })],
  ] as const
) {
  Deno.test(`a third of a million corrupted headers of ${shape.history}, checksum ${shape.checksum}, seed ${seed}`, () => {
    const counts = fuzz(shape, 340_000, seed);
    for (const outcome of ["refused", "corrupt", "sample"]) {
      assert((counts[outcome] ?? 0) > 1000, JSON.stringify(counts));
    }
  });
}
