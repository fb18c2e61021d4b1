/**
 * What is known of the channels, as `cox channels` shows it: one connection's view, with rates
 * from its own call before. Must not know: sockets, when it is asked.
 */
import type { Channel } from "../channel/channel.ts";
import { ListenChannel } from "../channel/listen/listen_channel.ts";
import { MailboxChannel } from "../channel/mailbox/mailbox_channel.ts";
import type { Blame } from "../channel/watch/blame.ts";
import type { Flow, FlowIndex } from "../channel/watch/flow.ts";
import { type Figures, figuresOf, type FlowMemory, type Look } from "../channel/watch/observe.ts";
import type { ChannelFigures, ChannelsReport, ChannelWaits } from "../control/channels_report.ts";
import type { StallSnapshot } from "../control/protocol.ts";
import { tcpAcceptQueue, unixAcceptQueue } from "../os/socket_queue.ts";
import type { ChannelIndex, ListenPlan, Plan } from "../plan/plan.ts";
import { endpointText } from "./channel_names.ts";
import type { ChannelWatch, Watcher } from "./channel_watch.ts";
import { lookAtMailbox, type MailboxLook, mailboxRows } from "./mailbox_figures.ts";

/** Between the two looks of a first call, milliseconds. */
const FIRST_LOOKS_MS = 150;

/** What a report is made from. */
export interface ReportParts {
  readonly plan: Plan;
  readonly channels: readonly Channel[];
  readonly watch: ChannelWatch;
  /** Of a pipe or leg. */
  readonly stallOf: (channel: ChannelIndex) => StallSnapshot | null;
}

/** One connection's view; it watches until it is disposed. */
export class ChannelReporter implements Disposable {
  readonly #parts: ReportParts;
  readonly #watcher: Watcher;
  #before: readonly Look[] | null = null;
  readonly #mailboxes = new Map<MailboxChannel, MailboxLook>();

  constructor(parts: ReportParts) {
    this.#parts = parts;
    this.#watcher = parts.watch.open();
  }

  /** Looks, at the first call twice. */
  async report(): Promise<ChannelsReport> {
    if (this.#before === null) {
      this.#before = looksOf(this.#watcher.look());
      for (const channel of this.#parts.channels) {
        if (channel instanceof MailboxChannel) this.#mailboxes.set(channel, lookAtMailbox(channel));
      }
      await new Promise((resolve) => setTimeout(resolve, FIRST_LOOKS_MS));
    }
    const { plan, watch } = this.#parts;
    const memories = this.#watcher.look();
    const before = this.#before;
    this.#before = looksOf(memories);
    const byChannel = Map.groupBy(watch.flows.keys(), (flow) => watch.flows[flow]!.channel);
    // In the order of the plan, a listener among the others.
    const channels = plan.channels.flatMap((channel, index): ChannelFigures[] => {
      if (channel.kind === "listen") return [this.#figuresOfListener(channel, index)];
      if (channel.kind === "mailbox") return this.#figuresOfMailbox(index);
      return byChannel.get(index)!.map((flow) =>
        this.#figuresOfFlow(watch.flows[flow]!, flow, memories[flow]!, before[flow] ?? null)
      );
    });
    return { channels, seesReads: watch.seesReads };
  }

  [Symbol.dispose](): void {
    this.#watcher.close();
  }

  #figuresOfFlow(
    flow: Flow,
    index: FlowIndex,
    memory: FlowMemory,
    before: Look | null,
  ): ChannelFigures {
    const { plan, watch, stallOf } = this.#parts;
    const figures = figuresOf({ ...memory, before: before ?? memory.before });
    const ends = endpointText(plan, flow.channel);
    const isBackwards = flow.side === "second";
    return {
      channel: flow.name,
      kind: flow.relayed === null ? flow.kind as "pipe" | "pair" : "relayed",
      from: isBackwards ? ends.to : ends.from,
      to: isBackwards ? ends.from : ends.to,
      unit: flow.kind === "out-leg" ? "messages" : "bytes",
      fill: figures.fill,
      capacity: figures.capacity,
      queuedBytes: flow.kind === "out-leg" ? watch.queuedBytes(index) : null,
      unreadBytes: watch.unreadBytes(index),
      oldestMs: round(figures.oldestMs),
      perSecond: figures.perSecond,
      total: figures.total,
      lastMs: null,
      dropped: figures.dropped,
      standsForMs: Math.round(figures.standsForMs),
      standsLonger: figures.standsLonger,
      stoodMs: Math.round(figures.stoodMs),
      stall: flow.kind === "in-leg" ? null : stallOf(flow.channel),
      waits: this.#waits(flow, index, figures),
    };
  }

  #waits(flow: Flow, index: FlowIndex, figures: Figures): ChannelWaits | null {
    const who = (side: "from" | "to") => flow[side].map((process) => this.#nameOf(process));
    if (figures.holdsUp) {
      const blame = this.#parts.watch.blame(index);
      return { side: "producer", who: who("from"), for: this.#blamed(blame) };
    }
    if (!figures.isDry) return null;
    const forWhom = flow.from.map((process) => ({
      process: this.#nameOf(process),
      condition: this.#parts.watch.conditionOf(process),
    }));
    return { side: "consumer", who: who("to"), for: forWhom };
  }

  #blamed(blame: Blame): ChannelWaits["for"] {
    if (blame.kind === "culprits") {
      return blame.culprits.map(({ process, condition }) => ({
        process: this.#nameOf(process),
        condition,
      }));
    }
    return blame.processes.map((process) => ({
      process: this.#nameOf(process),
      condition: "running" as const,
    }));
  }

  #figuresOfMailbox(index: number): ChannelFigures[] {
    const { plan, channels } = this.#parts;
    const mailbox = channels[index];
    if (!(mailbox instanceof MailboxChannel)) throw new Error(`Channel ${index} is no mailbox`);
    const now = lookAtMailbox(mailbox);
    const before = this.#mailboxes.get(mailbox) ?? now;
    this.#mailboxes.set(mailbox, now);
    return mailboxRows(plan, mailbox, before, now);
  }

  #figuresOfListener(channel: ListenPlan, index: number): ChannelFigures {
    const held = this.#parts.channels[index];
    const fd = held instanceof ListenChannel ? held.fd : null;
    const queue = fd === null
      ? null
      : channel.address.kind === "tcp"
      ? tcpAcceptQueue(fd)
      : unixAcceptQueue(fd);
    const servers = channel.to.processes.map((process) => ({
      process: this.#nameOf(process),
      condition: this.#parts.watch.conditionOf(process),
    }));
    const isWaitedFor = queue !== null && queue.waiting > 0;
    return {
      channel: channel.name,
      kind: "listen",
      from: "clients",
      to: endpointText(this.#parts.plan, index).to,
      unit: "connections",
      fill: queue?.waiting ?? null,
      capacity: queue?.waitingMax ?? null,
      queuedBytes: null,
      unreadBytes: null,
      oldestMs: null,
      perSecond: null,
      total: null,
      lastMs: null,
      dropped: null,
      standsForMs: 0,
      standsLonger: false,
      stoodMs: 0,
      stall: null,
      waits: isWaitedFor ? { side: "producer", who: ["clients"], for: servers } : null,
    };
  }

  #nameOf(process: number): string {
    return this.#parts.plan.processes[process]?.name ?? `#${process}`;
  }
}

function looksOf(memories: readonly FlowMemory[]): Look[] {
  return memories.map(({ look }) => look);
}

function round(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms);
}
