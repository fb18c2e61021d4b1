import { assert, assertEquals, assertThrows } from "@std/assert";
import { SystemError } from "../../../src/os/errno.ts";
import { closeFd, openNull, readFd, writeFd } from "../../../src/os/pipe.ts";
import {
  createSocketPair,
  listenTcp,
  listenUnix,
  makeNonBlocking,
  socketSendBufferBytes,
} from "../../../src/os/socket.ts";
import { socketSentBytes, tcpAcceptQueue, unixAcceptQueue } from "../../../src/os/socket_queue.ts";
import { temporaryDirectory } from "../../process/support/harness.ts";

for (const type of ["stream", "seqpacket", "datagram"] as const) {
  Deno.test(`socketSentBytes() of a full ${type} socket is at SO_SNDBUF, of a read one at 0`, () => {
    const [first, second] = createSocketPair(type);
    makeNonBlocking(first);
    makeNonBlocking(second);
    assertEquals(socketSentBytes(first), 0);
    while (writeFd(first, new Uint8Array(1000)) !== "would-block");
    assert(socketSentBytes(first) >= socketSendBufferBytes(first));
    assertEquals(socketSentBytes(second), 0);
    while (readFd(second, new Uint8Array(4096)) !== "would-block");
    assertEquals(socketSentBytes(first), 0);
    closeFd(first);
    closeFd(second);
  });
}

Deno.test("unixAcceptQueue() counts the connections that nobody has accepted", async () => {
  using folder = temporaryDirectory();
  const path = `${folder.path}/socket`;
  const listener = listenUnix(path, 5);
  assertEquals(unixAcceptQueue(listener), { waiting: 0, waitingMax: 5 });
  const clients = [];
  for (let count = 1; count <= 3; count++) {
    clients.push(await Deno.connect({ transport: "unix", path }));
    assertEquals(unixAcceptQueue(listener), { waiting: count, waitingMax: 5 });
  }
  for (const client of clients) client.close();
  closeFd(listener);
});

Deno.test("tcpAcceptQueue() counts the connections that nobody has accepted", async () => {
  const port = freePort();
  const listener = listenTcp("127.0.0.1", port, 7);
  assertEquals(tcpAcceptQueue(listener), { waiting: 0, waitingMax: 7 });
  const clients = [];
  for (let count = 1; count <= 2; count++) {
    clients.push(await Deno.connect({ port, hostname: "127.0.0.1" }));
    assertEquals(tcpAcceptQueue(listener).waiting, count);
  }
  for (const client of clients) client.close();
  closeFd(listener);
});

Deno.test("queues of what is no listener are refused or null", () => {
  const nothing = openNull();
  assertThrows(() => socketSentBytes(nothing), SystemError);
  assertThrows(() => tcpAcceptQueue(nothing), SystemError);
  assertEquals(unixAcceptQueue(nothing), null);
  closeFd(nothing);
});

function freePort(): number {
  const probe = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = probe.addr;
  probe.close();
  return port;
}
