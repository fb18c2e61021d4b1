/**
 * A finite job in three languages on two kernel pipes:
 *
 *   count (Deno) ──numbers──► square (Python) ──squares──► total (shell)
 *
 * Numbers and squares have ports of their own, so that stdout and stderr stay what they are for:
 * what a program has to say. The shell reads its standard input, as shells do.
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
    square: {
      run: command(["python3", "./square.py"]),
      // Where `import coxswain` finds the client.
      env: { PYTHONPATH: "../../clients/python", PYTHONDONTWRITEBYTECODE: "1" },
      restart: once,
    },
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
    numbers: pipe({ from: "count.numbers", to: "square.numbers" }),
    squares: pipe({ from: "square.squares", to: "total.stdin" }),
  },
});
