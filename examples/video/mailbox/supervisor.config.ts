/**
 * The same three stages as in ../supervisor.config.ts, with the frames in shared memory:
 *
 *   camera ──frames──► detector (60 ms a frame) ──marked──► viewer
 *
 * The camera writes each frame where it will be read and never waits; the detector takes the newest
 * when it has time, and is told how many it missed. Every frame has the time at which the camera
 * took it. `cox up --for 10s --config examples/video/mailbox/supervisor.config.ts` prints what arrived and how
 * old it was; `cox ps -a` has the processor time of each process, bench/video_cpu.ts that of
 * all of them beside the pipes'.
 */
import { defineConfig, deno, keepLast, mailbox } from "coxswain";

const FRAMES = {
  sampleBytes: "1048572B",
  slots: 8,
  // Of what came meanwhile, the newest frame and no other.
  history: keepLast(1),
} as const;

export default defineConfig({
  name: "video-mailbox",
  processes: {
    camera: { run: deno("./camera.ts") },
    detector: { run: deno("./detector.ts") },
    viewer: { run: deno("./viewer.ts") },
  },
  channels: {
    frames: mailbox({ from: "camera.frames", to: "detector.frames", ...FRAMES }),
    marked: mailbox({ from: "detector.marked", to: "viewer.marked", ...FRAMES }),
  },
});
