/**
 * The schema of a command line: what `command()` makes. Must not know: what runs it, when.
 */
import { z } from "zod";
import { LIMITS } from "./defaults.ts";
import { doc, list, text } from "./schema_values.ts";

/** Any program. */
export const commandSchema = z.strictObject({
  kind: doc(z.literal("command"), "Any program. `command()` fills this in."),
  argv: doc(
    list(text({ empty: true }), { min: 1, max: LIMITS.argvMax, rule: "must be a list of words" }),
    "The program, looked up in PATH unless it has a slash, and its arguments. No shell is " +
      "involved unless the first word names one.",
  ),
});
