/**
 * What instances that have ended had stamped: copies of their records, taken before the memory is
 * laid out for the next one. Of each line at most as many as its ring keeps, the oldest going first,
 * however often a process is restarted. Must not know: what is made of them.
 */
import { PULSE_EPOCH, pulsePlace } from "../../deadline/pulse_layout.ts";
import {
  CycleSource,
  pulseViews,
  RECORD_DOUBLES,
  type Records,
  StepSource,
} from "../../deadline/pulse_source.ts";
import type { CycleContract, StepsContract } from "../../plan/contract.ts";
import type { Plan, ProcessIndex } from "../../plan/plan.ts";
import type { PulseMemories } from "./pulse_memories.ts";

/** The records of one line of one instance. */
export interface EarlierRecords {
  /** As they lie in the ring, the oldest first. */
  readonly doubles: Float64Array;
  /** So many of the last have not ended. */
  readonly open: number;
  /** When the instance had ended, CLOCK_MONOTONIC. */
  readonly endedNs: number;
}

/** A contract whose line has a ring. */
export type RingContract = CycleContract | StepsContract;

interface Line {
  readonly source: CycleSource | StepSource;
  kept: EarlierRecords[];
}

interface Process {
  readonly words: Int32Array;
  readonly lines: ReadonlyMap<RingContract, Line>;
  /** Whose records were copied last; 0: nobody's. */
  instance: number;
}

/** Of all processes of a plan. */
export class EarlierStamps {
  readonly #processes = new Map<ProcessIndex, Process>();

  constructor(plan: Pick<Plan, "contracts">, memories: Pick<PulseMemories, "all">) {
    for (const [process, { buffer, lines }] of memories.all()) {
      const views = pulseViews(buffer);
      const of = new Map<RingContract, Line>();
      for (const contract of plan.contracts) {
        if (contract.process !== process) continue;
        if (contract.kind !== "cycle" && contract.kind !== "steps") continue;
        const place = pulsePlace(lines, contract.line);
        const Source = contract.kind === "cycle" ? CycleSource : StepSource;
        of.set(contract, { source: new Source(views, place), kept: [] });
      }
      this.#processes.set(process, { words: views.words, lines: of, instance: 0 });
    }
  }

  /** The instance that has the memory has ended. Idempotent. @param nowNs CLOCK_MONOTONIC */
  ended(process: ProcessIndex, nowNs: number): void {
    const of = this.#processes.get(process);
    if (of === undefined || this.hasAll(process)) return;
    of.instance = of.words[PULSE_EPOCH]!;
    for (const line of of.lines.values()) keep(line, nowNs);
  }

  /** Nobody is stamping: all that the memory shows has been copied. */
  hasAll(process: ProcessIndex): boolean {
    const of = this.#processes.get(process);
    return of === undefined || of.instance === of.words[PULSE_EPOCH];
  }

  /** Of a line, the oldest first. */
  of(contract: RingContract): readonly EarlierRecords[] {
    return this.#processes.get(contract.process)?.lines.get(contract)?.kept ?? [];
  }
}

function keep(line: Line, endedNs: number): void {
  const { source, kept } = line;
  const doubles = source.newest();
  if (doubles.length === 0) return;
  const open = source instanceof CycleSource ? openOf(source) : 0;
  line.kept = newestOf([...kept, { doubles, open, endedNs }], source);
}

/** What a program says of itself need not be so. */
function openOf(source: CycleSource): number {
  return Math.min(Math.max(0, (source.begun() - source.ended()) | 0), source.keeps);
}

/** As many whole instances, from the newest on, as together hold what the ring keeps; the oldest cut. */
function newestOf(all: readonly EarlierRecords[], { keeps }: Records): EarlierRecords[] {
  const newest: EarlierRecords[] = [];
  let left = keeps * RECORD_DOUBLES;
  for (const records of all.toReversed()) {
    if (left === 0) break;
    const doubles = records.doubles.length <= left ? records.doubles : records.doubles.slice(-left);
    newest.push({ ...records, doubles });
    left -= doubles.length;
  }
  return newest.toReversed();
}
