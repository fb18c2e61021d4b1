/**
 * The memories in which processes are stamped: one for each process that has a line, made before
 * the crew starts, laid out anew for each instance. Owns them; must not know: what a stamp means.
 *
 * One memory serves all instances of a process. An instance's own is told by its epoch, which is
 * 0 while the memory is laid out: who has read something and then finds the epoch that he expects
 * has read what that instance had stamped.
 */
import {
  BEGUN,
  PULSE_EPOCH,
  pulseBytes,
  type PulseLineShape,
  pulsePlace,
  SIGN_NS,
  stampSign,
  writePulse,
} from "../../deadline/pulse_layout.ts";
import { createSharedMemory } from "../../os/shared_memory.ts";
import { CycleSource, StepSource } from "../../deadline/pulse_source.ts";
import { pulseLinesOf } from "../../deadline/pulse_shape.ts";
import type { Plan, ProcessIndex } from "../../plan/plan.ts";
import type { PulseSources } from "../descriptor_table.ts";

/** One process's memory. */
export interface PulseMemory {
  readonly lines: readonly PulseLineShape[];
  readonly buffer: ArrayBuffer;
}

interface Held extends PulseMemory {
  readonly fd: number;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
}

/** All of a plan's. */
export class PulseMemories implements PulseSources {
  readonly #held = new Map<ProcessIndex, Held>();

  /** @throws {SystemError} when there is no such memory, or no descriptor left. */
  constructor(plan: Pick<Plan, "processes" | "contracts">) {
    plan.processes.forEach(({ name }, process) => {
      const lines = pulseLinesOf(plan.contracts, process);
      if (lines.length === 0) return;
      const { fd, buffer } = createSharedMemory(`cox:pulse:${name}`, pulseBytes(lines));
      this.#held.set(process, {
        lines,
        buffer,
        fd,
        words: new Int32Array(buffer),
        doubles: new Float64Array(buffer),
      });
    });
  }

  fdOf(process: ProcessIndex): number {
    return this.#of(process).fd;
  }

  /** Those there are. */
  all(): ReadonlyMap<ProcessIndex, PulseMemory> {
    return this.#held;
  }

  /** null: nothing of it is stamped. */
  memoryOf(process: ProcessIndex): PulseMemory | null {
    return this.#held.get(process) ?? null;
  }

  /** Before the spawn of an instance: its memory is empty, and is its own. */
  layOut(process: ProcessIndex, instance: number): void {
    const held = this.#held.get(process);
    if (held === undefined) return;
    // First of all it is nobody's.
    Atomics.store(held.words, PULSE_EPOCH, 0);
    writePulse(held.buffer, held.lines, instance);
  }

  /** Stamps a sign for a program that cannot, on a line that is the supervisor's. */
  sign(process: ProcessIndex, line: number, nowNs: number): void {
    const { words, doubles, lines } = this.#of(process);
    stampSign(words, doubles, pulsePlace(lines, line), nowNs);
  }

  /** How many signs, passes or steps there are on a line, and when the last was. */
  lastOf(process: ProcessIndex, line: number): { count: number; lastNs: number | null } {
    const { words, doubles, lines } = this.#of(process);
    const place = pulsePlace(lines, line);
    const count = Atomics.load(words, place.word + BEGUN) >>> 0;
    if (count === 0) return { count, lastNs: null };
    if (place.kind === "heartbeat") return { count, lastNs: doubles[place.double + SIGN_NS]! };
    const source = place.kind === "cycle"
      ? new CycleSource({ words, doubles }, place)
      : new StepSource({ words, doubles }, place);
    const isKept = source.read(count);
    const lastNs = source instanceof CycleSource ? source.startNs : source.atNs;
    return { count, lastNs: isKept ? lastNs : null };
  }

  #of(process: ProcessIndex): Held {
    const held = this.#held.get(process);
    if (held === undefined) throw new Error(`No pulse memory for process ${process}`);
    return held;
  }
}
