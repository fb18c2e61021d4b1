import { assertEquals } from "@std/assert";
import { didYouMean, nearestName } from "../../../src/config/did_you_mean.ts";

Deno.test("nearestName() finds what was meant, and nothing far away", () => {
  const known = ["restart", "ready", "run", "env", "after"];
  assertEquals(nearestName("restrat", known), "restart");
  assertEquals(nearestName("Ready", known), "ready");
  assertEquals(nearestName("redy", known), "ready");
  assertEquals(nearestName("evn", known), "env");
  assertEquals(nearestName("xyz", known), null);
  assertEquals(nearestName("completely", known), null);
  assertEquals(nearestName("x", []), null);
  assertEquals(nearestName("", known), null);
});

Deno.test("nearestName() does not compare words without end", () => {
  assertEquals(nearestName("a".repeat(64), ["a".repeat(63)]), "a".repeat(63));
  assertEquals(nearestName("a".repeat(65), ["a".repeat(64)]), null);
});

Deno.test("didYouMean() lists what there is where nothing is near", () => {
  assertEquals(didYouMean("restrat", ["restart"]), 'did you mean "restart"?');
  assertEquals(didYouMean("xyzzy", ["a", "b"]), 'one of "a", "b"');
  assertEquals(didYouMean("xyzzy", []), null);
  const many = Array.from({ length: 13 }, (_, index) => `name${index}`);
  assertEquals(didYouMean("xyzzy", many)?.endsWith('"name11" …'), true);
});
