/**
 * Time contracts in a running crew: what the rest of the driver sees of them. Makes the parts, tells
 * the monitor what the core's state has become, and gives figures. Must not know: threads, judges.
 */
import type { EventBody, EventRecord } from "../../audit/event_record.ts";
import type { Channel } from "../../channel/channel.ts";
import { LegChannel } from "../../channel/relay/leg_channel.ts";
import type { DeadlineSnapshot, StampsReport } from "../../control/deadline_report.ts";
import type { ProcessStatus } from "../../core/effect.ts";
import type { CoreEvent } from "../../core/event.ts";
import type { CoreState } from "../../core/state.ts";
import { lockCode, ownCodeRanges } from "../../os/code_pages.ts";
import { SystemError } from "../../os/errno.ts";
import { monotonicMs } from "../../os/monotonic.ts";
import { reopenPipe } from "../../os/pipe.ts";
import type { Reactor } from "../../os/reactor.ts";
import { setThreadCpus, setThreadPolicy, setThreadSlice } from "../../os/thread_scheduling.ts";
import type { ContractPlan } from "../../plan/contract.ts";
import type { ChannelIndex, Plan, ProcessIndex } from "../../plan/plan.ts";
import { openPidfd } from "../../process/pidfd.ts";
import type { Captures } from "../captures.ts";
import type { ChannelWatch } from "../channel_watch.ts";
import type { Clock } from "../clock.ts";
import type { Instance } from "../instance.ts";
import type { Watchdog } from "../notifications.ts";
import { DeadlineDesk } from "./deadline_desk.ts";
import { EarlierStamps } from "./earlier_stamps.ts";
import { EvidenceKeeper } from "./evidence.ts";
import { deadlineSnapshots } from "./deadline_snapshot.ts";
import { FlightRecorder } from "./flight_recorder.ts";
import { LiveFigures } from "./live_figures.ts";
import { MissPrograms } from "./miss_program.ts";
import { Monitor } from "./monitor.ts";
import type { PulseMemories } from "./pulse_memories.ts";
import { readStamps } from "./stamps.ts";
import { judgedReaders, soundsOf } from "./shared_channels.ts";

/** Of the past, in the file of a miss. */
const RECORDED_SECONDS = 10;

/** The kernel's least: what the monitor does takes less. */
const SLICE_NS = 100_000;

/** What contracts need of the supervisor. */
export interface DeadlinesParts {
  readonly plan: Plan;
  readonly runId: string;
  readonly clock: Clock;
  readonly reactor: Reactor;
  readonly memories: PulseMemories;
  readonly watch: ChannelWatch;
  readonly channels: readonly Channel[];
  readonly captures: Captures;
  /** Of `@relay`; null where there is none. */
  readonly counters: Float64Array | null;
  readonly nullFd: number;
  readonly state: () => CoreState;
  readonly record: (body: EventBody) => void;
  readonly post: (event: CoreEvent) => void;
  readonly onBug: (error: Error) => void;
  /** The kept events. */
  readonly events: () => readonly EventRecord[];
}

/** A live instance, as the monitor was told of it. */
interface Told {
  readonly instance: number;
  phase: "starting" | "ready" | "stopping";
  pid: number;
}

/** One per supervisor whose plan has contracts. */
export class Deadlines {
  readonly memories: PulseMemories;
  readonly #parts: DeadlinesParts;
  readonly #originNs: number;
  readonly #monitor: Monitor;
  readonly #desk: DeadlineDesk;
  readonly #evidence: EvidenceKeeper;
  readonly #programs: MissPrograms;
  readonly #recorder: FlightRecorder;
  readonly #earlier: EarlierStamps;
  /** Whose contracts there are. */
  readonly #processes: ReadonlySet<ProcessIndex>;
  readonly #told = new Map<ProcessIndex, Told>();
  /** By process: the relayed pipes by whose reading it is judged. */
  readonly #readers: ReadonlyMap<ProcessIndex, readonly ChannelIndex[]>;
  /** By process: the line that its notifications are stamped on. */
  readonly #notifyLines = new Map<ProcessIndex, number>();
  #hasToldShutdown = false;
  #live: ReturnType<typeof setInterval> | null = null;

  constructor(parts: DeadlinesParts) {
    this.#parts = parts;
    const { plan, clock, memories, reactor, record, post, onBug, watch } = parts;
    this.memories = memories;
    this.#originNs = monotonicMs() * 1e6 - clock.nowNs();
    this.#processes = new Set(plan.contracts.map(({ process }) => process));
    this.#readers = judgedReaders(plan);
    for (const contract of plan.contracts) {
      if (contract.kind !== "heartbeat" || contract.source.by !== "notify") continue;
      this.#notifyLines.set(contract.process, contract.source.line);
    }
    this.#earlier = new EarlierStamps(plan, memories);
    this.#programs = new MissPrograms(parts);
    this.#evidence = new EvidenceKeeper({
      plan,
      watch,
      channels: parts.channels,
      pidOf: (process) => parts.state().processes[process]?.pid ?? null,
      processes: [...this.#processes],
    });
    this.#desk = new DeadlineDesk({
      plan,
      originNs: this.#originNs,
      nowNs,
      record,
      post,
      evidenceOf: (process, glimpse) => this.#evidence.of(process, glimpse),
      run: (action, event) => this.#programs.run(action, event),
      onMiss: (event) => this.#recorder.missed(event),
    });
    this.#recorder = new FlightRecorder({
      folder: `${plan.runDir}/traces`,
      stamps: () => this.stamps(RECORDED_SECONDS),
      record,
    });
    this.#monitor = new Monitor({
      plan,
      memories,
      channels: parts.channels,
      counters: parts.counters,
      reactor,
      onReport: (report) => this.#desk.hear(report),
      onWatches: (thread) => this.#setUp(thread),
      onBug,
    });
  }

  /** Begins to watch. @param liveNs how often figures are shown; null: not at all */
  start(liveNs: number | null): void {
    if (liveNs !== null) {
      const show = new LiveFigures(() => this.snapshots(), this.#parts.record);
      this.#live = setInterval(() => void show.tell(), Math.ceil(liveNs / 1e6));
    }
    this.#monitor.start();
    this.#evidence.start();
  }

  /** Ends for good, with what was found last. Idempotent. */
  async stop(): Promise<void> {
    if (this.#live !== null) clearInterval(this.#live);
    await this.#monitor.figures();
    this.#monitor.hear();
    this.#monitor.stop();
    this.#evidence.stop();
    this.#desk.close();
    this.#programs.stop();
    this.#recorder.stop();
  }

  /** Called before each spawn: the memory becomes the new instance's, and the last one has ended. */
  beforeSpawn(process: ProcessIndex, instance: number): void {
    this.#earlier.ended(process, nowNs());
    this.memories.layOut(process, instance);
  }

  /** Each instance of a consumer reads from a pipe of its own. */
  #tellPipes(process: ProcessIndex): void {
    for (const index of this.#readers.get(process) ?? []) {
      const channel = this.#parts.channels[index];
      const pipe = channel instanceof LegChannel ? channel.newestPipe : null;
      if (pipe === null) continue;
      this.#monitor.readsFrom(index, reopenPipe(pipe.readFd, "read", { nonBlocking: true }));
    }
  }

  /** Called after each spawn, before the core hears of it. */
  spawned({ process, number, pid, spawnedNs }: Instance): void {
    this.#tellPipes(process);
    if (!this.#processes.has(process)) return;
    // Nobody but us reaps it: its pid is its own.
    const pidfd = openPidfd(pid);
    if (pidfd === null) return;
    const sinceNs = this.#originNs + spawnedNs;
    this.#told.set(process, { instance: number, phase: "starting", pid });
    // The ends of a pipe may have been made anew for it.
    for (const sound of soundsOf(this.#parts.plan, process, this.#parts)) {
      this.#monitor.listen(sound);
    }
    this.#monitor.spawned(process, number, { pid, pidfd, sinceNs });
  }

  /**
   * Called before an instance is sent a signal: of one that is to stop nothing is judged any more
   * but how long that takes, however much else the control loop does first.
   */
  signalled(process: ProcessIndex, state: CoreState): void {
    const told = this.#told.get(process);
    const { status, instance, pid, readySinceNs } = state.processes[process]!;
    if (instance === told?.instance) this.#tell(process, told, { status, pid, readySinceNs });
  }

  /** Called with each new state. */
  changed(state: CoreState): void {
    if (state.shutdown !== null && !this.#hasToldShutdown) {
      this.#hasToldShutdown = true;
      this.#monitor.shutdown();
    }
    for (const [process, told] of this.#told) {
      const { status, instance, pid, readySinceNs } = state.processes[process]!;
      if (instance === told.instance) this.#tell(process, told, { status, pid, readySinceNs });
    }
  }

  /** What was found of an instance comes before its end. */
  hear(): void {
    this.#monitor.hear();
  }

  /** What hears the watchdog's notifications of a process; null: no contract asks for them. */
  watchdogOf(process: ProcessIndex, instance: number): Watchdog | null {
    if (!this.#processes.has(process)) return null;
    const line = this.#notifyLines.get(process) ?? null;
    const ifFed = (tell: () => void) => line === null ? undefined : tell();
    return {
      alive: () => ifFed(() => this.memories.sign(process, line!, nowNs())),
      trigger: () => ifFed(() => this.#monitor.trigger(process, instance)),
      setLimit: (limitNs) => ifFed(() => this.#monitor.setLimit(process, instance, limitNs)),
      extended: (byNs) => this.#monitor.extended(process, instance, nowNs() + byNs),
      listensOn: (fd) => ifFed(() => this.#monitor.listenTo(process, fd)),
    };
  }

  /** Critical contracts that are broken. */
  get criticalBroken(): number {
    return this.#monitor.criticalBroken;
  }

  /** What was found so far, by name. */
  async snapshots(): Promise<Record<string, DeadlineSnapshot>> {
    const figures = await this.#monitor.figures();
    const { plan, clock } = this.#parts;
    return deadlineSnapshots({
      plan,
      figures,
      recordOf: (contract) => this.#desk.recordOf(contract),
      pulseOf: (contract) => this.#pulseOf(contract),
      nowNs: clock.nowNs(),
      wallOf: clock.wallOf,
    });
  }

  /** What was stamped in the last seconds. */
  stamps(seconds: number): StampsReport {
    const { plan, clock, events } = this.#parts;
    return readStamps({
      plan,
      memories: this.memories,
      earlier: this.#earlier,
      events: events(),
      originNs: this.#originNs,
      nowNs: clock.nowNs(),
      seconds,
    });
  }

  #pulseOf(contract: ContractPlan): { count: number; lastNs: number | null } | null {
    const line = lineOf(contract);
    if (line === null) return null;
    const { count, lastNs } = this.memories.lastOf(contract.process, line);
    return { count, lastNs: lastNs === null ? null : lastNs - this.#originNs };
  }

  #tell(
    process: ProcessIndex,
    told: Told,
    now: { status: ProcessStatus; pid: number | null; readySinceNs: number | null },
  ): void {
    const { instance } = told;
    const { status, pid, readySinceNs } = now;
    const isUp = status === "starting" || status === "running";
    if (pid !== null && pid !== told.pid) this.#tellMainPid(process, told, pid);
    if (status === "running" && told.phase === "starting") {
      told.phase = "ready";
      this.#monitor.ready(process, instance, this.#originNs + (readySinceNs ?? 0));
    }
    if (status === "stopping" || status === "killing") {
      if (told.phase === "stopping") return;
      told.phase = "stopping";
      this.#monitor.stopping(process, instance, nowNs());
    } else if (!isUp && status !== "spawning") {
      this.#told.delete(process);
      const endedNs = nowNs();
      this.#monitor.ended(process, instance, endedNs);
      this.#earlier.ended(process, endedNs);
    }
  }

  #tellMainPid(process: ProcessIndex, told: Told, pid: number): void {
    const pidfd = openPidfd(pid);
    if (pidfd === null) return;
    told.pid = pid;
    this.#monitor.mainPid(process, told.instance, pid, pidfd);
  }

  /** Of its thread, as the plan says; what is refused is said, and the rest goes on. */
  #setUp(thread: number): void {
    const { scheduling } = this.#parts.plan.supervisor;
    this.#attempt("given short slices of CPU time", () => setThreadSlice(thread, SLICE_NS));
    if (scheduling === null) return;
    const { policy, cpus, lockMemory: locks } = scheduling;
    if (cpus !== null) this.#attempt("kept to its CPUs", () => setThreadCpus(thread, cpus));
    if (locks) this.#attempt("kept in memory", () => void lockCode(ownCodeRanges()));
    if (policy !== null && policy.kind !== "deadline") {
      const priority = "priority" in policy ? policy.priority : 0;
      this.#attempt(
        `scheduled by policy ${policy.kind}`,
        () => setThreadPolicy(thread, policy.kind, priority),
      );
    }
  }

  #attempt(what: string, doIt: () => void): void {
    try {
      doIt();
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      const message = `The monitor could not be ${what}: ${error.message}`;
      this.#parts.record({ event: "warning", message });
    }
  }
}

/** CLOCK_MONOTONIC. */
function nowNs(): number {
  return monotonicMs() * 1e6;
}

/** The line of pulse memory that a contract is judged by; null: another thing. */
function lineOf(contract: ContractPlan): number | null {
  switch (contract.kind) {
    case "heartbeat":
      return contract.source.by === "channel" ? null : contract.source.line;
    case "cycle":
    case "steps":
    case "liveliness":
      return contract.line;
    default:
      return null;
  }
}
