import { assertEquals, assertThrows } from "@std/assert";
import {
  type DescriptorSource,
  planDescriptorMoves,
} from "../../../src/process/descriptor_moves.ts";

/** Carries the moves out on a table of numbers: descriptor n holds file n at first. */
function tableAfter(descriptors: readonly DescriptorSource[]): Map<number, number> {
  const moves = planDescriptorMoves(descriptors);
  const table = new Map<number, number>();
  for (let fd = 0; fd < 12; fd++) table.set(fd, fd);
  for (const [from, to] of moves.dup2) table.set(to, table.get(from) ?? -1);
  for (const fd of moves.close) table.delete(fd);
  for (const fd of [...table.keys()]) if (fd >= moves.closeFrom) table.delete(fd);
  return table;
}

Deno.test("planDescriptorMoves() is right for every assignment of four sources to targets", () => {
  const numbers = [0, 3, 4, 5];
  for (let code = 0; code < 4 ** 4; code++) {
    const descriptors = numbers.map((fd, index) => ({
      fd,
      source: numbers[Math.floor(code / 4 ** index) % 4]!,
    }));
    const expected = new Map(descriptors.map(({ fd, source }) => [fd, source]));
    assertEquals(tableAfter(descriptors), expected);
  }
});

Deno.test("planDescriptorMoves() closes what is not listed, below and above", () => {
  const moves = planDescriptorMoves([{ fd: 3, source: 9 }]);
  assertEquals(moves, { dup2: [[9, 3]], close: [0, 1, 2], closeFrom: 4 });
  assertEquals(planDescriptorMoves([]), { dup2: [], close: [], closeFrom: 0 });
});

Deno.test("planDescriptorMoves() refuses a descriptor that is given twice", () => {
  const twice = [{ fd: 3, source: 4 }, { fd: 3, source: 5 }];
  assertThrows(() => planDescriptorMoves(twice), RangeError, "3 is given twice");
  assertThrows(() => planDescriptorMoves([{ fd: -1, source: 0 }]), RangeError);
});
