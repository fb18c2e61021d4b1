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
import { ReadWatch } from "../../../src/os/read_watch.ts";
import { openDescriptors } from "../../process/support/harness.ts";

const some = new Uint8Array(100);

function withWatch(work: (watch: ReadWatch, readEnd: number, writeEnd: number) => void): void {
  const before = openDescriptors();
  const watch = ReadWatch.open();
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

Deno.test("ReadWatch tells of a read through any description of the pipe, and of no write", () => {
  withWatch((watch, readEnd, writeEnd) => {
    const armed = watch.arm(readEnd)!;
    writeFd(writeEnd, new Uint8Array(1000));
    assertEquals(watch.taken(), new Set());
    const other = reopenPipe(readEnd, "read");
    readFd(other, some);
    assertEquals(watch.taken(), new Set([armed]));
    closeFd(other);
  });
});

Deno.test("ReadWatch tells once, until it is armed again", () => {
  withWatch((watch, readEnd, writeEnd) => {
    writeFd(writeEnd, new Uint8Array(1000));
    const first = watch.arm(readEnd)!;
    assertEquals(watch.arm(readEnd), first);
    readFd(readEnd, some);
    readFd(readEnd, some);
    assertEquals(watch.taken(), new Set([first]));
    readFd(readEnd, some);
    assertEquals(watch.taken(), new Set());
    const second = watch.arm(readEnd)!;
    const nullFd = openNull();
    assertEquals(dropFromPipe(readEnd, nullFd, 100), 100);
    closeFd(nullFd);
    assertEquals(watch.taken(), new Set([second]));
  });
});

Deno.test("ReadWatch.arm() is refused for what is not open, and forgets a pipe that has gone", () => {
  withWatch((watch) => {
    const gone = createPipe();
    const armed = watch.arm(gone.readFd)!;
    closeFd(gone.readFd);
    closeFd(gone.writeFd);
    assertEquals(watch.taken(), new Set());
    assert(armed > 0);
    assertEquals(watch.arm(gone.readFd), null);
  });
});
