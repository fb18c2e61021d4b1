import { assert } from "@std/assert";
import { openFutex, wordPointer } from "../../../src/os/futex.ts";
import { createSharedMemory } from "../../../src/os/shared_memory.ts";
import { closeFd } from "../../../src/os/pipe.ts";

Deno.test("wait() sleeps for its time while the word is as it was, and not at all when it is not", () => {
  const { fd, buffer } = createSharedMemory("word", 4096);
  const { wait, nowNs } = openFutex();
  const word = wordPointer(buffer, 64);
  // Early returns are allowed; ten in a row are a wait that does not sleep.
  const beganNs = nowNs();
  for (let round = 0; round < 10; round++) wait(word, 0, 5e6);
  assert(nowNs() - beganNs >= 25e6);
  new Int32Array(buffer)[16] = 1;
  const againNs = nowNs();
  wait(word, 0, 20e9);
  assert(nowNs() - againNs < 10e9);
  closeFd(fd);
});
