/**
 * `mailboxProducer()` and `mailboxConsumer()`: from the name of a port or a channel to an end of a
 * mailbox. Owns the options, and that both sides mean the same by a sample. Must not know: how
 * samples get from one to the other.
 */
import type { MailboxConsumerLink, MailboxProducerLink } from "../channel/mailbox/mailbox_link.ts";
import {
  type Struct,
  type StructFields,
  type StructLayout,
  structLayout,
} from "../channel/mailbox/schema.ts";
import type { SealedConsumer, SealedProducer } from "../seal/sealed_memory.ts";
import { findLink, type LinkRequest, ownLink } from "./find_link.ts";
import type { LinkInfo } from "./link.ts";
import { Consumer } from "./mailbox/consumer.ts";
import type { ConsumerOptions } from "./mailbox/consumer_types.ts";
import { MailboxError } from "./mailbox/fault.ts";
import { PipeDoorbell } from "./mailbox/pipe_doorbell.ts";
import { Producer, type ProducerOptions } from "./mailbox/producer.ts";
import type { Waiting } from "./mailbox/spinning.ts";
import { tellCorrupt } from "./notify.ts";
import { sealedMemory } from "./supervision.ts";

/** Options of both ends; what is left out is as the configuration says. */
export interface MailboxOptions<F extends StructFields> {
  /**
   * What a sample is made of: `struct({ … })`, as in the configuration. Where the mailbox has a
   * schema it must be given, and be the same; null: bytes all the same.
   *
   * @default {bytes, of a mailbox without a schema}
   */
  readonly schema?: Struct<F> | null;
  /** How a call waits that may block the program. */
  readonly waiting?: Waiting;
  /** Longest spin before it parks, nanoseconds; 0: it parks at once. */
  readonly spinNs?: number;
  /** Loans and samples are copies that are empty once they were given back: finds late uses. */
  readonly checked?: boolean;
}

/** Options of {@linkcode mailboxProducer}. */
export interface MailboxProducerOptions<F extends StructFields = never> extends MailboxOptions<F> {
  /** `keepAll`: how long a loan waits for a consumer that is behind, nanoseconds; 0: not at all. */
  readonly blockNs?: number;
}

/** Options of {@linkcode mailboxConsumer}. */
export interface MailboxConsumerOptions<F extends StructFields = never> extends MailboxOptions<F> {
  /** `keepLast`: where it goes on when it has fallen behind. */
  readonly behind?: "oldest" | "newest";
}

/**
 * Takes the producer's end of a mailbox, by the name of its port or of its channel, and goes on
 * where the last instance ended. Needs no permission: the memory was mapped before the program began.
 *
 * `loan()` lends a slot to write in place, `publish()` publishes all that is on loan; `send()`
 * publishes a copy. Neither makes a system call unless a consumer sleeps. With `keepLast` they never
 * wait; with `keepAll` a loan is `full` while the slowest consumer needs the slot, after it has
 * waited for `blockNs`, which blocks the program.
 *
 * @param name `"samples"`.
 * @param options The schema, and what is to differ from the configuration.
 * @returns The producer; a mailbox has one, and a link has one owner.
 * @throws {NotSupervisedError} when no supervisor started the program, or of another version.
 * @throws {RangeError} when no link has that name.
 * @throws {TypeError} when it is no mailbox, this is not its producer, it was taken before, the
 *   schema is not the mailbox's, or the memory was not mapped for this program.
 * @throws {MailboxError} when the memory is not the mailbox that the plan says.
 *
 * @example Writing in place (alone it says how to run it)
 * ```ts
 * import { isSupervised, mailboxProducer, NotSupervisedError, struct } from "coxswain/child";
 * import { assertThrows } from "@std/assert";
 *
 * const schema = struct({ lead: "u8", values: ["f32", 250] });
 * if (isSupervised()) {
 *   const samples = mailboxProducer("samples", { schema });
 *   const loan = samples.loan();
 *   if (loan.kind === "loan") {
 *     loan.fields.lead = 2;
 *     loan.fields.values.fill(0.5);
 *     samples.publish();
 *   }
 * } else assertThrows(() => mailboxProducer("samples"), NotSupervisedError, "cox up");
 * ```
 */
export function mailboxProducer<F extends StructFields = never>(
  name: string,
  options: MailboxProducerOptions<F> = {},
): Producer<F> {
  const end = takeEnd(name, "producer", "mailboxProducer", options.schema);
  const { link, memory, layout } = end;
  const { blockNs } = link;
  return new Producer<F>(memory, memory.calls, withDefaults({ blockNs }, link, layout, options));
}

/**
 * Takes a consumer's end of a mailbox, by the name of its port or of its channel. Needs no
 * permission: the memory was mapped before the program began, for reading alone.
 *
 * Three ways to wait: `poll()` does not; `receive()` blocks the program, spinning and then parked;
 * `for await` and `next()` let it go on. Each gives a sample whose bytes lie in shared memory until
 * it is released; with `keepLast` `release()` says `overtaken` when the producer has begun to write
 * over it. `pollBatch()` takes all that are there at once.
 *
 * @param name `"samples"`.
 * @param options The schema, and what is to differ from the configuration.
 * @returns The consumer; a link has one owner. Disposing it lets go of its doorbell.
 * @throws {NotSupervisedError} when no supervisor started the program, or of another version.
 * @throws {RangeError} when no link has that name.
 * @throws {TypeError} when it is no mailbox, this is its producer, it was taken before, the schema
 *   is not the mailbox's, or the memory was not mapped for this program.
 * @throws {MailboxError} when the memory is not the mailbox that the plan says.
 *
 * @example Each sample while the program goes on (alone it says how to run it)
 * ```ts
 * import { isSupervised, mailboxConsumer, NotSupervisedError, struct } from "coxswain/child";
 * import { assertThrows } from "@std/assert";
 *
 * const schema = struct({ lead: "u8", values: ["f32", 250] });
 * if (isSupervised()) {
 *   using samples = mailboxConsumer("samples", { schema });
 *   for await (const sample of samples) {
 *     const sum = sample.fields.values.reduce((a, b) => a + b);
 *     const ageMs = (sample.receivedNs - sample.originNs) / 1e6;
 *     if (sample.release() === "intact") console.log(sum, ageMs, sample.missed);
 *   }
 * } else assertThrows(() => mailboxConsumer("samples"), NotSupervisedError, "cox up");
 * ```
 */
export function mailboxConsumer<F extends StructFields = never>(
  name: string,
  options: MailboxConsumerOptions<F> = {},
): Consumer<F> {
  const end = takeEnd(name, "consumer", "mailboxConsumer", options.schema);
  const { link, memory, layout } = end;
  const doorbellFd = link.doorbellFds[0];
  const own: Partial<ConsumerOptions> & { number: number } = {
    number: link.number,
    from: link.from,
    lifespanNs: link.lifespanNs,
    latencyNs: link.latencyNs,
    pathLimitsNs: link.pathLimitsNs,
    behind: options.behind ?? link.behind,
    onCorrupt: tellCorrupt,
    ...doorbellFd === undefined ? {} : { doorbell: new PipeDoorbell(doorbellFd) },
  };
  try {
    return new Consumer<F>(memory, memory.calls, withDefaults(own, link, layout, options));
  } catch (error) {
    // Its page says why by now.
    if (error instanceof MailboxError) tellCorrupt();
    throw error;
  }
}

/** Of bytes the configuration alone says how many there are: what is proposed where there is none. */
const ALONE_SAMPLES = "64KiB";

type Role = "producer" | "consumer";
type LinkOf<R extends Role> = R extends "producer" ? MailboxProducerLink : MailboxConsumerLink;
type MemoryOf<R extends Role> = R extends "producer" ? SealedProducer : SealedConsumer;

interface End<R extends Role> {
  readonly link: LinkOf<R>;
  readonly memory: MemoryOf<R>;
  readonly layout: StructLayout | null;
}

function takeEnd<R extends Role>(
  name: string,
  role: R,
  call: string,
  schema: Struct | null | undefined,
): End<R> {
  const layout = schema === undefined || schema === null ? null : structLayout(schema);
  const request: LinkRequest = {
    call,
    refuse: (info) => refuseOthers(info, role) ?? refuseSchema(info, layout, schema === null),
    samples: layout?.text ?? ALONE_SAMPLES,
  };
  const info = findLink(name, request);
  const memory = sealedMemory()?.mailboxes.find(({ port }) => port === info.port);
  if (memory === undefined || memory.role !== role) {
    throw new TypeError(
      `Cannot call ${call}(${
        JSON.stringify(name)
      }): its memory was not mapped before the program ` +
        "began. Declare the program with deno(), not with command() or task()",
    );
  }
  ownLink(name, request, info);
  return { link: info.mailbox as LinkOf<R>, memory: memory as MemoryOf<R>, layout };
}

function withDefaults<O>(
  own: O,
  link: MailboxProducerLink | MailboxConsumerLink,
  layout: StructLayout | null,
  options: Omit<MailboxOptions<never>, "schema">,
): O & Pick<ProducerOptions, "shape" | "waiting" | "spinNs" | "checked" | "layout"> {
  const spinNs = options.spinNs ?? (link.spinNs === -1 ? undefined : link.spinNs);
  return {
    ...own,
    shape: link.shape,
    waiting: options.waiting ?? link.waiting,
    checked: options.checked ?? link.checked,
    ...spinNs === undefined ? {} : { spinNs },
    ...layout === null ? {} : { layout },
  };
}

function refuseOthers({ kind, mailbox }: LinkInfo, role: Role): string | null {
  if (mailbox === undefined) return `it is no mailbox (${kind})`;
  if (mailbox.role === role) return null;
  const [is, other] = role === "producer"
    ? ["a consumer", "mailboxConsumer()"]
    : ["the producer", "mailboxProducer()"];
  return `this process is ${is} of that mailbox; use ${other}`;
}

/** Both sides of a mailbox have to mean the same, or numbers would be read in the wrong places. */
function refuseSchema(
  { mailbox }: LinkInfo,
  layout: StructLayout | null,
  asBytes: boolean,
): string | null {
  const [low, high] = mailbox!.shape.schemaHash;
  if (asBytes) return null;
  const theirs = mailbox!.schema ?? "";
  if (layout === null) {
    if (low === 0 && high === 0) return null;
    return `its samples are ${theirs}; give that as { schema: struct({ … }) }, or { schema: null } ` +
      "to take them as bytes";
  }
  if (layout.hash[0] === low && layout.hash[1] === high) return null;
  return low === 0 && high === 0
    ? `its samples are bytes without a schema in the configuration, and here ${layout.text}`
    : `its samples are ${theirs} in the configuration, and here ${layout.text}`;
}
