/**
 * Stamps as a trace that Perfetto (ui.perfetto.dev) and chrome://tracing open: the Trace Event
 * Format, JSON object form. Pure. Must not know: where it is written.
 *
 * One process of the trace for each of ours, one thread for each cycle or line of steps, and one for
 * what happened to it. `X`: a pass, from start to end. `i`: an instant. `M`: names. Times are
 * microseconds since the supervisor started.
 */
import type { ProcessStamps, StampsReport } from "../../control/deadline_report.ts";

/** One event of the format. */
export interface TraceEvent {
  readonly name: string;
  readonly ph: "X" | "i" | "M";
  readonly ts: number;
  readonly pid: number;
  readonly tid: number;
  readonly cat?: string;
  /** Of `X`, microseconds. */
  readonly dur?: number;
  /** Of `i`: how far its line goes. */
  readonly s?: "t" | "p" | "g";
  readonly args?: Readonly<Record<string, string | number | boolean>>;
}

/** The whole file. */
export interface ChromeTrace {
  readonly traceEvents: readonly TraceEvent[];
  readonly displayTimeUnit: "ms";
  readonly otherData: Readonly<Record<string, string>>;
}

/** Thread of the marks. */
const MARKS = 1;

/**
 * Makes a trace.
 *
 * @param about what it was written for, by name.
 */
export function chromeTrace(
  report: StampsReport,
  about: Readonly<Record<string, string>> = {},
): ChromeTrace {
  const traceEvents = report.processes.flatMap((process, at) => eventsOf(process, at + 1, report));
  return { traceEvents, displayTimeUnit: "ms", otherData: about };
}

function eventsOf(process: ProcessStamps, pid: number, { toMs }: StampsReport): TraceEvent[] {
  const events: TraceEvent[] = [
    meta("process_name", pid, 0, process.process),
    meta("thread_name", pid, MARKS, "life and misses"),
  ];
  for (const { atMs, kind, text } of process.marks) {
    const [name, ts] = [kind, micros(atMs)];
    events.push({ name, ph: "i", ts, pid, tid: MARKS, cat: "mark", s: "p", args: { text } });
  }
  let tid = MARKS;
  for (const { cycle, passes, budgetMs } of process.cycles) {
    events.push(meta("thread_name", pid, ++tid, `cycle ${cycle}`));
    for (const [startMs, endMs, dueMs, isCut = false] of passes) {
      const tookMs = (endMs ?? toMs) - startMs;
      events.push({
        name: cycle,
        ph: "X",
        ts: micros(startMs),
        dur: Math.max(0, micros(tookMs)),
        pid,
        tid,
        cat: "cycle",
        args: {
          ended: endMs !== null && !isCut,
          overBudget: tookMs > budgetMs,
          ...(dueMs === null ? {} : { lateMs: Math.round((startMs - dueMs) * 1e3) / 1e3 }),
        },
      });
    }
  }
  for (const { steps, passed } of process.steps) {
    events.push(meta("thread_name", pid, ++tid, `steps ${steps}`));
    for (const [atMs, name] of passed) {
      events.push({ name, ph: "i", ts: micros(atMs), pid, tid, cat: "step", s: "t" });
    }
  }
  return events;
}

function meta(name: string, pid: number, tid: number, value: string): TraceEvent {
  return { name, ph: "M", ts: 0, pid, tid, args: { name: value } };
}

function micros(ms: number): number {
  return Math.round(ms * 1e3);
}
