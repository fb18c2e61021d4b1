import { assert, assertEquals, assertThrows } from "@std/assert";
import { SystemError } from "../../../src/os/errno.ts";
import { type Packet, PacketReceiver, PacketSender } from "../../../src/os/fd_passing.ts";
import { F_GETFD, FD_CLOEXEC, libc } from "../../../src/os/libc.ts";
import { closeFd, createPipe, readFd, writeFd } from "../../../src/os/pipe.ts";
import { createSocketPair } from "../../../src/os/socket.ts";
import { openDescriptors } from "../../process/support/harness.ts";

const LIMITS = { bytesMax: 1000, fdsMax: 2 };

/** A pair, its sender and its receiver. */
function setUp() {
  const [here, there] = createSocketPair("seqpacket");
  const sender = new PacketSender(LIMITS);
  const receiver = new PacketReceiver(LIMITS);
  return {
    here,
    there,
    sender,
    send: (text: string, fds: readonly number[] = []) => sender.send(here, text, fds),
    receive: () => receiver.receive(there),
    close: () => [here, there].forEach(closeFd),
  };
}

Deno.test("PacketSender.send() hands over text and descriptors, each packet by itself", () => {
  const { send, receive, close } = setUp();
  const pipe = createPipe();
  assertEquals(send("größe"), "sent");
  assertEquals(send("two", [pipe.readFd, pipe.writeFd]), "sent");
  assertEquals(send("one", [pipe.readFd]), "sent");
  // They are on their way although the sender has let go of them.
  closeFd(pipe.readFd);
  closeFd(pipe.writeFd);
  assertEquals(receive(), { text: "größe", fds: [] });
  const two = receive() as Packet;
  const one = receive() as Packet;
  assertEquals([two.text, two.fds.length, one.text, one.fds.length], ["two", 2, "one", 1]);
  for (const fd of two.fds) assertEquals(libc().fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
  assertEquals(writeFd(two.fds[1]!, new TextEncoder().encode("abc")), 3);
  assertEquals(readFd(one.fds[0]!, new Uint8Array(8)), 3);
  assertEquals(receive(), "would-block");
  for (const fd of [...two.fds, ...one.fds]) closeFd(fd);
  close();
});

Deno.test("PacketSender.send() never waits: a full socket is said, and is writable later", () => {
  const { send, receive, close } = setUp();
  let sent = 0;
  while (send("x".repeat(1000)) === "sent") sent++;
  assert(sent > 10, `${sent} packets fitted`);
  assertEquals(send("y"), "would-block");
  for (let count = 0; count < sent; count++) assertEquals((receive() as Packet).text.length, 1000);
  assertEquals(receive(), "would-block");
  assertEquals(send("y"), "sent");
  close();
});

Deno.test("PacketSender.send() takes a packet at its limit and refuses a larger one", () => {
  const { here, there, sender, send, receive } = setUp();
  const pipe = createPipe();
  const three = [pipe.readFd, pipe.readFd, pipe.readFd];
  assertEquals(send("x".repeat(1000), three.slice(1)), "sent");
  assertThrows(() => send("x".repeat(1001)), RangeError, "must be 1 to 1000 bytes, is 1001");
  assertThrows(() => send("ö".repeat(501)), RangeError, "is 1002");
  assertThrows(() => send(""), RangeError);
  assertThrows(() => send("x", three), RangeError, "3 descriptors");
  const packet = receive() as Packet;
  assertEquals([packet.text.length, packet.fds.length], [1000, 2]);
  for (const fd of [...packet.fds, pipe.readFd, pipe.writeFd, there]) closeFd(fd);
  assertEquals(send("x"), "closed");
  closeFd(here);
  assertThrows(() => sender.send(here, "x"), SystemError, "EBADF");
});

Deno.test("PacketReceiver.receive() gives what was sent before the other end closed", () => {
  const { here, there, send, receive, sender } = setUp();
  // What the closed end had not read makes the kernel say ECONNRESET first.
  assertEquals(sender.send(there, "never read"), "sent");
  assertEquals(send("last"), "sent");
  closeFd(here);
  assertEquals(receive(), { text: "last", fds: [] });
  assertEquals(receive(), "closed");
  assertEquals(receive(), "closed");
  closeFd(there);
});

Deno.test("PacketReceiver.receive() says what was truncated and leaks no descriptor of it", () => {
  const { here, there, close } = setUp();
  const large = new PacketSender({ bytesMax: 2000, fdsMax: 9 });
  const receiver = new PacketReceiver(LIMITS);
  const pipe = createPipe();
  const before = openDescriptors();
  for (let count = 0; count < 100; count++) {
    assertEquals(large.send(here, "x".repeat(1001), [pipe.readFd]), "sent");
    assertEquals(receiver.receive(there), "truncated");
    assertEquals(large.send(here, "x", Array(9).fill(pipe.readFd)), "sent");
    assertEquals(receiver.receive(there), "truncated");
  }
  assertEquals(openDescriptors(), before);
  assertEquals(large.send(here, "x".repeat(1000)), "sent");
  assertEquals((receiver.receive(there) as Packet).text.length, 1000);
  for (const fd of [pipe.readFd, pipe.writeFd]) closeFd(fd);
  close();
});

Deno.test("PacketReceiver and PacketSender work on when foreign functions are given up", async () => {
  const source = new URL("../../../src/os/", import.meta.url).href;
  const program = `
    import { PacketReceiver, PacketSender } from "${source}fd_passing.ts";
    import { monotonicMs } from "${source}monotonic.ts";
    import { createSharedMemory } from "${source}shared_memory.ts";
    import { createSocketPair } from "${source}socket.ts";
    import { closeFd, createPipe } from "${source}pipe.ts";
    const limits = { bytesMax: 65536, fdsMax: 2 };
    const sender = new PacketSender(limits);
    const receiver = new PacketReceiver(limits);
    const [here, there] = createSocketPair("seqpacket");
    const { readFd, writeFd } = createPipe();
    const counters = new Float64Array(createSharedMemory("test", 256).buffer);
    monotonicMs();
    Deno.permissions.revokeSync({ name: "ffi" });
    try {
      Deno.UnsafePointer.of(new Uint8Array(100));
    } catch (error) {
      console.log(error.name);
    }
    console.log(sender.send(here, "hello", [readFd]));
    const packet = receiver.receive(there);
    console.log(packet.text, packet.fds.length, receiver.receive(there));
    closeFd(packet.fds[0]);
    closeFd(here);
    console.log(receiver.receive(there), sender.send(there, "x"));
    counters[0] = monotonicMs();
    console.log(counters[0] > 0);
  `;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-ffi",
      "--no-lock",
      `data:text/javascript,${encodeURIComponent(program)}`,
    ],
    stdin: "null",
  }).output();
  assertEquals(new TextDecoder().decode(stdout).trim().split("\n"), [
    "NotCapable",
    "sent",
    "hello 1 would-block",
    "closed closed",
    "true",
  ], new TextDecoder().decode(stderr));
});
