/** Takes thirty frames a second. Needs no permission at all. */
import { connect } from "coxswain/child";
import { nextDue } from "../vitals/schedule.ts";
import { fillFrame, FRAME_BYTES } from "./frame.ts";

const PERIOD_MS = 1000 / 30;

const frames = connect("frames", { as: "frames", maxFrameBytes: FRAME_BYTES });
const frame = new Uint8Array(FRAME_BYTES);
const startMs = performance.now();
const sinceStartMs = () => performance.now() - startMs;

let due = { dueMs: 0, skipped: 0 };
for (let seq = 0;; seq++) {
  fillFrame(frame, seq, performance.timeOrigin + performance.now());
  // A frame that finds no room is one that nobody could have seen in time.
  if (frames.send(frame).kind === "closed") break;
  due = nextDue(due.dueMs, PERIOD_MS, sinceStartMs());
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, due.dueMs - sinceStartMs())));
}
