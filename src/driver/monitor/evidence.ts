/**
 * What is to be seen around a miss: the process's CPU time and waiting over the window before,
 * what it waits in, its channels, the pressure on the machine. Looked for when the miss has been
 * acted on already, and so that there is a window, sampled once a second while a contract is on.
 * Must not know: contracts, what is told of it.
 */
import type { ChannelEvidence, MissEvidence } from "../../audit/deadline_event.ts";
import type { Channel } from "../../channel/channel.ts";
import { type FlowMemory, standsForMs } from "../../channel/watch/observe.ts";
import { monotonicMs } from "../../os/monotonic.ts";
import type { Plan, ProcessIndex } from "../../plan/plan.ts";
import { type Glimpse, glimpsed, pressure, type Strain, strainOf } from "../../process/strain.ts";
import { openFileOf } from "../../process/tree.ts";
import type { ChannelWatch, Watcher } from "../channel_watch.ts";
import { mailboxEvidence } from "./mailbox_evidence.ts";

const SAMPLE_EVERY_MS = 1000;
/** Processes that are looked at in one turn of the loop; the rest have the next one. */
const SAMPLES_PER_TURN_MAX = 64;

/** What evidence is taken from. */
export interface EvidenceParts {
  readonly plan: Plan;
  readonly watch: ChannelWatch;
  readonly channels: readonly Channel[];
  /** Of the live instance's main process; null: there is none. */
  readonly pidOf: (process: ProcessIndex) => number | null;
  /** Who has a contract. */
  readonly processes: readonly ProcessIndex[];
}

interface Sample {
  readonly pid: number;
  readonly atMs: number;
  readonly strain: Strain;
}

/** One per supervisor that has contracts. */
export class EvidenceKeeper {
  readonly #parts: EvidenceParts;
  /** By process: the sample before the last one, and the last one. */
  readonly #samples = new Map<ProcessIndex, readonly Sample[]>();
  readonly #watcher: Watcher;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #next = 0;

  constructor(parts: EvidenceParts) {
    this.#parts = parts;
    this.#watcher = parts.watch.open();
  }

  /** Begins to sample. */
  start(): void {
    this.#sample();
  }

  /** Ends for good. Idempotent. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#watcher.close();
  }

  /** What is to be seen of a process now. @param glimpse what was seen before it was signalled */
  of(process: ProcessIndex, glimpse: Glimpse | null): MissEvidence {
    const pid = this.#parts.pidOf(process);
    const now = pid === null ? null : this.#look(process, pid);
    const before = now === null ? null : this.#before(process, now);
    const { strain } = now ?? { strain: GONE };
    const base = before?.strain ?? ZERO;
    const { state, call, callFd } = glimpse === null ? strain : glimpsed(glimpse);
    const callOn = pid === null || callFd === null ? null : this.#callOn(process, pid, callFd);
    return {
      overMs: now === null || before === null ? null : Math.round(now.atMs - before.atMs),
      state,
      ranMs: since(strain.ranNs, base.ranNs),
      waitedMs: since(strain.waitedNs, base.waitedNs),
      voluntarySwitches: strain.voluntarySwitches - base.voluntarySwitches,
      forcedSwitches: strain.forcedSwitches - base.forcedSwitches,
      minorFaults: strain.minorFaults - base.minorFaults,
      majorFaults: strain.majorFaults - base.majorFaults,
      call,
      callOn,
      pressure: pressure(),
      channels: [
        ...this.#channelsOf(process),
        ...mailboxEvidence(this.#parts.plan, process, this.#parts.channels),
      ],
    };
  }

  #sample(): void {
    const { processes, pidOf } = this.#parts;
    const count = Math.min(SAMPLES_PER_TURN_MAX, processes.length);
    for (let n = 0; n < count; n++) {
      const process = processes[this.#next % processes.length]!;
      this.#next = (this.#next + 1) % processes.length;
      const pid = pidOf(process);
      const sample = pid === null ? null : this.#look(process, pid);
      if (sample === null) {
        this.#samples.delete(process);
        continue;
      }
      const kept = (this.#samples.get(process) ?? []).filter((old) => old.pid === pid);
      this.#samples.set(process, [...kept.slice(-1), sample]);
    }
    this.#watcher.look();
    const everyMs = SAMPLE_EVERY_MS * count / Math.max(1, processes.length);
    this.#timer = setTimeout(() => this.#sample(), everyMs);
  }

  #look(_process: ProcessIndex, pid: number): Sample | null {
    const strain = strainOf(pid);
    return strain === null ? null : { pid, atMs: monotonicMs(), strain };
  }

  /** The sample that the window begins at: the last one, unless that was just now. */
  #before(process: ProcessIndex, now: Sample): Sample | null {
    const samples = (this.#samples.get(process) ?? []).filter(({ pid }) => pid === now.pid);
    return samples.findLast(({ atMs }) => now.atMs - atMs >= SAMPLE_EVERY_MS / 4) ?? null;
  }

  #callOn(process: ProcessIndex, pid: number, fd: number): string | null {
    const descriptor = this.#parts.plan.processes[process]?.descriptors
      .find((entry) => entry.fd === fd);
    if (descriptor?.kind === "channel") {
      return this.#parts.plan.channels[descriptor.channel]?.name ?? null;
    }
    return openFileOf(pid, fd);
  }

  #channelsOf(process: ProcessIndex): ChannelEvidence[] {
    const { watch, plan } = this.#parts;
    const memories = this.#watcher.look();
    return watch.flows.flatMap((flow, index): ChannelEvidence[] => {
      const memory = memories[index];
      const writes = flow.from.includes(process);
      if (memory === undefined || !(writes || flow.to.includes(process))) return [];
      const others = writes ? flow.to : flow.from;
      return [{
        channel: flow.name,
        side: writes ? "writes" : "reads",
        state: stateOf(memory),
        fill: memory.look.fill,
        capacity: memory.look.capacity,
        unit: flow.kind === "out-leg" ? "messages" : "bytes",
        standsForMs: Math.round(standsForMs(memory)),
        other: others.map((other) => plan.processes[other]?.name ?? "?"),
      }];
    });
  }
}

const ZERO: Strain = {
  state: "",
  ranNs: 0,
  waitedNs: 0,
  cpuMs: 0,
  voluntarySwitches: 0,
  forcedSwitches: 0,
  minorFaults: 0,
  majorFaults: 0,
  tracer: 0,
  call: null,
  callFd: null,
};
const GONE: Strain = { ...ZERO, ranNs: null, waitedNs: null };

function since(ns: number | null, beforeNs: number | null): number | null {
  return ns === null ? null : Math.round((ns - (beforeNs ?? 0)) / 1e4) / 100;
}

function stateOf(memory: FlowMemory): ChannelEvidence["state"] {
  if (memory.look.blocks) return "full";
  return memory.look.waits || memory.look.fill > 0 ? "flows" : "empty";
}
