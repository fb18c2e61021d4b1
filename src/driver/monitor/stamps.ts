/**
 * The last seconds of what processes have stamped, read out of their pulse memories, where the
 * rings keep it, with what the event log says of the same time. Costs nothing until it is asked
 * for. Must not know: who asks.
 */
import type { EventRecord } from "../../audit/event_record.ts";
import { formatEvent } from "../../audit/format_event.ts";
import type {
  CycleStamps,
  ProcessStamps,
  StampMark,
  StampsReport,
  StepStamps,
} from "../../control/deadline_report.ts";
import { pulsePlace } from "../../deadline/pulse_layout.ts";
import { CycleSource, pulseViews, StepSource } from "../../deadline/pulse_source.ts";
import type { CycleContract, StepsContract } from "../../plan/contract.ts";
import type { Plan, ProcessIndex } from "../../plan/plan.ts";
import type { PulseMemories, PulseMemory } from "./pulse_memories.ts";

/** What it is read from. */
export interface StampsSources {
  readonly plan: Plan;
  readonly memories: PulseMemories;
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
  { plan, originNs }: StampsSources,
  process: ProcessIndex,
  { buffer, lines }: PulseMemory,
  fromMs: number,
): CycleStamps[] {
  const contracts = plan.contracts.filter((contract): contract is CycleContract =>
    contract.kind === "cycle" && contract.process === process
  );
  return contracts.map(({ cycle, line, periodNs, budgetNs }) => {
    const source = new CycleSource(pulseViews(buffer), pulsePlace(lines, line));
    const passes: CycleStamps["passes"][number][] = [];
    const begun = source.begun();
    for (let back = Math.min(begun, source.keeps) - 1; back >= 0; back--) {
      const number = (begun - back) >>> 0;
      if (!source.read(number)) continue;
      const endMs = ((source.ended() - number) | 0) >= 0 ? clockMs(source.endNs, originNs) : null;
      const startMs = clockMs(source.startNs, originNs);
      if ((endMs ?? Infinity) < fromMs) continue;
      passes.push([startMs, endMs, source.dueNs === 0 ? null : clockMs(source.dueNs, originNs)]);
    }
    return { cycle, periodMs: periodNs / 1e6, budgetMs: budgetNs / 1e6, passes };
  });
}

function stepsOf(
  { plan, originNs }: StampsSources,
  process: ProcessIndex,
  { buffer, lines }: PulseMemory,
  fromMs: number,
): StepStamps[] {
  const contracts = plan.contracts.filter((contract): contract is StepsContract =>
    contract.kind === "steps" && contract.process === process
  );
  return contracts.map(({ steps, line, order }) => {
    const source = new StepSource(pulseViews(buffer), pulsePlace(lines, line));
    const passed: StepStamps["passed"][number][] = [];
    const begun = source.begun();
    for (let back = Math.min(begun, source.keeps) - 1; back >= 0; back--) {
      if (!source.read((begun - back) >>> 0)) continue;
      const atMs = clockMs(source.atNs, originNs);
      if (atMs >= fromMs) passed.push([atMs, order[source.step]?.name ?? `#${source.step}`]);
    }
    return { steps, passed };
  });
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

/** What a program writes may be no time at all. */
function clockMs(ns: number, originNs: number): number {
  const ms = (ns - originNs) / 1e6;
  return Number.isFinite(ms) ? Math.round(ms * 1e3) / 1e3 : 0;
}
