/**
 * The ends of a pipe or a mailbox as written, one or several, in one form. Owns where each of them
 * stands.
 * Must not know: what an endpoint is, what may be on which side.
 */
import type {
  ChannelDeadlinesConfig,
  ConsumerConfig,
  MailboxConfig,
  MailboxConsumerConfig,
  PipeConfig,
} from "./config.ts";

/** A producer. */
export interface ProducerEnd {
  /** `"process.port"`. */
  readonly text: string;
  /** Keys that lead to it from the channel: `["from"]`, `["from", 0]`. */
  readonly key: readonly (string | number)[];
}

/** A consumer. */
export interface ConsumerEnd {
  /** `"process.port"`. */
  readonly text: string;
  /** Keys that lead to its endpoint from the channel: `["to"]`, `["to", 0]`, `["to", 0, "port"]`. */
  readonly key: readonly (string | number)[];
  /** What is its own; empty where an endpoint stands alone. */
  readonly own: Omit<ConsumerConfig, "port">;
}

/** The producers of a pipe, or the one of a mailbox, in order. */
export function producersOf({ from }: PipeConfig | MailboxConfig): readonly ProducerEnd[] {
  if (typeof from === "string") return [{ text: from, key: ["from"] }];
  return from.map((text, at) => ({ text, key: ["from", at] }));
}

/** The consumers of a pipe, in order. */
export function consumersOf(channel: PipeConfig): readonly ConsumerEnd[];
/** The consumers of a pipe or a mailbox, in order. */
export function consumersOf(channel: PipeConfig | MailboxConfig): readonly TimedConsumerEnd[];
export function consumersOf({ to }: PipeConfig | MailboxConfig): readonly ConsumerEnd[] {
  return endsOf<ConsumerConfig>(to as PipeConfig["to"]);
}

/** A consumer of either, and what both can be told. */
export interface TimedConsumerEnd extends Omit<ConsumerEnd, "own"> {
  readonly own: ChannelDeadlinesConfig;
}

/** A consumer of a mailbox, as {@link ConsumerEnd}. */
export interface MailboxConsumerEnd extends Omit<ConsumerEnd, "own"> {
  readonly own: Omit<MailboxConsumerConfig, "port">;
}

/** The consumers of a mailbox, in order. */
export function mailboxConsumersOf({ to }: MailboxConfig): readonly MailboxConsumerEnd[] {
  return endsOf<MailboxConsumerConfig>(to);
}

function endsOf<Item extends { readonly port: string }>(to: string | readonly (string | Item)[]) {
  if (typeof to === "string") return [{ text: to, key: ["to"], own: {} as Omit<Item, "port"> }];
  return to.map((item, at) => {
    if (typeof item === "string") {
      return { text: item, key: ["to", at], own: {} as Omit<Item, "port"> };
    }
    const { port, ...own } = item;
    return { text: port, key: ["to", at, "port"], own };
  });
}
