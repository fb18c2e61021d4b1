/**
 * Makes the snapshot of relayed pipes from the counters, which `@relay` writes and does not take
 * with it. Must not know: `@relay`, who asks.
 */
import type { Channel } from "../channel/channel.ts";
import { type LegFigures, readLeg } from "../channel/relay/relay_counters.ts";
import type {
  RelayedConsumerSnapshot,
  RelayedProducerSnapshot,
  RelayedSnapshot,
  StallSnapshot,
} from "../control/protocol.ts";
import type { ChannelIndex, LegPlan, Plan, PortPlan } from "../plan/plan.ts";

/** What the figures are taken from. */
export interface RelayedSources {
  readonly channels: readonly Channel[];
  readonly counters: Float64Array;
  /** What the `stall` rule has seen of a consumer's leg; null without one. */
  readonly stallOf: (leg: ChannelIndex) => StallSnapshot | null;
  /** CLOCK_MONOTONIC. */
  readonly nowMs: number;
}

/** By the names of the pipes. */
export function relayedSnapshots(
  plan: Plan,
  sources: RelayedSources,
): Record<string, RelayedSnapshot> {
  const snapshots: Record<string, RelayedSnapshot> = {};
  for (const { name, framing, inLegs, outLegs } of plan.relayed) {
    snapshots[name] = {
      kind: "relayed",
      framing,
      producers: inLegs.map((index) => producerSnapshot(plan, index, sources)),
      consumers: outLegs.map((index) => consumerSnapshot(plan, index, sources)),
    };
  }
  return snapshots;
}

function producerSnapshot(
  plan: Plan,
  index: ChannelIndex,
  sources: RelayedSources,
): RelayedProducerSnapshot {
  const { leg, held, figures } = look(plan, index, sources);
  return { from: portText(plan, leg.from), ...commonOf(figures, held) };
}

function consumerSnapshot(
  plan: Plan,
  index: ChannelIndex,
  sources: RelayedSources,
): RelayedConsumerSnapshot {
  const { leg, held, figures } = look(plan, index, sources);
  const { messagesMax, bytesMax, overflow } = leg.queue!;
  return {
    to: portText(plan, leg.to),
    ...commonOf(figures, held),
    queuedMessages: figures.queuedMessages,
    messagesMax,
    peakMessages: figures.peakMessages,
    queuedBytes: figures.queuedBytes,
    bytesMax,
    oldestAgeMs: figures.oldestAgeMs,
    // Before the first `@relay` nothing is in the counters.
    overflow: figures.instance === 0 ? overflow : figures.overflow,
    stall: sources.stallOf(index),
  };
}

/** Without what belongs to one side alone. */
function commonOf(
  { instance, messages, bytes, blockedForMs, blockedTotalMs, dropped }: LegFigures,
  { capacityBytes, fillBytes }: { readonly capacityBytes: number; readonly fillBytes: number },
): Omit<RelayedProducerSnapshot, "from"> {
  const flow = { instance, messages, bytes, capacityBytes, fillBytes };
  return { ...flow, blockedForMs, blockedTotalMs, dropped };
}

function look(plan: Plan, index: ChannelIndex, { channels, counters, nowMs }: RelayedSources) {
  const leg = plan.channels[index] as LegPlan;
  const channel = channels[index];
  const held = {
    capacityBytes: channel?.capacityBytes ?? 0,
    fillBytes: channel?.fillBytes() ?? 0,
  };
  return { leg, held, figures: readLeg(counters, leg.slot, nowMs) };
}

/** A leg is one process's: a replica goes by its own name. */
function portText(plan: Plan, { processes, port }: PortPlan): string {
  return `${plan.processes[processes[0] ?? -1]?.name ?? "?"}.${port}`;
}
