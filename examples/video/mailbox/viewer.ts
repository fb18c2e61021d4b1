/** Says once a second how many frames came, how many are missing, and how old they were. */
import { mailboxConsumer } from "coxswain/child";
import { readFrame } from "../frame.ts";

let shown = 0;
let missing = 0;
let torn = 0;
let oldestMs = 0;
let next: number | null = null;

setInterval(() => {
  console.log(
    `${shown} frames, ${missing} left out, ${torn} torn, the oldest ${Math.round(oldestMs)} ms old`,
  );
  shown =
    missing =
    torn =
    oldestMs =
      0;
}, 1000);

using marked = mailboxConsumer("marked");
for await (const sample of marked) {
  const frame = readFrame(sample.bytes);
  oldestMs = Math.max(oldestMs, (sample.receivedNs - sample.originNs) / 1e6);
  if (sample.release() === "overtaken") continue;
  if (frame === null) {
    torn++;
    continue;
  }
  if (next !== null && frame.seq > next) missing += frame.seq - next;
  next = frame.seq + 1;
  shown++;
}
