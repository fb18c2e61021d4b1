/** Says once a second how many frames came, how many are missing, and how old they were. */
import { connect } from "coxswain/child";
import { FRAME_BYTES, readFrame } from "./frame.ts";

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

for await (const bytes of connect("marked", { as: "frames", maxFrameBytes: FRAME_BYTES })) {
  const frame = readFrame(bytes);
  if (frame === null) {
    torn++;
    continue;
  }
  const nowMs = performance.timeOrigin + performance.now();
  oldestMs = Math.max(oldestMs, nowMs - frame.capturedMs);
  if (next !== null && frame.seq > next) missing += frame.seq - next;
  next = frame.seq + 1;
  shown++;
}
