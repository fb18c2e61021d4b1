/**
 * The last seconds of what processes have stamped, read out of their pulse memories, where the
 * rings keep it, and of what was kept of instances that have ended, with what the event log says of
 * the same time. Costs nothing until it is asked for. Must not know: who asks.
 */
import type { EventRecord } from "../../audit/event_record.ts";
import { formatEvent } from "../../audit/format_event.ts";
import type {
  CycleStamps,
  PassStamps,
  ProcessStamps,
  StampMark,
  StampsReport,
  StepStamps,
} from "../../control/deadline_report.ts";
import {
  pulsePlace,
  RECORD_AT,
  RECORD_DUE,
  RECORD_END,
  RECORD_START,
  RECORD_STEP,
} from "../../deadline/pulse_layout.ts";
import {
  CycleSource,
  pulseViews,
  RECORD_DOUBLES,
  StepSource,
} from "../../deadline/pulse_source.ts";
import type { CycleContract, StepsContract } from "../../plan/contract.ts";
import type { Plan, ProcessIndex } from "../../plan/plan.ts";
import type { EarlierRecords, EarlierStamps } from "./earlier_stamps.ts";
import type { PulseMemories, PulseMemory } from "./pulse_memories.ts";

/** What it is read from. */
export interface StampsSources {
  readonly plan: Plan;
  readonly memories: Pick<PulseMemories, "memoryOf">;
  readonly earlier: EarlierStamps;
  readonly events: readonly EventRecord[];
  /** CLOCK_MONOTONIC at the clock's zero. */
  readonly originNs: number;
  /** Of the clock. */
  readonly nowNs: number;
  readonly seconds: number;
}

/** Reads it. */
export function readStamps(sources: StampsSources): StampsReport {
  const { plan, nowNs, seconds } = sources;
  const toMs = nowNs / 1e6;
  const fromMs = Math.max(0, toMs - seconds * 1000);
  const processes = plan.processes.flatMap(({ name, system }, process): ProcessStamps[] => {
    if (system) return [];
    const memory = sources.memories.memoryOf(process);
    return [{
      process: name,
      cycles: memory === null ? [] : cyclesOf(sources, process, memory, fromMs),
      steps: memory === null ? [] : stepsOf(sources, process, memory, fromMs),
      marks: marksOf(sources.events, name, fromMs),
    }];
  });
  return { fromMs, toMs, processes };
}

function cyclesOf(
  sources: StampsSources,
  process: ProcessIndex,
  memory: PulseMemory,
  fromMs: number,
): CycleStamps[] {
  const contracts = sources.plan.contracts.filter((contract): contract is CycleContract =>
    contract.kind === "cycle" && contract.process === process
  );
  return contracts.map((contract) => {
    const { cycle, periodNs, budgetNs } = contract;
    const { earlier, originNs } = sources;
    const passes = [
      ...earlier.of(contract).flatMap((records) => earlierPasses(records, originNs)),
      ...(earlier.hasAll(process) ? [] : livePasses(contract, memory, originNs)),
    ].filter(([, endMs]) => (endMs ?? Infinity) >= fromMs);
    return { cycle, periodMs: periodNs / 1e6, budgetMs: budgetNs / 1e6, passes };
  });
}

/** Of an instance that has ended. */
function earlierPasses(
  { doubles, open, endedNs }: EarlierRecords,
  originNs: number,
): PassStamps[] {
  const count = doubles.length / RECORD_DOUBLES;
  return Array.from({ length: count }, (_, pass): PassStamps => {
    const at = pass * RECORD_DOUBLES;
    const startMs = clockMs(doubles[at + RECORD_START]!, originNs);
    const dueMs = dueMsOf(doubles[at + RECORD_DUE]!, originNs);
    return pass < count - open
      ? [startMs, clockMs(doubles[at + RECORD_END]!, originNs), dueMs]
      : [startMs, clockMs(endedNs, originNs), dueMs, true];
  });
}

function livePasses(
  { line }: CycleContract,
  { buffer, lines }: PulseMemory,
  originNs: number,
): PassStamps[] {
  const source = new CycleSource(pulseViews(buffer), pulsePlace(lines, line));
  const passes: PassStamps[] = [];
  const begun = source.begun();
  for (let back = Math.min(begun, source.keeps) - 1; back >= 0; back--) {
    const number = (begun - back) >>> 0;
    if (!source.read(number)) continue;
    const endMs = ((source.ended() - number) | 0) >= 0 ? clockMs(source.endNs, originNs) : null;
    passes.push([clockMs(source.startNs, originNs), endMs, dueMsOf(source.dueNs, originNs)]);
  }
  return passes;
}

function stepsOf(
  sources: StampsSources,
  process: ProcessIndex,
  memory: PulseMemory,
  fromMs: number,
): StepStamps[] {
  const contracts = sources.plan.contracts.filter((contract): contract is StepsContract =>
    contract.kind === "steps" && contract.process === process
  );
  return contracts.map((contract) => {
    const { earlier, originNs } = sources;
    const nameOf = (step: number) => contract.order[step]?.name ?? `#${step}`;
    const passed = [
      ...earlier.of(contract).flatMap(earlierSteps),
      ...(earlier.hasAll(process) ? [] : liveSteps(contract, memory)),
    ].map(({ atNs, step }) => [clockMs(atNs, originNs), nameOf(step)] as const);
    return { steps: contract.steps, passed: passed.filter(([atMs]) => atMs >= fromMs) };
  });
}

interface Passed {
  readonly atNs: number;
  readonly step: number;
}

function earlierSteps({ doubles }: EarlierRecords): Passed[] {
  return Array.from({ length: doubles.length / RECORD_DOUBLES }, (_, record) => {
    const at = record * RECORD_DOUBLES;
    return { atNs: doubles[at + RECORD_AT]!, step: doubles[at + RECORD_STEP]! };
  });
}

function liveSteps({ line }: StepsContract, { buffer, lines }: PulseMemory): Passed[] {
  const source = new StepSource(pulseViews(buffer), pulsePlace(lines, line));
  const passed: Passed[] = [];
  const begun = source.begun();
  for (let back = Math.min(begun, source.keeps) - 1; back >= 0; back--) {
    if (!source.read((begun - back) >>> 0)) continue;
    passed.push({ atNs: source.atNs, step: source.step });
  }
  return passed;
}

function marksOf(events: readonly EventRecord[], name: string, fromMs: number): StampMark[] {
  return events.flatMap((event): StampMark[] => {
    const atMs = event.monoNs / 1e6;
    const kind = "process" in event && event.process === name ? markKind(event) : null;
    if (kind === null || atMs < fromMs) return [];
    // A miss was at its due time, whenever it was told of.
    const dueMs = event.event === "deadline" ? event.dueNs / 1e6 : atMs;
    return [{ atMs: Math.max(fromMs, Math.min(atMs, dueMs)), kind, text: formatEvent(event) }];
  });
}

function markKind(event: EventRecord): StampMark["kind"] | null {
  switch (event.event) {
    case "spawn":
      return "spawn";
    case "exit":
      return "exit";
    case "state":
      return event.to === "running" ? "ready" : null;
    case "deadline":
      return event.kind;
    case "deadlineExcused":
      return "excused";
    case "deadlineRecovered":
    case "deadlineResumed":
      return "recovered";
    default:
      return null;
  }
}

/** 0: the program keeps no pace. */
function dueMsOf(dueNs: number, originNs: number): number | null {
  return dueNs === 0 ? null : clockMs(dueNs, originNs);
}

/** What a program writes may be no time at all. */
function clockMs(ns: number, originNs: number): number {
  const ms = (ns - originNs) / 1e6;
  return Number.isFinite(ms) ? Math.round(ms * 1e3) / 1e3 : 0;
}
