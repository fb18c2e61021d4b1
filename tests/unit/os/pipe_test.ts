import { assert, assertEquals, assertThrows } from "@std/assert";
import { SystemError } from "../../../src/os/errno.ts";
import { F_GETFD, F_GETFL, FD_CLOEXEC, libc, O_NONBLOCK } from "../../../src/os/libc.ts";
import {
  closeFd,
  createPipe,
  dropFromPipe,
  growPipe,
  openNull,
  pipeCapacityBytes,
  pipeFillBytes,
  readFd,
  reopenPipe,
  setCloseOnExec,
  writeFd,
} from "../../../src/os/pipe.ts";
import { openDescriptors } from "../../process/support/harness.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("createPipe() makes ends that close on exec and carry bytes", () => {
  const pipe = createPipe();
  for (const fd of [pipe.readFd, pipe.writeFd]) {
    assertEquals(libc().fcntl(fd, F_GETFD, 0) & FD_CLOEXEC, FD_CLOEXEC);
  }
  assertEquals(writeFd(pipe.writeFd, bytes("hello")), 5);
  assertEquals(pipeFillBytes(pipe.readFd), 5);
  assertEquals(pipeFillBytes(pipe.writeFd), 5);
  const buffer = new Uint8Array(8);
  assertEquals(readFd(pipe.readFd, buffer), 5);
  assertEquals(pipeFillBytes(pipe.readFd), 0);
  closeFd(pipe.writeFd);
  assertEquals(readFd(pipe.readFd, buffer), 0);
  closeFd(pipe.readFd);
});

Deno.test("createPipe() rounds the capacity up and reports it", () => {
  const pipe = createPipe({ capacityBytes: 100_000 });
  assertEquals(pipeCapacityBytes(pipe.readFd), 131_072);
  closeFd(pipe.readFd);
  closeFd(pipe.writeFd);
});

Deno.test("createPipe() throws for an impossible capacity and leaves nothing open", () => {
  const before = openDescriptors();
  assertThrows(() => createPipe({ capacityBytes: -1 }), SystemError, "F_SETPIPE_SZ");
  assertEquals(openDescriptors(), before);
});

Deno.test("reopenPipe() gives flags of its own", () => {
  const pipe = createPipe();
  const fresh = reopenPipe(pipe.readFd, "read", { nonBlocking: true });
  assertEquals(libc().fcntl(fresh, F_GETFL, 0) & O_NONBLOCK, O_NONBLOCK);
  assertEquals(libc().fcntl(pipe.readFd, F_GETFL, 0) & O_NONBLOCK, 0);
  assertEquals(readFd(fresh, new Uint8Array(1)), "would-block");
  for (const fd of [pipe.readFd, pipe.writeFd, fresh]) closeFd(fd);
});

Deno.test("reopenPipe() makes a write end out of a held read end, and does not wait", () => {
  const pipe = createPipe();
  closeFd(pipe.writeFd);
  const writeEnd = reopenPipe(pipe.readFd, "write");
  assertEquals(writeFd(writeEnd, bytes("x")), 1);
  const readEnd = reopenPipe(writeEnd, "read");
  closeFd(pipe.readFd);
  assertEquals(readFd(readEnd, new Uint8Array(2)), 1);
  closeFd(readEnd);
  // No reader is left: a named FIFO would block here for ever.
  const again = reopenPipe(writeEnd, "write");
  assertEquals(writeFd(again, bytes("x")), "closed");
  closeFd(again);
  closeFd(writeEnd);
});

Deno.test("writeFd() says would-block on a full pipe", () => {
  const pipe = createPipe();
  const writeEnd = reopenPipe(pipe.readFd, "write", { nonBlocking: true });
  const chunk = new Uint8Array(65_536);
  assertEquals(writeFd(writeEnd, chunk), 65_536);
  assertEquals(writeFd(writeEnd, chunk), "would-block");
  assertEquals(pipeFillBytes(pipe.readFd), 65_536);
  for (const fd of [pipe.readFd, pipe.writeFd, writeEnd]) closeFd(fd);
});

Deno.test("growPipe() makes room and keeps what is there, and says when it may not", () => {
  const pipe = createPipe({ capacityBytes: 65_536 });
  assertEquals(writeFd(pipe.writeFd, new Uint8Array(65_536)), 65_536);
  assert(growPipe(pipe.writeFd, 131_072));
  assertEquals(pipeCapacityBytes(pipe.readFd), 131_072);
  assertEquals(pipeFillBytes(pipe.readFd), 65_536);
  // 2 GiB and more is refused to everybody (round_pipe_size in the kernel's fs/pipe.c).
  assert(!growPipe(pipe.writeFd, -1));
  assertEquals(pipeCapacityBytes(pipe.readFd), 131_072);
  for (const fd of [pipe.readFd, pipe.writeFd]) closeFd(fd);
});

Deno.test("dropFromPipe() takes the oldest bytes, and none from an empty pipe", () => {
  const pipe = createPipe();
  const nullFd = openNull();
  assertEquals(dropFromPipe(pipe.readFd, nullFd, 4), 0);
  writeFd(pipe.writeFd, bytes("old new"));
  assertEquals(dropFromPipe(pipe.readFd, nullFd, 4), 4);
  const buffer = new Uint8Array(8);
  assertEquals(readFd(pipe.readFd, buffer), 3);
  assertEquals(new TextDecoder().decode(buffer.subarray(0, 3)), "new");
  assertThrows(() => dropFromPipe(nullFd, nullFd, 4), SystemError, "splice");
  for (const fd of [pipe.readFd, pipe.writeFd, nullFd]) closeFd(fd);
});

Deno.test("closeFd() throws for a descriptor that is not open", () => {
  assertThrows(() => closeFd(9999), SystemError, "EBADF");
});

Deno.test("openNull() reads as empty and takes everything", () => {
  const fd = openNull();
  assertEquals(readFd(fd, new Uint8Array(1)), 0);
  assertEquals(writeFd(fd, bytes("gone")), 4);
  setCloseOnExec(fd, false);
  assertEquals(libc().fcntl(fd, F_GETFD, 0) & FD_CLOEXEC, 0);
  closeFd(fd);
  assert(!openFile(fd));
});

function openFile(fd: number): boolean {
  return libc().fcntl(fd, F_GETFD, 0) >= 0;
}
