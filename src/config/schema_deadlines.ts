/**
 * The schema of time contracts: of a process, of a channel, of a path. Owns what a single value
 * may be; relations between values are `check_deadlines.ts`'s. Must not know: how a contract is
 * judged, the plan.
 */
import { z } from "zod";
import { DEFAULTS, LIMITS } from "./defaults.ts";
import { contractKeys, limitKeys } from "./schema_actions.ts";
import { doc, duration, list, number, text } from "./schema_values.ts";

function span(within: string, absent: string) {
  const keys = limitKeys(within);
  return z.strictObject({ ...keys, within: z.exactOptional(doc(keys.within, within, { absent })) });
}

const heartbeatSchema = z.strictObject({
  ...limitKeys(
    "The longest silence of an instance that is ready; each sign of life begins it anew.",
  ),
  by: z.exactOptional(doc(
    z.union([
      z.enum(["client", "notify", "output"]),
      z.strictObject({
        channel: doc(text(), "Name of a channel that it is a producer of."),
      }).meta({ description: "A sign of life is whatever it sends on a channel." }),
    ], { error: 'must be "client", "notify", "output" or { channel: NAME }' }),
    "What counts as a sign of life. `client`: `heartbeat()` of `coxswain/child`, or of another " +
      "client that stamps the shared memory. `notify`: sd_notify's `WATCHDOG=1`; the program " +
      "finds `WATCHDOG_USEC` in its environment. `output`: whatever it writes to stdout or " +
      "stderr. `{ channel: NAME }`: whatever it sends on that channel.",
    { default: DEFAULTS.deadlines.heartbeat.by },
  )),
});

const cycleSchema = z.strictObject({
  period: doc(
    duration(LIMITS.cycleMin),
    "The time from one cycle to the next. Cycles are due at whole periods of the monotonic clock, " +
      "so that those of several processes are in step.",
  ),
  budget: z.exactOptional(doc(
    duration(LIMITS.contractMin),
    "The longest time from the start of a cycle to its end; shorter than `period`.",
    { absent: "the period" },
  )),
  warn: z.exactOptional(doc(
    duration(LIMITS.contractMin),
    "A cycle that takes longer than this is warned of; shorter than the budget.",
    { absent: "nothing is said before the miss" },
  )),
  offset: z.exactOptional(doc(
    duration(),
    "Added to the time that each cycle is due; shorter than `period`.",
    { default: DEFAULTS.deadlines.cycle.offset },
  )),
  late: z.exactOptional(doc(
    duration(LIMITS.contractMin),
    "How late a cycle may start; at most `period`.",
    { absent: "what `budget` leaves of the period" },
  )),
  ...contractKeys,
});

const stepSchema = z.strictObject({
  name: doc(text(), "The program's name of the step."),
  within: z.exactOptional(doc(
    duration(LIMITS.contractMin),
    "The longest time from this step to the next one; of the last step, to the first one again.",
    { absent: "that of the checkpoints; of the last step, no limit" },
  )),
});

const checkpointsSchema = z.strictObject({
  steps: doc(
    list(z.union([text(), stepSchema], { error: 'must be a name or an object with "name"' }), {
      min: 2,
      max: LIMITS.stepsMax,
    }),
    "The steps, in the order in which the program reports them (`checkpoints()` of " +
      "`coxswain/child`), again and again. One that is reported out of order is a miss.",
  ),
  within: z.exactOptional(doc(
    duration(LIMITS.contractMin),
    "The longest time from each step to the next one, for steps that have none of their own. " +
      "The last step is followed by the first one at any time.",
    { absent: "no limit" },
  )),
  warnAt: z.exactOptional(doc(
    number(0, 1),
    "A step is warned of when this share of its time has passed. 0: it is not.",
    { unit: "share of the time", default: DEFAULTS.deadlines.checkpoints.warnAt },
  )),
  ...contractKeys,
});

const NAME_KEYS = { propertyNames: { pattern: "^[A-Za-z][A-Za-z0-9_-]*$" } };

/** Time contracts of a process. */
export const deadlinesSchema = z.strictObject({
  ready: z.exactOptional(doc(
    span(
      "The longest time from the start to readiness, at most `ready.within`, which kills it.",
      "`ready.within` alone",
    ),
    "Time from the start of an instance to its readiness.",
    { absent: "`ready.within` alone" },
  )),
  heartbeat: z.exactOptional(doc(
    heartbeatSchema,
    "Longest silence of an instance that is ready. One that is suspended, traced or stopping is " +
      "not blamed.",
    { absent: "silence is no miss" },
  )),
  run: z.exactOptional(doc(
    span("The longest life of an instance.", "there is no miss, only `warn`"),
    "Longest life of a process that is to end by itself: not with restart policy `permanent`.",
    { absent: "it may run for ever" },
  )),
  stop: z.exactOptional(doc(
    span(
      "The longest time from the stop signal to the exit, at most `stop.timeout`, which kills it.",
      "`stop.timeout` alone",
    ),
    "Time from the stop signal to the exit.",
    { absent: "`stop.timeout` alone" },
  )),
  cycles: z.exactOptional(
    doc(
      z.record(z.string(), cycleSchema),
      "Periodic jobs, by the name that the program has for them (`cycle()` of `coxswain/child`).",
      { default: {}, range: `at most ${LIMITS.pulseLinesMax} cycles and checkpoints` },
    ).meta(NAME_KEYS),
  ),
  checkpoints: z.exactOptional(
    doc(
      z.record(z.string(), checkpointsSchema),
      "The order of steps, and the longest time between two of them, by the name that the " +
        "program has for them.",
      { default: {} },
    ).meta(NAME_KEYS),
  ),
});

const gapSchema = z.strictObject(
  limitKeys("The longest gap between two samples (DDS's deadline)."),
).meta({ id: "Gap" });
const latencySchema = z.strictObject(
  limitKeys("The longest time from the source's stamp to receipt (DDS's latency budget)."),
).meta({ id: "Latency" });
const livelinessSchema = z.strictObject(
  limitKeys("The longest time without a sign of the producer, a sample or not (DDS's liveliness)."),
).meta({ id: "Liveliness" });
const NEEDS = "Of a pipe it needs `framing`.";

/** The same keys on a channel, which offers, and on one of its consumers, which requests. */
export const channelDeadlineKeys = {
  deadline: z.exactOptional(doc(
    gapSchema,
    `${NEEDS} Longest gap between two samples. On the channel: what each producer offers, seen ` +
      "where it hands them over. On a consumer: what it requests, seen where it gets them, and " +
      "no shorter than what is offered.",
    { absent: "samples may come at any time" },
  )),
  latency: z.exactOptional(doc(
    latencySchema,
    `${NEEDS} From the source's stamp to receipt, seen at each consumer. On the channel: of all ` +
      "consumers that have none of their own. On a consumer: its own, and no shorter than what " +
      "the channel offers.",
    { absent: "samples may be of any age" },
  )),
  liveliness: z.exactOptional(doc(
    livelinessSchema,
    `${NEEDS} Longest time without a sign of the producer, on the channel as offered, on a ` +
      "consumer as requested, and there no shorter than what is offered.",
    { absent: "silence of the producer is no miss" },
  )),
};

/** End to end. */
export const pathSchema = z.strictObject({
  through: doc(
    list(text(), { min: 1, max: LIMITS.pathChannelsMax }),
    "Names of channels in order: a consumer of each is a producer of the next.",
  ),
  to: z.exactOptional(doc(
    text(),
    "Name of the process at the end: which consumer of the last channel.",
    { absent: "the only one" },
  )),
  ...limitKeys("The longest time from the stamp at the first channel to receipt at the end."),
});
