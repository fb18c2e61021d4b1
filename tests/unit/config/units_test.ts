import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  DURATION_NS_MAX,
  formatDuration,
  formatSize,
  parseDurationNs,
  parseSizeBytes,
  roundedSize,
  SIZE_BYTES_MAX,
  UnitError,
} from "../../../src/config/units.ts";
import { randomSource } from "./random.ts";

Deno.test("parseDurationNs() reads every unit exactly", () => {
  const cases: [string, number][] = [
    ["0ms", 0],
    ["50us", 50_000],
    ["250ms", 250_000_000],
    ["1.5s", 1_500_000_000],
    ["1.1s", 1_100_000_000],
    ["0.001us", 1],
    ["2m", 120_000_000_000],
    ["1h", 3_600_000_000_000],
    ["0.1h", 360_000_000_000],
    ["007s", 7_000_000_000],
  ];
  for (const [text, ns] of cases) assertEquals(parseDurationNs(text), ns, text);
});

Deno.test("parseDurationNs() accepts the longest duration and refuses one nanosecond more", () => {
  assertEquals(parseDurationNs("2160h"), DURATION_NS_MAX);
  assert(Number.isSafeInteger(DURATION_NS_MAX));
  const error = assertThrows(() => parseDurationNs("7776000000000.001us"), UnitError);
  assertStringIncludes(error.rule, '"2160h"');
});

Deno.test("parseDurationNs() refuses what is no duration, with the rule", () => {
  const wrong = [
    "",
    "5",
    "s",
    "5 s",
    " 5s",
    "5s ",
    "-5s",
    "+5s",
    "5sec",
    "5S",
    "5d",
    "1e3ms",
    "0x10ms",
    ".5s",
    "5.s",
    "1_000ms",
    "1,5s",
    "NaNs",
    "Infinitys",
    "5s\n",
    "٣s",
    "toString",
    "5constructor",
    `${"9".repeat(33)}s`,
  ];
  for (const text of wrong) {
    const error = assertThrows(() => parseDurationNs(text), UnitError);
    assertStringIncludes(error.rule, "must be a duration", text);
  }
  const fraction = assertThrows(() => parseDurationNs("0.0001us"), UnitError);
  assertStringIncludes(fraction.rule, "whole number of nanoseconds");
});

Deno.test("parseSizeBytes() reads every unit exactly, up to its largest size", () => {
  assertEquals(parseSizeBytes("0B"), 0);
  assertEquals(parseSizeBytes("512B"), 512);
  assertEquals(parseSizeBytes("64KiB"), 65_536);
  assertEquals(parseSizeBytes("1.5MiB"), 1_572_864);
  assertEquals(parseSizeBytes("1GiB"), 1_073_741_824);
  assertEquals(parseSizeBytes(`${SIZE_BYTES_MAX}B`), SIZE_BYTES_MAX);
  const over = assertThrows(() => parseSizeBytes("9007199254740992B"), UnitError);
  assertStringIncludes(over.rule, "at most");
});

Deno.test("parseSizeBytes() refuses what is no size, with the rule", () => {
  for (const text of ["", "1", "1KB", "1kib", "1 KiB", "-1B", "1TiB", "1e3B", "1Kib"]) {
    const error = assertThrows(() => parseSizeBytes(text), UnitError);
    assertStringIncludes(error.rule, "must be a size", text);
  }
  const half = assertThrows(() => parseSizeBytes("0.5B"), UnitError);
  assertStringIncludes(half.rule, "whole number of bytes");
});

Deno.test("UnitError cuts what was written", () => {
  const error = assertThrows(() => parseSizeBytes("x".repeat(10_000)), UnitError);
  assert(error.message.length < 300);
});

Deno.test("roundedSize() is exact when small, and in whole MiB when large, on the safe side", () => {
  const MiB = 1024 ** 2;
  assertEquals(roundedSize(12_345, "up"), "12345B");
  assertEquals(roundedSize(10 * MiB - 1024, "down"), "10239KiB");
  assertEquals(roundedSize(10 * MiB, "up"), "10MiB");
  assertEquals([roundedSize(10 * MiB + 1, "up"), roundedSize(11 * MiB - 1, "down")], [
    "11MiB",
    "10MiB",
  ]);
  assertEquals(roundedSize(24_577 * MiB + 1, "down"), "24577MiB");
});

Deno.test("formatDuration() and formatSize() write what their readers read back", () => {
  assertEquals(formatDuration(0), "0ms");
  assertEquals(formatDuration(1), "0.001us");
  assertEquals(formatDuration(250_000_000), "250ms");
  assertEquals(formatDuration(1_500_000_000), "1.5s");
  assertEquals(formatDuration(100_000_000_000), "100s");
  assertEquals(formatDuration(DURATION_NS_MAX), "2160h");
  assertEquals(formatSize(0), "0B");
  assertEquals(formatSize(65_536), "64KiB");
  const random = randomSource(1);
  for (let round = 0; round < 5000; round++) {
    const ns = Math.floor(random.next() ** 4 * DURATION_NS_MAX);
    assertEquals(parseDurationNs(formatDuration(ns)), ns);
    const bytes = Math.floor(random.next() ** 4 * SIZE_BYTES_MAX);
    assertEquals(parseSizeBytes(formatSize(bytes)), bytes);
  }
  assertThrows(() => formatDuration(-1), RangeError);
  assertThrows(() => formatSize(0.5), RangeError);
});
