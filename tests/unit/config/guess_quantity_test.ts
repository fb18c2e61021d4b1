import { assertEquals } from "@std/assert";
import { guessQuantity } from "../../../src/config/guess_quantity.ts";
import { DURATION_RULE, SIZE_RULE } from "../../../src/config/units.ts";

Deno.test("guessQuantity() reads other spellings of a unit, and asks for a missing one", () => {
  const duration = (value: unknown) => guessQuantity(value, DURATION_RULE);
  assertEquals(duration("2 sec"), 'did you mean "2s"?');
  assertEquals(duration("1.5 Minutes"), 'did you mean "1.5m"?');
  assertEquals(duration(3), 'add the unit, as in "3s"');
  assertEquals(duration("250"), 'add the unit, as in "250s"');
  const size = (value: unknown) => guessQuantity(value, SIZE_RULE);
  assertEquals(size("64kb"), 'did you mean "64KiB"?');
  assertEquals(size(4096), 'add the unit, as in "4096B"');
});

Deno.test("guessQuantity() guesses nothing that would be refused again", () => {
  for (const value of ["", "soon", "2 fortnights", "1 constructor", -1, NaN, true, null, ["1s"]]) {
    assertEquals(guessQuantity(value, DURATION_RULE), null);
    assertEquals(guessQuantity(value, SIZE_RULE), null);
  }
  assertEquals(guessQuantity("9000 hours", DURATION_RULE), null);
  assertEquals(guessQuantity("0.5 b", SIZE_RULE), null);
  assertEquals(guessQuantity("2 sec", "must be a text"), null);
});
