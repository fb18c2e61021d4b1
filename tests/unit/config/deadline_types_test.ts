/**
 * What an editor marks red in time contracts: every line under an expected error must fail the
 * type check, and everything else must pass it. `deno check` is the test; the one at run time
 * only proves that the data arrives as it was written.
 */
import { assertEquals } from "@std/assert";
import { command, defineConfig, deno, pipe } from "coxswain";

const valid = defineConfig({
  name: "timed",
  processes: {
    sampler: {
      run: deno("./sampler.ts"),
      ready: { by: "notify", within: "2s" },
      deadlines: {
        ready: { within: "1s", warn: "500ms" },
        heartbeat: { within: "200ms", warn: "100ms", miss: "restart", critical: true },
        cycles: {
          sample: {
            period: "20ms",
            budget: "5ms",
            tolerate: { misses: 2, in: 50 },
            broken: [{ signal: "SIGUSR1" }, "safe-mode"],
          },
        },
        checkpoints: { frame: { steps: ["take", { name: "send", within: "5ms" }] } },
      },
      scheduling: { policy: "fifo", priority: 10, cpus: [1], timerSlack: "1us" },
    },
    detector: {
      run: command(["detector"]),
      deadlines: {
        heartbeat: { by: { channel: "detections" }, within: "1s" },
        stop: { warn: "1s", miss: { run: command(["logger", "slow"]), timeout: "1s" } },
      },
      scheduling: { policy: "deadline", runtime: "1ms", period: "10ms" },
    },
    panel: { run: deno("./panel.ts"), scheduling: { oomScore: 100, io: { class: "idle" } } },
  },
  channels: {
    frames: pipe({
      from: "sampler.frames",
      to: [{ port: "detector.stdin", latency: { within: "20ms" } }],
      framing: "frames",
      deadline: { within: "50ms", broken: "fail-group" },
    }),
    detections: pipe({ from: "detector.stdout", to: "panel.stdin", framing: "ndjson" }),
  },
  paths: { vitals: { through: ["frames", "detections"], to: "panel", within: "100ms" } },
  safeMode: { start: ["panel"] },
  supervisor: {
    scheduling: { policy: "rr", priority: 50, lockMemory: true },
    watchdog: { device: "/dev/watchdog0", timeout: "20s" },
  },
});

Deno.test("defineConfig() hands time contracts on as they are", () => {
  assertEquals(valid.paths, {
    vitals: { through: ["frames", "detections"], to: "panel", within: "100ms" },
  });
  assertEquals(valid.processes["detector"]?.deadlines?.heartbeat, {
    by: { channel: "detections" },
    within: "1s",
  });
});

/** Never called: only its types matter. */
export function mistakes(): void {
  const run = deno("./a.ts");
  defineConfig({
    name: "contracts",
    processes: {
      // @ts-expect-error: unknown contract
      a: { run, deadlines: { heartbeats: { within: "1s" } } },
      // @ts-expect-error: a heartbeat has a longest silence
      b: { run, deadlines: { heartbeat: { warn: "1s" } } },
      // @ts-expect-error: no channel "x"
      c: { run, deadlines: { heartbeat: { by: { channel: "x" }, within: "1s" } } },
      // @ts-expect-error: unknown sign of life
      d: { run, deadlines: { heartbeat: { by: "pulse", within: "1s" } } },
      // @ts-expect-error: unknown action
      e: { run, deadlines: { heartbeat: { within: "1s", miss: "kill" } } },
      // @ts-expect-error: unknown signal
      f: { run, deadlines: { heartbeat: { within: "1s", miss: { signal: "USR1" } } } },
      // @ts-expect-error: a program is a command
      g: { run, deadlines: { heartbeat: { within: "1s", miss: { run: "logger" } } } },
      // @ts-expect-error: a number has no unit
      h: { run, deadlines: { cycles: { x: { period: 20 } } } },
      // @ts-expect-error: a cycle has a period
      i: { run, deadlines: { cycles: { x: { budget: "1ms" } } } },
      // @ts-expect-error: so many in so many
      j: { run, deadlines: { stop: { warn: "1s", tolerate: { misses: 1 } } } },
      // @ts-expect-error: checkpoints have steps
      k: { run, deadlines: { checkpoints: { x: { within: "1s" } } } },
    },
    channels: {
      // @ts-expect-error: contracts need framing
      one: pipe({ from: "a.x", to: "b.x", deadline: { within: "1s" } }),
      // @ts-expect-error: a contract is an object
      two: pipe({ from: "a.y", to: "b.y", framing: "lines", latency: "1s" }),
    },
  });
  defineConfig({
    name: "scheduling",
    processes: {
      // @ts-expect-error: unknown policy
      a: { run, scheduling: { policy: "other" } },
      // @ts-expect-error: fifo has a priority
      b: { run, scheduling: { policy: "fifo" } },
      // @ts-expect-error: a priority without a policy
      c: { run, scheduling: { priority: 3 } },
      // @ts-expect-error: deadline has a period
      d: { run, scheduling: { policy: "deadline", runtime: "1ms" } },
      // @ts-expect-error: deadline takes no choice of CPUs
      e: { run, scheduling: { policy: "deadline", runtime: "1ms", period: "2ms", cpus: [0] } },
      // @ts-expect-error: the supervisor's alone
      g: { run, scheduling: { lockMemory: true } },
      // @ts-expect-error: unknown class
      f: { run, scheduling: { io: { class: "best" } } },
    },
    // @ts-expect-error: no process "x"
    safeMode: { start: ["x"] },
    // @ts-expect-error: the supervisor's thread has no timer slack of its own
    supervisor: { scheduling: { timerSlack: "1us" } },
  });
  defineConfig({
    name: "reserved",
    processes: { a: { run } },
    // @ts-expect-error: a reservation is of a process
    supervisor: { scheduling: { policy: "deadline", runtime: "1ms", period: "2ms" } },
  });
  defineConfig({
    name: "paths",
    processes: { a: { run }, b: { run } },
    channels: { one: pipe({ from: "a.x", to: "b.x", framing: "lines" }) },
    paths: {
      // @ts-expect-error: no channel "two"
      x: { through: ["two"], within: "1s" },
      // @ts-expect-error: no process "c"
      y: { through: ["one"], to: "c", within: "1s" },
      // @ts-expect-error: a path has a longest time
      z: { through: ["one"] },
    },
  });
}
