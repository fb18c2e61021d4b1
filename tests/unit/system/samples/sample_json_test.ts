/** Samples as JSON: what each number and each text is, there and back. */
import { assertEquals, assertThrows } from "@std/assert";
import { struct, structLayout } from "../../../../src/channel/mailbox/schema.ts";
import {
  lineBytesMax,
  sampleBytesOf,
  type SampleForm,
  sampleLine,
} from "../../../../src/system/samples/sample_json.ts";

function formOf(fields: Parameters<typeof struct>[0]): SampleForm {
  const layout = structLayout(struct(fields));
  return { layout, sampleBytes: layout.bytes };
}

const ALL = formOf({
  i8: "i8",
  u8: "u8",
  i16: "i16",
  u16: "u16",
  i32: "i32",
  u32: "u32",
  i64: "i64",
  u64: "u64",
  f32: "f32",
  f64: ["f64", 4],
});
const BYTES: SampleForm = { layout: null, sampleBytes: 4 };

/** The line of what a line says. */
function again(text: string, form: SampleForm): string {
  return sampleLine(7, sampleBytesOf(JSON.parse(text), form), form);
}

Deno.test("sampleLine() writes each kind of number so that sampleBytesOf() reads the same", () => {
  const fields =
    '{"i8":-128,"u8":255,"i16":-32768,"u16":65535,"i32":-2147483648,"u32":4294967295,' +
    '"i64":"-9223372036854775808","u64":"18446744073709551615","f32":-0,' +
    '"f64":["NaN","Infinity","-Infinity",5e-324]}';
  const line = `{"sequence":7,"fields":${fields}}\n`;
  assertEquals(again(fields, ALL), line);
  assertEquals(again(line, ALL), line);
});

Deno.test("sampleBytesOf() lays fields out as the schema does, in whatever order they come", () => {
  const form = formOf({ a: "u8", b: "u16", c: ["u8", 2] });
  const bytes = sampleBytesOf({ c: [5, 6], b: 0x0203, a: 1 }, form);
  assertEquals([...bytes], [1, 0, 3, 2, 5, 6]);
});

Deno.test("sampleBytesOf() refuses a number at max + 1, and at min - 1, with its place", () => {
  const limits = {
    i8: [-128n, 127n],
    u8: [0n, 255n],
    i16: [-32768n, 32767n],
    u16: [0n, 65535n],
    i32: [-(2n ** 31n), 2n ** 31n - 1n],
    u32: [0n, 2n ** 32n - 1n],
    i64: [-(2n ** 63n), 2n ** 63n - 1n],
    u64: [0n, 2n ** 64n - 1n],
  } as const;
  for (const [type, [min, max]] of Object.entries(limits)) {
    const form = formOf({ x: [type as keyof typeof limits, 2] });
    const json = (value: bigint) => type.endsWith("64") ? `${value}` : Number(value);
    const take = (value: bigint) => sampleBytesOf({ x: [0, json(value)] }, form);
    for (const value of [min, max]) {
      assertEquals(JSON.parse(sampleLine(1, take(value), form)).fields.x[1], json(value), type);
    }
    for (const value of [min - 1n, max + 1n]) {
      assertThrows(() => take(value), RangeError, `"x"[1] must be a whole number from ${min} to`);
    }
    for (const value of [0.5, true, null, "", "1.0", [1]]) {
      assertThrows(() => sampleBytesOf({ x: [0, value] }, form), RangeError, '"x"[1] must be');
    }
  }
  const f32 = formOf({ x: "f32" });
  assertThrows(() => sampleBytesOf({ x: 3.5e38 }, f32), RangeError, "must be a number within f32");
  assertThrows(() => sampleBytesOf({ x: Infinity }, f32), RangeError, "is Infinity");
  assertThrows(() => sampleBytesOf({ x: "1" }, f32), RangeError, 'is "1"');
});

Deno.test("sampleBytesOf() says what a line has too much or too little", () => {
  const form = formOf({ a: "u8", fields: ["u8", 2] });
  const cases: [unknown, string][] = [
    [[1], "must be an object of fields, is [1]"],
    [{ a: 1 }, 'must have "fields"'],
    [{ a: 1, fields: [1, 2], b: 3 }, '"b" must be one of its fields "a", "fields"'],
    [{ a: 1, fields: [1] }, '"fields" must be a list of 2, has 1'],
    [{ a: 1, fields: 1 }, '"fields" must be a list of 2, is 1'],
    [
      { fields: { a: 1, fields: [1, 2] }, b: 1 },
      'must have "sequence" and "fields" alone, has "b"',
    ],
    [{ a: 1, fields: [1, 2], toString: 3 }, '"toString" must be one of'],
  ];
  for (const [value, text] of cases) {
    assertThrows(() => sampleBytesOf(value, form), RangeError, text);
  }
  // A field of that name is no whole line.
  assertEquals([...sampleBytesOf({ a: 1, fields: [2, 3] }, form)], [1, 2, 3]);
});

Deno.test("plain bytes are text where they are UTF-8, and base64 where they are not", () => {
  const written = (...bytes: number[]) => sampleLine(1, new Uint8Array(bytes), BYTES);
  assertEquals(written(0xc3, 0xa9, 0, 10), '{"sequence":1,"text":"é\\u0000\\n"}\n');
  // A byte order mark is of the sample.
  assertEquals(written(0xef, 0xbb, 0xbf), '{"sequence":1,"text":"\ufeff"}\n');
  assertEquals(written(0xff), '{"sequence":1,"base64":"/w=="}\n');
  assertEquals(written(), '{"sequence":1,"text":""}\n');
  for (const bytes of [[0xc3, 0xa9, 0, 10], [0xef, 0xbb, 0xbf], [0xff], []]) {
    assertEquals([...sampleBytesOf(JSON.parse(written(...bytes)), BYTES)], bytes);
  }
  assertEquals([...sampleBytesOf("é", BYTES)], [0xc3, 0xa9]);
  assertEquals([...sampleBytesOf("\ud83d\ude00", BYTES)], [0xf0, 0x9f, 0x98, 0x80]);
  const cases: [unknown, string][] = [
    [1, 'must be a text, {"text":"…"} or {"base64":"…"}, is 1'],
    [{ sequence: 1 }, "must be a text"],
    [{ text: 1 }, '"text" must be a text, is 1'],
    ["\ud83d", 'its text must have both halves of each surrogate pair, is "\\ud83d"'],
    [{ text: "\ude00" }, '"text" must have both halves'],
    [{ base64: "?" }, '"base64" must be base64, is "?"'],
    [{ text: "a", base64: "" }, 'must have "sequence" and "text" alone, has "base64"'],
    ["12345", "its sample must have at most 4 bytes, has 5"],
    ["ééé", "at most 4 bytes, has 6"],
  ];
  for (const [value, text] of cases) {
    assertThrows(() => sampleBytesOf(value, BYTES), RangeError, text);
  }
});

Deno.test("lineBytesMax() has room for the longest line of a sample", () => {
  const bytes: SampleForm = { layout: null, sampleBytes: 100_000 };
  assertEquals(
    sampleLine(2 ** 53 - 1, new Uint8Array(100_000), bytes).length < lineBytesMax(bytes),
    true,
  );
  const small = formOf({ x: ["i8", 100_000], y: ["f64", 100_000], z: ["f32", 100_000] });
  const sample = sampleBytesOf({
    x: new Array(100_000).fill(-128),
    y: new Array(100_000).fill(-1.7976931348623157e-308),
    z: new Array(100_000).fill(-1.1754943508222875e-38),
  }, small);
  assertEquals(sampleLine(2 ** 53 - 1, sample, small).length < lineBytesMax(small), true);
});
