import { assert, assertEquals } from "@std/assert";
import { toData } from "../../../src/config/evaluated.ts";

/** What is wrong with a value, as `path: what`. */
function problems(value: unknown): string[] {
  const result = toData(value);
  if (result.kind === "data") return [];
  assert(result.kind === "notData");
  return result.problems.map(({ path, what }) => `${path.join(".")}: ${what}`);
}

Deno.test("toData() copies plain data and leaves out what is undefined", () => {
  const shared = { argv: ["x"] };
  const value = { a: 1, b: [true, null, "x"], c: shared, d: shared, e: undefined };
  assertEquals(toData(value), {
    kind: "data",
    data: { a: 1, b: [true, null, "x"], c: shared, d: shared },
  });
  assertEquals(problems(Object.assign(Object.create(null), { a: 1 })), []);
  const hidden = JSON.parse('{"__proto__": {"x": 1}}');
  assertEquals(JSON.stringify(toData(hidden)), '{"kind":"data","data":{"__proto__":{"x":1}}}');
});

Deno.test("toData() names everything that is no data, with its place", () => {
  class Crew {}
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  assertEquals(
    problems({
      a: () => 1,
      b: Crew,
      c: new Crew(),
      d: [new Map(), new Date(0)],
      e: Symbol("x"),
      f: 1n,
      g: NaN,
      h: -Infinity,
      i: [undefined],
      j: Promise.resolve(1),
      k: circle,
    }),
    [
      "a: a function",
      "b: a class",
      "c: an instance of Crew",
      "d.0: an instance of Map",
      "d.1: an instance of Date",
      "e: a symbol",
      "f: a bigint",
      "g: NaN",
      "h: -Infinity",
      "i.0: undefined",
      "j: a promise",
      "k.self: a circle: it holds itself",
    ],
  );
  assertEquals(problems(() => 1), [": a function"]);
  assertEquals(problems(undefined), [": undefined"]);
});

Deno.test("toData() bounds depth, size and the number of problems", () => {
  const nested = (levels: number) => {
    let value: unknown = 1;
    for (let level = 0; level < levels; level++) value = [value];
    return value;
  };
  assertEquals(problems(nested(64)), []);
  assertEquals(problems(nested(65)).length, 1);
  assertEquals(problems(nested(5000)).length, 1);
  assertEquals(problems(Array.from({ length: 500 }, () => Symbol())).length, 100);
  // Ten lists of ten of the one before: 10^9 values from 90 references.
  let laughs: unknown = "ha";
  for (let level = 0; level < 9; level++) laughs = Array(10).fill(laughs);
  const found = problems(laughs);
  assertEquals(found.length, 1);
  assert(found[0]!.endsWith("more than 1000000 values"));
});
