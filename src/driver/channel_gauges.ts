/**
 * Looks at every flow of a crew: how much is in it, whether a writer would have to wait, whether
 * somebody has read. All from descriptors that are held anyway and from the counters of `@relay`;
 * nothing is read, and between two looks nothing is done.
 *
 * ```
 *  pipe    FIONREAD: bytes;  poll(POLLOUT) on the write end: places;  inotify: was it read from
 *  pair    TIOCOUTQ: what a side has sent and the other not read, against its SO_SNDBUF
 *  legs    relay_counters.ts; what was delivered, as a pipe: its consumer may not have read it
 * ```
 *
 * FIONREAD alone cannot say that a pipe is full: its places are pages, and a page may hold little
 * (2,049 bytes in each: full at half of its capacity). Nor can it say that nobody reads: a pipe
 * that is filled as fast as it is drained always has as much in it.
 * Must not know: what the looks add up to, who asked for them.
 */
import type { Channel } from "../channel/channel.ts";
import { PairChannel } from "../channel/pair/pair_channel.ts";
import { PipeChannel } from "../channel/pipe/pipe_channel.ts";
import { LegChannel } from "../channel/relay/leg_channel.ts";
import { type LegFigures, readLeg } from "../channel/relay/relay_counters.ts";
import { type Flow, type FlowIndex, flowsOf } from "../channel/watch/flow.ts";
import type { Counted, Look } from "../channel/watch/observe.ts";
import { monotonicMs } from "../os/monotonic.ts";
import { pipeFillBytes } from "../os/pipe.ts";
import { PipeWatch } from "../os/pipe_watch.ts";
import { WritablePoll } from "../os/poll.ts";
import { socketSendBufferBytes } from "../os/socket.ts";
import { socketSentBytes } from "../os/socket_queue.ts";
import type { LegPlan, Plan } from "../plan/plan.ts";

/**
 * Looks without a watch after one that has caught a reader, which then does flow: to watch costs
 * more than all the rest. The next look cannot tell, and a standstill counts from it at the latest.
 */
const UNWATCHED_LOOKS = 1;
/** Of a pipe that was found empty, where nothing can stand still. */
const UNWATCHED_LOOKS_EMPTY = 4;

/** What is measured. */
export interface GaugedParts {
  readonly plan: Plan;
  readonly channels: readonly Channel[];
  /** The counters of `@relay`; null in a crew without. */
  readonly counters: Float64Array | null;
}

/** The pipe that a flow's consumer reads from, and what is kept of it from look to look. */
interface PipeGauge {
  readonly channel: PipeChannel | LegChannel;
  /** Which of the channel's pipes it is. */
  generation: number;
  /** Number of the watch for the next read; null: none. */
  watch: number | null;
  /** Looks to come before it is watched again. */
  unwatched: number;
  fill: number;
}

/** All gauges of a crew. */
export class ChannelGauges {
  readonly flows: readonly Flow[];
  readonly #parts: GaugedParts;
  readonly #pipes = new Map<FlowIndex, PipeGauge>();
  #poll = new WritablePoll([]);
  #polledFds: readonly number[] = [];
  /** undefined: not tried yet. Never closed, for closing waits. */
  #reads: PipeWatch | null | undefined = undefined;
  #over: ReadonlySet<number> | "all" = new Set();
  readonly #sentBytes: number[] = [];

  constructor(parts: GaugedParts) {
    this.#parts = parts;
    this.flows = flowsOf(parts.plan);
    this.flows.forEach((flow, index) => {
      const channel = parts.channels[flow.channel];
      // What goes to `@relay` it takes out itself, and keeps the time of what it does not.
      const isGauged = channel instanceof PipeChannel ||
        (channel instanceof LegChannel && flow.kind === "out-leg");
      if (!isGauged) return;
      this.#pipes.set(index, { channel, generation: 0, watch: null, unwatched: 0, fill: 0 });
    });
  }

  /** False where it is not known whether a pipe was read from: less in it is the only sign then. */
  get seesReads(): boolean {
    return this.#reads !== null;
  }

  /** Looks at all flows now; in their order. */
  look(): Look[] {
    if (this.#reads === undefined && this.#pipes.size > 0) this.#reads = PipeWatch.open("reads");
    this.#over = this.#reads?.over() ?? new Set();
    this.#lookForRoom();
    const atMs = monotonicMs();
    return this.flows.map((flow, index) => {
      switch (flow.kind) {
        case "pipe":
          return this.#lookAtPipe(index, atMs);
        case "pair":
          return this.#lookAtPair(flow, index, atMs);
        case "in-leg":
        case "out-leg":
          return this.#lookAtLeg(flow, index, atMs);
      }
    });
  }

  /** Nobody looks any more: lets go of what the kernel was asked to watch. */
  rest(): void {
    for (const gauge of this.#pipes.values()) this.#disarm(gauge);
  }

  /** Delivered by `@relay` and not read yet, bytes; null: it is no out-leg. */
  unreadBytes(flow: FlowIndex): number | null {
    const gauge = this.#pipes.get(flow);
    return gauge?.channel instanceof LegChannel ? gauge.fill : null;
  }

  /** The counters of a leg now; null when there is no such leg. */
  legFigures(flow: Flow): LegFigures | null {
    const plan = this.#parts.plan.channels[flow.channel];
    const { counters } = this.#parts;
    return plan?.kind === "leg" && counters !== null
      ? readLeg(counters, plan.slot, monotonicMs())
      : null;
  }

  #lookForRoom(): void {
    const fds = this.flows.map((_, index) => {
      const channel = this.#pipes.get(index)?.channel;
      return channel instanceof PipeChannel ? channel.heldEnds.writeFd ?? -1 : -1;
    });
    if (fds.some((fd, place) => fd !== this.#polledFds[place])) {
      this.#poll = new WritablePoll(fds);
      this.#polledFds = fds;
    }
    this.#poll.look();
  }

  #lookAtPipe(index: FlowIndex, atMs: number): Look {
    const gauge = this.#pipes.get(index)!;
    const taken = this.#measure(gauge);
    const { fill } = gauge;
    const capacity = gauge.channel.capacityBytes;
    // It was asked for room a moment before: by now it may be empty.
    const blocks = this.#polledFds[index] !== -1 && fill > 0 && !this.#poll.isWritable(index);
    return { atMs, fill, capacity, waits: fill > 0, blocks, taken, counted: null };
  }

  /** @returns whether the pipe was read from; null: it cannot be told. */
  #measure(gauge: PipeGauge): boolean | null {
    const held = heldPipe(gauge.channel);
    if (held === null || gauge.generation !== held.generation) this.#disarm(gauge);
    if (held === null) {
      gauge.fill = 0;
      return null;
    }
    gauge.generation = held.generation;
    const before = gauge.fill;
    gauge.fill = pipeFillBytes(held.readFd);
    const taken = this.#wasRead(gauge, before);
    if (gauge.watch === null) this.#watchReads(gauge, held.readFd);
    return taken;
  }

  #wasRead(gauge: PipeGauge, before: number): boolean | null {
    if (this.#reads === null) return gauge.fill < before;
    if (gauge.watch === null) return null;
    const read = this.#over === "all" || this.#over.has(gauge.watch);
    if (!read) return false;
    gauge.watch = null;
    gauge.unwatched = gauge.fill === 0 ? UNWATCHED_LOOKS_EMPTY : UNWATCHED_LOOKS;
    return true;
  }

  #watchReads(gauge: PipeGauge, readFd: number): void {
    // One that has something in it again may begin to stand still now.
    if (gauge.fill > 0) gauge.unwatched = Math.min(gauge.unwatched, UNWATCHED_LOOKS);
    if (gauge.unwatched > 0) gauge.unwatched--;
    else gauge.watch = this.#reads?.arm(readFd) ?? null;
  }

  #disarm(gauge: PipeGauge): void {
    if (gauge.watch !== null) this.#reads?.disarm(gauge.watch);
    gauge.watch = null;
  }

  #lookAtPair(flow: Flow, index: FlowIndex, atMs: number): Look {
    const channel = this.#parts.channels[flow.channel];
    const held = channel instanceof PairChannel ? channel.heldEnds : null;
    if (held === null || flow.side === null) {
      const nothing = { fill: 0, capacity: 0, waits: false, blocks: false };
      return { atMs, ...nothing, taken: null, counted: null };
    }
    const capacity = socketSendBufferBytes(held[flow.side]);
    const fill = socketSentBytes(held[flow.side]);
    const before = this.#sentBytes[index] ?? 0;
    this.#sentBytes[index] = fill;
    // Nobody tells of reads from a socket; what is empty whenever we look may be much used.
    const taken = fill < before ? true : fill === 0 ? null : false;
    const blocks = fill >= capacity;
    return { atMs, fill, capacity, waits: fill > 0, blocks, taken, counted: null };
  }

  #lookAtLeg(flow: Flow, index: FlowIndex, atMs: number): Look {
    const { plan, channels } = this.#parts;
    const leg = plan.channels[flow.channel] as LegPlan;
    const figures = this.legFigures(flow);
    const gauge = this.#pipes.get(index);
    const counted = figures === null ? null : countedOf(figures);
    if (gauge === undefined || leg.queue === null) {
      const channel = channels[flow.channel];
      const fill = channel?.fillBytes() ?? 0;
      const capacity = channel?.capacityBytes ?? 0;
      const blocks = figures !== null && isBlocked(figures);
      return { atMs, fill, capacity, waits: fill > 0, blocks, taken: null, counted };
    }
    const taken = this.#measure(gauge);
    const fill = figures?.queuedMessages ?? 0;
    return {
      atMs,
      fill,
      capacity: leg.queue.messagesMax,
      // What was delivered waits as well, until it is read.
      waits: fill > 0 || gauge.fill > 0,
      blocks: figures !== null && this.#outBlocks(leg, figures),
      taken,
      counted,
    };
  }

  /** A queue that the producers have to wait for: it is full, and that is to block. */
  #outBlocks({ queue, relayed }: LegPlan, figures: LegFigures): boolean {
    if (queue === null || figures.overflow !== "block") return false;
    if (figures.queuedMessages >= queue.messagesMax) return true;
    const largest = this.#parts.plan.relayed[relayed]?.maxMessageBytes ?? 0;
    // The next message may be too large for what is left, which nobody here can see.
    return figures.queuedMessages > 0 && figures.queuedBytes + largest > queue.bytesMax &&
      this.#aProducerWaits(relayed);
  }

  #aProducerWaits(relayed: number): boolean {
    return this.flows.some((flow) => {
      const figures = flow.kind === "in-leg" && flow.relayed === relayed
        ? this.legFigures(flow)
        : null;
      return figures !== null && isBlocked(figures);
    });
  }
}

/** The pipe that is read from now; null: none is held. */
function heldPipe(
  channel: PipeChannel | LegChannel,
): { readonly readFd: number; readonly generation: number } | null {
  if (channel instanceof LegChannel) {
    const pipe = channel.newestPipe;
    return pipe === null ? null : { readFd: pipe.readFd, generation: pipe.number };
  }
  const { readFd } = channel.heldEnds;
  return readFd === null ? null : { readFd, generation: channel.generation };
}

function countedOf(figures: LegFigures): Counted {
  return {
    messages: figures.messages,
    bytes: figures.bytes,
    dropped: Object.values(figures.dropped).reduce((sum, count) => sum + count, 0),
    oldestMs: figures.oldestAgeMs,
    blockedForMs: figures.blockedForMs,
    blockedTotalMs: figures.blockedTotalMs,
  };
}

function isBlocked({ blockedForMs }: LegFigures): boolean {
  return blockedForMs !== null;
}
