import { assert, assertEquals } from "@std/assert";
import {
  closeFd,
  createPipe,
  openNull,
  readFd,
  reopenPipe,
  writeFd,
} from "../../../src/os/pipe.ts";
import { dropFromPipe } from "../../../src/os/pipe.ts";
import { PipeWatch } from "../../../src/os/pipe_watch.ts";
import { openDescriptors } from "../../process/support/harness.ts";

const some = new Uint8Array(100);

function withWatch(work: (watch: PipeWatch, readEnd: number, writeEnd: number) => void): void {
  const before = openDescriptors();
  const watch = PipeWatch.open("reads");
  assert(watch !== null, "this kernel tells of no reads from pipes");
  const pipe = createPipe();
  try {
    work(watch, pipe.readFd, pipe.writeFd);
  } finally {
    closeFd(pipe.readFd);
    closeFd(pipe.writeFd);
    watch[Symbol.dispose]();
  }
  assertEquals(openDescriptors(), before);
}

Deno.test("PipeWatch tells of a read through any description of the pipe, and of no write", () => {
  withWatch((watch, readEnd, writeEnd) => {
    const armed = watch.arm(readEnd)!;
    writeFd(writeEnd, new Uint8Array(1000));
    assertEquals(watch.over(), new Set());
    const other = reopenPipe(readEnd, "read");
    readFd(other, some);
    assertEquals(watch.over(), new Set([armed]));
    closeFd(other);
  });
});

Deno.test("PipeWatch tells once, until it is armed again", () => {
  withWatch((watch, readEnd, writeEnd) => {
    writeFd(writeEnd, new Uint8Array(1000));
    const first = watch.arm(readEnd)!;
    assertEquals(watch.arm(readEnd), first);
    readFd(readEnd, some);
    readFd(readEnd, some);
    assertEquals(watch.over(), new Set([first]));
    readFd(readEnd, some);
    assertEquals(watch.over(), new Set());
    const second = watch.arm(readEnd)!;
    const nullFd = openNull();
    assertEquals(dropFromPipe(readEnd, nullFd, 100), 100);
    closeFd(nullFd);
    assertEquals(watch.over(), new Set([second]));
  });
});

Deno.test("PipeWatch.arm() is refused for what is not open, and a watch can be given up", () => {
  withWatch((watch) => {
    const gone = createPipe();
    const armed = watch.arm(gone.readFd)!;
    watch.disarm(armed);
    watch.disarm(armed);
    assertEquals(watch.over(), new Set([armed]));
    closeFd(gone.readFd);
    closeFd(gone.writeFd);
    assertEquals(watch.arm(gone.readFd), null);
  });
});

Deno.test("PipeWatch of writes makes its descriptor readable at the first, and at no read", () => {
  const watch = PipeWatch.open("writes");
  assert(watch !== null, "this kernel tells of no writes to pipes");
  const pipe = createPipe();
  writeFd(pipe.writeFd, some);
  const armed = watch.arm(pipe.readFd)!;
  readFd(pipe.readFd, some);
  assertEquals(watch.over(), new Set());
  writeFd(pipe.writeFd, some);
  assertEquals(watch.over(), new Set([armed]));
  for (const fd of [pipe.readFd, pipe.writeFd]) closeFd(fd);
  watch[Symbol.dispose]();
});
