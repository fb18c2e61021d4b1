/**
 * Writes what was stamped around a miss into the run directory, for a viewer of traces: whole or not
 * at all, at most so many files of at most so many bytes, the oldest going first. Must not know:
 * contracts, how stamps are read.
 */
import type { DeadlineEvent } from "../../audit/deadline_event.ts";
import type { EventBody } from "../../audit/event_record.ts";
import type { StampsReport } from "../../control/deadline_report.ts";
import { chromeTrace } from "./chrome_trace.ts";

/** So many files are kept. */
const FILES_MAX = 16;
/** One that would be larger keeps the newest stamps of each line. */
const FILE_BYTES_MAX = 4 << 20;
/** Of one event, about. */
const EVENT_BYTES = 160;
/** What follows a miss is of interest too. */
const AFTER_MS = 250;
/** Misses that come close to each other are in one file. */
const APART_MS = 2000;

/** What the recorder needs. */
export interface RecorderParts {
  /** Absolute; made when the first is written. */
  readonly folder: string;
  readonly stamps: () => StampsReport;
  readonly record: (body: EventBody) => void;
}

/** One per supervisor that has contracts. */
export class FlightRecorder {
  readonly #parts: RecorderParts;
  readonly #written: string[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #lastMs = -Infinity;
  #count = 0;
  #hasFailed = false;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
  }

  /** A contract was missed: what is known is written a moment later. */
  missed(event: DeadlineEvent): void {
    const nowMs = performance.now();
    if (this.#timer !== null || nowMs - this.#lastMs < APART_MS) return;
    this.#lastMs = nowMs;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#write(event);
    }, AFTER_MS);
  }

  /** Nothing more is written. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #write({ contract, process, instance, reason }: DeadlineEvent): void {
    const name = contract.replaceAll(/[^A-Za-z0-9._-]/g, "_");
    const path = `${this.#parts.folder}/${String(++this.#count).padStart(4, "0")}-${name}.json`;
    const about = { contract, reason, process: `${process}#${instance}` };
    try {
      Deno.mkdirSync(this.#parts.folder, { recursive: true, mode: 0o700 });
      const trace = chromeTrace(within(this.#parts.stamps(), FILE_BYTES_MAX), about);
      Deno.writeTextFileSync(`${path}.tmp`, JSON.stringify(trace));
      Deno.renameSync(`${path}.tmp`, path);
      this.#written.push(path);
      if (this.#written.length > FILES_MAX) Deno.removeSync(this.#written.shift()!);
      this.#parts.record({ event: "traceWritten", contract, process, instance, path });
    } catch (error) {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      const message = `The stamps around a miss cannot be written: ${(error as Error).message}`;
      this.#parts.record({ event: "warning", message });
    }
  }
}

/** As much of a report as fits: of each line the newest. Pure. */
export function within(report: StampsReport, bytesMax: number): StampsReport {
  const { processes } = report;
  const lines = processes.reduce((n, { cycles, steps }) => n + cycles.length + steps.length + 1, 0);
  const each = Math.max(1, Math.floor(bytesMax / EVENT_BYTES / Math.max(1, lines)));
  return {
    ...report,
    processes: processes.map((process) => ({
      ...process,
      cycles: process.cycles.map((cycle) => ({ ...cycle, passes: cycle.passes.slice(-each) })),
      steps: process.steps.map((steps) => ({ ...steps, passed: steps.passed.slice(-each) })),
      marks: process.marks.slice(-each),
    })),
  };
}
