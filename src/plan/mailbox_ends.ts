/**
 * The ends of a mailbox: which descriptors a process gets for one, what it is told of it, and, of
 * a sandboxed program, what its preload maps. Owns the order of the descriptors:
 *
 *   producer   samples, each consumer's page, each consumer's doorbell: 1 + 2 × consumers
 *   consumer   samples, its own page, its own doorbell
 *
 * Must not know: how memory is made, other channels.
 */
import { BELL, CONSUMER_BELL, CONSUMER_BYTES, segmentBytes } from "../channel/mailbox/layout.ts";
import type { MailboxLink } from "../channel/mailbox/mailbox_link.ts";
import type { MailboxConfig } from "../config/config.ts";
import { mailboxConsumersOf } from "../config/pipe_ends.ts";
import type { ConsumerRequest, ProducerRequest, SegmentRequest } from "../seal/sealed_memory.ts";
import type { ChannelIndex, DescriptorPlan, MailboxPlan, PortPlan } from "./plan.ts";
import type { LinkDescription } from "./preload.ts";

/** A part of a mailbox on a descriptor of a process. */
type PartPlan = Extract<DescriptorPlan, { kind: "mailbox" }>;

/** One end. */
export interface MailboxEnd {
  readonly port: PortPlan;
  readonly descriptors: readonly PartPlan[];
  /** To a program that maps the memory itself. */
  readonly link: LinkDescription;
}

/**
 * How many descriptors the port of an endpoint takes, by the configuration alone.
 *
 * @param channel The mailbox.
 * @param text The endpoint as written.
 */
export function mailboxPortWidth(channel: MailboxConfig, text: string): number {
  return text === channel.from ? 1 + 2 * mailboxConsumersOf(channel).length : 3;
}

/** The ends of a mailbox, the producer's first. */
export function mailboxEnds(plan: MailboxPlan, channel: ChannelIndex): MailboxEnd[] {
  const { shape, from, consumers } = plan;
  const part = (
    fd: number,
    part: PartPlan["part"],
    consumer: number,
    access: PartPlan["access"],
  ): PartPlan => ({ fd, kind: "mailbox", channel, part, consumer, access });
  const pageFds = consumers.map((_, at) => from.fd + 1 + at);
  const doorbellFds = consumers.map((_, at) => from.fd + 1 + consumers.length + at);
  const producer: MailboxEnd = {
    port: from,
    descriptors: [
      part(from.fd, "samples", -1, "write"),
      ...pageFds.map((fd, at) => part(fd, "page", at, "read")),
      ...doorbellFds.map((fd, at) => part(fd, "doorbell", at, "write")),
    ],
    link: linkOf(plan, from, {
      role: "producer",
      shape,
      ...schemaOf(plan),
      ...plan.producer,
      samplesFd: from.fd,
      pageFds,
      doorbellFds,
    }),
  };
  return [
    producer,
    ...consumers.map(({ port, ...ways }, at): MailboxEnd => ({
      port,
      descriptors: [
        part(port.fd, "samples", -1, "read"),
        part(port.fd + 1, "page", at, "write"),
        part(port.fd + 2, "doorbell", at, "read"),
      ],
      link: linkOf(plan, port, {
        role: "consumer",
        number: at,
        shape,
        ...schemaOf(plan),
        ...ways,
        samplesFd: port.fd,
        pageFds: [port.fd + 1],
        doorbellFds: [port.fd + 2],
      }),
    })),
  ];
}

/** What a sealed program is told in place of a link: the memory it has, descriptors it does not. */
export function sealedLink(link: LinkDescription): LinkDescription {
  const { mailbox } = link;
  if (mailbox === undefined) return link;
  const pageFds = mailbox.pageFds.map(() => -1);
  return { ...link, fd: -1, mailbox: { ...mailbox, samplesFd: -1, pageFds } };
}

/** The memory of one end, for the preload; segments are numbered from `first`. */
export function sealedEnd(
  { name, port, mailbox }: LinkDescription & { readonly mailbox: MailboxLink },
  first: number,
): { readonly segments: SegmentRequest[]; readonly mailbox: ProducerRequest | ConsumerRequest } {
  const { shape, role, samplesFd, pageFds, doorbellFds } = mailbox;
  const isProducer = role === "producer";
  const samples: SegmentRequest = {
    fd: samplesFd,
    bytes: segmentBytes(shape),
    access: isProducer ? "read-write" : "read",
    what: `the samples of "${name}"`,
  };
  const pages = pageFds.map((fd): SegmentRequest => ({
    fd,
    bytes: CONSUMER_BYTES,
    access: isProducer ? "read" : "read-write",
    what: `a page of "${name}"`,
  }));
  const offsets = { bellOffset: BELL * 4, consumerBellOffset: CONSUMER_BELL * 4 };
  const segments = [samples, ...pages];
  const own = first + 1;
  return {
    segments,
    mailbox: isProducer
      ? {
        role,
        port,
        samples: first,
        consumers: pages.map((_, at) => own + at),
        doorbellFds,
        ...offsets,
      }
      : { role, port, samples: first, own, ...offsets },
  };
}

function schemaOf({ schema }: MailboxPlan): { readonly schema?: string } {
  return schema === null ? {} : { schema };
}

function linkOf(
  { name, shape }: MailboxPlan,
  { port, fd }: PortPlan,
  mailbox: MailboxLink,
): LinkDescription {
  return {
    name,
    port,
    kind: "mailbox",
    direction: mailbox.role === "producer" ? "write" : "read",
    mailbox,
    fd,
    limits: { capacityBytes: segmentBytes(shape) },
  };
}
