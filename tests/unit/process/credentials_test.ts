import { assert, assertEquals, assertThrows } from "@std/assert";
import { SystemError } from "../../../src/os/errno.ts";
import { closeFd, openNull } from "../../../src/os/pipe.ts";
import { acceptUnix, listenUnix } from "../../../src/os/unix_socket.ts";
import { peerCredentials } from "../../../src/process/credentials.ts";
import { temporaryDirectory } from "../../process/support/harness.ts";

Deno.test("peerCredentials() names who connected, even when it is gone again", async () => {
  using dir = temporaryDirectory();
  const path = `${dir.path}/s`;
  const listenFd = listenUnix(path);
  const us = { pid: Deno.pid, uid: Deno.uid()!, gid: Deno.gid()! };
  const client = await Deno.connect({ transport: "unix", path });
  const fd = acceptUnix(listenFd);
  assert(typeof fd === "number");
  assertEquals(peerCredentials(fd), us);
  client.close();
  assertEquals(peerCredentials(fd), us);
  closeFd(fd);
  closeFd(listenFd);
});

Deno.test("peerCredentials() throws for what is no socket", () => {
  const fd = openNull();
  assertThrows(() => peerCredentials(fd), SystemError, "ENOTSOCK");
  closeFd(fd);
});
