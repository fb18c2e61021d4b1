/**
 * The schema of a configuration: every key with its shape, documentation, unit, range and
 * default. Owns what a single value may be; relations between values are `check.ts`'s.
 * Loaded only where a configuration is checked or documented. Must not know: messages,
 * files, the plan.
 */
import { z } from "zod";
import { DEFAULTS, LIMITS } from "./defaults.ts";
import { processSchema } from "./schema_process.ts";
import { pipeSchema } from "./schema_pipes.ts";
import { mailboxSchema } from "./schema_mailbox.ts";
import { listenSchema, pairSchema } from "./schema_sockets.ts";
import { pathSchema } from "./schema_deadlines.ts";
import { safeModeSchema, supervisorSchema } from "./schema_machine.ts";
import { doc, duration, list, text, whole } from "./schema_values.ts";

// A schema that is used once in a process is faster interpreted than compiled: 6 ms less.
z.config({ jitless: true });

/** A name of a process, group, channel, profile or crew, as a pattern for the JSON Schema. */
export const NAME_PATTERN = `^[A-Za-z][A-Za-z0-9_-]{0,${LIMITS.nameLength - 1}}$`;

const groupSchema = z.strictObject({
  members: doc(
    list(text(), { min: 1, max: LIMITS.processesMax + LIMITS.groupsMax }),
    "Names of processes and of other groups, in start order. Each process and each group is in " +
      "at most one group.",
  ),
  strategy: z.exactOptional(doc(
    z.enum(["one_for_one", "one_for_all", "rest_for_one"]),
    "Who restarts when a member ends: `one_for_one`, that member; `one_for_all`, every member; " +
      "`rest_for_one`, that member and those listed after it.",
    { default: DEFAULTS.group.strategy },
  )),
  intensity: z.exactOptional(doc(
    whole(0, LIMITS.intensityMax),
    "The group gives up when more restarts than this happen within `period`: it stops, and " +
      "counts as one failure of its parent. 0 allows none.",
    { unit: "restarts", default: DEFAULTS.group.intensity },
  )),
  period: z.exactOptional(doc(
    duration(LIMITS.periodMin),
    "The window over which `intensity` counts.",
    { default: DEFAULTS.group.period },
  )),
});

/** The whole file. */
export const configSchema = z.strictObject({
  name: doc(
    text(),
    "The name of the crew, in messages, in the event log and in the summary.",
    { range: `a letter, then letters, digits, "_" or "-"; at most ${LIMITS.nameLength}` },
  ).meta({ pattern: NAME_PATTERN }),
  processes: doc(
    z.record(z.string(), processSchema),
    "The processes by name.",
    { range: `1 … ${LIMITS.processesMax} processes, ${LIMITS.instancesMax} with replicas` },
  ).meta({ propertyNames: { pattern: NAME_PATTERN }, minProperties: 1 }),
  groups: z.exactOptional(
    doc(
      z.record(z.string(), groupSchema),
      "Processes that are restarted together and share a budget of restarts, by name of the " +
        "group. What is in no group is in the root group.",
      { default: {}, range: `at most ${LIMITS.groupsMax} groups` },
    ).meta({ propertyNames: { pattern: NAME_PATTERN } }),
  ),
  channels: z.exactOptional(
    doc(
      z.record(
        z.string(),
        z.discriminatedUnion("kind", [
          pipeSchema,
          pairSchema,
          listenSchema,
          mailboxSchema,
        ], {
          error: "must be a declaration by pipe(), socket(), listen() or mailbox()",
        }),
      ),
      "The wiring between processes, by name of the channel.",
      { default: {}, range: `at most ${LIMITS.channelsMax} channels` },
    ).meta({ propertyNames: { pattern: NAME_PATTERN } }),
  ),
  paths: z.exactOptional(
    doc(
      z.record(z.string(), pathSchema),
      "Time contracts from end to end, over several channels, by name.",
      { default: {}, range: `at most ${LIMITS.pathsMax} paths` },
    ).meta({ propertyNames: { pattern: NAME_PATTERN } }),
  ),
  safeMode: z.exactOptional(doc(
    safeModeSchema,
    "What runs when a contract asks for `safe-mode`.",
    { absent: "no contract may ask for it" },
  )),
  supervisor: z.exactOptional(doc(
    supervisorSchema,
    "What is set up for the supervisor itself.",
    { default: {} },
  )),
  intensity: z.exactOptional(doc(
    whole(0, LIMITS.intensityMax),
    "The budget of the root group: more restarts than this within `period` end the crew with " +
      "exit 111.",
    {
      unit: "restarts",
      absent: "processes in no group restart without limit; a group that gives up ends the crew",
    },
  )),
  period: z.exactOptional(doc(
    duration(LIMITS.periodMin),
    "The window over which `intensity` counts.",
    { default: DEFAULTS.root.period },
  )),
}).meta({
  title: "Configuration of cox",
  description: "A crew of processes, and the groups and channels over them.",
});
