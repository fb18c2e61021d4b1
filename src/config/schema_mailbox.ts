/**
 * The schema of mailboxes. Owns what a single value may be; relations between values are
 * `check_mailbox.ts`'s. Must not know: messages, files, the plan.
 */
import { z } from "zod";
import {
  FIELDS_MAX,
  NUMBER_BYTES,
  type NumberType,
  structIssues,
} from "../channel/mailbox/schema.ts";
import { DEFAULTS, LIMITS } from "./defaults.ts";
import { channelDeadlineKeys } from "./schema_deadlines.ts";
import { doc, duration, list, size, text, whole } from "./schema_values.ts";

/** How an end is used: of the channel, and of a consumer by itself. */
const useKeys = {
  wait: z.exactOptional(doc(
    z.enum(["spin", "park", "spin-then-park"]),
    "How a thread waits that may block. `spin`: it looks again and again, and takes a core. " +
      "`park`: it sleeps in the kernel, and takes nothing. `spin-then-park`: it spins for as long " +
      "as that has paid lately, at most `spin`, and then sleeps. A wait on the event loop " +
      "(`await`) looks again in turns of the loop, as long at most, and then sleeps; with `park` " +
      "at once.",
    { default: DEFAULTS.mailbox.wait },
  )),
  spin: z.exactOptional(doc(
    duration(LIMITS.spinMin),
    "The longest spin of `spin-then-park`.",
    { absent: "20us; none on a machine with one core" },
  )),
  checked: z.exactOptional(doc(
    z.boolean(),
    "For finding mistakes: what is lent is a copy, which is empty once it was given back. Costs a " +
      "copy of each sample.",
    { default: DEFAULTS.mailbox.checked },
  )),
};

/** How a consumer goes on: of the channel, and of a consumer by itself. */
const consumerKeys = {
  behind: z.exactOptional(doc(
    z.enum(["oldest", "newest"]),
    "With `keepLast`: where a consumer goes on that has fallen behind by more than is kept: at the " +
      "oldest sample that is, or at the newest. It is told how many it missed.",
    { default: DEFAULTS.mailbox.behind },
  )),
  resume: z.exactOptional(doc(
    z.enum(["newest", "where-it-was"]),
    "Where the next instance of a consumer begins: at the newest sample, or after the last one " +
      "that its predecessor gave back, as far as it is still there.",
    { default: DEFAULTS.mailbox.resume },
  )),
  lifespan: z.exactOptional(doc(
    duration(LIMITS.lifespanMin),
    "A sample whose stamp is older than this when its turn comes at a consumer is not delivered, but " +
      "given back and counted as expired.",
    { absent: "samples do not expire" },
  )),
};

const consumerSchema = z.strictObject({
  port: doc(text(), 'The consumer: `"name.port"`.'),
  ...useKeys,
  ...consumerKeys,
  ...channelDeadlineKeys,
});

const historySchema = z.union([
  z.literal("keepAll"),
  z.strictObject({
    keepLast: doc(
      whole(1, LIMITS.slotsMax - 1),
      "How many of the newest samples a consumer can rely on; less than `slots`. `keepLast(n)` " +
        "fills this in.",
      { unit: "samples" },
    ),
  }),
], { error: "must be keepAll or keepLast(n)" });

const NUMBER_TYPES = Object.keys(NUMBER_BYTES) as [NumberType, ...NumberType[]];
const FIELD_RULE = `must be ${NUMBER_TYPES.map((type) => `"${type}"`).join(", ")} ` +
  "or a list of such a type and a length";

const structSchema = z.strictObject({
  kind: doc(z.literal("struct"), "A struct of numbers. `struct()` fills this in."),
  fields: doc(
    z.record(
      z.string(),
      z.union([z.enum(NUMBER_TYPES), z.tuple([z.enum(NUMBER_TYPES), whole(1, LIMITS.fieldMax)])], {
        error: FIELD_RULE,
      }),
    ),
    "The fields by name, in the order of their bytes: a type of number, or such a type and how " +
      "many there are. Each lies at the next multiple of its number's size, as in C.",
    { range: `1 … ${FIELDS_MAX} fields; a letter, then letters, digits or "_"` },
  ),
}).superRefine((value, context) => {
  // What is no number at all has been said.
  if (context.issues.length > 0) return;
  for (const { path, rule } of structIssues(value)) {
    context.addIssue({ code: "custom", path: [...path], message: rule });
  }
});

/** A mailbox. */
export const mailboxSchema = z.strictObject({
  kind: doc(
    z.literal("mailbox"),
    "Samples in shared memory, from one process to others. `mailbox()` fills this in.",
  ),
  from: doc(
    text(),
    'The producer: `"name.port"`. One process without replicas, a Deno program or a command.',
  ),
  to: doc(
    z.union([
      text(),
      list(
        z.union([text(), consumerSchema], {
          error: 'must be "name.port" or an object with "port"',
        }),
        { min: 1, max: LIMITS.mailboxConsumersMax },
      ),
    ], { error: 'must be "name.port" or a list of consumers' }),
    "The consumer, or a list of them: each gets the samples by itself, at its own pace. An entry " +
      'is an endpoint (`"name.port"`), or an object with `port`, `wait`, `spin`, `behind`, ' +
      "`resume`, `lifespan` and `checked` of its own. No replicas: declare them one by one.",
  ),
  sampleBytes: z.exactOptional(doc(
    size({ min: LIMITS.sampleMin, max: LIMITS.sampleMax }),
    "The largest sample. All of the memory, `slots` times this and 64 bytes each, is taken when " +
      "the crew starts; more than the machine has is refused.",
    { absent: "what `schema` takes; one of the two has to be there" },
  )),
  schema: z.exactOptional(doc(
    structSchema,
    'What a sample is made of: `struct({ t: "f64", values: ["f32", 250] })`. The programs say ' +
      "the same, and are told at their start where they do not.",
    { absent: "bytes" },
  )),
  slots: z.exactOptional(doc(
    whole(LIMITS.slotsMin, LIMITS.slotsMax),
    "How many samples there is room for, those included that are being written.",
    { unit: "samples", default: DEFAULTS.mailbox.slots },
  )),
  history: z.exactOptional(doc(
    historySchema,
    "`keepLast(n)`: the producer never waits, and a consumer can rely on the newest n. `keepAll`: " +
      "every consumer that runs gets every sample, and the slowest holds the producer back. One " +
      "that has ended does not.",
    { absent: "`keepLast` of half the slots" },
  )),
  overflow: z.exactOptional(doc(
    z.enum(["block", "fail"]),
    "With `keepAll`: what the producer does when a consumer is behind by all slots. `block`: it " +
      "waits, up to `blockFor`, and then fails. `fail`: it fails at once, and keeps the sample.",
    { default: DEFAULTS.mailbox.overflow },
  )),
  blockFor: z.exactOptional(doc(
    duration(LIMITS.blockForMin),
    "How long `block` waits. Nothing else runs in the program meanwhile.",
    { default: DEFAULTS.mailbox.blockFor },
  )),
  ...useKeys,
  ...consumerKeys,
  ...channelDeadlineKeys,
  checksum: z.exactOptional(doc(
    z.enum(["none", "crc32c"]),
    "`crc32c`: each sample carries a checksum of its data, made by the producer and compared by " +
      "every consumer. Finds memory that somebody else has written to; costs both a pass over the " +
      "data.",
    { default: DEFAULTS.mailbox.checksum },
  )),
  lock: z.exactOptional(doc(
    z.boolean(),
    "The memory is never swapped out (mlock(2)). Where the machine does not allow it, it is not, " +
      "and a warning says so.",
    { default: DEFAULTS.mailbox.lock },
  )),
  hugePages: z.exactOptional(doc(
    z.boolean(),
    "The samples lie in huge pages (2 MiB), of which the machine must have set some aside " +
      "(`vm.nr_hugepages`). Where it has too few, they lie in ordinary ones, and a warning says so.",
    { default: DEFAULTS.mailbox.hugePages },
  )),
});
