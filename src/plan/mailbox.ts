/**
 * Mailboxes: from the configuration to a shape, ends and their ways, and whether the machine has
 * the memory for all of them. Must not know: ports, profiles, process numbers, how memory is made.
 */
import {
  CONSUMER_BYTES,
  type MailboxShape,
  segmentBytes,
  shapeFault,
} from "../channel/mailbox/layout.ts";
import { structLayout } from "../channel/mailbox/schema.ts";
import type { MailboxConfig, MailboxConsumerConfig, MailboxUse } from "../config/config.ts";
import { DEFAULTS } from "../config/defaults.ts";
import { parseDurationNs, parseSizeBytes, roundedSize } from "../config/units.ts";
import { thresholds } from "./contract_base.ts";
import { HUGE_PAGE_BYTES, type MemoryFact } from "./facts.ts";
import type { Issues } from "./issues.ts";
import type { ChannelPlan, MailboxPlan, MailboxUsePlan, PortPlan } from "./plan.ts";

/** A mailbox as declared, its ends resolved. */
export interface MailboxRequest {
  readonly name: string;
  readonly channel: MailboxConfig;
  readonly from: PortPlan;
  /** At least one. */
  readonly to: readonly MailboxConsumer[];
}

/** A consumer, and what it has of its own. */
export interface MailboxConsumer {
  readonly port: PortPlan;
  readonly own: Omit<MailboxConsumerConfig, "port">;
  /** The limits of the paths that end here. */
  readonly pathLimitsNs: readonly number[];
}

/**
 * Compiles a mailbox.
 *
 * @param request What is declared.
 * @throws {TypeError} If the configuration has not passed its checks.
 */
export function mailboxPlan({ name, channel, from, to }: MailboxRequest): MailboxPlan {
  const shape = shapeOf(channel, to.length);
  const blocks = (channel.overflow ?? DEFAULTS.mailbox.overflow) === "block";
  return {
    kind: "mailbox",
    name,
    from,
    to: { ...to[0]!.port, processes: to.flatMap(({ port }) => port.processes) },
    shape,
    schema: channel.schema === undefined ? null : structLayout(channel.schema).text,
    producer: {
      ...useOf({}, channel),
      blockNs: shape.history === "keepAll" && blocks
        ? parseDurationNs(channel.blockFor ?? DEFAULTS.mailbox.blockFor)
        : 0,
    },
    consumers: to.map(({ port, own, pathLimitsNs }) => {
      const resume = own.resume ?? channel.resume ?? DEFAULTS.mailbox.resume;
      const lifespan = own.lifespan ?? channel.lifespan;
      const latency = own.latency ?? channel.latency;
      return {
        ...useOf(own, channel),
        port,
        behind: own.behind ?? channel.behind ?? DEFAULTS.mailbox.behind,
        from: resume === "newest" ? "newest" : "resume",
        lifespanNs: lifespan === undefined ? 0 : parseDurationNs(lifespan),
        latencyNs: latency === undefined ? 0 : thresholds(latency).missNs,
        pathLimitsNs,
      };
    }),
    lock: channel.lock ?? DEFAULTS.mailbox.lock,
    hugePages: channel.hugePages ?? DEFAULTS.mailbox.hugePages,
  };
}

/** Memory of a mailbox, in all, bytes. */
export function mailboxBytes({ shape }: MailboxPlan): number {
  return segmentBytes(shape) + shape.consumers * CONSUMER_BYTES;
}

/**
 * Refuses more memory than the machine has: what cannot be had at the start would otherwise be
 * taken from others by the kernel, or kill whoever touches it.
 *
 * @param channels Compiled channels.
 * @param memory What there is; null: no mailbox was declared.
 * @param issues Receives the error, with both figures.
 */
export function checkMemory(
  channels: readonly ChannelPlan[],
  memory: MemoryFact | null,
  issues: Issues,
): void {
  const mailboxes = channels.filter((channel) => channel.kind === "mailbox");
  if (memory === null || mailboxes.length === 0) return;
  for (const mailbox of mailboxes) {
    const segment = segmentBytes(mailbox.shape);
    if (segment <= memory.segmentBytesMax) continue;
    issues.error(
      ["channels", mailbox.name],
      `its samples take ${roundedSize(segment, "up")}, and a file of cox's may have ` +
        `${roundedSize(memory.segmentBytesMax, "down")} (RLIMIT_FSIZE), memory included`,
      "start cox with a higher `ulimit -f`",
    );
  }
  const ordinary = ordinaryMailboxes(mailboxes, memory);
  const bytes = ordinary.reduce((sum, mailbox) => sum + mailboxBytes(mailbox), 0);
  if (bytes <= memory.bytes) return;
  const [largest] = ordinary.toSorted((a, b) => mailboxBytes(b) - mailboxBytes(a));
  issues.error(
    ["channels", largest!.name],
    `the mailboxes take ${roundedSize(bytes, "up")} (this one ` +
      `${roundedSize(mailboxBytes(largest!), "up")}), and ${memory.what} has ` +
      `${roundedSize(memory.bytes, "down")}`,
    "fewer slots, or smaller samples",
  );
}

/** Those that take of the ordinary memory: all, if there are not huge pages enough for each that asks. */
function ordinaryMailboxes(
  mailboxes: readonly MailboxPlan[],
  { hugeBytes }: MemoryFact,
): readonly MailboxPlan[] {
  const pages = ({ shape }: MailboxPlan) => Math.ceil(segmentBytes(shape) / HUGE_PAGE_BYTES);
  const asked = mailboxes.filter(({ hugePages }) => hugePages);
  const bytes = asked.reduce((sum, mailbox) => sum + pages(mailbox), 0) * HUGE_PAGE_BYTES;
  return bytes > hugeBytes ? mailboxes : mailboxes.filter(({ hugePages }) => !hugePages);
}

function shapeOf(channel: MailboxConfig, consumers: number): MailboxShape {
  const layout = channel.schema === undefined ? null : structLayout(channel.schema);
  const slots = channel.slots ?? DEFAULTS.mailbox.slots;
  const history = channel.history ?? { keepLast: slots >> 1 };
  const shape: MailboxShape = {
    slots,
    sampleBytes: layout?.bytes ?? parseSizeBytes(channel.sampleBytes ?? ""),
    history: history === "keepAll" ? "keepAll" : "keepLast",
    keep: history === "keepAll" ? 0 : history.keepLast,
    consumers,
    checksum: channel.checksum ?? DEFAULTS.mailbox.checksum,
    schemaHash: layout?.hash ?? [0, 0],
  };
  const fault = shapeFault(shape);
  if (fault !== null) throw new TypeError(`There cannot be such a mailbox: ${fault}`);
  return shape;
}

function useOf(own: MailboxUse, channel: MailboxUse): MailboxUsePlan {
  const spin = own.spin ?? channel.spin;
  return {
    waiting: own.wait ?? channel.wait ?? DEFAULTS.mailbox.wait,
    spinNs: spin === undefined ? -1 : parseDurationNs(spin),
    checked: own.checked ?? channel.checked ?? DEFAULTS.mailbox.checked,
  };
}
