/**
 * The channels of a drawing: what of a channel is drawn, and how a relayed pipe reads. A relayed
 * pipe is one channel here, whatever number of legs it has. Must not know: any language.
 */
import { formatDuration, formatSize } from "../config/units.ts";
import type {
  LegPlan,
  MailboxPlan,
  Plan,
  PortPlan,
  QueuePlan,
  RatePlan,
  RelayedPlan,
} from "./plan.ts";

/** A channel as `cox graph --format json` prints it. */
export type DrawnChannel = DrawnWire | DrawnRelayed | DrawnMailbox;

/** One that joins processes without anything between them. */
export interface DrawnWire {
  readonly name: string;
  readonly kind: "pipe" | "pair" | "listen";
  readonly from: DrawnSide;
  readonly to: DrawnSide;
}

/** The processes on a side, all by a port of the same name. */
export interface DrawnSide {
  readonly processes: readonly string[];
  readonly port: string;
}

/** A pipe whose messages `@relay` moves. */
export interface DrawnRelayed {
  readonly name: string;
  readonly kind: "relayed";
  readonly framing: RelayedPlan["framing"];
  readonly maxMessageBytes: number;
  readonly onMalformed: RelayedPlan["onMalformed"];
  readonly rate: RatePlan | null;
  readonly from: readonly DrawnEnd[];
  readonly to: readonly DrawnConsumer[];
}

/** Samples in shared memory. */
export interface DrawnMailbox {
  readonly name: string;
  readonly kind: "mailbox";
  readonly slots: number;
  readonly sampleBytes: number;
  /** null: all are kept. */
  readonly keepLast: number | null;
  readonly from: DrawnEnd;
  readonly to: readonly DrawnEnd[];
}

/** One process's end. */
export interface DrawnEnd {
  readonly process: string;
  readonly port: string;
}

/** A consumer's end, and what waits for it. */
export type DrawnConsumer = DrawnEnd & QueuePlan;

/** The channels of a plan, in order of declaration. */
export function drawnChannels(plan: Plan): DrawnChannel[] {
  const drawn = new Set<number>();
  return plan.channels.flatMap((channel): DrawnChannel[] => {
    if (channel.kind === "mailbox") return [drawnMailbox(plan, channel)];
    if (channel.kind !== "leg") {
      const { name, kind } = channel;
      return [{ name, kind, from: drawnSide(plan, channel.from), to: drawnSide(plan, channel.to) }];
    }
    if (drawn.has(channel.relayed)) return [];
    drawn.add(channel.relayed);
    return [drawnRelayed(plan, channel.relayed)];
  });
}

/** What of a relayed pipe stands beside its name: `lines, at most 64KiB each`. */
export function relayedSummary({ framing, maxMessageBytes }: DrawnRelayed): string {
  return `${framing}, at most ${formatSize(maxMessageBytes)} each`;
}

/** What of a mailbox stands beside its name: `8 slots of 64KiB, keeps 4`. */
export function mailboxSummary({ slots, sampleBytes, keepLast }: DrawnMailbox): string {
  return `${slots} slots of ${formatSize(sampleBytes)}, keeps ${keepLast ?? "all"}`;
}

/** A consumer's policy: `drop-oldest above 30 messages or 1MiB, lifespan 500ms`. */
export function queueSummary(queue: QueuePlan): string {
  const { overflow, messagesMax, bytesMax, lifespanNs } = queue;
  const unit = messagesMax === 1 ? "message" : "messages";
  const life = lifespanNs === 0 ? "" : `, lifespan ${formatDuration(lifespanNs)}`;
  return `${overflow} above ${messagesMax} ${unit} or ${formatSize(bytesMax)}${life}`;
}

/** A producer's limit: `30 messages/s (burst 30), 1MiB/s (burst 1MiB), else block`. */
export function rateSummary(rate: RatePlan): string {
  const limits = [
    ...rate.messagesPerSecond === 0
      ? []
      : [`${rate.messagesPerSecond} messages/s (burst ${rate.messagesBurst})`],
    ...rate.bytesPerSecond === 0
      ? []
      : [`${formatSize(rate.bytesPerSecond)}/s (burst ${formatSize(rate.bytesBurst)})`],
  ];
  return `${limits.join(", ")}, else ${rate.overflow}`;
}

function drawnSide(plan: Plan, { processes, port }: PortPlan): DrawnSide {
  return { processes: processes.map((index) => plan.processes[index]!.name), port };
}

function drawnEnd(plan: Plan, { processes, port }: PortPlan): DrawnEnd {
  return { process: plan.processes[processes[0]!]!.name, port };
}

function drawnMailbox(plan: Plan, { name, shape, from, consumers }: MailboxPlan): DrawnMailbox {
  return {
    name,
    kind: "mailbox",
    slots: shape.slots,
    sampleBytes: shape.sampleBytes,
    keepLast: shape.history === "keepAll" ? null : shape.keep,
    from: drawnEnd(plan, from),
    to: consumers.map(({ port }) => drawnEnd(plan, port)),
  };
}

function drawnRelayed(plan: Plan, index: number): DrawnRelayed {
  const { name, framing, maxMessageBytes, onMalformed, rate, inLegs, outLegs } = plan
    .relayed[index]!;
  const end = (port: PortPlan) => drawnEnd(plan, port);
  const leg = (channel: number) => plan.channels[channel] as LegPlan;
  return {
    name,
    kind: "relayed",
    framing,
    maxMessageBytes,
    onMalformed,
    rate,
    from: inLegs.map((channel) => end(leg(channel).from)),
    to: outLegs.map((channel) => ({ ...end(leg(channel).to), ...leg(channel).queue! })),
  };
}
