/** The histogram against the sorted values themselves. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Histogram } from "../../../src/deadline/histogram.ts";
import { Random } from "../../simulation/random.ts";

/** A bucket is a sixteenth of its lower edge wide. */
const WIDTH = 1 / 16;

Deno.test("Histogram.quantileNs() is within a bucket of the value that was recorded", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed);
    const histogram = new Histogram();
    const values = Array.from(
      { length: random.integer(1, 300) },
      () => Math.floor(2 ** (random.fraction() * 46)),
    );
    for (const value of values) histogram.record(value);
    values.sort((a, b) => a - b);
    for (const part of [0, 0.01, 0.5, 0.9, 0.99, 0.999, 1]) {
      const exact = values[Math.max(0, Math.ceil(part * values.length) - 1)]!;
      const found = histogram.quantileNs(part);
      assert(found >= exact && found <= exact * (1 + WIDTH) + 1, `seed ${seed}: ${found} ${exact}`);
    }
    const { count, minNs, maxNs, meanNs } = histogram.figures();
    assertEquals([count, minNs, maxNs], [values.length, values[0]!, values.at(-1)!]);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    assert(Math.abs(meanNs - mean) <= mean * 1e-9);
  }
});

Deno.test("Histogram takes what is no time, and what is longer than its last bucket", () => {
  const histogram = new Histogram();
  for (const odd of [-1, NaN, 0, 0.5, 1, 2 ** 48, 2 ** 53, 1e300]) histogram.record(odd);
  assertEquals(histogram.count, 8);
  assertEquals(histogram.maxNs, 1e300);
  assertEquals(histogram.quantileNs(0.1), 1.0625);
  assertEquals(new Histogram().figures(), {
    count: 0,
    minNs: 0,
    meanNs: 0,
    p50Ns: 0,
    p90Ns: 0,
    p99Ns: 0,
    p999Ns: 0,
    maxNs: 0,
  });
});

Deno.test("Histogram.merge() is as if all had been recorded in one, and JSON keeps all of it", () => {
  const random = new Random(7);
  const [one, other, both] = [new Histogram(), new Histogram(), new Histogram()];
  for (let left = 1000; left > 0; left--) {
    const value = random.integer(0, 10 ** random.integer(1, 9));
    (random.chance(0.3) ? one : other).record(value);
    both.record(value);
  }
  const travelled = Histogram.from(JSON.parse(JSON.stringify(one)));
  assertEquals(travelled.figures(), one.figures());
  travelled.merge(other);
  assertEquals(travelled.figures(), both.figures());
  assertEquals(JSON.stringify(travelled), JSON.stringify(both));
  travelled.clear();
  assertEquals(travelled.figures(), new Histogram().figures());
});

Deno.test("Histogram.from() refuses what is of another precision, and buckets that are none", () => {
  const json = new Histogram().toJSON();
  assertThrows(() => Histogram.from({ ...json, fractionBits: 5 }), RangeError, "fraction bits");
  for (const bucket of [-1, 0.5, 768, NaN]) {
    assertThrows(
      () => Histogram.from({ ...json, buckets: [[bucket, 1]] }),
      RangeError,
      "no bucket",
    );
  }
});
