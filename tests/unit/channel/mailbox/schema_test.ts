import { assertEquals, assertThrows } from "@std/assert";
import {
  FIELD_NAME_MAX,
  FIELDS_MAX,
  NUMBER_BYTES,
  schemaHash,
  struct,
  structIssues,
  structLayout,
} from "../../../../src/channel/mailbox/schema.ts";

const VITALS = struct({ t: "f64", lead: "u8", values: ["f32", 3], flags: "u16" });

Deno.test("structLayout() puts each field at the next multiple of its number's size", () => {
  const { fields, bytes, text } = structLayout(VITALS);
  assertEquals(fields, [
    { name: "t", type: "f64", length: null, offset: 0 },
    { name: "lead", type: "u8", length: null, offset: 8 },
    { name: "values", type: "f32", length: 3, offset: 12 },
    { name: "flags", type: "u16", length: null, offset: 24 },
  ]);
  assertEquals(bytes, 32);
  assertEquals(text, "struct{t:f64;lead:u8;values:f32[3];flags:u16;}");
});

Deno.test("structLayout() is no larger than its widest number asks for", () => {
  assertEquals(structLayout(struct({ a: "u8", b: "u8", c: "u8" })).bytes, 3);
  assertEquals(structLayout(struct({ a: "u16", b: "u8" })).bytes, 4);
  assertEquals(structLayout(struct({ a: ["i64", 2], b: "i8" })).bytes, 24);
});

Deno.test("schemaHash() is 64-bit FNV-1a", () => {
  // From the authors' own table of test vectors.
  assertEquals(schemaHash(""), [0x8422_2325, 0xcbf2_9ce4]);
  assertEquals(schemaHash("a"), [0x8601_ec8c, 0xaf63_dc4c]);
  assertEquals(schemaHash("foobar"), [0xf739_67e8, 0x8594_4171]);
});

Deno.test("structLayout() hashes names, types, lengths and the order apart", () => {
  const hashes = [
    struct({ a: "f64", b: "f32" }),
    struct({ b: "f32", a: "f64" }),
    struct({ a: "f64", c: "f32" }),
    struct({ a: "f64", b: "u32" }),
    struct({ a: "f64", b: ["f32", 1] }),
    struct({ a: "f64", b: ["f32", 2] }),
  ].map((each) => structLayout(each).hash.join());
  assertEquals(new Set(hashes).size, hashes.length);
  assertEquals(structLayout(VITALS).hash, structLayout(struct({ ...VITALS.fields })).hash);
});

Deno.test("structIssues() takes every type, alone and as an array", () => {
  for (const type of Object.keys(NUMBER_BYTES)) {
    const value = JSON.parse(JSON.stringify({ kind: "struct", fields: { a: type, b: [type, 1] } }));
    assertEquals(structIssues(value), []);
  }
});

Deno.test("structIssues() says all that is wrong, each with its place", () => {
  const value = { kind: "struct", fields: { "2nd": "f64", b: "double", c: ["f32", 0], d: ["x"] } };
  assertEquals(structIssues(value).map(({ path }) => path.join(".")), [
    "fields.2nd",
    "fields.b",
    "fields.c.1",
    "fields.d.0",
    "fields.d.1",
  ]);
  for (const none of [null, 1, [], {}, { kind: "struct" }, { kind: "struct", fields: [] }]) {
    assertEquals(structIssues(none).length, 1, JSON.stringify(none));
  }
  assertEquals(
    structIssues(JSON.parse('{"kind":"struct","fields":{"__proto__":"f64"}}')).length,
    1,
  );
});

Deno.test("structIssues() holds each limit at its largest and at one more", () => {
  const many = (count: number) => ({
    kind: "struct",
    fields: Object.fromEntries(Array.from({ length: count }, (_, at) => [`f${at}`, "u8"])),
  });
  assertEquals(structIssues(many(FIELDS_MAX)), []);
  assertEquals(structIssues(many(FIELDS_MAX + 1)).length, 1);
  assertEquals(structIssues(many(0)).length, 1);
  const named = (length: number) => struct({ ["f".repeat(length)]: "u8" });
  assertEquals(structIssues(named(FIELD_NAME_MAX)), []);
  assertEquals(structIssues(named(FIELD_NAME_MAX + 1)).length, 1);
  assertEquals(structIssues(struct({ a: ["u8", 2 ** 30] })), []);
  assertEquals(structIssues(struct({ a: ["u8", 2 ** 30], b: "u8" })).length, 1);
});

Deno.test("structLayout() refuses what is no struct, with the place", () => {
  const bad = struct({ a: ["f32", 1.5] });
  assertThrows(() => structLayout(bad), TypeError, "struct.fields.a.1 must be a whole number");
});
