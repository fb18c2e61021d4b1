import { assert, assertEquals } from "@std/assert";
import { LookBuffer } from "../../../../src/system/relay/look_buffer.ts";
import {
  BATCH_MESSAGES_MAX,
  MessageBatch,
  VERDICT,
} from "../../../../src/system/relay/message_batch.ts";
import { MessageScanner } from "../../../../src/system/relay/message_scanner.ts";
import type { RelayedPlan } from "../../../../src/plan/plan.ts";
import { seededRandom } from "./support.ts";

function scan(
  framing: RelayedPlan["framing"],
  bytes: Uint8Array | string,
  maxMessageBytes: number,
) {
  const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  const buffer = new LookBuffer(data.length + 7);
  // What is behind the data belongs to something else, and must not be looked at.
  buffer.bytes.fill(10);
  buffer.bytes.set(data);
  const batch = new MessageBatch();
  new MessageScanner({ framing, maxMessageBytes }).scan(buffer, data.length, batch);
  return batch;
}

const endsOf = (batch: MessageBatch) => [...batch.ends.subarray(0, batch.count)];
const verdictsOf = (batch: MessageBatch) => [...batch.verdicts.subarray(0, batch.count)];

function frame(...payloads: readonly (number | string)[]): Uint8Array {
  const parts = payloads.map((payload) => {
    const body = typeof payload === "string"
      ? new TextEncoder().encode(payload)
      : new Uint8Array(payload);
    const bytes = new Uint8Array(4 + body.length);
    new DataView(bytes.buffer).setUint32(0, body.length);
    bytes.set(body, 4);
    return bytes;
  });
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

Deno.test("scan() of lines finds each line feed, at every offset in a word", () => {
  for (let lead = 0; lead < 9; lead++) {
    const text = "x".repeat(lead) + "\n\n\nab\nlonger line\n\n" + "tail";
    const expected = [...text.matchAll(/\n/g)].map(({ index }) => index + 1);
    assertEquals(endsOf(scan("lines", text, 100)), expected);
  }
});

Deno.test("scan() of lines lets any bytes pass, also those one off a line feed", () => {
  const bytes = Uint8Array.from({ length: 1024 }, (_, index) => index & 0xff);
  assertEquals(endsOf(scan("lines", bytes, 1000)), [11, 267, 523, 779]);
  const near = Uint8Array.from([0x0b, 0x0a, 0x0b, 0x0b, 0x8a, 0x0b, 0x09, 0x0a, 0x0a, 0x0b]);
  assertEquals(endsOf(scan("lines", near, 1000)), [2, 8, 9]);
});

Deno.test("scan() of lines takes the longest line and not one byte more", () => {
  const batch = scan("lines", "1234567\n12345678\n1\n", 7);
  assertEquals(endsOf(batch), [8, 17, 19]);
  assertEquals(verdictsOf(batch), [VERDICT.good, VERDICT.oversized, VERDICT.good]);
  assertEquals(batch.detail, "must be at most 7 bytes, is 8");
  assertEquals(scan("lines", "a\n1234567", 7).tailOversized, false);
  assertEquals(scan("lines", "a\n12345678", 7).tailOversized, true);
});

Deno.test("scan() of lines stops at what a batch holds, and says nothing of the rest", () => {
  const batch = scan("lines", "\n".repeat(BATCH_MESSAGES_MAX + 50) + "x".repeat(50), 7);
  assert(batch.count > BATCH_MESSAGES_MAX - 4 && batch.count <= BATCH_MESSAGES_MAX);
  assertEquals(batch.tailOversized, false);
});

Deno.test("scan() of frames checks a length before anything else, max and max + 1", () => {
  const batch = scan("frames", frame("", "a", 7, 8, "b"), 7);
  assertEquals(endsOf(batch), [4, 9, 20, 32, 37]);
  assertEquals(verdictsOf(batch), [0, 0, 0, VERDICT.oversized, 0]);
  const huge = scan("frames", Uint8Array.from([0xff, 0xff, 0xff, 0xff, 1]), 7);
  assertEquals([huge.count, huge.tailOversized, huge.tailBytes], [0, true, 0xffff_ffff + 4]);
  const begun = scan("frames", frame("abc", 7).subarray(0, 12), 7);
  assertEquals([endsOf(begun), begun.tailOversized, begun.tailBytes], [[7], false, 11]);
  const short = scan("frames", frame("abc").subarray(0, 3), 7);
  assertEquals([short.count, short.tailOversized, short.tailBytes], [0, false, 0]);
});

Deno.test("scan() of ndjson condemns what is no JSON and lets empty lines pass", () => {
  const batch = scan("ndjson", '{"a":1}\n\noops\n[1,2]\r\n"\xff"\n', 100);
  assertEquals(verdictsOf(batch), [0, 0, VERDICT.malformed, 0, 0]);
  assertEquals(batch.detail, "must be JSON in UTF-8, is not");
  const broken = new Uint8Array([0x22, 0xff, 0x22, 10]);
  assertEquals(verdictsOf(scan("ndjson", broken, 100)), [VERDICT.malformed]);
});

Deno.test("prefixWithin() is the longest prefix whose good messages are within both limits", () => {
  const random = seededRandom(5);
  for (let round = 0; round < 2000; round++) {
    const batch = new MessageBatch();
    batch.clear();
    batch.count = random(12);
    let end = 0;
    for (let index = 0; index < batch.count; index++) batch.ends[index] = end += 1 + random(9);
    for (let bad = random(3); bad > 0 && batch.count > 0; bad--) {
      batch.condemn(random(batch.count), VERDICT.malformed, null);
    }
    const [count, messages, bytes] = [random(batch.count + 1), random(10), random(60)];
    let expected = 0;
    for (let taken = 0, sum = 0; expected < count; expected++) {
      if (batch.verdicts[expected] !== VERDICT.good) continue;
      sum += batch.ends[expected]! - batch.start(expected);
      if (++taken > messages || sum > bytes) break;
    }
    assertEquals(batch.prefixWithin(count, messages, bytes), expected);
  }
});

Deno.test("scan() finds in a million malformed messages what a plain reading finds", () => {
  const random = seededRandom(20_241);
  const bytesMax = 40;
  const buffer = new LookBuffer(8192);
  const batch = new MessageBatch();
  let messages = 0;
  for (let round = 0; messages < 1_000_000; round++) {
    const framing = (["lines", "frames", "ndjson"] as const)[round % 3]!;
    const length = random(8192);
    // Many line feeds, many small lengths, and every other byte.
    for (let at = 0; at < length; at++) {
      const kind = random(8);
      buffer.bytes[at] = kind === 0 ? 10 : kind < 5 ? 0 : kind === 5 ? random(60) : random(256);
    }
    new MessageScanner({ framing, maxMessageBytes: bytesMax }).scan(buffer, length, batch);
    let end = 0;
    for (let index = 0; index < batch.count; index++) {
      const start = end;
      end = batch.ends[index]!;
      assert(end > start && end <= length);
      const size = framing === "frames" ? end - start - 4 : end - start - 1;
      if (size > bytesMax !== (batch.verdicts[index] === VERDICT.oversized)) {
        assertEquals(`${framing} ${round} ${index}`, "judged as it should be");
      }
      if (framing !== "frames") assertEquals(buffer.bytes[end - 1], 10);
    }
    messages += batch.count + 1;
    if (framing !== "frames" && batch.count < BATCH_MESSAGES_MAX - 4) {
      assertEquals(buffer.bytes.subarray(end, length).indexOf(10), -1);
      assertEquals(batch.tailOversized, length - end > bytesMax);
    }
  }
  // Nothing that was claimed made it grow.
  assertEquals(buffer.bytes.length, 8192);
});
