/**
 * Mailboxes as the snapshot and `cox channels` show them. Must not know: who asks, how memory is
 * read.
 */
import type { MailboxChannel } from "../channel/mailbox/mailbox_channel.ts";
import type { ChannelFigures } from "../control/channels_report.ts";
import type { MailboxSnapshot } from "../control/protocol.ts";
import { monotonicMs } from "../os/monotonic.ts";
import type { Plan } from "../plan/plan.ts";
import { portText } from "./channel_names.ts";

/** A mailbox now. */
export function mailboxSnapshot(plan: Plan, mailbox: MailboxChannel): MailboxSnapshot {
  const { from, shape, consumers } = mailbox.plan;
  const producer = mailbox.producer();
  return {
    kind: "mailbox",
    from: portText(plan, from),
    slots: shape.slots,
    sampleBytes: shape.sampleBytes,
    keepLast: shape.history === "keepAll" ? null : shape.keep,
    memoryBytes: mailbox.capacityBytes,
    published: producer.published,
    lastPublishMs: ageMs(producer.lastPublishNs),
    ended: producer.ended,
    consumers: consumers.map(({ port }, at) => {
      const { attached: _, waits: __, lastReceiveNs, worstAgeNs, ...counts } = mailbox.consumer(at);
      return {
        to: portText(plan, port),
        ...counts,
        lastReceiveMs: ageMs(lastReceiveNs),
        worstAgeMs: worstAgeNs === 0 ? null : worstAgeNs / 1e6,
      };
    }),
  };
}

/** What was counted at a call, for the next to compare with: by consumer. */
export interface MailboxLook {
  readonly atMs: number;
  readonly received: readonly number[];
  readonly bytes: readonly number[];
}

/** Counts now. */
export function lookAtMailbox(mailbox: MailboxChannel): MailboxLook {
  const figures = mailbox.plan.consumers.map((_, at) => mailbox.consumer(at));
  return {
    atMs: monotonicMs(),
    received: figures.map(({ received }) => received),
    bytes: figures.map(({ bytes }) => bytes),
  };
}

/** A row for each consumer. */
export function mailboxRows(
  plan: Plan,
  mailbox: MailboxChannel,
  before: MailboxLook,
  now: MailboxLook,
): ChannelFigures[] {
  const { from, shape, consumers } = mailbox.plan;
  const seconds = Math.max(now.atMs - before.atMs, 1) / 1000;
  const waitsFor = mailbox.producer().waitsFor;
  const nameOf = (index: number | undefined) => plan.processes[index ?? -1]?.name ?? "?";
  return consumers.map(({ port }, at): ChannelFigures => {
    const { lag, received, bytes, lastReceiveNs, missed, overtaken, expired } = mailbox.consumer(
      at,
    );
    const rate = (counts: readonly number[], earlier: readonly number[]) =>
      Math.max(0, (counts[at]! - earlier[at]!) / seconds);
    const consumer = nameOf(port.processes[0]);
    return {
      channel: mailbox.name,
      kind: "mailbox",
      from: portText(plan, from),
      to: portText(plan, port),
      unit: "samples",
      // One that was not there for long lags by more than there is room for.
      fill: Math.min(lag, shape.slots),
      capacity: shape.slots,
      queuedBytes: null,
      unreadBytes: null,
      oldestMs: null,
      perSecond: {
        messages: rate(now.received, before.received),
        bytes: rate(now.bytes, before.bytes),
      },
      total: { messages: received, bytes },
      lastMs: ageMs(lastReceiveNs),
      dropped: missed + overtaken + expired,
      standsForMs: 0,
      standsLonger: false,
      stoodMs: 0,
      stall: null,
      waits: waitsFor === at
        ? {
          side: "producer",
          who: [nameOf(from.processes[0])],
          for: [{ process: consumer, condition: "running" }],
        }
        : null,
    };
  });
}

function ageMs(stampNs: number): number | null {
  return stampNs === 0 ? null : Math.max(0, monotonicMs() - stampNs / 1e6);
}
