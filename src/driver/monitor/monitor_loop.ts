/**
 * The monitor at work, on a thread of its own: sleeps until the earliest contract is due, looks,
 * sends the signals that a miss asks for, and tells the control loop. Nothing that the control loop
 * does, or does not get to, delays it.
 *
 * ```
 *   told: spawned, ready … ──► arm, disarm ─┐
 *   ┌─► due? ──► judge ──► held up, absent, unheard? excused
 *   │              └─► miss: report, then signal ──► wake the control loop
 *   └── sleep until the next is due, or something is told
 * ```
 *
 * A report is in the ring before its signal is sent: whoever sees the exit finds the reason first.
 * Must not know: the core, events, how a judge judges.
 */
import type { Judge } from "../../deadline/judge.ts";
import type { Court, Verdict } from "../../deadline/verdict.ts";
import { type Absence, Watch, type WatchListener } from "../../deadline/watch.ts";
import type { MonitorCalls } from "../../os/monitor_calls.ts";
import type { ContractIndex, ContractPlan } from "../../plan/contract.ts";
import type { ChannelIndex, ProcessIndex, StopPlan } from "../../plan/plan.ts";
import type { HoldUp } from "../../process/hold_up.ts";
import type { Glimpse } from "../../process/strain.ts";
import { InstanceContracts } from "./instance_contracts.ts";
import { ABSENCES, DID, EXCUSES, HEAR, RECORD_WIDTH, TELL, verdictRecord } from "./messages.ts";
import { endsInstance, phaseOf } from "./phases.ts";
import type { RecordRing } from "./record_ring.ts";
import { ReportQueue } from "./report_queue.ts";

/** How old the figure may be that tells how long this thread has waited for a CPU. */
const STARVED_LOOK_NS = 500e6;
/** How often is looked whether who is held up runs again. */
const HELD_UP_LOOK_NS = 20e6;
const SIGKILL = 9;
/** Of the descriptors that a sleep hears, the one that is readable when something was told. */
export const TOLD_SLOT = 0;

/** What the loop watches over, and by what means. */
export interface LoopParts {
  readonly contracts: readonly ContractPlan[];
  /** By contract: who may be kept from keeping it. */
  readonly keepers: readonly (readonly ProcessIndex[])[];
  readonly stops: readonly StopPlan[];
  readonly judgeOf: (contract: ContractIndex, court: Court) => Judge;
  readonly calls: MonitorCalls;
  readonly told: RecordRing;
  readonly reports: RecordRing;
  /** Readable when something was told. */
  readonly toldFd: number;
  /** To be made readable when something was reported. */
  readonly reportFd: number;
  readonly holdUpOf: (pid: number) => HoldUp | null;
  readonly glimpseOf: (pid: number) => Glimpse;
  /** The memory is that of this instance; true where there is none. */
  readonly isMemoryOf: (process: ProcessIndex, instance: number) => boolean;
  /** Signs of it may be on their way, unheard by the control loop. */
  readonly isUnheard: (process: ProcessIndex) => boolean;
  readonly closeFd: (fd: number) => void;
  /** A pipe is to be listened to, for a contract; the name stays when it is another pipe. */
  readonly listen: (contract: ContractIndex, name: string, fd: number) => void;
  /** A consumer of a relayed pipe reads from another one; the descriptor is the thread's own. */
  readonly readsFrom: (channel: ChannelIndex, fd: number) => void;
  /** Takes in what was heard. @returns when to ask again; Infinity: it wakes us. */
  readonly hear: (nowNs: number) => number;
  /** How long this thread has waited for a CPU, ever; 0: not known. */
  readonly starvedNs: () => number;
  /** The figures of all contracts are asked for. */
  readonly figuresAsked: () => void;
  /** A critical contract broke, or holds again. */
  readonly criticalChanged: (broken: number) => void;
}

/** A live instance. */
interface Watched {
  readonly instance: number;
  pid: number;
  pidfd: number;
  /** It was sent its stop signal: nothing more is judged but how long it takes. */
  isEnding: boolean;
  /** Since when something keeps it from running; null: nothing is known to. */
  heldUpSinceNs: number | null;
  /** What was told of while it is held up. */
  readonly excused: Set<ContractIndex>;
}

/** One for a thread. */
export class MonitorLoop implements WatchListener {
  readonly watch: Watch;
  /** By contract. */
  readonly judges: readonly Judge[];
  readonly #parts: LoopParts;
  readonly #watched: (Watched | null)[] = [];
  readonly #contracts: InstanceContracts;
  readonly #reports: ReportQueue;
  readonly #record = new Float64Array(RECORD_WIDTH);
  /** Whose contracts are over, or suspended, once the watch has looked at all that is due. */
  readonly #newlyEnding = new Set<ProcessIndex>();
  /** Of others, too: a path is excused for each that its samples go through. */
  readonly #newlyExcused = new Set<ContractIndex>();
  readonly #newlyHeldUp = new Set<ProcessIndex>();
  #starvedBeforeNs = 0;
  #starvedAtNs = -Infinity;
  #heldUp = 0;
  #heldUpLookNs = Infinity;
  #hasEnded = false;

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.watch = new Watch(parts.contracts.length, this);
    this.judges = parts.contracts.map((_, index) => parts.judgeOf(index, this.watch.court));
    for (const judge of this.judges) this.watch.add(judge);
    this.#contracts = new InstanceContracts({
      contracts: parts.contracts,
      processes: parts.stops.length,
      watch: this.watch,
      judges: this.judges,
      criticalChanged: parts.criticalChanged,
    });
    const { reports, calls, reportFd } = parts;
    this.#reports = new ReportQueue(reports, () => calls.giveEvent(reportFd));
  }

  /** Watches until it is told to end. */
  run(): void {
    const { calls, told } = this.#parts;
    while (!this.#hasEnded) {
      const wakeNs = this.turn(calls.nowNs());
      if (told.isEmpty) calls.sleepUntil(wakeNs);
    }
  }

  /** One turn: takes what was told, looks at what is due, reports. @returns when the next is due */
  turn(nowNs: number): number {
    const { calls, told, toldFd } = this.#parts;
    // Given after what it is about: one that is not heard yet wakes the next sleep.
    if (calls.wasHeard(TOLD_SLOT)) calls.takeEvent(toldFd);
    while (told.take(this.#record)) this.#hear(this.#record, nowNs);
    // Before anybody is judged for what he was not heard of.
    const hearNs = this.#parts.hear(nowNs);
    this.watch.run(nowNs, calls.bootNs());
    for (const process of this.#newlyEnding) this.#contracts.stopping(process, nowNs);
    this.#newlyEnding.clear();
    for (const process of this.#newlyHeldUp) this.#contracts.suspend(process, nowNs);
    this.#newlyHeldUp.clear();
    for (const contract of this.#newlyExcused) this.watch.suspend(contract, nowNs);
    this.#newlyExcused.clear();
    if (nowNs >= this.#heldUpLookNs) this.#lookForResumed(nowNs);
    this.#reports.flush();
    if (nowNs - this.#starvedAtNs > STARVED_LOOK_NS) {
      this.#starvedAtNs = nowNs;
      this.#starvedBeforeNs = this.#parts.starvedNs();
    }
    return Math.min(this.watch.wakeNs, this.#heldUpLookNs, hearNs);
  }

  starvedNs(lateNs: number): number {
    const starvedNs = this.#parts.starvedNs() - this.#starvedBeforeNs;
    return Math.min(lateNs, Math.max(0, starvedNs));
  }

  absent({ kind, fromNs, toNs, forNs }: Absence): void {
    this.#reports.put([HEAR.absent, ABSENCES.indexOf(kind), fromNs, toNs, forNs]);
  }

  isExcused(contract: ContractIndex, nowNs: number): boolean {
    const { process } = this.#parts.contracts[contract]!;
    const watched = this.#watched[process];
    if (watched === null || watched === undefined) return true;
    if (!this.#parts.isMemoryOf(process, watched.instance)) return true;
    // It has exited, which is told of as what it is as soon as the control loop gets to it.
    if (this.#parts.calls.isReadable(watched.pidfd)) return true;
    for (const keeper of this.#parts.keepers[contract]!) {
      const kept = this.#watched[keeper] ?? null;
      const heldUp = kept === null ? null : this.#parts.holdUpOf(kept.pid);
      if (kept === null || heldUp === null) continue;
      this.#holdUp(keeper, contract, kept, heldUp, nowNs);
      return true;
    }
    return this.#parts.isUnheard(process);
  }

  tell(verdict: Verdict): void {
    const { contracts } = this.#parts;
    const contract = contracts[verdict.contract]!;
    const watched = this.#watched[contract.process];
    if (
      watched === null || watched === undefined ||
      watched.isEnding && phaseOf(contract) !== "stopping"
    ) {
      return;
    }
    const isMiss = verdict.kind === "miss";
    if (verdict.broke) this.#contracts.broke(verdict.contract, verdict.dueNs);
    const actions = isMiss ? [...contract.onMiss, ...(verdict.broke ? contract.onBroken : [])] : [];
    const ends = !watched.isEnding && actions.some(endsInstance);
    const did = (ends ? DID.stopSignal : 0) | (isMiss ? DID.onMiss : 0) |
      (verdict.broke ? DID.onBroken : 0);
    const record = new Float64Array(RECORD_WIDTH);
    // What it waits in is gone once it has been told to end.
    const glimpse = ends ? this.#parts.glimpseOf(watched.pid) : null;
    verdictRecord({ ...verdict, instance: watched.instance, did, glimpse }, record);
    this.#reports.put(record);
    for (const action of actions) {
      if (action.kind === "signal") this.#parts.calls.signal(watched.pidfd, action.signal, false);
    }
    if (ends) this.#stop(contract.process, watched);
  }

  recovered(contract: ContractIndex, nowNs: number): void {
    const sinceNs = this.#contracts.recovered(contract, nowNs);
    const { process } = this.#parts.contracts[contract]!;
    const instance = this.#watched[process]?.instance ?? 0;
    this.#reports.put([HEAR.recovered, contract, instance, nowNs, sinceNs]);
  }

  #hear(record: Float64Array, nowNs: number): void {
    const [told = -1, process = -1, instance = 0, third = 0, fourth = 0] = record;
    if (told === TELL.end) {
      this.#hasEnded = true;
      return;
    }
    if (told === TELL.shutdown) return this.#contracts.shutdown(third);
    if (told === TELL.spawned) {
      return this.#spawned(process, instance, third, fourth, record[5]!);
    }
    if (told === TELL.listen) return this.#parts.listen(process, `${process}/${instance}`, third);
    if (told === TELL.pipe) return this.#parts.readsFrom(process, third);
    if (told === TELL.figures) return this.#parts.figuresAsked();
    const watched = this.#watched[process];
    if (watched?.instance !== instance) {
      // A descriptor that comes with it is ours to close all the same.
      if (told === TELL.mainPid) this.#parts.closeFd(fourth);
      return;
    }
    switch (told) {
      case TELL.ready:
        return this.#contracts.ready(process, third, nowNs);
      case TELL.stopping:
        watched.isEnding = true;
        return this.#contracts.stopping(process, third);
      case TELL.ended:
        return this.#ended(process, watched, third);
      case TELL.mainPid:
        this.#parts.closeFd(watched.pidfd);
        watched.pid = third;
        watched.pidfd = fourth;
        return;
      case TELL.extended:
        return this.#contracts.extended(process, third, nowNs);
      case TELL.limit:
        return this.#contracts.setLimit(process, third, nowNs);
      case TELL.trigger:
        return this.#contracts.trigger(process, nowNs);
    }
  }

  #spawned(
    process: ProcessIndex,
    instance: number,
    pid: number,
    pidfd: number,
    sinceNs: number,
  ): void {
    const before = this.#watched[process] ?? null;
    if (before !== null) this.#ended(process, before, sinceNs);
    this.#watched[process] = {
      instance,
      pid,
      pidfd,
      isEnding: false,
      heldUpSinceNs: null,
      excused: new Set(),
    };
    this.#contracts.spawned(process, sinceNs);
  }

  #ended(process: ProcessIndex, watched: Watched, nowNs: number): void {
    this.#contracts.ended(process, nowNs);
    if (watched.heldUpSinceNs !== null) this.#heldUpEnds(watched, nowNs);
    this.#parts.closeFd(watched.pidfd);
    this.#watched[process] = null;
  }

  /**
   * Sends the stop signal, as its plan says; the core does the rest. The watch is within a look:
   * it hears of it after that.
   */
  #stop(process: ProcessIndex, watched: Watched): void {
    const { signal, timeoutNs, scope } = this.#parts.stops[process]!;
    const signo = timeoutNs === 0 ? SIGKILL : signal;
    this.#parts.calls.signal(watched.pidfd, signo, timeoutNs === 0 || scope === "group");
    watched.isEnding = true;
    this.#newlyEnding.add(process);
  }

  #holdUp(
    process: ProcessIndex,
    contract: ContractIndex,
    watched: Watched,
    heldUp: HoldUp,
    nowNs: number,
  ): void {
    if (watched.heldUpSinceNs === null) {
      this.#newlyHeldUp.add(process);
      watched.heldUpSinceNs = nowNs;
      this.#heldUp++;
      this.#heldUpLookNs = Math.min(this.#heldUpLookNs, nowNs + HELD_UP_LOOK_NS);
    }
    if (watched.excused.has(contract)) return;
    watched.excused.add(contract);
    this.#newlyExcused.add(contract);
    const tracer = heldUp.kind === "debugged" ? heldUp.tracer : 0;
    const why = EXCUSES.indexOf(heldUp.kind);
    this.#reports.put([HEAR.excused, contract, watched.instance, nowNs, why, tracer, process]);
  }

  #lookForResumed(nowNs: number): void {
    this.#heldUpLookNs = Infinity;
    this.#watched.forEach((watched, process) => {
      if (watched === null || watched.heldUpSinceNs === null) return;
      if (this.#parts.holdUpOf(watched.pid) !== null) return;
      const sinceNs = watched.heldUpSinceNs;
      this.#heldUpEnds(watched, nowNs);
      this.#contracts.resume(process, nowNs);
      this.#reports.put([HEAR.resumed, process, watched.instance, nowNs, sinceNs]);
    });
    if (this.#heldUp > 0) this.#heldUpLookNs = nowNs + HELD_UP_LOOK_NS;
  }

  #heldUpEnds(watched: Watched, nowNs: number): void {
    watched.heldUpSinceNs = null;
    this.#heldUp--;
    for (const contract of watched.excused) this.watch.resume(contract, nowNs);
    watched.excused.clear();
  }
}
