/**
 * The schema of pipes. Owns what a single value may be; relations between values are
 * `check_pipes.ts`'s. Must not know: messages, files, the plan.
 */
import { z } from "zod";
import { DEFAULTS, LIMITS } from "./defaults.ts";
import { channelDeadlineKeys } from "./schema_deadlines.ts";
import { doc, duration, list, number, size, text, whole } from "./schema_values.ts";
import { SIGNAL_NAMES } from "./signals.ts";

const OVERFLOWS = ["block", "drop-oldest", "drop-newest", "fail"] as const;

const highWaterSchema = z.strictObject({
  messages: z.exactOptional(doc(
    whole(1, LIMITS.queueMessagesMax),
    "How many messages.",
    { unit: "messages", default: DEFAULTS.relay.highWater.messages },
  )),
  bytes: z.exactOptional(doc(
    size({ min: LIMITS.messageMin, max: LIMITS.queueBytesMax }),
    "How many bytes, at least one largest message (`maxMessage`).",
    {
      default: DEFAULTS.relay.highWater.bytes,
      absent: "or one largest message, if that is more",
    },
  )),
});

/** What is kept for a consumer; the same keys on the channel and on one of its consumers. */
const queueKeys = {
  overflow: z.exactOptional(doc(
    z.enum(OVERFLOWS),
    "Needs `framing`. What becomes of a message when a consumer's queue is full. `block`: it " +
      "waits in its producer's pipe, and so do the messages behind it, those for other " +
      "consumers too. `drop-oldest`: the oldest of the queue makes room. `drop-newest`: it is " +
      "dropped. `fail`: it is dropped and its producer's link is ended: the program sees a " +
      "broken pipe. Each drop is counted, for the consumer and for the producer.",
    { default: DEFAULTS.relay.overflow },
  )),
  highWater: z.exactOptional(doc(
    highWaterSchema,
    "Needs `framing`. How much waits for a consumer in `@relay`, besides what is in its pipe: " +
      "the queue is full when either mark is reached. What waits there is lost when `@relay` " +
      "is killed.",
    { absent: "both marks have their default" },
  )),
  lifespan: z.exactOptional(doc(
    duration(LIMITS.lifespanMin),
    "Needs `framing`. A message that has waited longer than this in a consumer's queue is not " +
      "delivered, but counted as expired. Judged when it is its turn.",
    { absent: "messages do not expire" },
  )),
};

const consumerSchema = z.strictObject({
  port: doc(text(), 'The consumer: `"name.stdin"`, or `"name.port"`.'),
  ...queueKeys,
  ...channelDeadlineKeys,
}).meta({
  description: "A consumer with a policy of its own. What it leaves out is the channel's, key by " +
    "key.",
});

const burstSchema = z.strictObject({
  messages: z.exactOptional(doc(
    whole(1, LIMITS.rateMax),
    "How many messages.",
    { unit: "messages", absent: "one second's worth, at least 1" },
  )),
  bytes: z.exactOptional(doc(
    size({ min: LIMITS.messageMin, max: LIMITS.queueBytesMax }),
    "How many bytes, at least one largest message (`maxMessage`).",
    { absent: "one second's worth, at least one largest message" },
  )),
});

const rateSchema = z.strictObject({
  messages: z.exactOptional(doc(
    number(LIMITS.rateMin, LIMITS.rateMax),
    "How many messages a second.",
    { unit: "messages/s", absent: "no limit" },
  )),
  bytes: z.exactOptional(doc(
    size({ min: LIMITS.messageMin }),
    "How many bytes a second, with line feeds and lengths.",
    { absent: "no limit" },
  )),
  burst: z.exactOptional(doc(
    burstSchema,
    "How much may come at once after a pause.",
    { absent: "one second's worth" },
  )),
  overflow: z.exactOptional(doc(
    z.enum(["block", "drop-newest", "fail"]),
    "What becomes of a message that comes faster. `block`: it waits in its producer's pipe. " +
      "`drop-newest`: it is dropped. `fail`: it is dropped and its producer's link is ended.",
    { default: DEFAULTS.relay.rate.overflow },
  )),
});

const ACTION_RULE = 'must be "event", "warn", "restart", { signal } or { overflow }';

const actionSchema = z.union([
  z.enum(["event", "warn", "restart"]),
  z.strictObject({
    signal: z.exactOptional(doc(
      z.enum(SIGNAL_NAMES),
      "Sends a signal to the slow side's process. Either this or `overflow`.",
      { absent: "no signal" },
    )),
    overflow: z.exactOptional(doc(
      z.enum(OVERFLOWS),
      "Needs `framing`. Handles overflow in this way until the consumer has recovered.",
      { absent: "overflow is handled as before" },
    )),
  }).meta({ description: "An action that is no word." }),
], { error: ACTION_RULE });

const stallSchema = z.strictObject({
  after: doc(
    duration(LIMITS.stallAfterMin),
    "For how long nothing was taken although something waited.",
  ),
  action: doc(
    z.union([actionSchema, list(actionSchema, { min: 1, max: LIMITS.stallActionsMax })], {
      error: `${ACTION_RULE}, or a list of these`,
    }),
    "What happens then, once for each stall; of a list, everything, in order. `event`: a line " +
      "in the event log. `warn`: one that the terminal shows too. `restart`: the slow side is " +
      'restarted. `{ signal: "SIGUSR2" }`: the slow side is sent a signal. ' +
      '`{ overflow: "drop-oldest" }`: overflow is handled in this way until the consumer has ' +
      "recovered (with `framing` alone). The slow side is the consumer, or, where the consumer " +
      "only waits for another channel, the process at the end of that chain.",
  ),
});

/** A pipe, direct or with messages that are told apart. */
export const pipeSchema = z.strictObject({
  kind: doc(
    z.literal("pipe"),
    "One kernel pipe; with `framing`, messages that `@relay` moves. `pipe()` fills this in.",
  ),
  from: doc(
    z.union([text(), list(text(), { min: 1, max: LIMITS.relayedEndsMax })], {
      error: 'must be "name.stdout", "name.stderr", "name.port" or a list of these',
    }),
    'The producer: `"name.stdout"`, `"name.stderr"`, or `"name.port"`, a further descriptor that ' +
      "the program finds by the port's name (`connect()`, `COX_LINKS`). With `framing` a list " +
      "of producers too: each has a pipe of its own, and messages stay whole.",
    { range: `at most ${LIMITS.portsMax} further ports of a process` },
  ),
  to: doc(
    z.union([
      text(),
      list(
        z.union([text(), consumerSchema], {
          error: 'must be "name.stdin", "name.port" or an object with "port"',
        }),
        { min: 1, max: LIMITS.relayedEndsMax },
      ),
    ], { error: 'must be "name.stdin", "name.port" or a list of consumers' }),
    'The consumer: `"name.stdin"`, or `"name.port"`. With `framing` a list of consumers too, each ' +
      "of which gets every message; an entry is an endpoint, or an object with `port`, " +
      "`overflow`, `highWater` and `lifespan` of its own.",
  ),
  framing: z.exactOptional(doc(
    z.enum(["lines", "ndjson", "frames"]),
    "What a message is, so that the pipe can carry messages of several producers, to several " +
      "consumers, and drop some. `lines`: UTF-8 text, each line ended by a line feed. `ndjson`: " +
      "lines that are JSON texts. `frames`: a length (4 bytes, big-endian) and as many bytes.",
    { absent: "bytes, by one kernel pipe from one process to another" },
  )),
  maxMessage: z.exactOptional(doc(
    size({ min: LIMITS.messageMin, max: LIMITS.messageMax }),
    "Needs `framing`. The largest message, without its line feed or length. A larger one is " +
      "dropped, unread, and is treated as `onMalformed` says.",
    { default: DEFAULTS.relay.maxMessage },
  )),
  onMalformed: z.exactOptional(doc(
    z.enum(["drop", "end"]),
    "Needs `framing`. What becomes of the sender of a message that is too large, no UTF-8 " +
      "(`lines`, `ndjson`) or no JSON (`ndjson`). The message is dropped and is an event with " +
      "the sender's name. `drop`: nothing further. `end`: its link is ended until its next " +
      "start, so that it sees a broken pipe.",
    { default: DEFAULTS.relay.onMalformed },
  )),
  ...queueKeys,
  ...channelDeadlineKeys,
  rate: z.exactOptional(doc(
    rateSchema,
    "Needs `framing`. How fast each producer may send, replicas one by one: a token bucket.",
    { absent: "no limit" },
  )),
  capacity: z.exactOptional(doc(
    size({ min: LIMITS.pipeMin, max: LIMITS.pipeMax }),
    "How much the pipe holds before its producer has to wait; with `framing`, each of its pipes. " +
      "The kernel rounds up to a power of two of pages, and limits what an ordinary user may " +
      "ask for (`/proc/sys/fs/pipe-max-size`).",
    {
      default: DEFAULTS.pipe.capacity,
      absent: "with `framing`, enough for one largest message, if that is more",
    },
  )),
  producerEnds: z.exactOptional(doc(
    z.enum(["hold", "eof"]),
    "What the consumer sees when the producer (each of them) has finally ended and will not be " +
      "restarted: `eof`, the end of its input; `hold`, silence.",
    { default: DEFAULTS.pipe.producerEnds },
  )),
  consumerEnds: z.exactOptional(doc(
    z.enum(["hold", "epipe"]),
    "What the producer sees when the consumer (each of them) has finally ended and will not be " +
      "restarted: `epipe`, a broken pipe at its next write; `hold`, a pipe that fills up.",
    { default: DEFAULTS.pipe.consumerEnds },
  )),
  stall: z.exactOptional(doc(
    stallSchema,
    "What happens when a consumer takes nothing for some time although something waits for it.",
    { absent: "nothing: the figures of the channel show it" },
  )),
});
