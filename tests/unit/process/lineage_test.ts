import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { sendSignal } from "../../../src/os/signals.ts";
import {
  bearsMark,
  lineageMark,
  lineageMarkOf,
  lineageMarks,
} from "../../../src/process/lineage.ts";
import { ended, mustSpawn, outputOf, shellRequest } from "../../process/support/harness.ts";

const ENV = [["PATH", "/usr/bin:/bin"], ["COX_RUN", "r"], ["COX_INSTANCE", "a#1"]] as const;

Deno.test("lineageMark() differs by run and by instance, and fits a limit", () => {
  const marks = [["r", "a#1"], ["r", "a#2"], ["s", "a#1"], ["r", "b#1"]]
    .map(([run, name]) => lineageMark(run!, name!));
  assertEquals(new Set(marks).size, 4);
  assert(marks.every((mark) => mark >= 0n && mark < 1n << 62n));
});

Deno.test("lineageMarks() gives lineageMark() of each instance", () => {
  const markOf = lineageMarks("run ä", "web/2");
  for (const instance of [1, 2, 10, 12_345]) {
    assertEquals(markOf(instance), lineageMark("run ä", `web/2#${instance}`));
  }
});

Deno.test("lineageMarkOf() needs both names, and heeds the later of two", () => {
  assertEquals(lineageMarkOf(ENV.slice(0, 2)), null);
  assertEquals(lineageMarkOf(ENV), lineageMark("r", "a#1"));
  assertEquals(lineageMarkOf([...ENV, ["COX_RUN", "s"]]), lineageMark("s", "a#1"));
});

Deno.test("spawnProcess() marks the child and leaves our own limits as they were", async () => {
  const own = Deno.readTextFileSync("/proc/self/limits");
  const child = mustSpawn(shellRequest("sleep 30", { env: ENV }));
  assertEquals(Deno.readTextFileSync("/proc/self/limits"), own);
  assert(bearsMark(child.pid, lineageMark("r", "a#1")));
  assert(!bearsMark(child.pid, lineageMark("r", "a#2")));
  assert(!bearsMark(Deno.pid, lineageMark("r", "a#1")));
  sendSignal(-child.pid, 9);
  await ended(child);
});

Deno.test("spawnProcess() sets no mark without COX_RUN and COX_INSTANCE", async () => {
  const { text } = await outputOf(shellRequest("grep locks /proc/self/limits"));
  assertEquals(
    text,
    /^Max file locks.*$/m.exec(Deno.readTextFileSync("/proc/self/limits"))![0] + "\n",
  );
});

Deno.test("lineageMark() survives setsid, an empty environment and a double fork", async () => {
  const { text } = await outputOf(shellRequest(
    "setsid env -i /bin/sh -c '(grep locks /proc/self/limits) & wait'; :",
    { env: ENV },
  ));
  assertNotEquals(text, "");
  assert(text.includes(` ${lineageMark("r", "a#1")} `), text);
});
