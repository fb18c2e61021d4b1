/**
 * The monitor's thread: is told by one message what to watch over, and then does nothing else until
 * it is told to end. Owns the thread's own set-up. Must not know: contracts.
 *
 * ```
 *   message: plan, memories, rings ──► loop, never back to the event loop ──► end: closes itself
 * ```
 */
import {
  PULSE_EPOCH,
  type PulseLineShape,
  pulsePlace,
  stampSign,
} from "../../deadline/pulse_layout.ts";
import { makeJudge } from "../../deadline/make_judge.ts";
import { type PulseViews, pulseViews } from "../../deadline/pulse_source.ts";
import { SystemError } from "../../os/errno.ts";
import { readSmallFile } from "../../os/file.ts";
import { currentThread } from "../../os/thread_scheduling.ts";
import { openMonitorCalls } from "../../os/monitor_calls.ts";
import { closeFd } from "../../os/pipe.ts";
import type { ContractIndex, ContractPlan } from "../../plan/contract.ts";
import type { ChannelIndex, ProcessIndex, StopPlan } from "../../plan/plan.ts";
import { glimpseOf } from "../../process/strain.ts";
import { holdUpOf } from "../../process/hold_up.ts";
import { contractSources, HeardSigns, type WatchedChannel } from "./contract_sources.ts";
import { Ears } from "./ears.ts";
import { type ContractFigures, figuresOf } from "./figures.ts";
import { RECORD_WIDTH } from "./messages.ts";
import { MonitorLoop, TOLD_SLOT } from "./monitor_loop.ts";
import { RecordRing } from "./record_ring.ts";
import { rehearseMisses } from "./thread_rehearsal.ts";
import { type MappedAt, mappedFrom, type SharedChannel } from "./shared_channels.ts";

/** What the thread is told first. */
export interface ThreadInit {
  readonly contracts: readonly ContractPlan[];
  /** By process. */
  readonly stops: readonly StopPlan[];
  readonly memories: readonly SharedPulse[];
  readonly channels: readonly SharedChannel[];
  /** Of `@relay`; null where there is none. */
  readonly counters: MappedAt | null;
  /** See {@link pathCarriers}. */
  readonly carriers: ReadonlyMap<ContractIndex, readonly number[]>;
  /** See {@link keepersOf}. */
  readonly keepers: readonly (readonly ProcessIndex[])[];
  /** See {@link deafNsOf}; null: nobody is to be heard. */
  readonly deafNs: number | null;
  readonly told: SharedArrayBuffer;
  readonly reports: SharedArrayBuffer;
  readonly toldFd: number;
  readonly reportFd: number;
  /** Word 0: how many critical contracts are broken. Word 1 + process: the socket to look at. */
  readonly words: SharedArrayBuffer;
}

/** A pulse memory that is mapped in this process. */
export interface SharedPulse {
  readonly process: ProcessIndex;
  readonly at: MappedAt;
  readonly lines: readonly PulseLineShape[];
}

/** What the thread posts. */
export type ThreadMessage =
  /** It watches from now on; its number for the kernel. */
  | { readonly kind: "watches"; readonly thread: number }
  | { readonly kind: "figures"; readonly figures: readonly ContractFigures[] };

/** Broken critical contracts, in {@link ThreadInit.words}. */
export const CRITICAL_WORD = 0;
/** Descriptor, plus 1, of the notifications of process 0, in {@link ThreadInit.words}. */
export const NOTIFY_WORD = 1;

/** Of the descriptors that a sleep hears, the ears'. */
const EARS_SLOT = TOLD_SLOT + 1;

interface ThreadScope {
  onmessage: ((event: MessageEvent<ThreadInit>) => void) | null;
  postMessage(message: ThreadMessage): void;
  close(): void;
}

/** Watches until it is told to end. @param post gives a message to the control loop */
export function watchOver(init: ThreadInit, post: (message: ThreadMessage) => void): void {
  const { contracts, stops, toldFd, reportFd } = init;
  const memories = new Map(init.memories.map((memory) => [memory.process, mapped(memory)]));
  const words = new Int32Array(init.words);
  const calls = openMonitorCalls(EARS_SLOT + 1);
  calls.sleepOn(TOLD_SLOT, toldFd);
  const channels = new Map(init.channels.map((channel) => [channel.channel, watched(channel)]));
  const sources = contractSources({
    contracts,
    pulses: memories,
    channels,
    carriers: init.carriers,
    counters: new Float64Array(
      init.counters === null ? new ArrayBuffer(0) : mappedFrom(init.counters),
    ),
    nowNs: calls.nowNs,
    fillBytes: calls.fillBytes,
  });
  const ears = init.deafNs === null ? null : Ears.open(init.deafNs);
  const loop = new MonitorLoop({
    contracts,
    keepers: init.keepers,
    stops,
    judgeOf: (index, court) => makeJudge(index, contracts[index]!, sources, court),
    calls,
    told: new RecordRing(init.told, RECORD_WIDTH),
    reports: new RecordRing(init.reports, RECORD_WIDTH),
    toldFd,
    reportFd,
    holdUpOf,
    glimpseOf,
    isMemoryOf: (process, instance) => {
      const memory = memories.get(process);
      return memory === undefined || Atomics.load(memory.views.words, PULSE_EPOCH) === instance;
    },
    isUnheard: (process) => {
      const fd = Atomics.load(words, NOTIFY_WORD + process) - 1;
      return fd >= 0 && calls.isReadable(fd);
    },
    listen: (contract, name, fd) =>
      ears?.listen(name, fd, noteOf(contracts[contract]!, memories, channels)),
    readsFrom: (index, fd) => {
      const channel = channels.get(index);
      if (channel?.kind !== "leg") return closeFd(fd);
      if (channel.pipe.fd >= 0) closeFd(channel.pipe.fd);
      channel.pipe.fd = fd;
    },
    hear: (nowNs) => {
      if (ears === null) return Infinity;
      const nextNs = ears.hear(nowNs);
      calls.sleepOn(EARS_SLOT, nextNs === Infinity ? ears.fd : -1);
      return nextNs;
    },
    closeFd,
    starvedNs: starvedNsOfThread,
    figuresAsked: () => {
      const figures = loop.judges.map(figuresOf);
      post({ kind: "figures", figures });
    },
    criticalChanged: (broken) => Atomics.store(words, CRITICAL_WORD, broken),
  });
  rehearseMisses({ calls, holdUpOf, glimpseOf });
  post({ kind: "watches", thread: currentThread() });
  loop.run();
}

interface Mapped {
  readonly views: PulseViews;
  readonly lines: readonly PulseLineShape[];
}

function mapped({ at, lines }: SharedPulse): Mapped {
  return { views: pulseViews(mappedFrom(at)), lines };
}

function watched(shared: SharedChannel): WatchedChannel {
  switch (shared.kind) {
    case "mailbox": {
      const { shape, samples, pages } = shared;
      return { kind: "mailbox", shape, samples: mappedFrom(samples), pages: pages.map(mappedFrom) };
    }
    case "leg":
      return { kind: "leg", slot: shared.slot, pipe: { fd: -1 } };
    case "pipe":
      return { kind: "pipe", signs: new HeardSigns() };
  }
}

/** What a sound is a sign of. */
function noteOf(
  contract: ContractPlan,
  memories: ReadonlyMap<ProcessIndex, Mapped>,
  channels: ReadonlyMap<ChannelIndex, WatchedChannel>,
): (nowNs: number) => void {
  const { process } = contract;
  if (contract.kind !== "heartbeat") throw new Error("Only heartbeats are heard");
  const { source } = contract;
  if (source.by === "channel") {
    const channel = channels.get(source.channel);
    return (nowNs) => channel?.kind === "pipe" && channel.signs.note(nowNs);
  }
  const { views, lines } = memories.get(process)!;
  const place = pulsePlace(lines, source.line);
  return (nowNs) => stampSign(views.words, views.doubles, place, nowNs);
}

/** Of "ran waited slices" the second. */
function starvedNsOfThread(): number {
  try {
    const waited = Number(readSmallFile("/proc/thread-self/schedstat")?.split(" ")[1] ?? 0);
    return Number.isFinite(waited) ? waited : 0;
  } catch (error) {
    if (error instanceof SystemError) return 0;
    throw error;
  }
}

// In a test the module is loaded by the main thread, which has no such name.
if ("WorkerGlobalScope" in globalThis) {
  const scope = globalThis as unknown as ThreadScope;
  scope.onmessage = ({ data }) => {
    watchOver(data, (message) => scope.postMessage(message));
    scope.close();
  };
}
