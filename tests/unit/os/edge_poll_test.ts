import { assert, assertEquals } from "@std/assert";
import { EdgePoll } from "../../../src/os/edge_poll.ts";
import { closeFd, createPipe, readFd, reopenPipe, writeFd } from "../../../src/os/pipe.ts";

Deno.test("EdgePoll tells a thing once, and again when something has changed", () => {
  const poll = new EdgePoll();
  const pipe = createPipe();
  const token = poll.add(pipe.readFd, "read");
  assertEquals(poll.wait(0), 0);
  writeFd(pipe.writeFd, new Uint8Array(3));
  assertEquals(poll.wait(1_000), 1);
  assertEquals(poll.token(0), token);
  assert(poll.isReadable(0) && !poll.isHungUp(0) && !poll.isWritable(0));
  assertEquals(poll.wait(0), 0);
  closeFd(pipe.writeFd);
  assertEquals(poll.wait(1_000), 1);
  assert(poll.isHungUp(0));
  poll.remove(pipe.readFd);
  closeFd(pipe.readFd);
});

Deno.test("EdgePoll.add() tells first what holds already", () => {
  const poll = new EdgePoll();
  const pipe = createPipe();
  writeFd(pipe.writeFd, new Uint8Array(3));
  closeFd(pipe.writeFd);
  poll.add(pipe.readFd, "read");
  assertEquals(poll.wait(1_000), 1);
  assert(poll.isReadable(0) && poll.isHungUp(0));
  poll.remove(pipe.readFd);
  closeFd(pipe.readFd);
});

Deno.test("EdgePoll.remove() ends it though the description lives on elsewhere", () => {
  const poll = new EdgePoll();
  const pipe = createPipe();
  const first = poll.add(pipe.readFd, "read");
  poll.remove(pipe.readFd);
  writeFd(pipe.writeFd, new Uint8Array(1));
  assertEquals(poll.wait(0), 0);
  const second = poll.add(pipe.readFd, "read");
  assert(second !== first);
  assertEquals(poll.wait(1_000), 1);
  assertEquals(poll.token(0), second);
  poll.remove(pipe.readFd);
  for (const fd of [pipe.readFd, pipe.writeFd]) closeFd(fd);
});

Deno.test("EdgePoll tells of room when a full pipe is read from", () => {
  const poll = new EdgePoll();
  const pipe = createPipe({ capacityBytes: 8192 });
  const write = reopenPipe(pipe.readFd, "write", { nonBlocking: true });
  poll.add(write, "write");
  assertEquals(poll.wait(1_000), 1);
  assert(poll.isWritable(0));
  assertEquals(writeFd(write, new Uint8Array(9000)), 8192);
  assertEquals(poll.wait(0), 0);
  assertEquals(readFd(pipe.readFd, new Uint8Array(4096)), 4096);
  assertEquals(poll.wait(1_000), 1);
  assert(poll.isWritable(0));
  poll.remove(write);
  for (const fd of [pipe.readFd, pipe.writeFd, write]) closeFd(fd);
});

Deno.test("EdgePoll.wait() returns after its time, not before", () => {
  const poll = new EdgePoll();
  const start = performance.now();
  assertEquals(poll.wait(20), 0);
  assert(performance.now() - start >= 19.9);
});
