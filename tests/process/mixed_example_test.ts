/** The example in three languages, run as its text says. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { coxCommand } from "../support/crew.ts";

const CONFIG = new URL("../../examples/mixed/supervisor.config.ts", import.meta.url).pathname;

Deno.test("examples/mixed prints the sum of the squares and ends well", async () => {
  const runDir = await Deno.makeTempDir({ prefix: "cox-test-" });
  const [command = "", ...args] = coxCommand(["up", "--config", CONFIG, "--run-dir", runDir]);
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args,
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(60_000),
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertStringIncludes(decode(stdout), "total: 333833500", decode(stderr));
  assertEquals(code, 0);
  await Deno.remove(runDir, { recursive: true });
});
