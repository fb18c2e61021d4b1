import { assertEquals, assertThrows } from "@std/assert";
import {
  bytesFraming,
  framesFraming,
  type Framing,
  linesFraming,
  ndjsonFraming,
} from "../../../src/child/framing.ts";
import { MessageError } from "../../../src/child/link.ts";

const encoder = new TextEncoder();

/** What a decoder makes of `bytes` in chunks of `chunkBytes`; errors as `fault@index:offset`. */
function decode<T>(framing: Framing<T>, bytes: Uint8Array, chunkBytes: number): unknown[] {
  const decoder = framing.decoder();
  const out: unknown[] = [];
  const take = (messages: Iterator<T | MessageError>) => {
    for (let next = messages.next(); next.done !== true; next = messages.next()) {
      const { value } = next;
      if (value instanceof MessageError) {
        out.push(`${value.fault}@${value.index}:${value.byteOffset}`);
      } else out.push(value instanceof Uint8Array ? [...value] : value);
    }
  };
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    take(decoder.push(bytes.slice(at, at + chunkBytes)));
  }
  take(decoder.finish());
  return out;
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function roundTrip<T>(framing: Framing<T>, values: readonly T[], expected: readonly unknown[]) {
  const bytes = concat(...values.map((value) => framing.encode(value)));
  for (let chunkBytes = 1; chunkBytes <= bytes.length; chunkBytes++) {
    assertEquals(decode(framing, bytes, chunkBytes), expected, `chunks of ${chunkBytes}`);
  }
}

Deno.test("linesFraming() brings lines back from chunks of any size, whatever is in them", () => {
  const lines = ["", "a", "two words", "\r", "é\u2028", "\uFEFF", " trailing "];
  roundTrip(linesFraming(64), lines, lines);
});

Deno.test("ndjsonFraming() brings values back from chunks of any size", () => {
  const values = [{ a: [1, null] }, "x\ny", 0.5, null, false];
  roundTrip(ndjsonFraming(64, undefined), values, values);
});

Deno.test("framesFraming() brings frames back from chunks of any size, empty ones included", () => {
  const frames = [[], [10], [0, 0, 0, 1], [255, 254]];
  roundTrip(framesFraming(64), frames.map((frame) => Uint8Array.from(frame)), frames);
});

Deno.test("each framing takes its largest message and refuses one byte more, on both sides", () => {
  const frames = framesFraming(3);
  assertEquals([...frames.encode(new Uint8Array(3))], [0, 0, 0, 3, 0, 0, 0]);
  assertThrows(() => frames.encode(new Uint8Array(4)), RangeError, "at most 3 bytes, is 4");
  const tooLong = concat(
    framesFraming(4).encode(Uint8Array.of(1, 2, 3, 4)),
    frames.encode(Uint8Array.of(7)),
  );
  for (let size = 1; size <= tooLong.length; size++) {
    assertEquals(decode(frames, tooLong, size), ["too-long@1:0", [7]]);
  }
  const lines = linesFraming(3);
  assertEquals(lines.encode("é1").length, 4);
  assertThrows(() => lines.encode("éé"), RangeError, "at most 3 bytes, is 4");
  assertEquals(decode(lines, encoder.encode("1234\n123\n"), 2), ["too-long@1:0", "123"]);
  const json = ndjsonFraming(3, undefined);
  assertEquals(json.encode(123).length, 4);
  assertThrows(() => json.encode(1234), RangeError, "at most 3 bytes, is 4");
  const bytes = bytesFraming(3);
  assertEquals(bytes.encode(new Uint8Array(3)).length, 3);
  assertThrows(() => bytes.encode(new Uint8Array(4)), RangeError, "at most 3 bytes, is 4");
});

Deno.test("framesFraming() allocates nothing for a length above its limit", () => {
  const bytes = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1, 2, 3);
  // 4 GiB of payload would have to come before the next frame: the stream ends before that.
  assertEquals(decode(framesFraming(16), bytes, 7), ["too-long@1:0"]);
});

Deno.test("each framing tells a message that was cut off at any byte from a whole one", () => {
  const cases = [
    { framing: linesFraming(64), whole: "ab", cut: encoder.encode("xyz\n") },
    { framing: ndjsonFraming(64, undefined), whole: "ab", cut: encoder.encode('{"a":1}\n') },
    {
      framing: framesFraming(64),
      whole: Uint8Array.of(1),
      cut: framesFraming(64).encode(Uint8Array.of(5, 6, 7)),
    },
  ];
  for (
    const { framing, whole, cut } of cases as {
      framing: Framing<unknown>;
      whole: unknown;
      cut: Uint8Array;
    }[]
  ) {
    const head = framing.encode(whole);
    const first = whole instanceof Uint8Array ? [...whole] : whole;
    assertEquals(decode(framing, head, 3), [first]);
    for (let bytes = 1; bytes < cut.length; bytes++) {
      assertEquals(decode(framing, concat(head, cut.slice(0, bytes)), 3), [
        first,
        `unfinished@2:${head.length}`,
      ]);
    }
  }
});

Deno.test("linesFraming() and ndjsonFraming() skip what is malformed and go on", () => {
  const text = concat(
    encoder.encode("1\n"),
    Uint8Array.of(0xff, 10),
    encoder.encode("\noops\n2\n"),
  );
  assertEquals(decode(linesFraming(9), text, 4), ["1", "not-utf8@2:2", "", "oops", "2"]);
  const parse = (value: unknown) => {
    if (value === 1) throw new Error("no ones");
    return value;
  };
  assertEquals(decode(ndjsonFraming(9, parse), text, 4), [
    "refused@1:0",
    "not-utf8@2:2",
    "not-json@4:5",
    2,
  ]);
});

Deno.test("encode() refuses what would not come back", () => {
  assertThrows(() => linesFraming(9).encode("a\nb"), TypeError, "line feed");
  assertThrows(() => linesFraming(9).encode(1 as unknown as string), TypeError, "string");
  assertThrows(() => ndjsonFraming(9, undefined).encode(undefined), TypeError, "JSON has no such");
  assertThrows(
    () => framesFraming(9).encode("a" as unknown as Uint8Array),
    TypeError,
    "Uint8Array",
  );
});

Deno.test("bytesFraming() copies what it takes", () => {
  const bytes = Uint8Array.of(1, 2);
  const encoded = bytesFraming(9).encode(bytes);
  bytes[0] = 9;
  assertEquals([...encoded], [1, 2]);
});
