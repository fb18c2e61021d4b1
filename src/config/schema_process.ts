/**
 * The schema of one process: every key with its shape, documentation, unit, range and
 * default. Must not know: other processes, messages, the plan.
 */
import { z } from "zod";
import { DEFAULTS, LIMITS } from "./defaults.ts";
import { commandSchema } from "./schema_command.ts";
import { deadlinesSchema } from "./schema_deadlines.ts";
import { schedulingSchema } from "./schema_machine.ts";
import { SIGNAL_NAMES } from "./signals.ts";
import {
  doc,
  duration,
  issue,
  list,
  number,
  size,
  text,
  whole,
  wholeSeconds,
} from "./schema_values.ts";
import { DURATION_RULE, SIZE_RULE } from "./units.ts";

const args = z.exactOptional(doc(
  list(text({ empty: true }), { max: LIMITS.argvMax }),
  "Arguments of the program.",
  { default: [] },
));

function grant(description: string): z.ZodExactOptional<z.ZodArray<z.ZodType<string, string>>> {
  const rule = "must be a list of what is granted, never true";
  return z.exactOptional(doc(
    list(text(), { max: LIMITS.permissionsMax, rule }),
    description,
    { default: [], absent: "nothing is granted" },
  ));
}

const permissionsSchema = z.strictObject({
  read: grant("Files and directories that the program may read."),
  write: grant("Files and directories that the program may write."),
  net: grant('Hosts and ports, as `"127.0.0.1:8080"` or `"example.org:443"`.'),
  env: grant("Environment variables, by name. Granting does not set them: see `env`."),
  sys: grant('Facts about the system, by kind: `"loadavg"`, `"hostname"` …'),
  run: grant("Programs that it may start. What they do is in no sandbox of Deno's."),
  ffi: grant("Dynamic libraries. As good as full trust."),
  import: grant("Hosts that it may import modules from."),
});

const runSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: doc(z.literal("deno"), "A Deno program in its own sandbox. `deno()` fills this in."),
    path: doc(
      text(),
      "The module, relative to the configuration; `file:`, `npm:`, `jsr:` and `https:` " +
        "specifiers are accepted too.",
    ),
    permissions: z.exactOptional(doc(
      permissionsSchema,
      "What the sandbox lets through: scoped lists, never `true`. Paths are relative to the " +
        "configuration.",
      { default: {}, absent: "nothing is granted" },
    )),
    args,
  }),
  z.strictObject({
    kind: doc(z.literal("task"), "A task of deno.json. `task()` fills this in."),
    name: doc(text(), "Name of the task in the project's deno.json."),
    args,
  }),
  commandSchema,
], { error: "must be a declaration by deno(), task() or command()" });

const readySchema = z.strictObject({
  by: doc(
    z.enum(["started", "notify", "fd", "line"]),
    "How readiness is known. `started`: it runs. `notify`: it says so in sd_notify's protocol, " +
      "or with `ready()` of `coxswain/child`. `fd`: it writes a newline to a descriptor, as s6 " +
      "has it. `line`: a line of its output matches a pattern.",
  ),
  fd: z.exactOptional(doc(
    whole(LIMITS.fdMin, LIMITS.fdMax),
    'By `"fd"`, required: the descriptor that the process writes to.',
    { unit: "file descriptor", absent: "an error by `fd`" },
  )),
  pattern: z.exactOptional(doc(
    text().superRefine(regularExpression),
    'By `"line"`, required: an ECMAScript regular expression (flag `u`), found anywhere in a ' +
      "line.",
    { range: `1 … ${LIMITS.patternLength} characters`, absent: "an error by `line`" },
  )),
  stream: z.exactOptional(doc(
    z.enum(["stdout", "stderr"]),
    'By `"line"`: the output to look at.',
    { default: DEFAULTS.ready.stream },
  )),
  within: z.exactOptional(doc(
    duration(LIMITS.withinMin),
    "The longest time from the start to readiness. A process that takes longer is killed, and " +
      'that is a failure. Not with `by: "started"`.',
    { default: DEFAULTS.ready.within },
  )),
});

const backoffSchema = z.strictObject({
  initial: z.exactOptional(doc(
    duration(LIMITS.backoffMin),
    "The delay of the second restart in a row. The first one after a healthy run is immediate.",
    { default: DEFAULTS.restart.backoff.initial },
  )),
  factor: z.exactOptional(doc(
    number(LIMITS.factorMin, LIMITS.factorMax),
    "Each further delay is the last one times this.",
    { unit: "times", default: DEFAULTS.restart.backoff.factor },
  )),
  max: z.exactOptional(doc(
    duration(LIMITS.backoffMin),
    "The longest delay, before jitter.",
    { default: DEFAULTS.restart.backoff.max },
  )),
  jitter: z.exactOptional(doc(
    number(0, 1),
    "Each delay is multiplied by a random number between 1 - jitter and 1 + jitter.",
    { unit: "share of the delay", default: DEFAULTS.restart.backoff.jitter },
  )),
  resetAfter: z.exactOptional(doc(
    duration(LIMITS.resetAfterMin),
    "A process that was ready for this long is healthy: its next restart is immediate, and the " +
      "delays begin anew.",
    { default: DEFAULTS.restart.backoff.resetAfter },
  )),
});

const restartSchema = z.strictObject({
  policy: z.exactOptional(doc(
    z.enum(["permanent", "transient", "temporary"]),
    "`permanent`: restarted whenever it ends. `transient`: restarted unless it ended well. " +
      "`temporary`: never restarted.",
    { default: DEFAULTS.restart.policy },
  )),
  successCodes: z.exactOptional(doc(
    list(whole(0, 255), { min: 1, max: LIMITS.successCodesMax }),
    "Exit codes that count as ending well; 0 always does.",
    { unit: "exit codes, each 0 … 255", default: DEFAULTS.restart.successCodes },
  )),
  backoff: z.exactOptional(doc(
    backoffSchema,
    "The delay before each further restart.",
    { default: DEFAULTS.restart.backoff },
  )),
});

const stopSchema = z.strictObject({
  signal: z.exactOptional(doc(
    z.enum(SIGNAL_NAMES, { error: "must be the name of a signal" }),
    "The signal that asks the process to end.",
    { default: DEFAULTS.stop.signal },
  )),
  timeout: z.exactOptional(doc(
    duration(),
    "The time from the signal to SIGKILL of everything that the process started. 0 kills at " +
      "once.",
    { default: DEFAULTS.stop.timeout },
  )),
  scope: z.exactOptional(doc(
    z.enum(["process", "group", "process-then-group"]),
    "Who gets the signal: the process; its whole process group; or the process, and after it " +
      "has ended what is left of its group. SIGKILL always goes to all of its descendants.",
    { default: DEFAULTS.stop.scope },
  )),
});

const countLimit = z.union([whole(0, LIMITS.countLimitMax), z.literal("unlimited")], {
  error: 'must be a whole number or "unlimited"',
});
const sizeLimit = size({ unlimited: true });
const cpuLimit = wholeSeconds();

/** @param shape the rule of one value. */
function limit<T extends z.ZodType>(
  value: T,
  shape: string,
  description: string,
  { unit, range }: { readonly unit: string; readonly range: string },
) {
  const pair = z.tuple([value, value], { error: "must be [soft, hard]" });
  return z.exactOptional(doc(
    z.union([value, pair], { error: `${shape}, "unlimited", or two of these as [soft, hard]` }),
    `${description} One value sets the soft and the hard limit; \`[soft, hard]\` sets them apart.`,
    { unit, range, absent: "inherited from cox" },
  ));
}

const limitOfCount = (description: string, unit: string) =>
  limit(countLimit, "must be a whole number", description, {
    unit,
    range: `0 … ${LIMITS.countLimitMax}, or "unlimited"`,
  });
const limitOfSize = (description: string) =>
  limit(sizeLimit, SIZE_RULE, description, {
    unit: "B, KiB, MiB or GiB (powers of 1024)",
    range: '0B … 8388608GiB, or "unlimited"',
  });
const limitsSchema = z.strictObject({
  nofile: limitOfCount("Open file descriptors (RLIMIT_NOFILE).", "descriptors"),
  nproc: limitOfCount("Processes of its user (RLIMIT_NPROC).", "processes"),
  as: limitOfSize("Address space (RLIMIT_AS)."),
  fsize: limitOfSize("Largest file that it writes (RLIMIT_FSIZE)."),
  core: limitOfSize("Largest core dump (RLIMIT_CORE)."),
  memlock: limitOfSize("Memory that it may lock (RLIMIT_MEMLOCK)."),
  cpu: limit(
    cpuLimit,
    DURATION_RULE,
    "CPU time (RLIMIT_CPU): SIGXCPU at the soft limit, SIGKILL at the hard one.",
    { unit: "whole seconds, written as a duration", range: '1s … 2160h, or "unlimited"' },
  ),
});

const finishSchema = z.strictObject({
  run: doc(
    commandSchema,
    "The program. It finds the reason of the exit in its environment.",
  ),
  timeout: z.exactOptional(doc(
    duration(LIMITS.withinMin),
    "The longest time that it may take before it is killed.",
    { default: DEFAULTS.finish.timeout },
  )),
});

const account = z.union([whole(0, LIMITS.idMax), text().superRefine(accountName)], {
  error: "must be a name or a number",
});

const dependencySchema = z.record(z.string(), z.enum(["started", "ready", "completed"]));

/** One process. */
export const processSchema = z.strictObject({
  run: doc(runSchema, "What to execute: `deno()`, `task()` or `command()`."),
  cwd: z.exactOptional(doc(
    text(),
    "Working directory, relative to the configuration.",
    { absent: "the directory of the configuration" },
  )),
  env: z.exactOptional(doc(
    z.record(
      z.string(),
      z.union([z.boolean(), text({ empty: true })], { error: "must be a text, true or false" }),
    ),
    "The environment, by name. A text is the value; `true` passes the variable through from " +
      "cox's own environment; `false` keeps one of the default list out. Nothing else is passed " +
      `but ${DEFAULTS.envPassed.join(", ")} and what cox itself sets.`,
    { default: {}, range: `at most ${LIMITS.envMax} variables` },
  )),
  envFiles: z.exactOptional(doc(
    list(text(), { max: LIMITS.envFilesMax }),
    "Files of `NAME=value` lines, relative to the configuration, read by `cox up`. Later files " +
      "win over earlier ones, `env` wins over all.",
    { default: [] },
  )),
  user: z.exactOptional(doc(
    account,
    "User to run as, by name or number. Needs cox to run as root.",
    { range: `a name, or 0 … ${LIMITS.idMax}`, absent: "the user of cox" },
  )),
  group: z.exactOptional(doc(
    account,
    "Group to run as, by name or number. Needs cox to run as root.",
    { range: `a name, or 0 … ${LIMITS.idMax}`, absent: "the main group of `user`" },
  )),
  umask: z.exactOptional(
    doc(
      z.string().superRefine(octalMask),
      "Permission bits that files which it makes do not get, in octal.",
      { range: "0000 … 0777", default: DEFAULTS.umask },
    ).meta({ pattern: "^0?[0-7]{1,3}$" }),
  ),
  after: z.exactOptional(doc(
    dependencySchema,
    "What must hold before its first start, by name of the other process: it has `started`, " +
      "is `ready`, or has `completed`, which is to end well.",
    { default: {} },
  )),
  ready: z.exactOptional(doc(
    readySchema,
    "When it counts as ready.",
    { default: { by: DEFAULTS.ready.by } },
  )),
  restart: z.exactOptional(doc(
    restartSchema,
    "Whether and when it is restarted.",
    { default: DEFAULTS.restart },
  )),
  stop: z.exactOptional(doc(stopSchema, "How it is stopped.", { default: DEFAULTS.stop })),
  limits: z.exactOptional(doc(
    limitsSchema,
    "Resource limits (prlimit(1)).",
    { default: {}, absent: "inherited from cox" },
  )),
  nice: z.exactOptional(doc(
    whole(LIMITS.niceMin, LIMITS.niceMax),
    "Scheduling priority; higher is meeker. Below 0 needs root.",
    { default: DEFAULTS.nice },
  )),
  scheduling: z.exactOptional(doc(
    schedulingSchema,
    "How the kernel treats it, set before it starts.",
    { absent: "as cox itself" },
  )),
  deadlines: z.exactOptional(doc(
    deadlinesSchema,
    "What it has to do by when, and what is done where it does not (docs/deadlines.md).",
    { default: {} },
  )),
  finish: z.exactOptional(doc(
    finishSchema,
    "A program that runs after each exit.",
    { absent: "none runs" },
  )),
  replicas: z.exactOptional(doc(
    whole(1, LIMITS.replicasMax),
    "How many of it run, named `name-1` … `name-n` where there is more than one.",
    { unit: "processes", default: DEFAULTS.replicas },
  )),
  profiles: z.exactOptional(doc(
    list(text(), { max: LIMITS.profilesMax }),
    "It runs only when one of these profiles is active. Empty: always.",
    { default: [] },
  )),
  critical: z.exactOptional(doc(
    z.boolean(),
    "Whether its final failure stops the crew with exit 111.",
    { default: DEFAULTS.critical },
  )),
});

function octalMask(value: string, context: z.RefinementCtx): void {
  if (!/^0?[0-7]{1,3}$/.test(value)) {
    issue(context, 'must be octal, "0000" to "0777"');
  }
}

function accountName(value: string, context: z.RefinementCtx): void {
  // What useradd(8) accepts, with capitals: no separator of /etc/passwd, no blank, no path.
  if (value !== "" && !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}\$?$/.test(value)) {
    issue(context, "must be a name of at most 32 letters, digits, dots, underscores and hyphens");
  }
}

function regularExpression(value: string, context: z.RefinementCtx): void {
  if (value.length > LIMITS.patternLength) {
    return issue(context, `must be at most ${LIMITS.patternLength} characters`);
  }
  try {
    new RegExp(value, "u");
  } catch (error) {
    const why = error instanceof Error
      ? error.message.replace(/^Invalid regular expression: /, "")
      : "";
    issue(context, `must be a regular expression (${why})`);
  }
}
