import { assert, assertEquals, assertThrows } from "@std/assert";
import { SystemError } from "../../../src/os/errno.ts";
import { closeFd, createPipe, pipeCapacityBytes } from "../../../src/os/pipe.ts";
import { pipeBytesMax } from "../../../src/os/pipe_limit.ts";
import { openDescriptors } from "../../process/support/harness.ts";

Deno.test("pipeBytesMax() is the most that a pipe can be made to hold, and leaves nothing open", () => {
  const before = openDescriptors();
  const limit = pipeBytesMax();
  assertEquals(openDescriptors(), before);
  if (limit === null) {
    const pipe = createPipe({ capacityBytes: 4 << 20 });
    assertEquals(pipeCapacityBytes(pipe.readFd), 4 << 20);
    for (const fd of [pipe.readFd, pipe.writeFd]) closeFd(fd);
    return;
  }
  assert(limit >= 4096);
  const pipe = createPipe({ capacityBytes: limit });
  assert(pipeCapacityBytes(pipe.readFd) >= limit);
  for (const fd of [pipe.readFd, pipe.writeFd]) closeFd(fd);
  assertThrows(() => createPipe({ capacityBytes: limit + 1 }), SystemError, "EPERM");
});
