/** The example with a mailbox in three languages, run as its text says. */
import { assert, assertEquals } from "@std/assert";
import { coxCommand } from "../support/crew.ts";

const CONFIG = new URL("../../examples/capture/supervisor.config.ts", import.meta.url).pathname;

const isThere = (command: string) =>
  new Deno.Command("sh", { args: ["-c", `command -v ${command}`], stdout: "null" })
    .outputSync().success;
const missing = ["gcc", "python3"].filter((command) => !isThere(command));

Deno.test({
  name: "examples/capture: readings of Python reach Deno and C, none out of order" +
    (missing.length === 0 ? "" : ` (skipped: no ${missing.join(", ")})`),
  ignore: missing.length > 0,
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "cox-test-" });
    const args = ["up", "--for", "5s", "--config", CONFIG, "--run-dir", `${folder}/run`];
    const [command = "", ...rest] = coxCommand(args);
    const { code, stdout, stderr } = await new Deno.Command(command, {
      args: rest,
      env: { NO_COLOR: "1" },
      signal: AbortSignal.timeout(60_000),
    }).output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    const text = decode(stdout);
    assertEquals(code, 0, text + decode(stderr));
    assert(/detector +\| peak of [89]\.\d at \d+\.\d s/.test(text), text);
    const said = [...text.matchAll(/(\d+) readings, \d+ missed, (\d+) out of order/g)];
    assert(said.length > 0 && said.every(([, count]) => Number(count) > 0), text);
    assert(said.every(([, , wrong]) => wrong === "0"), text);
    await Deno.remove(folder, { recursive: true });
  },
});
