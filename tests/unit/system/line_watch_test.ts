// Which line makes which instance ready, in every order of arrival.
import { assertEquals, assertThrows } from "@std/assert";
import { LineWatch } from "../../../src/system/line_watch.ts";

Deno.test("LineWatch.line() reports the first match once", () => {
  const watch = new LineWatch();
  watch.switchTo(1);
  assertEquals(watch.watch(1, "^ready"), null);
  assertEquals(["no", "ready", "ready"].map((text) => watch.line(text)), [null, 1, null]);
});

Deno.test("LineWatch.watch() finds a line that came before it", () => {
  const watch = new LineWatch();
  watch.switchTo(3);
  watch.line("ready to go");
  assertEquals(watch.watch(3, "ready"), 3);
  assertEquals(watch.line("ready again"), null);
});

Deno.test("LineWatch.watch() waits for its instance's marker and ignores the one before", () => {
  const watch = new LineWatch();
  watch.switchTo(1);
  watch.line("ready");
  assertEquals(watch.watch(2, "ready"), null);
  assertEquals(watch.line("ready"), null);
  watch.switchTo(2);
  assertEquals(watch.line("ready"), 2);
});

Deno.test("LineWatch.watch() of an instance that is gone never matches", () => {
  const watch = new LineWatch();
  watch.switchTo(2);
  watch.line("ready");
  assertEquals(watch.watch(1, "ready"), null);
  assertEquals(watch.line("ready"), null);
  watch.watch(2, "never");
  watch.switchTo(3);
  assertEquals(watch.line("never"), null);
});

Deno.test("LineWatch.line() matches without a marker, for a reader that began in the middle", () => {
  const watch = new LineWatch();
  watch.watch(5, "ready");
  assertEquals(watch.line("ready"), 5);
});

Deno.test("LineWatch.line() looks at the text without colours and line end", () => {
  const watch = new LineWatch();
  watch.watch(1, "^ready in [0-9]+ms$");
  assertEquals(watch.line("\x1b[32mready\x1b[0m in 5ms\r"), 1);
});

Deno.test("LineWatch.watch() refuses what is no regular expression", () => {
  assertThrows(() => new LineWatch().watch(1, "("), SyntaxError);
});

Deno.test("LineWatch keeps the first 256 lines of an instance for a late watch and no more", () => {
  const late = (linesBefore: number) => {
    const watch = new LineWatch();
    watch.switchTo(1);
    for (let index = 0; index < linesBefore; index++) watch.line("x");
    watch.line("ready");
    return watch.watch(1, "ready");
  };
  assertEquals([late(255), late(256)], [1, null]);
});
