import { assertEquals, assertThrows } from "@std/assert";
import { SystemError } from "../../../src/os/errno.ts";
import { SOCK_DGRAM } from "../../../src/os/libc.ts";
import { closeFd, createPipe } from "../../../src/os/pipe.ts";
import { acceptUnix, bindUnix, listenUnix, openUnix } from "../../../src/os/unix_socket.ts";
import { SOCKET_PATH_BYTES_MAX } from "../../../src/os/socket_address.ts";
import { setUmask } from "../../../src/os/umask.ts";
import { openDescriptors, temporaryDirectory } from "../../process/support/harness.ts";

Deno.test("bindUnix() makes a file of mode 0600 under any umask, and leaves the umask", () => {
  using dir = temporaryDirectory();
  const own = setUmask(0);
  const fd = openUnix(SOCK_DGRAM);
  bindUnix(fd, `${dir.path}/s`);
  assertEquals(setUmask(own), 0);
  assertEquals(Deno.lstatSync(`${dir.path}/s`).mode! & 0o777, 0o600);
  closeFd(fd);
});

Deno.test("listenUnix() takes a path of the maximum and refuses one byte more, and a taken one", () => {
  using dir = temporaryDirectory();
  const longest = `${dir.path}/`.padEnd(SOCKET_PATH_BYTES_MAX, "x");
  const before = openDescriptors();
  closeFd(listenUnix(longest));
  assertThrows(() => listenUnix(longest + "x"), RangeError, "at most 107 bytes, is 108");
  assertThrows(() => listenUnix(longest), SystemError, "EADDRINUSE");
  assertEquals(openDescriptors(), before);
});

Deno.test("acceptUnix() takes waiting connections in their order, then says that none waits", async () => {
  using dir = temporaryDirectory();
  const fd = listenUnix(`${dir.path}/s`);
  assertEquals(acceptUnix(fd), "would-block");
  using _first = await Deno.connect({ transport: "unix", path: `${dir.path}/s` });
  using _second = await Deno.connect({ transport: "unix", path: `${dir.path}/s` });
  const accepted = [acceptUnix(fd), acceptUnix(fd)];
  assertEquals(acceptUnix(fd), "would-block");
  for (const one of [...accepted, fd]) {
    const flags = Number(
      /^flags:\s+0(\d+)/m.exec(Deno.readTextFileSync(`/proc/self/fdinfo/${one}`))![1],
    );
    // O_CLOEXEC, O_NONBLOCK and O_RDWR, in octal.
    assertEquals(flags, 2004002);
    closeFd(Number(one));
  }
});

Deno.test("acceptUnix() throws on what does not listen", () => {
  const pipe = createPipe();
  assertThrows(() => acceptUnix(pipe.readFd), SystemError, "ENOTSOCK");
  closeFd(pipe.readFd);
  closeFd(pipe.writeFd);
});
