/** The example with frames of 1 MiB: a slow stage, what it drops, and that this is said. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { RelayedSnapshot } from "../../src/control/protocol.ts";
import { runExample } from "./support/example.ts";

const CONFIG = new URL("../../examples/video/supervisor.config.ts", import.meta.url).pathname;

/** What the viewer says once a second. */
interface Second {
  readonly shown: number;
  readonly leftOut: number;
  readonly torn: number;
  readonly oldestMs: number;
}

function secondsOf(text: string): Second[] {
  const lines = text.matchAll(
    /(\d+) frames, (\d+) left out, (\d+) torn(?:, the oldest (\d+) ms)?/g,
  );
  return [...lines].map((line) => {
    const [shown = 0, leftOut = 0, torn = 0, oldestMs = 0] = line.slice(1).map(Number);
    return { shown, leftOut, torn, oldestMs };
  });
}

/** Frames came, and others did not. */
function hasLeftOut(text: string): boolean {
  const seconds = secondsOf(text);
  return seconds.some(({ shown }) => shown > 0) && seconds.some(({ leftOut }) => leftOut > 0);
}

Deno.test("examples/video drops what its slow stage cannot take, says so, and tears nothing", async () => {
  const folder = await Deno.makeTempDir({ prefix: "cox-test-" });
  const summary = `${folder}/summary.json`;
  const { code, text, errors } = await runExample(
    CONFIG,
    ["--run-dir", `${folder}/run`, "--summary", summary],
    (text) => hasLeftOut(text) && text.includes("frames dropped"),
  );
  assertEquals(code, 0, text + errors);
  assertStringIncludes(text, "frames dropped");
  assert(hasLeftOut(text), text);
  assertEquals(secondsOf(text).filter(({ torn }) => torn > 0), []);

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
  // The first of its seconds are those of a start.
  const busy = (text: string) => secondsOf(text).slice(2).filter(({ shown }) => shown >= 5);
  const { code, text, errors } = await runExample(
    config,
    ["--run-dir", `${folder}/run`],
    (text) => hasLeftOut(text) && busy(text).length >= 3,
  );
  assertEquals(code, 0, text + errors);
  assert(hasLeftOut(text), text);
  assertEquals(secondsOf(text).filter(({ torn }) => torn > 0), []);
  // A frame is as old as the time between two and the detector's with it: less than two of the
  // detector's own turns, 62 ms each on a machine that does nothing else. Behind the others in
  // eight slots it would have waited for seven.
  const turns = busy(text).map(({ shown, oldestMs }) => oldestMs * shown / 1000);
  assert(Math.min(...turns) < 3, text);
  await Deno.remove(folder, { recursive: true });
});
