import { assert, assertEquals } from "@std/assert";
import { Ears } from "../../../../src/driver/monitor/ears.ts";
import { closeFd, createPipe, readFd, writeFd } from "../../../../src/os/pipe.ts";

const DEAF_NS = 5_000_000;
const bytes = new Uint8Array(8);

Deno.test("Ears dates a sound by when it is asked, and listens again when there was none", () => {
  const ears = Ears.open(DEAF_NS);
  assert(ears !== null);
  const pipe = createPipe();
  const heard: number[] = [];
  ears.listen("0/0", pipe.readFd, (nowNs) => heard.push(nowNs));
  assertEquals(ears.hear(1), Infinity);
  writeFd(pipe.writeFd, bytes);
  writeFd(pipe.writeFd, bytes);
  assertEquals(ears.hear(10), 10 + DEAF_NS);
  // Asked before its time, as before a judgement: what was heard meanwhile counts.
  writeFd(pipe.writeFd, bytes);
  assertEquals(ears.hear(20), 20 + DEAF_NS);
  assertEquals(ears.hear(20 + DEAF_NS), Infinity);
  assertEquals(heard, [10, 20]);
  // To read is no sound.
  readFd(pipe.readFd, bytes);
  assertEquals(ears.hear(100 + DEAF_NS), Infinity);
  closeFd(pipe.readFd);
  closeFd(pipe.writeFd);
});

Deno.test("Ears listens to the pipe that has the name now, and not to the one before", () => {
  const ears = Ears.open(DEAF_NS)!;
  const [first, second] = [createPipe(), createPipe()];
  const heard: string[] = [];
  ears.listen("0/0", first.readFd, () => heard.push("first"));
  ears.listen("0/0", second.readFd, () => heard.push("second"));
  ears.hear(0);
  writeFd(first.writeFd, bytes);
  writeFd(second.writeFd, bytes);
  ears.hear(1);
  assertEquals(heard, ["second"]);
  // The same again changes nothing.
  ears.listen("0/0", second.readFd, () => heard.push("again"));
  writeFd(second.writeFd, bytes);
  ears.hear(2);
  assertEquals(heard, ["second", "again"]);
  for (const { readFd, writeFd } of [first, second]) {
    closeFd(readFd);
    closeFd(writeFd);
  }
});
