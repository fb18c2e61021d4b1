/**
 * Thirty frames of 1 MiB a second through three stages, of which the second is too slow:
 *
 *   camera ──frames──► detector (60 ms a frame) ──marked──► viewer
 *
 * The detector manages about sixteen of thirty. What it cannot take is dropped, the oldest
 * first, so that what it does see is fresh: nothing older than the lifespan is delivered.
 * `cox up --for 10s --config examples/video/supervisor.config.ts` prints a line a second of
 * what arrived and how old it was; `cox channels --config …` says what was dropped, and why.
 */
import { defineConfig, deno, pipe } from "coxswain";

export default defineConfig({
  name: "video",
  processes: {
    camera: { run: deno("./camera.ts") },
    detector: { run: deno("./detector.ts") },
    viewer: { run: deno("./viewer.ts") },
  },
  channels: {
    frames: pipe({
      from: "camera.frames",
      to: "detector.frames",
      framing: "frames",
      maxMessage: "1048572B",
      overflow: "drop-oldest",
      highWater: { messages: 1 },
      lifespan: "250ms",
    }),
    marked: pipe({
      from: "detector.marked",
      to: "viewer.marked",
      framing: "frames",
      maxMessage: "1048572B",
      overflow: "drop-oldest",
      highWater: { messages: 1 },
      lifespan: "250ms",
    }),
  },
});
