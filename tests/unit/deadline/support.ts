/** Contracts and a court for tests of judges. */
import type {
  ContractBase,
  CycleContract,
  HeartbeatContract,
  SpanContract,
  StepsContract,
} from "../../../src/plan/contract.ts";
import type { DeliverySource } from "../../../src/deadline/delivery_judge.ts";
import type { Court, Verdict } from "../../../src/deadline/verdict.ts";

export const MS = 1_000_000;

/** Deliveries that a test sets by hand. */
export class SetDeliveries implements DeliverySource {
  delivered = 0;
  late = 0;
  lastNs = 0;
  lastStampNs = 0;
  waitingNs = 0;
  waitingAt = 0;
  settledAt = 0;
  newestAt = 0;
  read(): void {}
}

export const BASE: ContractBase = {
  name: "test",
  process: 0,
  critical: false,
  tolerate: { misses: 0, window: 1 },
  recoverAfter: 1,
  onMiss: [],
  onBroken: [],
};

export const heartbeat = (changes: Partial<HeartbeatContract> = {}): HeartbeatContract => ({
  ...BASE,
  kind: "heartbeat",
  source: { by: "pulse", line: 0 },
  warnNs: 0,
  missNs: 30 * MS,
  ...changes,
});

export const cycle = (changes: Partial<CycleContract> = {}): CycleContract => ({
  ...BASE,
  kind: "cycle",
  cycle: "sample",
  line: 0,
  periodNs: 10 * MS,
  offsetNs: 0,
  budgetNs: 4 * MS,
  latenessNs: 1 * MS,
  warnNs: 0,
  ...changes,
});

export const steps = (changes: Partial<StepsContract> = {}): StepsContract => ({
  ...BASE,
  kind: "steps",
  steps: "boot",
  line: 0,
  order: [{ name: "open", withinNs: 10 * MS }, { name: "read", withinNs: 20 * MS }, {
    name: "close",
    withinNs: 0,
  }],
  warnAt: 0,
  ...changes,
});

export const span = (changes: Partial<SpanContract> = {}): SpanContract => ({
  ...BASE,
  kind: "span",
  span: "ready",
  warnNs: 0,
  missNs: 100 * MS,
  ...changes,
});

/** Writes down what it hears. */
export class Scribe implements Court {
  readonly verdicts: Verdict[] = [];
  readonly recoveries: number[] = [];
  excused = false;
  /** Times that it was asked. */
  asked = 0;

  isExcused(): boolean {
    this.asked++;
    return this.excused;
  }

  tell(verdict: Verdict): void {
    this.verdicts.push(verdict);
  }

  recovered(_contract: number, nowNs: number): void {
    this.recoveries.push(nowNs);
  }

  /** In short: `miss late-start 3 at 12`, with all times in milliseconds; clears the list. */
  take(): string[] {
    return this.verdicts.splice(0).map((verdict) => {
      const { kind, reason, item, count, dueNs, atNs, broke } = verdict;
      const times = count === 1 ? "" : ` x${count}`;
      const at = atNs === null ? "" : ` at ${atNs / MS}`;
      return `${kind} ${reason} ${item}${times} due ${dueNs / MS}${at}${broke ? " broke" : ""}`;
    });
  }
}
