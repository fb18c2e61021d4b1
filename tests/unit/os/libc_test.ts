import { assertEquals } from "@std/assert";
import { cString } from "../../../src/os/c_string.ts";
import { F_GETFD, FD_CLOEXEC, libc, SOCK_DGRAM, SOL_SOCKET } from "../../../src/os/libc.ts";
import { createPipe } from "../../../src/os/pipe.ts";
import { openUnix } from "../../../src/os/unix_socket.ts";

/** asm-generic/socket.h. */
const SO_TYPE = 3;

/** Pages of executable memory that no file is behind: what a compiler has written at run time. */
function compiledPages(): number {
  const ranges = Deno.readTextFileSync("/proc/self/maps").matchAll(
    /^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ 0 *$/gm,
  );
  return [...ranges].reduce(
    (sum, [, from, to]) => sum + parseInt(to!, 16) - parseInt(from!, 16),
    0,
  ) /
    4096;
}

Deno.test("libc() opens every function without having a trampoline compiled for it", () => {
  const before = compiledPages();
  const functions = Object.values(libc());
  assertEquals(functions.filter((call) => typeof call !== "function" && call !== null), []);
  assertEquals(compiledPages(), before);
  // The same by the runtime's own way, so that the count is known to see it.
  const library = Deno.dlopen("libc.so.6", {
    getpid: { parameters: [], result: "i32" },
  });
  assertEquals(library.symbols.getpid(), Deno.pid);
  assertEquals(compiledPages(), before + 1);
  library.close();
});

Deno.test("libc() passes each argument to its place, whatever their number", () => {
  const { readFd: fd, writeFd } = createPipe();
  assertEquals(libc().getppid(), Deno.ppid);
  assertEquals(libc().access(cString(`/proc/self/fd/${fd}`), 0), 0);
  assertEquals(libc().fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
  // The last argument is where the kernel writes: at a wrong place it would say EFAULT.
  const length = new Uint32Array([4]);
  const type = new Int32Array(1);
  const socketFd = openUnix(SOCK_DGRAM);
  assertEquals(libc().getsockopt(socketFd, SOL_SOCKET, SO_TYPE, type, length), 0);
  assertEquals([type[0], length[0]], [SOCK_DGRAM, 4]);
  for (const one of [fd, writeFd, socketFd]) assertEquals(libc().close(one), 0);
});
