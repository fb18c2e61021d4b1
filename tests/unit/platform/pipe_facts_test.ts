/**
 * Facts of the kernel's pipes that relayed pipes rely on, each on its own. Those that only show
 * when something goes on at the same time are tried with a program that does it.
 */
import { assert, assertEquals } from "@std/assert";
import { EdgePoll } from "../../../src/os/edge_poll.ts";
import {
  closeFd,
  createPipe,
  movePipe,
  peekPipe,
  pipeCapacityBytes,
  pipeFillBytes,
  readFd,
  reopenPipe,
  writeFd,
} from "../../../src/os/pipe.ts";
import { WriterSignal } from "../../../src/os/writer_signal.ts";
import { ended, mustSpawn, outputOf, shellRequest, until } from "../../process/support/harness.ts";

const bytesOf = (count: number, first = 0) =>
  Uint8Array.from({ length: count }, (_, index) => (first + index) % 251);

function nonBlockingPipe(capacityBytes?: number) {
  const pipe = createPipe(capacityBytes === undefined ? {} : { capacityBytes });
  const read = reopenPipe(pipe.readFd, "read", { nonBlocking: true });
  const write = reopenPipe(pipe.readFd, "write", { nonBlocking: true });
  closeFd(pipe.readFd);
  closeFd(pipe.writeFd);
  return { read, write, [Symbol.dispose]: () => [read, write].forEach(closeFd) };
}

Deno.test("platform: tee shows what is in a pipe while its writer goes on, and leaves it there", async () => {
  using peek = nonBlockingPipe();
  const pipe = createPipe();
  // Small pieces, and lines that do not end where a piece does.
  const child = mustSpawn(shellRequest(
    `exec python3 -c 'import os
data = b"".join(b"%d\\n" % i for i in range(40000))
for at in range(0, len(data), 37): os.write(1, data[at:at+37])'`,
    { descriptors: [{ fd: 1, source: pipe.writeFd }] },
  ));
  closeFd(pipe.writeFd);
  const buffer = new Uint8Array(65536);
  const again = new Uint8Array(65536);
  let taken = 0;
  let next = 0;
  for (;;) {
    const seen = peekPipe(pipe.readFd, peek.write, 65536);
    if (seen === 0) break;
    if (seen === "would-block") {
      await new Promise((resolve) => setTimeout(resolve, 0));
      continue;
    }
    assertEquals(readFd(peek.read, buffer), seen);
    const whole = buffer.subarray(0, seen).lastIndexOf(10) + 1;
    if (whole === 0) continue;
    assertEquals(readFd(pipe.readFd, again.subarray(0, whole)), whole);
    const text = new TextDecoder().decode(again.subarray(0, whole));
    assertEquals(text, new TextDecoder().decode(buffer.subarray(0, whole)));
    for (const line of text.trimEnd().split("\n")) assertEquals(Number(line), next++);
    taken += whole;
  }
  assertEquals(next, 40000);
  assert(taken > 200_000);
  await ended(child);
  closeFd(pipe.readFd);
});

Deno.test("platform: tee into a pipe of as many pages fills it exactly when the first is full", () => {
  using source = nonBlockingPipe();
  using target = nonBlockingPipe();
  // Each write of 3000 bytes takes a page: full with 48,000 of 65,536 bytes.
  for (let count = 0; count < 16; count++) {
    assertEquals(writeFd(source.write, bytesOf(3000)), 3000);
    const before = pipeFillBytes(target.read);
    assertEquals(peekPipe(source.read, target.write, 65536), (count + 1) * 3000);
    assertEquals(before, 0);
    const full = writeFd(target.write, bytesOf(4096)) === "would-block";
    assertEquals(full, count === 15);
    readFd(target.read, new Uint8Array(131072));
  }
  assertEquals(writeFd(source.write, bytesOf(3000)), "would-block");
});

Deno.test("platform: an edge comes with each write into a pipe that nobody reads from", () => {
  using pipe = nonBlockingPipe();
  const poll = new EdgePoll();
  poll.add(pipe.read, "read");
  for (let count = 0; count < 20; count++) {
    assertEquals(writeFd(pipe.write, bytesOf(10)), 10);
    assertEquals(poll.wait(10_000), 1);
    assertEquals(poll.wait(0), 0);
  }
  poll.remove(pipe.read);
});

Deno.test("platform: an edge for writing comes when a page of a full pipe was read, and only then", () => {
  using pipe = nonBlockingPipe();
  const poll = new EdgePoll();
  poll.add(pipe.write, "write");
  assertEquals(poll.wait(10_000), 1);
  const read = (count: number) => assertEquals(readFd(pipe.read, new Uint8Array(count)), count);
  assertEquals(writeFd(pipe.write, bytesOf(65_537)), 65_536);
  read(4095);
  assertEquals(poll.wait(0), 0);
  read(1);
  assertEquals(poll.wait(10_000), 1);
  // Not full any more: what else is read is not told.
  read(8192);
  assertEquals(poll.wait(0), 0);
  poll.remove(pipe.write);
});

Deno.test("platform: who fills a pipe with something in it, and waits, is told by SIGIO alone", async () => {
  const pipe = createPipe();
  const read = reopenPipe(pipe.readFd, "read", { nonBlocking: true });
  const poll = new EdgePoll();
  const signal = new WriterSignal();
  writeFd(pipe.writeFd, bytesOf(10));
  poll.add(read, "read");
  signal.watch(read);
  assertEquals(poll.wait(10_000), 1);
  const child = mustSpawn(shellRequest(`exec python3 -c 'import os; os.write(1, bytes(100000))'`, {
    descriptors: [{ fd: 1, source: pipe.writeFd }],
  }));
  closeFd(pipe.writeFd);
  await until("a full pipe", () => pipeFillBytes(read) > 60_000);
  await until(
    "a writer that waits",
    () => /^State:\s+S/m.test(Deno.readTextFileSync(`/proc/${child.pid}/status`)),
  );
  // It has written, and waits; no edge says so.
  assertEquals(poll.wait(0), 0);
  const token = poll.add(signal.fd, "read");
  assertEquals(poll.wait(10_000), 1);
  assertEquals(poll.token(0), token);
  signal.clear();
  assertEquals(poll.wait(0), 0);
  poll.remove(read);
  for (const fd of [pipe.readFd, read]) closeFd(fd);
  await ended(child);
});

Deno.test("platform: a write of up to 4096 bytes into a pipe is whole or is not", () => {
  for (const size of [1, 7, 100, 1000, 2049, 4095, 4096]) {
    using pipe = nonBlockingPipe();
    let total = 0;
    for (let first = 0;; first++) {
      // A reader takes odd pieces now and then, so that pages are filled in all ways.
      const written = writeFd(pipe.write, bytesOf(size, first));
      if (written === "would-block") break;
      assertEquals(written, size);
      total += size;
      if (first % 5 === 3) total -= Number(readFd(pipe.read, new Uint8Array(size >> 1)));
      assertEquals(pipeFillBytes(pipe.read), total);
    }
  }
});

Deno.test("platform: an empty pipe takes as much as it holds in one write that does not wait", () => {
  for (const capacity of [4096, 65_536, 1 << 20]) {
    using pipe = nonBlockingPipe(capacity);
    assertEquals(pipeCapacityBytes(pipe.write), capacity);
    for (const size of [4097, capacity - 1, capacity].filter((size) => size <= capacity)) {
      // A page that was read to its end is gone: what is left of it is not in the way.
      writeFd(pipe.write, bytesOf(100));
      readFd(pipe.read, new Uint8Array(100));
      assertEquals(writeFd(pipe.write, bytesOf(size)), size);
      assertEquals(readFd(pipe.read, new Uint8Array(size)), size);
    }
  }
});

Deno.test("platform: no signal cuts a read from a pipe, or a write that finds room", async () => {
  // splice(2) to /dev/null is cut between two pages (splice_from_pipe_next in the kernel's
  // fs/splice.c), and so would be by a SIGKILL: it is no way to take a message.
  const { text, exit } = await outputOf(shellRequest(`exec python3 -c '
import fcntl, os, signal
r, w = os.pipe()
size = fcntl.fcntl(w, 1031, 1 << 20)
os.set_blocking(r, False)
os.set_blocking(w, False)
signals = 0
def count(*_):
    global signals
    signals += 1
signal.signal(signal.SIGALRM, count)
signal.setitimer(signal.ITIMER_REAL, 2e-5, 2e-5)
data = bytes(size)
for i in range(3000):
    written = os.write(w, data)
    assert written == size, written
    read = len(os.read(r, size))
    assert read == size, read
signal.setitimer(signal.ITIMER_REAL, 0)
print(signals)'`));
  assertEquals(exit.reason, { kind: "code", code: 0, cause: null }, text);
  assert(Number(text) > 100, text);
});

Deno.test("platform: splice moves what is in one pipe into an empty one, as it is", () => {
  using from = nonBlockingPipe();
  using into = nonBlockingPipe();
  let first = 0;
  for (const size of [3000, 3000, 5, 4096, 9000, 1]) {
    assertEquals(writeFd(from.write, bytesOf(size, first)), size);
    first += size;
  }
  readFd(from.read, new Uint8Array(10));
  assertEquals(movePipe(from.read, into.write, first), first - 10);
  assertEquals(movePipe(from.read, into.write, 1), "would-block");
  const buffer = new Uint8Array(first);
  assertEquals(readFd(into.read, buffer), first - 10);
});
