import { assert, assertEquals } from "@std/assert";
import { Captures } from "../../../src/driver/captures.ts";
import {
  closeFd,
  pipeCapacityBytes,
  pipeFillBytes,
  readFd,
  reopenPipe,
  writeFd,
} from "../../../src/os/pipe.ts";
import { type CaptureItem, CaptureLines } from "../../../src/system/capture_lines.ts";
import { openDescriptors } from "../../process/support/harness.ts";
import { planOf, processPlan } from "./fixtures.ts";

const TOKEN = "token";
const LINE = `${"x".repeat(99)}\n`;

/** What `@log` makes of all that is in the pipe. */
function readItems(readEnd: number): CaptureItem[] {
  const lines = new CaptureLines(TOKEN);
  const items: CaptureItem[] = [];
  const buffer = new Uint8Array(1 << 16);
  while (pipeFillBytes(readEnd) > 0) {
    const count = readFd(readEnd, buffer);
    assert(typeof count === "number");
    items.push(...lines.push(buffer.slice(0, count)));
  }
  return items;
}

/** Writes lines of an instance until the pipe takes no more. */
function fill(writeEnd: number): void {
  const eager = reopenPipe(writeEnd, "write", { nonBlocking: true });
  for (const text of [LINE, "\n"]) {
    while (writeFd(eager, new TextEncoder().encode(text)) !== "would-block");
  }
  closeFd(eager);
}

Deno.test("Captures.mark() says where an instance's output begins", () => {
  using captures = new Captures(planOf([processPlan("a")]), TOKEN);
  const writeEnd = captures.openWriteEnd(0, "stdout");
  const readEnd = captures.openReadEnd(0, "stdout");
  writeFd(writeEnd, new TextEncoder().encode("old\nhalf"));
  assertEquals(captures.mark(0, "stdout", 2), { marked: true, droppedBytes: 0 });
  writeFd(writeEnd, new TextEncoder().encode("new\n"));
  assertEquals(readItems(readEnd), [
    { kind: "line", text: "old", continues: false },
    { kind: "line", text: "half", continues: false },
    { kind: "instance", instance: 2 },
    { kind: "line", text: "new", continues: false },
  ]);
  closeFd(writeEnd);
  closeFd(readEnd);
});

Deno.test("Captures.mark() makes a full pipe larger, and nothing of it is lost", () => {
  using captures = new Captures(planOf([processPlan("a")]), TOKEN);
  const writeEnd = captures.openWriteEnd(0, "stdout");
  const readEnd = captures.openReadEnd(0, "stdout");
  const before = pipeCapacityBytes(readEnd);
  fill(writeEnd);
  const filled = pipeFillBytes(readEnd);
  assertEquals(captures.mark(0, "stdout", 2), { marked: true, droppedBytes: 0 });
  assertEquals(pipeCapacityBytes(readEnd), 2 * before);
  assert(pipeFillBytes(readEnd) > filled);
  assertEquals(readItems(readEnd).at(-1), { kind: "instance", instance: 2 });
  closeFd(writeEnd);
  closeFd(readEnd);
});

Deno.test("Captures.mark() drops the oldest of a pipe that cannot grow any more", () => {
  using captures = new Captures(planOf([processPlan("a")]), TOKEN);
  const writeEnd = captures.openWriteEnd(0, "stdout");
  const readEnd = captures.openReadEnd(0, "stdout");
  const marks = [];
  for (let instance = 2; instance < 10; instance++) {
    fill(writeEnd);
    const { marked, droppedBytes } = captures.mark(0, "stdout", instance);
    assert(marked);
    marks.push(droppedBytes > 0);
  }
  assertEquals(pipeCapacityBytes(readEnd), 1 << 20);
  // 64 KiB doubles four times; from then on each marker costs a page.
  assertEquals(marks, [false, false, false, false, true, true, true, true]);
  const instances = readItems(readEnd).filter(({ kind }) => kind === "instance");
  assertEquals(
    instances,
    [2, 3, 4, 5, 6, 7, 8, 9].map((instance) => ({ kind: "instance", instance })),
  );
  closeFd(writeEnd);
  closeFd(readEnd);
});

Deno.test("Captures leaves no descriptor open, however often it is disposed of", () => {
  const before = openDescriptors();
  const captures = new Captures(planOf([processPlan("a"), processPlan("b")]), TOKEN);
  captures[Symbol.dispose]();
  captures[Symbol.dispose]();
  assertEquals(openDescriptors(), before);
});
