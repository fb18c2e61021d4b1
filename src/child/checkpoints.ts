/**
 * `checkpoints()`: the steps of a program as it passes them. Owns the stamp of a step.
 * Must not know: which order is right, how long each may take.
 */
import {
  BEGUN,
  type PulseLine,
  RECORD_AT,
  RECORD_BYTES,
  RECORD_STEP,
} from "../deadline/pulse_layout.ts";
import { findLine, noLine, type Pulse } from "./pulse.ts";

const { store } = Atomics;

/** Steps that a program passes, by name; the configuration has their order and their times. */
export interface Checkpoints {
  /**
   * This step is reached: some 80 nanoseconds, no system call, nothing allocated.
   *
   * @param step Name of one of the declared steps.
   * @throws {TypeError} when there is no such step.
   */
  at(step: string): void;
}

/**
 * Finds the steps that the configuration declares under this name, as in
 * `deadlines: { checkpoints: { boot: { steps: ["open", "read", "close"], within: "50ms" } } }`.
 *
 * The supervisor sees a step that comes too late, also while it has not come, and one that comes
 * out of order. After the last step the first is due again.
 *
 * @param name As in the configuration.
 * @throws {NotSupervisedError} when no supervisor started the program.
 * @throws {TypeError} when the configuration declares no such steps.
 *
 * @example
 * ```ts
 * import { checkpoints, isSupervised } from "coxswain/child";
 * import { assertThrows } from "@std/assert";
 *
 * if (isSupervised()) {
 *   const boot = checkpoints("boot");
 *   boot.at("open");
 *   boot.at("read");
 * } else {
 *   assertThrows(() => checkpoints("boot"), Error, "not started by a supervisor");
 * }
 * ```
 */
export function checkpoints(name: string): Checkpoints {
  const line = findLine("steps", name);
  if (line === null) throw noLine("checkpoints", name);
  return new StampedSteps(...line);
}

class StampedSteps implements Checkpoints {
  readonly #pulse: Pulse;
  readonly #line: PulseLine;
  readonly #numbers: ReadonlyMap<string, number>;

  constructor(pulse: Pulse, line: PulseLine) {
    this.#pulse = pulse;
    this.#line = line;
    this.#numbers = new Map(line.steps.map((step, number) => [step, number]));
  }

  at(step: string): void {
    const number = this.#numbers.get(step);
    if (number === undefined) {
      const names = this.#line.steps.map((step) => `"${step}"`).join(", ");
      throw new TypeError(`No step "${step}" among "${this.#line.name}": there are ${names}`);
    }
    const { words, doubles, nowNs } = this.#pulse;
    const { word, ringDouble, ring } = this.#line.place;
    const count = (words[word + BEGUN]! + 1) | 0;
    const record = ringDouble + (count & (ring - 1)) * (RECORD_BYTES / 8);
    doubles[record + RECORD_AT] = nowNs();
    doubles[record + RECORD_STEP] = number;
    store(words, word + BEGUN, count);
  }
}
