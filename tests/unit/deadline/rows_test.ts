import { assert, assertEquals, assertThrows } from "@std/assert";
import { takeRow } from "../../../src/deadline/rows.ts";

Deno.test("takeRow gives rows of zeros that nobody else has, one after the other", () => {
  const rows = Array.from({ length: 3000 }, () => takeRow(7));
  rows.forEach(({ numbers, at }, row) => {
    assert(at + 7 <= numbers.length);
    assertEquals([...numbers.subarray(at, at + 7)], [0, 0, 0, 0, 0, 0, 0]);
    numbers.fill(row + 1, at, at + 7);
  });
  rows.forEach(({ numbers, at }, row) => {
    assert(numbers.subarray(at, at + 7).every((number) => number === row + 1));
  });
});

Deno.test("takeRow() refuses a row that is none, or does not fit", () => {
  for (const width of [0, 8193, NaN]) assertThrows(() => takeRow(width), RangeError);
});
