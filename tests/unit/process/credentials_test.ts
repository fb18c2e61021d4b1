import { assertEquals, assertThrows } from "@std/assert";
import { createServer, type Socket } from "node:net";
import { SystemError } from "../../../src/os/errno.ts";
import { closeFd, openNull } from "../../../src/os/pipe.ts";
import { peerCredentials } from "../../../src/process/credentials.ts";
import { temporaryDirectory } from "../../process/support/harness.ts";

Deno.test("peerCredentials() names who connected to a Unix socket of node:net", async () => {
  using dir = temporaryDirectory();
  const path = `${dir.path}/s`;
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer((socket) => accepted.resolve(socket));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const client = await Deno.connect({ transport: "unix", path });
  const socket = await accepted.promise;
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
  assertEquals(peerCredentials(fd), { pid: Deno.pid, uid: Deno.uid()!, gid: Deno.gid()! });
  client.close();
  socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

Deno.test("peerCredentials() throws for what is no socket", () => {
  const fd = openNull();
  assertThrows(() => peerCredentials(fd), SystemError, "ENOTSOCK");
  closeFd(fd);
});
