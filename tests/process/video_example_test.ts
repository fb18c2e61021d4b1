/** The example with frames of 1 MiB: a slow stage, what it drops, and that this is said. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { RelayedSnapshot } from "../../src/control/protocol.ts";
import { coxCommand } from "../support/crew.ts";

const CONFIG = new URL("../../examples/video/supervisor.config.ts", import.meta.url).pathname;

Deno.test("examples/video drops what its slow stage cannot take, says so, and tears nothing", async () => {
  const folder = await Deno.makeTempDir({ prefix: "cox-test-" });
  const summary = `${folder}/summary.json`;
  const args = ["up", "--for", "6s", "--config", CONFIG];
  const [command = "", ...rest] = coxCommand([
    ...args,
    ...["--run-dir", `${folder}/run`, "--summary", summary],
  ]);
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: rest,
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(60_000),
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const text = decode(stdout);
  assertEquals(code, 0, text + decode(stderr));
  assertStringIncludes(text, "frames dropped");
  const said = [...text.matchAll(/(\d+) frames, (\d+) left out, (\d+) torn/g)];
  const sum = (group: number) => said.reduce((total, line) => total + Number(line[group]), 0);
  assert(sum(1) > 0, text);
  assert(sum(2) > 0, text);
  assertEquals(sum(3), 0, text);

  const { channels } = JSON.parse(await Deno.readTextFile(summary));
  const { producers: [camera], consumers: [detector] } = channels.frames as RelayedSnapshot;
  assert(camera !== undefined && detector !== undefined);
  const { dropped, messages, queuedMessages } = detector;
  const gone = Object.values(dropped).reduce((total, count) => total + count, 0);
  assert(dropped.overflow > 0, text);
  assertEquals(detector.peakMessages, 1, "never more than its high-water mark");
  // Every frame that was taken was delivered, dropped for a reason, or is still there.
  assertEquals(camera.messages, messages + gone + queuedMessages);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("examples/video with mailboxes shows the newest frames, says what it left out, and tears nothing", async () => {
  const folder = await Deno.makeTempDir({ prefix: "cox-test-" });
  const config =
    new URL("../../examples/video/mailbox/supervisor.config.ts", import.meta.url).pathname;
  const args = ["up", "--for", "5s", "--config", config, "--run-dir", `${folder}/run`];
  const [command = "", ...rest] = coxCommand(args);
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: rest,
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(60_000),
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const text = decode(stdout);
  assertEquals(code, 0, text + decode(stderr));
  const said = [...text.matchAll(/(\d+) frames, (\d+) left out, (\d+) torn/g)];
  const sum = (group: number) => said.reduce((total, line) => total + Number(line[group]), 0);
  assert(sum(1) > 0 && sum(2) > 0, text);
  assertEquals(sum(3), 0, text);
  // A frame's time between two and the detector's 60 ms make 94: none waited behind others. The
  // best second counts, as the machine may be busy in the rest.
  const oldest = [...text.matchAll(/the oldest (\d+) ms/g)].map(([, ms]) => Number(ms));
  assert(Math.min(...oldest) < 140, text);
  await Deno.remove(folder, { recursive: true });
});
