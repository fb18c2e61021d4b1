/**
 * The control loop's side of the monitor: starts its thread, tells it what becomes of instances,
 * and takes in what it reports. Owns the rings and the descriptors between the two. Must not know:
 * contracts, what is done about a report.
 *
 * What is told is never lost and never out of order: where the ring is full, which a thread that
 * looks at all in milliseconds empties, it is waited for.
 */
import type { Channel } from "../../channel/channel.ts";
import { createEventFd, EventGiver } from "../../os/event_fd.ts";
import { monotonicMs } from "../../os/monotonic.ts";
import { readFd } from "../../os/pipe.ts";
import type { Reactor } from "../../os/reactor.ts";
import type { ChannelIndex, Plan, ProcessIndex } from "../../plan/plan.ts";
import type { ContractFigures } from "./figures.ts";
import { RECORD_WIDTH, TELL } from "./messages.ts";
import type { PulseMemories } from "./pulse_memories.ts";
import { RecordRing, ringBytes } from "./record_ring.ts";
import {
  deafNsOf,
  keepersOf,
  mappedAt,
  pathCarriers,
  sharedChannels,
  type Sound,
} from "./shared_channels.ts";
import { CRITICAL_WORD, NOTIFY_WORD, type ThreadInit, type ThreadMessage } from "./thread.ts";

/** Records of each ring: some for each process, and enough for a storm of a small crew. */
const RECORDS_MIN = 1024;
const RECORDS_PER_PROCESS = 16;
/** A full ring is looked at so often, for so long: then the thread is gone, and that is our bug. */
const ROOM_LOOKS_MAX = 2000;
const ROOM_LOOK_MS = 1;
/** A thread that is busy answers in a turn; one that does not is not waited for. */
const FIGURES_WITHIN_MS = 1000;

/** Who is served. */
export interface MonitorParts {
  readonly plan: Plan;
  readonly memories: PulseMemories;
  readonly channels: readonly Channel[];
  /** Of `@relay`; null where there is none. */
  readonly counters: Float64Array | null;
  readonly reactor: Reactor;
  /** Called for each report, in order; see {@link HEAR}. */
  readonly onReport: (record: Float64Array) => void;
  /** It watches from now on; its thread's number for the kernel. */
  readonly onWatches: (thread: number) => void;
  /** The thread has died: a bug of ours. */
  readonly onBug: (error: Error) => void;
}

/** One per supervisor that has contracts. */
export class Monitor {
  readonly #parts: MonitorParts;
  readonly #told: RecordRing;
  readonly #reports: RecordRing;
  readonly #words: Int32Array;
  readonly #init: ThreadInit;
  readonly #record = new Float64Array(RECORD_WIDTH);
  readonly #report = new Float64Array(RECORD_WIDTH);
  readonly #eight = new Uint8Array(8);
  readonly #waiting: ((figures: readonly ContractFigures[]) => void)[] = [];
  #figures: readonly ContractFigures[] = [];
  #worker: Worker | null = null;
  readonly #toldEvent: EventGiver;

  /** @throws {SystemError} when no descriptor is left. */
  constructor(parts: MonitorParts) {
    this.#parts = parts;
    const { plan, memories, channels, counters } = parts;
    const records = Math.max(RECORDS_MIN, plan.processes.length * RECORDS_PER_PROCESS);
    const ring = () => new SharedArrayBuffer(ringBytes(records, RECORD_WIDTH));
    const words = new SharedArrayBuffer((NOTIFY_WORD + plan.processes.length) * 4);
    this.#words = new Int32Array(words);
    this.#init = {
      contracts: plan.contracts,
      stops: plan.processes.map(({ stop }) => stop),
      memories: [...memories.all()].map(([process, { buffer, lines }]) => ({
        process,
        at: mappedAt(buffer),
        lines,
      })),
      channels: sharedChannels(plan, channels),
      counters: counters === null ? null : mappedAt(counters.buffer as ArrayBuffer),
      carriers: pathCarriers(plan),
      keepers: keepersOf(plan),
      deafNs: deafNsOf(plan),
      told: ring(),
      reports: ring(),
      toldFd: createEventFd(),
      reportFd: createEventFd(),
      words,
    };
    this.#told = new RecordRing(this.#init.told, RECORD_WIDTH);
    this.#reports = new RecordRing(this.#init.reports, RECORD_WIDTH);
    this.#toldEvent = new EventGiver(this.#init.toldFd);
  }

  /** Critical contracts that are broken. */
  get criticalBroken(): number {
    return Atomics.load(this.#words, CRITICAL_WORD);
  }

  /** Starts the thread. What is told before it watches waits for it. */
  start(): void {
    const { reactor, onWatches, onBug } = this.#parts;
    const worker = new Worker(import.meta.resolve("./thread.ts"), {
      type: "module",
      name: "cox-monitor",
    });
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<ThreadMessage>) => {
      if (data.kind === "watches") return onWatches(data.thread);
      this.#figures = data.figures;
      for (const answer of this.#waiting.splice(0)) answer(data.figures);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      onBug(event.error instanceof Error ? event.error : new Error(event.message));
    };
    worker.postMessage(this.#init);
    reactor.watch(this.#init.reportFd, () => {
      readFd(this.#init.reportFd, this.#eight);
      this.hear();
    });
  }

  /** Ends the thread; nothing is told or heard any more. Idempotent. */
  stop(): void {
    if (this.#worker === null) return;
    this.#worker = null;
    this.#parts.reactor.unwatch(this.#init.reportFd);
    this.#tell([TELL.end]);
  }

  /** Takes in what was reported so far: of an instance, before its end is told of. */
  hear(): void {
    while (this.#reports.take(this.#report)) this.#parts.onReport(this.#report);
  }

  /** An instance runs. @param pidfd becomes the monitor's own. */
  spawned(
    process: ProcessIndex,
    instance: number,
    of: { readonly pid: number; readonly pidfd: number; readonly sinceNs: number },
  ): void {
    this.#tell([TELL.spawned, process, instance, of.pid, of.pidfd, of.sinceNs]);
  }

  ready(process: ProcessIndex, instance: number, sinceNs: number): void {
    this.#tell([TELL.ready, process, instance, sinceNs]);
  }

  stopping(process: ProcessIndex, instance: number, sinceNs: number): void {
    this.#tell([TELL.stopping, process, instance, sinceNs]);
  }

  ended(process: ProcessIndex, instance: number, atNs: number): void {
    this.#tell([TELL.ended, process, instance, atNs]);
  }

  /** @param pidfd becomes the monitor's own. */
  mainPid(process: ProcessIndex, instance: number, pid: number, pidfd: number): void {
    this.#tell([TELL.mainPid, process, instance, pid, pidfd]);
  }

  extended(process: ProcessIndex, instance: number, untilNs: number): void {
    this.#tell([TELL.extended, process, instance, untilNs]);
  }

  setLimit(process: ProcessIndex, instance: number, limitNs: number): void {
    this.#tell([TELL.limit, process, instance, limitNs]);
  }

  trigger(process: ProcessIndex, instance: number): void {
    this.#tell([TELL.trigger, process, instance]);
  }

  shutdown(): void {
    this.#tell([TELL.shutdown, 0, 0, monotonicMs() * 1e6]);
  }

  /** Listens to a pipe, see {@link soundsOf}. */
  listen({ contract, at, fd }: Sound): void {
    this.#tell([TELL.listen, contract, at, fd]);
  }

  /** A consumer reads from this pipe, see {@link judgedReaders}. @param fd becomes the monitor's own. */
  readsFrom(channel: ChannelIndex, fd: number): void {
    this.#tell([TELL.pipe, channel, 0, fd]);
  }

  /** Where notifications of a process wait that were not heard yet; null: nowhere. */
  listenTo(process: ProcessIndex, fd: number | null): void {
    Atomics.store(this.#words, NOTIFY_WORD + process, fd === null ? 0 : fd + 1);
  }

  /** What was found of each contract so far; the last known where the thread does not answer. */
  async figures(): Promise<readonly ContractFigures[]> {
    if (this.#worker === null) return this.#figures;
    const { promise, resolve } = Promise.withResolvers<readonly ContractFigures[]>();
    this.#waiting.push(resolve);
    this.#tell([TELL.figures]);
    const impatience = setTimeout(() => resolve(this.#figures), FIGURES_WITHIN_MS);
    const figures = await promise;
    clearTimeout(impatience);
    return figures;
  }

  #tell(numbers: readonly number[]): void {
    this.#record.fill(0);
    this.#record.set(numbers);
    for (let looks = 0; !this.#told.put(this.#record); looks++) {
      if (looks === ROOM_LOOKS_MAX) throw new Error("The monitor's thread takes nothing any more");
      this.#toldEvent.give();
      Atomics.wait(this.#words, CRITICAL_WORD, this.#words[CRITICAL_WORD]!, ROOM_LOOK_MS);
    }
    this.#toldEvent.give();
  }
}
