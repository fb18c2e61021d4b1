/**
 * Readings in shared memory, by programs in three languages:
 *
 *   capture (Python) ──readings──┬──► detector (Deno, sandboxed): peaks, while its loop goes on
 *                                └──► monitor (C): how many, how old, how many missed
 *
 * One mailbox, one struct: no byte passes through the kernel, and the sandboxed program has no
 * permission at all. `cox up --for 5s --config examples/capture/supervisor.config.ts` shows it;
 * the monitor is compiled when it starts, so gcc has to be there.
 */
import { command, defineConfig, deno, keepLast, mailbox } from "coxswain";
import { READING } from "./reading.ts";

export default defineConfig({
  name: "capture",
  processes: {
    capture: {
      run: command(["python3", "./capture.py"]),
      // Where `import coxswain_mailbox` finds the client.
      env: { PYTHONPATH: "../../clients/python", PYTHONDONTWRITEBYTECODE: "1" },
      restart: { policy: "permanent" },
    },
    detector: { run: deno("./detector.ts") },
    monitor: { run: command(["sh", "./monitor.sh"]) },
  },
  channels: {
    readings: mailbox({
      from: "capture.readings",
      to: ["detector.readings", "monitor.readings"],
      schema: READING,
      slots: 64,
      history: keepLast(32),
    }),
  },
});
