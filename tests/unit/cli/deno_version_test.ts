// Which runtimes are too old.
import { assertEquals } from "@std/assert";
import { DENO_VERSION_MIN, isOlder } from "../../../src/cli/deno_version.ts";

Deno.test("isOlder() compares numbers, not texts, and knows pre-releases", () => {
  const older = ["2.9.5", "2.8.99", "1.46.3", "2.9.6-rc.1", "", "2.9", "x.y.z"];
  const notOlder = ["2.9.6", "2.9.10", "2.10.0", "3.0.0", "2.9.6+abc1234", "2.9.7-rc.1"];
  for (const version of older) assertEquals(isOlder(version, "2.9.6"), true, version);
  for (const version of notOlder) assertEquals(isOlder(version, "2.9.6"), false, version);
});

Deno.test("isOlder() lets the Deno that runs this pass", () => {
  assertEquals(isOlder(Deno.version.deno, DENO_VERSION_MIN), false);
});
