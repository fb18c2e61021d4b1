/**
 * What becomes of the monitor's reports: events with what was to be seen around a miss, and the
 * actions that the monitor does not do itself. Owns how often one contract may speak. Must not
 * know: threads, how it was found.
 *
 * ```
 *  verdict ──► actions: to the core, a program, the safe mode      every time
 *          └─► event, with evidence                                five a second and contract
 * ```
 */
import type {
  DeadlineEvent,
  DeadlineExcusedEvent,
  MissEvidence,
} from "../../audit/deadline_event.ts";
import type { EventBody } from "../../audit/event_record.ts";
import type { CoreEvent, MissAct } from "../../core/event.ts";
import type { ContractIndex, ContractPlan, MissAction } from "../../plan/contract.ts";
import type { Plan, ProcessIndex } from "../../plan/plan.ts";
import type { Glimpse } from "../../process/strain.ts";
import { ABSENCES, DID, EXCUSES, HEAR, type ToldVerdict, verdictOf } from "./messages.ts";
import { limitNsOf, stepName } from "./contract_text.ts";

/** Events of one contract within a second; the misses beyond are counted with the next. */
const EVENTS_PER_SECOND_MAX = 5;
/** Of one contract: it takes a millisecond to gather. */
const EVIDENCE_PER_SECOND_MAX = 2;

/** What the desk needs. */
export interface DeskParts {
  readonly plan: Plan;
  /** CLOCK_MONOTONIC at the clock's zero, nanoseconds. */
  readonly originNs: number;
  /** CLOCK_MONOTONIC, nanoseconds. */
  readonly nowNs: () => number;
  readonly record: (body: EventBody) => void;
  readonly post: (event: CoreEvent) => void;
  readonly evidenceOf: (process: ProcessIndex, glimpse: Glimpse | null) => MissEvidence;
  /** Runs the program of an action, told of the miss. */
  readonly run: (action: RunAction, event: DeadlineEvent) => void;
  /** Called after each miss that was recorded. */
  readonly onMiss: (event: DeadlineEvent) => void;
}

/** A program that a miss runs. */
export type RunAction = Extract<MissAction, { kind: "run" }>;

/** What one contract has said. */
interface Spoken {
  /** In the second that began at `sinceNs`. */
  count: number;
  sinceNs: number;
  /** Misses that were not told of, and the last of them. */
  withheld: number;
  last: ToldVerdict | null;
}

/** One contract's worst and last, for whoever asks. */
export interface ContractRecord {
  worstLateNs: number;
  lastMissNs: number | null;
}

/** One per supervisor that has contracts. */
export class DeadlineDesk {
  readonly #parts: DeskParts;
  readonly #spoken: Spoken[];
  readonly #records: ContractRecord[];
  readonly #evidence = new Map<ContractIndex, { count: number; sinceNs: number }>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(parts: DeskParts) {
    this.#parts = parts;
    const { contracts } = parts.plan;
    this.#spoken = contracts.map(() => ({ count: 0, sinceNs: 0, withheld: 0, last: null }));
    this.#records = contracts.map(() => ({ worstLateNs: 0, lastMissNs: null }));
  }

  /** What is kept of a contract. */
  recordOf(contract: ContractIndex): Readonly<ContractRecord> {
    return this.#records[contract]!;
  }

  /** Takes in one report of the monitor. */
  hear(record: Float64Array): void {
    const [kind = 0, first = 0, second = 0, third = 0, fourth = 0, fifth = 0] = record;
    switch (kind) {
      case HEAR.verdict:
        return this.#judged(verdictOf(record));
      case HEAR.recovered:
        return this.#recovered(first, second, third - fourth);
      case HEAR.excused:
        return this.#excused(first, {
          process: this.#processName(record[6]!),
          instance: second,
          why: EXCUSES[fourth] ?? "stopped",
          tracer: fifth,
        });
      case HEAR.resumed: {
        const afterMs = toMs(third - fourth);
        const process = this.#processName(first);
        return this.#parts.record({ event: "deadlineResumed", process, instance: second, afterMs });
      }
      case HEAR.absent: {
        const why = ABSENCES[first] ?? "stopped";
        return this.#parts.record({ event: "deadlinesExcused", why, forMs: toMs(fourth) });
      }
      case HEAR.lost: {
        const message = `${first} findings of the monitor were lost: too many came at once`;
        return this.#parts.record({ event: "warning", message });
      }
    }
  }

  /** Tells what was withheld, and nothing more after that. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#tellWithheld(Infinity);
  }

  #judged(verdict: ToldVerdict): void {
    const contract = this.#contract(verdict.contract);
    const actions = verdict.kind === "warn" ? [] : actionsOf(contract, verdict);
    const isMiss = verdict.kind === "miss";
    if (isMiss) this.#keep(verdict);
    const event = this.#maySpeak(verdict) ? this.#tell(verdict, contract, actions) : null;
    for (const action of actions) {
      if (action.kind === "run") {
        this.#parts.run(action, event ?? this.#eventOf(verdict, contract, []));
      }
      if (action.kind === "safe-mode") {
        this.#parts.post({ kind: "safeModeAsked", why: `${contract.name} was missed` });
      }
    }
    const act = strongest(actions);
    if (act !== null) {
      const { process } = contract;
      const { instance } = verdict;
      const signalled = (verdict.did & DID.stopSignal) !== 0;
      this.#parts.post({ kind: "deadlineMissed", process, instance, act, signalled });
    }
    if (event !== null && isMiss) this.#parts.onMiss(event);
  }

  #keep({ contract, latenessNs, noticedNs }: ToldVerdict): void {
    const record = this.#records[contract]!;
    record.worstLateNs = Math.max(record.worstLateNs, latenessNs);
    record.lastMissNs = noticedNs - this.#parts.originNs;
  }

  #tell(
    verdict: ToldVerdict,
    contract: ContractPlan,
    actions: readonly MissAction[],
  ): DeadlineEvent {
    const event = this.#eventOf(verdict, contract, actions);
    this.#parts.record(event);
    return event;
  }

  #eventOf(
    verdict: ToldVerdict,
    contract: ContractPlan,
    actions: readonly MissAction[],
  ): DeadlineEvent {
    const { originNs, nowNs } = this.#parts;
    const { kind, reason, count, dueNs, atNs, latenessNs, lastNs, noticedNs } = verdict;
    const isTold = kind === "miss" && this.#mayGather(verdict.contract);
    return {
      event: "deadline",
      contract: contract.name,
      process: this.#processName(contract.process),
      instance: verdict.instance,
      kind,
      reason,
      item: stepName(contract, verdict.item),
      count,
      limitMs: toMs(limitNsOf(contract, verdict)),
      allowedMs: toMs(limitNsOf(contract, { ...verdict, kind: "miss" })),
      lateMs: toMs(latenessNs),
      came: atNs !== null,
      dueNs: Math.round(dueNs - originNs),
      lastAgoMs: lastNs === 0 ? null : toMs(noticedNs - lastNs),
      noticedMs: toMs(nowNs() - noticedNs),
      missed: verdict.missedInWindow,
      window: contract.tolerate.window,
      tolerated: contract.tolerate.misses,
      broke: verdict.broke,
      did: actions.map(actionText),
      evidence: isTold ? this.#parts.evidenceOf(contract.process, verdict.glimpse) : null,
    };
  }

  #recovered(index: ContractIndex, instance: number, afterNs: number): void {
    this.#tellWithheld(index);
    const { name, process, ...contract } = this.#contract(index);
    this.#parts.record({
      event: "deadlineRecovered",
      contract: name,
      actions: actionTexts(contract),
      process: this.#processName(process),
      instance,
      afterMs: toMs(afterNs),
    });
  }

  #excused(
    index: ContractIndex,
    of: Pick<DeadlineExcusedEvent, "process" | "instance" | "why" | "tracer">,
  ): void {
    const contract = this.#contract(index);
    const actions = actionTexts(contract);
    this.#parts.record({ event: "deadlineExcused", contract: contract.name, actions, ...of });
  }

  /** False when it has said enough for now; what it has to say is counted. */
  #maySpeak(verdict: ToldVerdict): boolean {
    const spoken = this.#spoken[verdict.contract]!;
    if (verdict.noticedNs - spoken.sinceNs >= 1e9) {
      this.#tellWithheld(verdict.contract);
      spoken.sinceNs = verdict.noticedNs;
      spoken.count = 0;
    }
    // What breaks it is always told: it has consequences.
    if (spoken.count++ < EVENTS_PER_SECOND_MAX || verdict.broke) return true;
    spoken.withheld += verdict.count;
    spoken.last = verdict;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#tellWithheld(Infinity);
    }, 1000);
    return false;
  }

  /** @param contract Infinity: of all. */
  #tellWithheld(contract: ContractIndex): void {
    this.#spoken.forEach((spoken, index) => {
      const { withheld, last } = spoken;
      if (last === null || (contract !== Infinity && contract !== index)) return;
      spoken.withheld = 0;
      spoken.last = null;
      const plan = this.#contract(index);
      this.#parts.record(this.#eventOf({ ...last, count: withheld }, plan, []));
    });
  }

  #mayGather(contract: ContractIndex): boolean {
    const nowNs = this.#parts.nowNs();
    let gathered = this.#evidence.get(contract);
    if (gathered === undefined || nowNs - gathered.sinceNs >= 1e9) {
      gathered = { count: 0, sinceNs: nowNs };
      this.#evidence.set(contract, gathered);
    }
    return gathered.count++ < EVIDENCE_PER_SECOND_MAX;
  }

  #contract(index: ContractIndex): ContractPlan {
    const contract = this.#parts.plan.contracts[index];
    if (contract === undefined) throw new Error(`No contract ${index} in the plan`);
    return contract;
  }

  #processName(process: ProcessIndex): string {
    return this.#parts.plan.processes[process]?.name ?? `#${process}`;
  }
}

/** Those of a miss, and those of a broken contract too. */
function actionsOf(contract: ContractPlan, { did }: ToldVerdict): readonly MissAction[] {
  return [
    ...((did & DID.onMiss) !== 0 ? contract.onMiss : []),
    ...((did & DID.onBroken) !== 0 ? contract.onBroken : []),
  ];
}

/** Of several ways to end an instance the one that goes furthest. */
function strongest(actions: readonly MissAction[]): MissAct | null {
  const kinds = new Set(actions.map(({ kind }) => kind));
  return (["fail-group", "stop", "restart"] as const).find((act) => kinds.has(act)) ?? null;
}

/** All that may be done about a contract. */
function actionTexts(of: Pick<ContractPlan, "onMiss" | "onBroken">): readonly string[] {
  return [...new Set([...of.onMiss, ...of.onBroken].map(actionText))];
}

function actionText(action: MissAction): string {
  switch (action.kind) {
    case "signal":
      return action.signalName;
    case "run":
      return `run ${action.argv[0] ?? action.executable}`;
    default:
      return action.kind;
  }
}

/** Milliseconds, to the microsecond. */
function toMs(ns: number): number {
  return Math.round(ns / 1e3) / 1e3;
}
