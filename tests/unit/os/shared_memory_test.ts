import { assertEquals, assertThrows } from "@std/assert";
import { errnoName, lastErrno, SystemError } from "../../../src/os/errno.ts";
import { libc } from "../../../src/os/libc.ts";
import { closeFd, openNull } from "../../../src/os/pipe.ts";
import { createSharedMemory, mapSharedMemory } from "../../../src/os/shared_memory.ts";
import { duplicateFd } from "../../../src/os/socket.ts";

Deno.test("createSharedMemory() gives zeros, which every mapping shares", () => {
  const memory = createSharedMemory("test", 4000);
  assertEquals(memory.buffer.byteLength, 4000);
  const here = new Float64Array(memory.buffer);
  assertEquals(here.every((value) => value === 0), true);
  const there = new Float64Array(mapSharedMemory(memory.fd));
  assertEquals(there.length, 500);
  here[499] = 0.5;
  there[0] = 7;
  assertEquals([there[499], here[0]], [0.5, 7]);
  // The mapping stays when its descriptor goes.
  closeFd(memory.fd);
  here[1] = 3;
  assertEquals(there[1], 3);
});

Deno.test("createSharedMemory() takes its pages at once and lets nobody change its size", () => {
  const { fd } = createSharedMemory("test", 100_000);
  const other = duplicateFd(fd);
  assertEquals(Deno.statSync(`/proc/self/fd/${fd}`).blocks, Math.ceil(100_000 / 4096) * 8);
  for (const bytes of [0n, 99_999n, 100_001n]) {
    assertEquals(libc().ftruncate(other, bytes), -1);
    assertEquals(errnoName(lastErrno()), "EPERM");
  }
  for (const one of [fd, other]) closeFd(one);
});

Deno.test("mapSharedMemory() throws for what cannot be mapped", () => {
  const fd = openNull();
  assertThrows(() => mapSharedMemory(fd), SystemError);
  closeFd(fd);
  assertThrows(() => mapSharedMemory(fd), SystemError, "EBADF");
});
