import { assert, assertEquals } from "@std/assert";
import {
  closeFd,
  createPipe,
  pipeCapacityBytes,
  pipeFillBytes,
  readFd,
  reopenPipe,
  writeFd,
} from "../../../src/os/pipe.ts";
import { WritablePoll } from "../../../src/os/poll.ts";

Deno.test("WritablePoll sees a pipe whose places are taken, however little is in each", () => {
  const pipe = createPipe();
  const writer = reopenPipe(pipe.writeFd, "write", { nonBlocking: true });
  const poll = new WritablePoll([pipe.writeFd, -1]);
  poll.look();
  assertEquals([poll.isWritable(0), poll.isWritable(1)], [true, false]);
  // Just over half a page: no two share one.
  const message = new Uint8Array(2049);
  while (writeFd(writer, message) !== "would-block");
  poll.look();
  assertEquals(poll.isWritable(0), false);
  assert(pipeFillBytes(pipe.readFd) < pipeCapacityBytes(pipe.readFd) * 0.6);
  readFd(pipe.readFd, new Uint8Array(2048));
  poll.look();
  assertEquals(poll.isWritable(0), false, "a byte is left of the first: its place is taken");
  readFd(pipe.readFd, new Uint8Array(1));
  poll.look();
  assertEquals(poll.isWritable(0), true);
  for (const fd of [writer, pipe.readFd, pipe.writeFd]) closeFd(fd);
});

Deno.test("WritablePoll of nothing looks at nothing", () => {
  new WritablePoll([]).look();
});
