/**
 * Visits every state that a machine can come to. Depth first; a state that was met before is not
 * visited again. States are told apart by 53 bits of hash: with a million of them the chance that
 * any two are taken for one is one in ten thousand.
 */
import { type Machine, type MachineState, Violation } from "./machine.ts";

/** What the explorer asks of a model. */
export interface Model {
  readonly machine: Machine;
  readonly start: MachineState;
  /** The state after thread `thread` was killed here; null when it cannot be. */
  readonly kill: (state: MachineState, thread: number) => MachineState | null;
  /** Throws {@link Violation} where nothing can go on and something should. */
  readonly checkEnd: (state: MachineState) => void;
}

/** How far it went. */
export interface Explored {
  readonly states: number;
  readonly steps: number;
  readonly ends: number;
}

/** @throws {Violation} with the state before it, when a rule is broken. @throws {RangeError} for more states. */
export function explore(model: Model, statesMax: number): Explored {
  const visited = new NumberSet();
  const stack = [model.start];
  let steps = 0;
  let ends = 0;
  visited.add(hash(model.start));
  for (let state = stack.pop(); state !== undefined; state = stack.pop()) {
    try {
      const following = successors(model, state);
      if (!following.some(({ killed }) => !killed)) {
        ends++;
        model.checkEnd(state);
      }
      for (const { state: next } of following) {
        steps++;
        if (!visited.add(hash(next))) continue;
        if (visited.size > statesMax) throw new RangeError(`More than ${statesMax} states`);
        stack.push(next);
      }
    } catch (error) {
      if (error instanceof Violation) error.message += `\n${describe(model, state)}`;
      throw error;
    }
  }
  return { states: visited.size, steps, ends };
}

/** Numbers above 0, in a table that doubles: a Set of a million doubles takes most of the time. */
class NumberSet {
  #table = new Float64Array(1 << 16);
  size = 0;

  /** @returns false when it was there. */
  add(value: number): boolean {
    if (this.size * 2 > this.#table.length) this.#grow();
    const at = this.#find(value);
    if (this.#table[at] === value) return false;
    this.#table[at] = value;
    this.size++;
    return true;
  }

  #find(value: number): number {
    const mask = this.#table.length - 1;
    let at = (value / 2 ** 21) & mask;
    while (this.#table[at] !== 0 && this.#table[at] !== value) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const old = this.#table;
    this.#table = new Float64Array(old.length * 2);
    for (const value of old) {
      if (value !== 0) this.#table[this.#find(value)] = value;
    }
  }
}

function successors(model: Model, state: MachineState) {
  const { machine } = model;
  const following: { state: MachineState; killed: boolean }[] = [];
  for (let at = 0; at < machine.threadCount; at++) {
    const stores = machine.hasStores(state, at);
    if (stores) following.push({ state: machine.flush(state, at), killed: false });
    if (machine.local(state, at) === null) continue;
    // What was stored arrives whatever becomes of the thread: it is killed before or after.
    const killed = stores ? null : model.kill(state, at);
    if (killed !== null) following.push({ state: killed, killed: true });
    if (machine.isAsleep(state, at)) continue;
    const next = machine.run(state, at);
    if (next !== null) following.push({ state: next, killed: false });
  }
  return following;
}

function hash(state: MachineState): number {
  let one = 0x811c9dc5;
  let two = 0x1b873593;
  for (let at = 0; at < state.length; at++) {
    const value = state[at]!;
    one = Math.imul(one ^ value, 0x01000193);
    one ^= one >>> 15;
    two = Math.imul(two ^ value, 0x85ebca6b);
    two ^= two >>> 13;
  }
  return (one >>> 0) * 2 ** 21 + (two >>> 11) + 1;
}

function describe({ machine }: Model, state: MachineState): string {
  const threads = Array.from({ length: machine.threadCount }, (_, at) => machine.local(state, at));
  return threads.map((local, at) => `thread ${at}: ${local}`).join("\n");
}
