/** Pulse memory as a test writes it: word by word as docs/deadlines.md says, not by the client. */
import {
  BEGUN,
  ENDED,
  FIRST,
  pulseBytes,
  type PulseLineShape,
  type PulsePlace,
  pulsePlace,
  RECORD_AT,
  RECORD_DUE,
  RECORD_END,
  RECORD_FIRST,
  RECORD_START,
  RECORD_STEP,
  stampSign,
  writePulse,
} from "../../src/deadline/pulse_layout.ts";
import { type PulseViews, pulseViews } from "../../src/deadline/pulse_source.ts";

export const HEARTBEAT: PulseLineShape = {
  kind: "heartbeat",
  name: "",
  steps: [],
  ring: 0,
  periodNs: 0,
  offsetNs: 0,
};

export function cycleLine(name: string, periodNs: number, ring = 64): PulseLineShape {
  return { ...HEARTBEAT, kind: "cycle", name, periodNs, ring };
}

export function stepsLine(name: string, steps: readonly string[], ring = 64): PulseLineShape {
  return { ...HEARTBEAT, kind: "steps", name, steps, ring };
}

/** The memory of one process, written to as the process would. */
export class PulseMemory {
  readonly buffer: ArrayBuffer;
  readonly views: PulseViews;
  readonly lines: readonly PulseLineShape[];
  readonly #places: readonly PulsePlace[];

  constructor(lines: readonly PulseLineShape[]) {
    this.lines = lines;
    this.buffer = new ArrayBuffer(pulseBytes(lines));
    this.views = pulseViews(this.buffer);
    writePulse(this.buffer, lines, 1);
    this.#places = lines.map((_, line) => pulsePlace(lines, line));
  }

  /** As before a new instance. */
  clear(): void {
    writePulse(this.buffer, this.lines, 1);
  }

  place(line: number): PulsePlace {
    return this.#places[line]!;
  }

  sign(line: number, nowNs: number): void {
    stampSign(this.views.words, this.views.doubles, this.place(line), nowNs);
  }

  begin(line: number, nowNs: number, dueNs = 0): void {
    const { words, doubles } = this.views;
    const { word } = this.place(line);
    const pass = (words[word + BEGUN]! + 1) | 0;
    if (words[word + FIRST] === 0) words[word + FIRST] = 1;
    const at = this.#record(line, pass);
    doubles[at + RECORD_START] = nowNs;
    doubles[at + RECORD_DUE] = dueNs;
    doubles[at + RECORD_FIRST] = words[word + FIRST]!;
    Atomics.store(words, word + BEGUN, pass);
  }

  end(line: number, nowNs: number): void {
    const { words, doubles } = this.views;
    const { word } = this.place(line);
    const pass = words[word + BEGUN]!;
    doubles[this.#record(line, pass) + RECORD_END] = nowNs;
    Atomics.store(words, word + ENDED, pass);
  }

  /** The program leaves its loop. */
  leave(line: number): void {
    const { words } = this.views;
    const { word } = this.place(line);
    Atomics.store(words, word + FIRST, words[word + BEGUN]! + 1);
  }

  step(line: number, step: number, nowNs: number): void {
    const { words, doubles } = this.views;
    const { word } = this.place(line);
    const count = (words[word + BEGUN]! + 1) | 0;
    const at = this.#record(line, count);
    doubles[at + RECORD_AT] = nowNs;
    doubles[at + RECORD_STEP] = step;
    Atomics.store(words, word + BEGUN, count);
  }

  #record(line: number, number: number): number {
    const { ringDouble, ring } = this.place(line);
    return ringDouble + (number & (ring - 1)) * 4;
  }
}
