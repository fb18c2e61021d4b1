/** The example with a mailbox in three languages, run as its text says. */
import { assert, assertEquals } from "@std/assert";
import { runExample } from "./support/example.ts";
import { isThere } from "../support/programs.ts";

const CONFIG = new URL("../../examples/capture/supervisor.config.ts", import.meta.url).pathname;

const missing = ["gcc", "python3"].filter((command) => !isThere(command));

Deno.test({
  name: "examples/capture: readings of Python reach Deno and C, none out of order" +
    (missing.length === 0 ? "" : ` (skipped: no ${missing.join(", ")})`),
  ignore: missing.length > 0,
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "cox-test-" });
    const hasPeak = (text: string) => /detector +\| peak of [89]\.\d at \d+\.\d s/.test(text);
    const saidIn = (text: string) => [
      ...text.matchAll(/(\d+) readings, \d+ missed, (\d+) out of order/g),
    ];
    // The monitor is compiled first.
    const { code, text, errors } = await runExample(
      CONFIG,
      ["--run-dir", `${folder}/run`],
      (text) => hasPeak(text) && saidIn(text).length >= 2,
    );
    assertEquals(code, 0, text + errors);
    assert(hasPeak(text), text);
    const said = saidIn(text);
    assert(said.length >= 2 && said.every(([, count]) => Number(count) > 0), text);
    assert(said.every(([, , wrong]) => wrong === "0"), text);
    await Deno.remove(folder, { recursive: true });
  },
});
