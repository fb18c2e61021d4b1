/**
 * The contracts of each process along the life of its instances: armed and disarmed by phase, with
 * limits that the process changes itself, and which of them are broken. Must not know: threads,
 * signals, who tells.
 */
import type { Judge } from "../../deadline/judge.ts";
import { SilenceJudge } from "../../deadline/silence_judge.ts";
import { SpanJudge } from "../../deadline/span_judge.ts";
import type { Watch } from "../../deadline/watch.ts";
import type { ContractIndex, ContractPlan } from "../../plan/contract.ts";
import type { ProcessIndex } from "../../plan/plan.ts";
import { contractPhases, type Phases } from "./phases.ts";

/** What they are made of. */
export interface InstanceContractsParts {
  readonly contracts: readonly ContractPlan[];
  /** Number of processes. */
  readonly processes: number;
  readonly watch: Watch;
  /** By contract. */
  readonly judges: readonly Judge[];
  /** How many critical contracts are broken now. */
  readonly criticalChanged: (broken: number) => void;
}

/** One for a monitor. */
export class InstanceContracts {
  readonly #parts: InstanceContractsParts;
  readonly #during: readonly Phases[];
  /** Until it holds again, over all instances. */
  readonly #brokenSinceNs = new Map<ContractIndex, number>();
  /** Critical ones that a live instance has broken. */
  readonly #criticalBroken = new Set<ContractIndex>();
  /** Stop spans under way: a second stop of the same instance begins none anew. */
  readonly #stops = new Set<ContractIndex>();
  #isEnding = false;

  constructor(parts: InstanceContractsParts) {
    this.#parts = parts;
    this.#during = contractPhases(parts.contracts, parts.processes);
  }

  /** All of a process. */
  of(process: ProcessIndex): readonly ContractIndex[] {
    return Object.values(this.#during[process]!).flat();
  }

  spawned(process: ProcessIndex, sinceNs: number): void {
    const { starting, always } = this.#during[process]!;
    this.#arm(starting, sinceNs);
    this.#arm(always, sinceNs);
  }

  /**
   * What begins with readiness is judged from now on, and not from when the process was ready: the
   * signs that it gave until it was told of are not counted, and would look like a silence.
   */
  ready(process: ProcessIndex, sinceNs: number, nowNs: number): void {
    const { starting, ready } = this.#during[process]!;
    this.#complete(starting, sinceNs);
    if (!this.#isEnding) this.#arm(ready, nowNs);
  }

  stopping(process: ProcessIndex, nowNs: number): void {
    const { starting, ready, stopping, always } = this.#during[process]!;
    for (const contracts of [starting, ready, always]) this.#disarm(contracts, nowNs);
    for (const contract of stopping) {
      if (!this.#stops.has(contract)) this.#parts.watch.arm(contract, nowNs);
      this.#stops.add(contract);
    }
  }

  ended(process: ProcessIndex, nowNs: number): void {
    const { starting, ready, stopping, always } = this.#during[process]!;
    this.#complete(always, nowNs);
    this.#complete(stopping, nowNs);
    for (const contracts of [starting, ready]) this.#disarm(contracts, nowNs);
  }

  /** The crew ends: everybody is on the way down, at his turn. */
  shutdown(nowNs: number): void {
    this.#isEnding = true;
    for (const { starting, ready, always } of this.#during) {
      for (const contracts of [starting, ready, always]) this.#disarm(contracts, nowNs);
    }
  }

  /** EXTEND_TIMEOUT_USEC: of whichever span is under way. */
  extended(process: ProcessIndex, untilNs: number, nowNs: number): void {
    const { starting, stopping, always } = this.#during[process]!;
    for (const contract of [...starting, ...stopping, ...always]) {
      const judge = this.#parts.judges[contract];
      if (!(judge instanceof SpanJudge)) continue;
      judge.extend(untilNs);
      this.#parts.watch.look(contract, nowNs);
    }
  }

  /** WATCHDOG_USEC */
  setLimit(process: ProcessIndex, limitNs: number, nowNs: number): void {
    for (const judge of this.#fedByNotifications(process)) {
      judge.setLimit(limitNs);
      this.#parts.watch.look(judge.contract, nowNs);
    }
  }

  /** WATCHDOG=trigger: it calls itself hung. */
  trigger(process: ProcessIndex, nowNs: number): void {
    for (const judge of this.#fedByNotifications(process)) judge.fail(nowNs);
  }

  /**
   * They are not looked at while something keeps the process from running. Those that were not due
   * yet are excused with the others when it goes on.
   */
  suspend(process: ProcessIndex, nowNs: number): void {
    for (const contract of this.of(process)) this.#parts.watch.suspend(contract, nowNs);
  }

  resume(process: ProcessIndex, nowNs: number): void {
    for (const contract of this.of(process)) this.#parts.watch.resume(contract, nowNs);
  }

  broke(contract: ContractIndex, nowNs: number): void {
    // One that an earlier instance broke may break anew before it was kept.
    if (!this.#brokenSinceNs.has(contract)) this.#brokenSinceNs.set(contract, nowNs);
    if (!this.#parts.contracts[contract]!.critical) return;
    this.#criticalBroken.add(contract);
    this.#tellCritical();
  }

  /** @returns since when it was broken. */
  recovered(contract: ContractIndex, nowNs: number): number {
    const sinceNs = this.#brokenSinceNs.get(contract) ?? nowNs;
    this.#brokenSinceNs.delete(contract);
    if (this.#criticalBroken.delete(contract)) this.#tellCritical();
    return sinceNs;
  }

  #arm(contracts: readonly ContractIndex[], nowNs: number): void {
    for (const contract of contracts) this.#parts.watch.arm(contract, nowNs);
  }

  /** Spans that have come to their end. */
  #complete(contracts: readonly ContractIndex[], nowNs: number): void {
    for (const contract of contracts) {
      const judge = this.#parts.judges[contract];
      if (judge instanceof SpanJudge) judge.complete(nowNs);
      this.#stops.delete(contract);
    }
    this.#disarm(contracts, nowNs);
  }

  #disarm(contracts: readonly ContractIndex[], nowNs: number): void {
    for (const contract of contracts) {
      this.#parts.watch.disarm(contract, nowNs);
      // The next one may mend it: the machine is not reset meanwhile.
      if (this.#criticalBroken.delete(contract)) this.#tellCritical();
    }
  }

  #tellCritical(): void {
    this.#parts.criticalChanged(this.#criticalBroken.size);
  }

  #fedByNotifications(process: ProcessIndex): SilenceJudge[] {
    return this.#during[process]!.ready.flatMap((index) => {
      const contract = this.#parts.contracts[index]!;
      const judge = this.#parts.judges[index];
      const isFed = contract.kind === "heartbeat" && contract.source.by === "notify";
      return isFed && judge instanceof SilenceJudge ? [judge] : [];
    });
  }
}
