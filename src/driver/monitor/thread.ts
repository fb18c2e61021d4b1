/**
 * The monitor's thread: is told by one message what to watch over, and then does nothing else until
 * it is told to end. Owns the thread's own set-up. Must not know: contracts.
 *
 * ```
 *   message: plan, memories, rings ──► loop, never back to the event loop ──► end: closes itself
 * ```
 */
import { PULSE_EPOCH, type PulseLineShape } from "../../deadline/pulse_layout.ts";
import { makeJudge } from "../../deadline/make_judge.ts";
import { type PulseViews, pulseViews } from "../../deadline/pulse_source.ts";
import { SystemError } from "../../os/errno.ts";
import { readSmallFile } from "../../os/file.ts";
import { currentThread } from "../../os/thread_scheduling.ts";
import { openMonitorCalls } from "../../os/monitor_calls.ts";
import { closeFd } from "../../os/pipe.ts";
import type { ContractIndex, ContractPlan } from "../../plan/contract.ts";
import type { ProcessIndex, StopPlan } from "../../plan/plan.ts";
import { holdUpOf } from "../../process/hold_up.ts";
import { type ContractFigures, figuresOf } from "./figures.ts";
import { RECORD_WIDTH } from "./messages.ts";
import { MonitorLoop } from "./monitor_loop.ts";
import { isWatched } from "./phases.ts";
import { RecordRing } from "./record_ring.ts";

/** What the thread is told first. */
export interface ThreadInit {
  readonly contracts: readonly ContractPlan[];
  /** By process. */
  readonly stops: readonly StopPlan[];
  readonly memories: readonly SharedPulse[];
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
  readonly address: bigint;
  readonly bytes: number;
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
  const calls = openMonitorCalls(1);
  calls.sleepOn(0, toldFd);
  const sources = {
    pulse(process: ProcessIndex) {
      const memory = memories.get(process);
      if (memory === undefined) throw new Error(`No pulse memory for process ${process}`);
      return memory;
    },
    signs(contract: ContractIndex): never {
      throw new Error(`No signs for contract ${contract}`);
    },
    deliveries(contract: ContractIndex): never {
      throw new Error(`No deliveries for contract ${contract}`);
    },
  };
  const loop = new MonitorLoop({
    contracts,
    stops,
    judgeOf: (index, court) =>
      isWatched(contracts[index]!) ? makeJudge(index, contracts[index]!, sources, court) : null,
    calls,
    told: new RecordRing(init.told, RECORD_WIDTH),
    reports: new RecordRing(init.reports, RECORD_WIDTH),
    toldFd,
    reportFd,
    holdUpOf,
    isMemoryOf: (process, instance) => {
      const memory = memories.get(process);
      return memory === undefined || Atomics.load(memory.views.words, PULSE_EPOCH) === instance;
    },
    isUnheard: (process) => {
      const fd = Atomics.load(words, NOTIFY_WORD + process) - 1;
      return fd >= 0 && calls.isReadable(fd);
    },
    closeFd,
    starvedNs: starvedNsOfThread,
    figuresAsked: () => {
      const figures = loop.judges.flatMap((judge) => judge === null ? [] : [figuresOf(judge)]);
      post({ kind: "figures", figures });
    },
    criticalChanged: (broken) => Atomics.store(words, CRITICAL_WORD, broken),
  });
  post({ kind: "watches", thread: currentThread() });
  loop.run();
}

interface Mapped {
  readonly views: PulseViews;
  readonly lines: readonly PulseLineShape[];
}

function mapped({ address, bytes, lines }: SharedPulse): Mapped {
  const pointer = Deno.UnsafePointer.create(address);
  if (pointer === null) throw new Error("A pulse memory is nowhere");
  return { views: pulseViews(Deno.UnsafePointerView.getArrayBuffer(pointer, bytes)), lines };
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
