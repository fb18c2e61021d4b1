/**
 * What each contract's judge looks at, made from the memory that the thread was given. Owns which
 * end of which channel shows what a contract is about. Must not know: judges, limits of a watch.
 */
import type { DeliverySource } from "../../deadline/delivery_judge.ts";
import type { Sources } from "../../deadline/make_judge.ts";
import { type PulseLineShape, pulsePlace } from "../../deadline/pulse_layout.ts";
import { PulseSigns, type PulseViews } from "../../deadline/pulse_source.ts";
import type { SignSource } from "../../deadline/silence_judge.ts";
import type { ContractIndex, ContractPlan } from "../../plan/contract.ts";
import type { ChannelIndex, ProcessIndex } from "../../plan/plan.ts";
import {
  Deliveries,
  EitherSigns,
  LegSigns,
  LegWaiting,
  type MailboxMemory,
  MailboxWaiting,
  PublishSigns,
  ReceiveSigns,
  type WaitingSource,
} from "./channel_sources.ts";

/** A channel as the thread has it. */
export type WatchedChannel =
  | ({ readonly kind: "mailbox" } & MailboxMemory)
  | { readonly kind: "leg"; readonly slot: number; readonly pipe: ReadPipe }
  /** Nothing is known of it but that something was written. */
  | { readonly kind: "pipe"; readonly signs: HeardSigns };

/** Signs that somebody hears and notes. */
export class HeardSigns implements SignSource {
  signs = 0;
  lastNs = 0;

  /** One more. */
  note(nowNs: number): void {
    this.signs = (this.signs + 1) >>> 0;
    this.lastNs = nowNs;
  }

  read(): boolean {
    return true;
  }
}

/** The pipe that a consumer of a relayed pipe reads from: another one for each instance. */
export interface ReadPipe {
  /** -1: there is none yet. */
  fd: number;
}

/** What sources are made from. */
export interface SourceParts {
  readonly contracts: readonly ContractPlan[];
  readonly pulses: ReadonlyMap<
    ProcessIndex,
    { readonly views: PulseViews; readonly lines: readonly PulseLineShape[] }
  >;
  readonly channels: ReadonlyMap<ChannelIndex, WatchedChannel>;
  /** By path: which consumer of each of its channels carries the samples on. */
  readonly carriers: ReadonlyMap<ContractIndex, readonly number[]>;
  /** Of `@relay`; empty where there is none. */
  readonly counters: Float64Array;
  readonly nowNs: () => number;
  /** Bytes in a pipe; 0 of what is none. */
  readonly fillBytes: (fd: number) => number;
}

/** The sources of all contracts. */
export function contractSources(parts: SourceParts): Sources {
  const pulse = (process: ProcessIndex) =>
    found(parts.pulses.get(process), "pulse memory", process);
  const channel = (index: ChannelIndex) => found(parts.channels.get(index), "channel", index);
  return {
    pulse,
    signs: (index) => signsOf(parts, channel, parts.contracts[index]!, index),
    deliveries: (index) => deliveriesOf(parts, channel, parts.contracts[index]!, index),
  };
}

type Find = (index: ChannelIndex) => WatchedChannel;

function signsOf(
  parts: SourceParts,
  find: Find,
  contract: ContractPlan,
  index: ContractIndex,
): SignSource {
  switch (contract.kind) {
    case "heartbeat":
      if (contract.source.by !== "channel") break;
      return sentSigns(parts, find(contract.source.channel), false);
    case "gap": {
      const channel = find(contract.channel);
      if (channel.kind !== "mailbox" || contract.consumer === null) {
        return sentSigns(parts, channel, false);
      }
      return new ReceiveSigns(channel.pages[contract.consumer]!);
    }
    case "liveliness": {
      const sent = sentSigns(parts, find(contract.channel), true);
      if (contract.line === null) return sent;
      const memory = found(parts.pulses.get(contract.process), "pulse memory", contract.process);
      const place = pulsePlace(memory.lines, contract.line);
      return new EitherSigns(sent, new PulseSigns(memory.views, place));
    }
  }
  throw new Error(`Contract ${index} is not judged by signs of a channel`);
}

/** Of a leg whatever passes it, in either direction. */
function sentSigns(
  { counters }: SourceParts,
  channel: WatchedChannel,
  withHeartbeat: boolean,
): SignSource {
  switch (channel.kind) {
    case "mailbox":
      return new PublishSigns(channel, withHeartbeat);
    case "leg":
      return new LegSigns(counters, channel.slot);
    case "pipe":
      return channel.signs;
  }
}

function deliveriesOf(
  { counters, nowNs, carriers, fillBytes }: SourceParts,
  find: Find,
  contract: ContractPlan,
  index: ContractIndex,
): DeliverySource {
  const end = (
    channel: WatchedChannel,
    consumer: number,
    path: number | null = null,
  ): WaitingSource => {
    if (channel.kind === "mailbox") return new MailboxWaiting(channel, consumer, path);
    if (channel.kind === "leg") {
      const { slot, pipe } = channel;
      return new LegWaiting(counters, slot, () => pipe.fd < 0 ? 0 : fillBytes(pipe.fd));
    }
    throw new Error(`Contract ${index}: deliveries of a direct pipe are not seen`);
  };
  switch (contract.kind) {
    case "latency": {
      const ends = [end(find(contract.channel), contract.consumer ?? 0)];
      return new Deliveries(ends, { limitNs: contract.missNs, byOrigin: false, nowNs });
    }
    case "path": {
      const last = contract.channels.length - 1;
      const ends = contract.channels.map((channel, at) =>
        at === last
          ? end(find(channel), contract.consumer, contract.number)
          : end(find(channel), carriers.get(index)?.[at] ?? 0)
      );
      return new Deliveries(ends, { limitNs: contract.missNs, byOrigin: true, nowNs });
    }
    default:
      throw new Error(`Contract ${index} is not judged by deliveries`);
  }
}

function found<T>(value: T | undefined, what: string, index: number): T {
  if (value === undefined) throw new Error(`No ${what} ${index} for a contract`);
  return value;
}
