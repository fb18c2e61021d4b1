/** Looks at each frame for 60 ms, which is too long, and passes it on. */
import { connect } from "coxswain/child";
import { FRAME_BYTES } from "./frame.ts";

const WORK_MS = 60;

const frames = connect("frames", { as: "frames", maxFrameBytes: FRAME_BYTES });
const marked = connect("marked", { as: "frames", maxFrameBytes: FRAME_BYTES });
for await (const frame of frames) {
  await new Promise((resolve) => setTimeout(resolve, WORK_MS));
  if (marked.send(frame).kind === "closed") break;
}
