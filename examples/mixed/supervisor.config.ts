/**
 * A finite job in three languages on two kernel pipes:
 *
 *   count (Deno) ──numbers──► square (Python) ──squares──► total (shell)
 *
 * Each ends when its input does, and the crew ends with the last of them:
 * `cox up --config examples/mixed/supervisor.config.ts` prints `total: 333833500`.
 */
import { command, defineConfig, deno, pipe } from "coxswain";

/** Once: a job that failed is not repeated, one that ended well is done. */
const once = { policy: "temporary" } as const;

export default defineConfig({
  name: "mixed",
  processes: {
    count: { run: deno("./count.ts", { args: ["1000"] }), restart: once },
    square: { run: command(["python3", "./square.py"]), restart: once },
    total: {
      run: command([
        "sh",
        "-c",
        'total=0; while read -r n; do total=$((total + n)); done; echo "total: $total"',
      ]),
      restart: once,
    },
  },
  channels: {
    // The defaults: the end of the data when the producer has finally ended, and an
    // EPIPE for the producer when the consumer has.
    numbers: pipe({ from: "count.stdout", to: "square.stdin" }),
    squares: pipe({ from: "square.stdout", to: "total.stdin" }),
  },
});
