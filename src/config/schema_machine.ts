/**
 * The schema of what is set up on the machine: how processes and the supervisor are scheduled,
 * the hardware watchdog, the safe mode. Must not know: what this machine allows.
 */
import { z } from "zod";
import { DEFAULTS, LIMITS } from "./defaults.ts";
import { doc, duration, list, text, whole } from "./schema_values.ts";

const policyKeys = {
  policy: z.exactOptional(doc(
    z.enum(["fifo", "rr", "batch", "idle", "deadline"]),
    "Scheduling policy (sched(7)). `fifo`, `rr`: before everything that has no real-time policy. " +
      "`deadline`: `runtime` of CPU in every `period`. `batch`, `idle`: behind the others. Threads " +
      "and programs that it starts have the same, but for `deadline`: there its first thread " +
      "alone has it.",
    { absent: "that of cox" },
  )),
  priority: z.exactOptional(doc(
    whole(1, 99),
    "By `fifo` and `rr`, required: higher runs first.",
    { absent: "an error by `fifo` and `rr`" },
  )),
  runtime: z.exactOptional(doc(
    duration(LIMITS.cycleMin),
    "By `deadline`, required: CPU time in every period.",
    { absent: "an error by `deadline`" },
  )),
  deadline: z.exactOptional(doc(
    duration(LIMITS.cycleMin),
    "By `deadline`: it has its runtime within this time from the beginning of a period.",
    { absent: "the period" },
  )),
  period: z.exactOptional(doc(
    duration(LIMITS.cycleMin),
    "By `deadline`, required: time from one activation to the next.",
    { absent: "an error by `deadline`" },
  )),
  cpus: z.exactOptional(doc(
    list(whole(0, LIMITS.cpuMax), { min: 1, max: LIMITS.cpusMax }),
    "CPUs that it may run on, by number. Not with `deadline`, whose admission is over all of them.",
    { unit: "CPU numbers", absent: "those of cox" },
  )),
};

const ioSchema = z.strictObject({
  class: doc(
    z.enum(["idle", "best-effort", "realtime"]),
    "`realtime`: first of all, needs root. `idle`: when nobody else wants the disk.",
  ),
  level: z.exactOptional(doc(
    whole(0, 7),
    "Within the class; lower is first. Not of `idle`.",
    { default: DEFAULTS.scheduling.ioLevel },
  )),
});

/** How a process is scheduled. */
export const schedulingSchema = z.strictObject({
  ...policyKeys,
  io: z.exactOptional(doc(ioSchema, "Its place among those who want the disk (ioprio_set(2)).", {
    absent: "that of cox",
  })),
  oomScore: z.exactOptional(doc(
    whole(-1000, 1000),
    "Whom the kernel kills first when memory is short (`/proc/PID/oom_score_adj`): higher first, " +
      "-1000 never. Below cox's own needs root.",
    { absent: "that of cox" },
  )),
  timerSlack: z.exactOptional(doc(
    duration("1us"),
    "How much later the kernel may wake it than it asked for (PR_SET_TIMERSLACK). None under " +
      "`fifo`, `rr` and `deadline`, whatever is written here.",
    { absent: "that of cox, by default 50us" },
  )),
});

const watchdogSchema = z.strictObject({
  device: z.exactOptional(doc(
    text(),
    "The device, an absolute path.",
    { default: DEFAULTS.watchdog.device },
  )),
  timeout: z.exactOptional(doc(
    duration(LIMITS.watchdogMin),
    "The device resets the machine after this long without a stroke; it is stroked four times as " +
      "often.",
    { unit: "us, ms, s, m or h, a whole number of seconds", default: DEFAULTS.watchdog.timeout },
  )),
});

/** The supervisor itself. */
export const supervisorSchema = z.strictObject({
  scheduling: z.exactOptional(doc(
    z.strictObject({
      policy: z.exactOptional(doc(
        z.enum(["fifo", "rr", "batch", "idle"]),
        "Scheduling policy (sched(7)) of that thread. `fifo`, `rr`: before everything that has no " +
          "real-time policy.",
        { absent: "that of cox" },
      )),
      priority: policyKeys.priority,
      cpus: policyKeys.cpus,
      lockMemory: z.exactOptional(doc(
        z.boolean(),
        "Keeps the code of the supervisor in RAM (mlock(2)), and with it that of all programs run " +
          "by the same runtime. Not its heap: the runtime gives memory back in a way that the " +
          "kernel refuses of locked memory, and ends.",
        { default: DEFAULTS.scheduling.lockMemory },
      )),
    }),
    "Of the thread that watches the contracts, but for `lockMemory`.",
    { absent: "as cox was started" },
  )),
  watchdog: z.exactOptional(doc(
    watchdogSchema,
    "A hardware watchdog (`/dev/watchdog`) that is stroked only while no critical contract is " +
      "broken, and put to rest by an orderly end.",
    { absent: "none" },
  )),
});

/** What runs when a contract asks for the safe mode. */
export const safeModeSchema = z.strictObject({
  start: doc(
    list(text(), { min: 1, max: LIMITS.processesMax }),
    "Names of the processes that run in the safe mode: they are started with what they depend on " +
      "(`after`), and everything else is stopped.",
  ),
});
