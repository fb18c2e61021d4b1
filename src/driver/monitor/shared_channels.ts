/**
 * What the monitor's thread is given of the channels that contracts are about: the memory of
 * mailboxes, by its address, the counters of `@relay`, descriptors of pipes to listen to. Must not
 * know: judges.
 */
import type { Channel } from "../../channel/channel.ts";
import { MailboxChannel } from "../../channel/mailbox/mailbox_channel.ts";
import { PipeChannel } from "../../channel/pipe/pipe_channel.ts";
import type { MailboxShape } from "../../channel/mailbox/layout.ts";
import type { ContractIndex, ContractPlan } from "../../plan/contract.ts";
import type { ChannelIndex, Plan, ProcessIndex } from "../../plan/plan.ts";
import type { Captures } from "../captures.ts";

/** Memory that is mapped in this process. */
export interface MappedAt {
  readonly address: bigint;
  readonly bytes: number;
}

/** A channel for the thread. */
export type SharedChannel =
  | {
    readonly channel: ChannelIndex;
    readonly kind: "mailbox";
    readonly shape: MailboxShape;
    readonly samples: MappedAt;
    readonly pages: readonly MappedAt[];
  }
  | { readonly channel: ChannelIndex; readonly kind: "leg"; readonly slot: number }
  | { readonly channel: ChannelIndex; readonly kind: "pipe" };

/** Where buffer lies, for another thread of this process. */
export function mappedAt(buffer: ArrayBuffer): MappedAt {
  const pointer = Deno.UnsafePointer.of(new Uint8Array(buffer));
  return { address: Deno.UnsafePointer.value(pointer), bytes: buffer.byteLength };
}

/** The memory again. */
export function mappedFrom({ address, bytes }: MappedAt): ArrayBuffer {
  const pointer = Deno.UnsafePointer.create(address);
  if (pointer === null) throw new Error("Memory of the monitor is nowhere");
  return Deno.UnsafePointerView.getArrayBuffer(pointer, bytes);
}

/** The channels that contracts are about. */
export function sharedChannels(plan: Plan, channels: readonly Channel[]): SharedChannel[] {
  const needed = new Set(plan.contracts.flatMap(channelsOf));
  return [...needed].map((index): SharedChannel => {
    const channel = channels[index];
    const declared = plan.channels[index];
    if (channel instanceof MailboxChannel) {
      const { samples, pages } = channel.mapForWatching();
      return {
        channel: index,
        kind: "mailbox",
        shape: channel.plan.shape,
        samples: mappedAt(samples),
        pages: pages.map(mappedAt),
      };
    }
    if (declared?.kind === "leg") return { channel: index, kind: "leg", slot: declared.slot };
    return { channel: index, kind: "pipe" };
  });
}

/** By path: which consumer of each of its channels is the producer of the next one. */
export function pathCarriers(plan: Plan): Map<ContractIndex, readonly number[]> {
  const carriers = new Map<ContractIndex, readonly number[]>();
  plan.contracts.forEach((contract, index) => {
    if (contract.kind !== "path") return;
    carriers.set(
      index,
      contract.channels.map((channel, at) => {
        const here = plan.channels[channel];
        const next = plan.channels[contract.channels[at + 1] ?? -1];
        if (here?.kind !== "mailbox" || next === undefined) return 0;
        const numbers = here.consumers.map(({ port }) => port.processes[0]);
        return Math.max(0, numbers.findIndex((p) => next.from.processes.includes(p!)));
      }),
    );
  });
  return carriers;
}

/** By path: the processes that its samples go through; of other contracts who keeps them. */
export function keepersOf(plan: Plan): readonly (readonly ProcessIndex[])[] {
  const carriers = pathCarriers(plan);
  return plan.contracts.map((contract, index) => {
    if (contract.kind !== "path") return [contract.process];
    const on = contract.channels.flatMap((channel, at) => {
      const declared = plan.channels[channel];
      if (declared?.kind !== "mailbox") return declared?.to.processes ?? [];
      const consumer = declared.consumers[carriers.get(index)?.[at] ?? 0];
      return [...declared.from.processes, ...(consumer?.port.processes ?? [])];
    });
    return [...new Set([...on, contract.process])].filter((p) => !plan.processes[p]?.system);
  });
}

/** A pipe to listen to. */
export interface Sound {
  readonly contract: ContractIndex;
  /** Which of the contract's pipes it is; stays when the pipe is another. */
  readonly at: number;
  readonly fd: number;
}

/** The pipes that show that a process lives, as they are held now. */
export function soundsOf(
  plan: Plan,
  process: ProcessIndex,
  held: { readonly channels: readonly Channel[]; readonly captures: Captures },
): Sound[] {
  return plan.contracts.flatMap((contract, index): Sound[] => {
    if (contract.kind !== "heartbeat" || contract.process !== process) return [];
    const { source } = contract;
    const fds = source.by === "output"
      ? held.captures.readFdsOf(process)
      : source.by === "channel"
      ? pipeFds(held.channels[source.channel])
      : [];
    return fds.map((fd, at) => ({ contract: index, at, fd }));
  });
}

/** By process: the relayed pipes that it reads from, as far as it is judged by when it does. */
export function judgedReaders(plan: Plan): Map<ProcessIndex, ChannelIndex[]> {
  const judged = new Set(
    plan.contracts.filter(({ kind }) => kind === "latency" || kind === "path").flatMap(channelsOf),
  );
  const readers = new Map<ProcessIndex, ChannelIndex[]>();
  for (const index of judged) {
    const channel = plan.channels[index];
    if (channel?.kind !== "leg") continue;
    for (const process of channel.to.processes) {
      readers.set(process, [...readers.get(process) ?? [], index]);
    }
  }
  return readers;
}

/** How long nobody needs to listen after a sound; null: no contract is heard. */
export function deafNsOf(plan: Plan): number | null {
  const limits = plan.contracts.flatMap((contract) =>
    isHeard(plan, contract) ? contract.missNs : []
  );
  if (limits.length === 0) return null;
  return Math.min(DEAF_NS_MAX, Math.max(DEAF_NS_MIN, Math.min(...limits) / DEAF_PART));
}

/** A sound may be dated late by this part of its limit. */
const DEAF_PART = 20;
const DEAF_NS_MIN = 500_000;
const DEAF_NS_MAX = 50_000_000;

function isHeard(
  plan: Plan,
  contract: ContractPlan,
): contract is Extract<ContractPlan, { kind: "heartbeat" }> {
  if (contract.kind !== "heartbeat") return false;
  const { source } = contract;
  return source.by === "output" ||
    (source.by === "channel" && plan.channels[source.channel]?.kind === "pipe");
}

function channelsOf(contract: ContractPlan): readonly ChannelIndex[] {
  switch (contract.kind) {
    case "heartbeat":
      return contract.source.by === "channel" ? [contract.source.channel] : [];
    case "gap":
    case "latency":
    case "liveliness":
      return [contract.channel];
    case "path":
      return contract.channels;
    default:
      return [];
  }
}

function pipeFds(channel: Channel | undefined): number[] {
  const fd = channel instanceof PipeChannel ? channel.heldEnds.readFd : null;
  return fd === null ? [] : [fd];
}
