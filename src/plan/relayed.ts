/**
 * Relayed pipes: from the configuration to legs, queues and rates. Owns what each key comes to,
 * and how large the kernel pipes of a leg are. Must not know: ports, profiles, process numbers.
 *
 * ```
 *  producer ──in-leg──► @relay ──out-leg──► consumer      one leg for each producing process
 * ```
 */
import type { PipeConfig, QueueConfig, RateConfig } from "../config/config.ts";
import { DEFAULTS, LIMITS } from "../config/defaults.ts";
import { formatSize, parseDurationNs, parseSizeBytes } from "../config/units.ts";
import type { Issues } from "./issues.ts";
import type { ChannelIndex, LegPlan, PortPlan, QueuePlan, RatePlan, RelayedPlan } from "./plan.ts";
import { stallPlan } from "./stall.ts";

/** What a framing adds to a message: its line feed; its length. */
const FRAMING_BYTES = { lines: 1, ndjson: 1, frames: 4 } as const;
const PAGE_BYTES = 4096;

/** A relayed pipe as declared, its ends resolved. */
export interface RelayedRequest {
  readonly name: string;
  readonly channel: PipeConfig;
  readonly framing: RelayedPlan["framing"];
  readonly from: readonly PortPlan[];
  readonly to: readonly RelayedConsumer[];
  /** Index of the relayed pipe. */
  readonly relayed: number;
  /** Index of its first leg among the channels. */
  readonly firstChannel: ChannelIndex;
  /** Record of its first leg in the counters. */
  readonly firstSlot: number;
  /** What one pipe may hold at most; null: no limit for us. */
  readonly pipeBytesMax: number | null;
}

/** A consumer, and what it has of its own. */
export interface RelayedConsumer {
  readonly port: PortPlan;
  readonly own: QueueConfig;
}

/**
 * Compiles a relayed pipe. `@relay`'s side of a leg has no process until processes have their
 * final numbers.
 *
 * @param request What is declared.
 * @param issues Receives warnings about pipes that are smaller than they should be, and the
 * error of too many producers.
 * @returns The pipe, and its legs in the order of their slots: producers first.
 */
export function relayedPlan(
  request: RelayedRequest,
  issues: Issues,
): { readonly plan: RelayedPlan; readonly legs: readonly LegPlan[] } {
  const { name, channel, framing, relayed, firstChannel, firstSlot } = request;
  const maxMessageBytes = parseSizeBytes(channel.maxMessage ?? DEFAULTS.relay.maxMessage);
  const wholeBytes = maxMessageBytes + FRAMING_BYTES[framing];
  const shared = {
    kind: "leg",
    name,
    relayed,
    capacityBytes: legCapacity(request, wholeBytes, issues),
    producerEnds: channel.producerEnds ?? DEFAULTS.pipe.producerEnds,
    consumerEnds: channel.consumerEnds ?? DEFAULTS.pipe.consumerEnds,
  } as const;
  const producers = request.from.flatMap((port) =>
    port.processes.map((process): PortPlan => ({ ...port, processes: [process] }))
  );
  checkCount(name, producers.length, issues);
  const inLegs = producers.map((from, at): LegPlan => ({
    ...shared,
    direction: "in",
    slot: firstSlot + at,
    from,
    to: RELAY_SIDE,
    queue: null,
  }));
  const outLegs = request.to.map(({ port, own }, at): LegPlan => ({
    ...shared,
    direction: "out",
    slot: firstSlot + producers.length + at,
    from: RELAY_SIDE,
    to: port,
    queue: queuePlan(own, channel, wholeBytes),
  }));
  const plan: RelayedPlan = {
    name,
    framing,
    maxMessageBytes,
    onMalformed: channel.onMalformed ?? DEFAULTS.relay.onMalformed,
    rate: channel.rate === undefined ? null : ratePlan(channel.rate, wholeBytes),
    inLegs: inLegs.map((_, at) => firstChannel + at),
    outLegs: outLegs.map((_, at) => firstChannel + inLegs.length + at),
    stall: stallPlan(channel.stall),
  };
  return { plan, legs: [...inLegs, ...outLegs] };
}

function checkCount(name: string, producers: number, issues: Issues): void {
  const { relayedProducersMax: max } = LIMITS;
  if (producers <= max) return;
  issues.error(
    ["channels", name, "from"],
    `at most ${max} processes can write to a relayed pipe, each replica counted; ` +
      `here ${producers} do`,
    "use fewer replicas, or several channels",
  );
}

const RELAY_SIDE: PortPlan = { processes: [], port: "relay", fd: -1 };

/** Fills in `@relay`'s side of a leg, once it has a number. */
export function withRelay(leg: LegPlan, relay: number): LegPlan {
  const side = { ...RELAY_SIDE, processes: [relay] };
  return leg.direction === "in" ? { ...leg, to: side } : { ...leg, from: side };
}

/** What a consumer leaves out is the channel's, key by key. */
function queuePlan(own: QueueConfig, channel: QueueConfig, wholeBytes: number): QueuePlan {
  const defaults = DEFAULTS.relay;
  const mark = <K extends "messages" | "bytes">(key: K) =>
    own.highWater?.[key] ?? channel.highWater?.[key] ?? defaults.highWater[key];
  const lifespan = own.lifespan ?? channel.lifespan;
  return {
    overflow: own.overflow ?? channel.overflow ?? defaults.overflow,
    messagesMax: mark("messages") as number,
    bytesMax: Math.max(parseSizeBytes(String(mark("bytes"))), wholeBytes),
    lifespanNs: lifespan === undefined ? 0 : parseDurationNs(lifespan),
  };
}

function ratePlan(rate: RateConfig, wholeBytes: number): RatePlan {
  const messagesPerSecond = rate.messages ?? 0;
  const bytesPerSecond = rate.bytes === undefined ? 0 : parseSizeBytes(rate.bytes);
  const { messages, bytes } = rate.burst ?? {};
  const burst = bytes === undefined ? bytesPerSecond : parseSizeBytes(bytes);
  return {
    messagesPerSecond,
    messagesBurst: rate.messages === undefined ? 0 : messages ?? Math.ceil(messagesPerSecond),
    bytesPerSecond,
    bytesBurst: rate.bytes === undefined ? 0 : Math.max(burst, wholeBytes),
    overflow: rate.overflow ?? DEFAULTS.relay.rate.overflow,
  };
}

/**
 * A message that fits into the pipe is in it as a whole when `@relay` takes it. A page more,
 * because what was taken before may have left a part of one unused.
 */
function legCapacity(
  { name, channel, pipeBytesMax }: RelayedRequest,
  wholeBytes: number,
  issues: Issues,
): number {
  const path = ["channels", name, channel.capacity === undefined ? "maxMessage" : "capacity"];
  const enough = powerOfTwo(wholeBytes + PAGE_BYTES);
  const asked = channel.capacity === undefined
    ? Math.max(enough, parseSizeBytes(DEFAULTS.pipe.capacity))
    : parseSizeBytes(channel.capacity);
  const capacity = pipeBytesMax === null ? asked : Math.min(asked, pipeBytesMax);
  if (channel.capacity !== undefined && capacity < asked) {
    issues.warning(
      path,
      `the kernel gives cox's user pipes of at most ${formatSize(capacity)} ` +
        `(/proc/sys/fs/pipe-max-size): ${channel.capacity} becomes that`,
      `capacity: "${formatSize(capacity)}", or raise the limit`,
    );
  }
  if (capacity < wholeBytes) {
    issues.warning(
      path,
      `a message can be longer than its pipe (${formatSize(capacity)}): @relay takes such a one ` +
        "in parts, and may cut it when it is killed meanwhile",
      capacity < asked
        ? "raise /proc/sys/fs/pipe-max-size, or lower maxMessage"
        : `capacity: "${formatSize(enough)}", or a smaller maxMessage`,
    );
  }
  return capacity;
}

function powerOfTwo(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(bytes));
}
