/**
 * A machine for the model: memory of which every access is a step, sleeping and waking as the
 * kernel does them, and threads that run the client's own code from access to access.
 *
 * A thread is a program in small calls. What it knows between two calls is a text. Within a call it
 * is where the answers to its accesses so far have brought it, and to find out what it does next
 * the call is run again with those answers. That is done once for each such place: afterwards the
 * machine knows what the code does there and what follows which answer.
 */
import type { SharedWords } from "../../src/child/mailbox/shared_words.ts";

/** What a rule of the protocol that was broken looks like. */
export class Violation extends Error {}

/** One thread's program: makes one call, and says what it knows then; null: it has ended. */
export type Program = (local: string, machine: Machine) => string | null;

/** What a machine is made of. */
export interface MachineOptions {
  readonly programs: readonly Program[];
  /** Stores go through a buffer, as on x86-64; else they arrive at once. */
  readonly buffered: boolean;
  /** Accesses that are no steps of their own, but go with the one before. */
  readonly isQuiet: (segment: number, word: number) => boolean;
  /** Words of memory that are in use at most. */
  readonly cellsMax: number;
}

type Kind = "load" | "write" | "store" | "settle" | "sleep" | "wake";

/** An access that the code makes at some place, and what follows which answer. */
interface Access {
  readonly kind: Kind;
  readonly cell: number;
  readonly value: number;
  readonly quiet: boolean;
  readonly then: Map<number, Access | Place>;
}

/** Where a thread is: at the beginning of a call, or within it after some answers. */
interface Place {
  readonly id: number;
  readonly local: string | null;
  readonly log: readonly number[];
  access: Access | null;
}

/**
 * All there is, in one array: the cells; then for each thread the number of its place, the cell
 * that it sleeps on + 1, its lives, and the number of its buffer of stores.
 */
export type MachineState = Int32Array;

const THREAD_WORDS = 4;
const [PLACE, ASLEEP, LIVES, BUFFER] = [0, 1, 2, 3];
const PAUSE = Symbol("pause");

/** Runs steps; which one comes next is for the explorer to say. */
export class Machine {
  readonly threadCount: number;
  readonly #options: MachineOptions;
  readonly #cellOf = new Map<number, number>();
  readonly #segments: SharedWords[] = [];
  readonly #places: Place[] = [];
  readonly #placeOf = new Map<string, Place>();
  readonly #buffers: (readonly number[])[] = [[]];
  readonly #bufferOf = new Map<string, number>([["", 0]]);
  #log: readonly number[] = [];
  #at = 0;
  #next: Access | null = null;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.threadCount = options.programs.length;
  }

  /** A segment's words, as the running thread has them. */
  words(segment: number): SharedWords {
    return this.#segments[segment] ??= this.#makeWords(segment);
  }

  /** Lets all stores arrive that any thread has made. */
  settle(): void {
    this.#access("settle", 0, 0, false);
  }

  /** Sleeps while the cell is `seen`. */
  sleep(cell: number, seen: number): void {
    this.#access("sleep", cell, seen, false);
  }

  /** Wakes all that sleep on the cell. */
  wake(cell: number): void {
    this.#access("wake", cell, 0, false);
  }

  /** Which cell a word is. */
  cell(segment: number, word: number): number {
    const key = segment * 1e6 + word;
    let cell = this.#cellOf.get(key);
    if (cell === undefined) this.#cellOf.set(key, cell = this.#cellOf.size);
    if (cell >= this.#options.cellsMax) throw new Error("The model has too few cells");
    return cell;
  }

  /** Memory of zeros, and threads that begin. */
  start(threads: readonly { local: string; lives: number }[]): MachineState {
    const state = new Int32Array(this.#options.cellsMax + threads.length * THREAD_WORDS);
    threads.forEach(({ local, lives }, at) => {
      this.restart(state, at, local);
      state[this.#wordOf(at, LIVES!)] = lives;
    });
    return state;
  }

  /** Puts a thread at the beginning of a call, awake; null: it has ended. */
  restart(state: MachineState, thread: number, local: string | null): void {
    state[this.#wordOf(thread, PLACE!)] = this.#place(thread, local, []).id;
    state[this.#wordOf(thread, ASLEEP!)] = 0;
  }

  /** What a thread knew at the beginning of its call; null: it has ended. */
  local(state: MachineState, thread: number): string | null {
    return this.#places[state[this.#wordOf(thread, PLACE!)]!]!.local;
  }

  /** How often a thread may still be killed. */
  lives(state: MachineState, thread: number): number {
    return state[this.#wordOf(thread, LIVES!)]!;
  }

  /** Takes one. */
  takeLife(state: MachineState, thread: number): void {
    state[this.#wordOf(thread, LIVES!)]! -= 1;
  }

  /** Whether stores of the thread are on their way. */
  hasStores(state: MachineState, thread: number): boolean {
    return state[this.#wordOf(thread, BUFFER!)] !== 0;
  }

  /** Whether it sleeps. */
  isAsleep(state: MachineState, thread: number): boolean {
    return state[this.#wordOf(thread, ASLEEP!)] !== 0;
  }

  /** Wakes all that sleep on the cell, in a state that is being made. */
  wakeIn(state: MachineState, cell: number): void {
    for (let at = 0; at < this.threadCount; at++) {
      if (state[this.#wordOf(at, ASLEEP!)] === cell + 1) state[this.#wordOf(at, ASLEEP!)] = 0;
    }
  }

  /** The thread's next access made; null when it has to wait for its own stores. */
  run(from: MachineState, thread: number): MachineState | null {
    const place = this.#places[from[this.#wordOf(thread, PLACE!)]!]!;
    place.access ??= this.#discover(thread, place.local!, place.log) as Access;
    const state = from.slice();
    const answers: number[] = [];
    let access = place.access;
    for (let stepped = false;;) {
      const drained = access.kind !== "load" && access.kind !== "write";
      const waits = drained && this.hasStores(state, thread);
      if (waits && !stepped) return null;
      if ((stepped && !access.quiet) || waits) {
        const id = this.#place(thread, place.local, [...place.log, ...answers]).id;
        state[this.#wordOf(thread, PLACE!)] = id;
        return state;
      }
      if (!access.quiet) stepped = true;
      const answer = this.#perform(access, state, thread);
      answers.push(answer);
      let then = access.then.get(answer);
      if (then === undefined) {
        then = this.#discover(thread, place.local!, [...place.log, ...answers]);
        access.then.set(answer, then);
      }
      if ("id" in then) {
        state[this.#wordOf(thread, PLACE!)] = then.id;
        return state;
      }
      access = then;
    }
  }

  /** The oldest store of the thread arrives. */
  flush(from: MachineState, thread: number): MachineState {
    const state = from.slice();
    const [cell, value, ...rest] = this.#buffers[from[this.#wordOf(thread, BUFFER!)]!]!;
    state[cell!] = value!;
    state[this.#wordOf(thread, BUFFER!)] = this.#buffer(rest);
    return state;
  }

  #makeWords(segment: number): SharedWords {
    const access = (kind: Kind, word: number, value: number) =>
      this.#access(kind, this.cell(segment, word), value, this.#options.isQuiet(segment, word));
    return {
      load: (word) => access("load", word, 0),
      read: (word) => access("load", word, 0),
      store: (word, value) => void access("store", word, value),
      write: (word, value) => void access("write", word, value),
      readDouble: () => 0,
      writeDouble: () => {},
      fence: () => {},
    };
  }

  /** Called by the code: the answer of an access that was made, or a stop at the next one. */
  #access(kind: Kind, cell: number, value: number, quiet: boolean): number {
    if (this.#at < this.#log.length) return this.#log[this.#at++]!;
    this.#next = { kind, cell, value, quiet, then: new Map() };
    throw PAUSE;
  }

  /** Runs a call with these answers; calls that make no access are passed over. */
  #discover(thread: number, from: string, log: readonly number[]): Access | Place {
    this.#log = log;
    this.#at = 0;
    try {
      const local = this.#options.programs[thread]!(from, this);
      return this.#place(thread, local, []);
    } catch (thrown) {
      if (thrown !== PAUSE) throw thrown;
      return this.#next!;
    }
  }

  #place(thread: number, from: string | null, log: readonly number[]): Place {
    const name = `${thread}|${from}|${log}`;
    let place = this.#placeOf.get(name);
    if (place !== undefined) return place;
    // Not known by its own name before what a call without an access leads to.
    const first = from === null || log.length > 0 ? null : this.#discover(thread, from, log);
    if (first !== null && "id" in first) place = first;
    else {
      place = { id: this.#places.length, local: from, log, access: first };
      this.#places.push(place);
    }
    this.#placeOf.set(name, place);
    return place;
  }

  #perform(access: Access, state: MachineState, thread: number): number {
    const { kind, cell, value } = access;
    switch (kind) {
      case "load":
        return this.#fetch(state, thread, cell);
      case "store":
        state[cell] = value;
        return 0;
      case "write": {
        const word = this.#wordOf(thread, BUFFER!);
        if (!this.#options.buffered) state[cell] = value;
        else state[word] = this.#buffer([...this.#buffers[state[word]!]!, cell, value]);
        return 0;
      }
      case "settle":
        for (let at = 0; at < this.threadCount; at++) this.#drain(state, at);
        return 0;
      case "sleep":
        if (state[cell] === value) state[this.#wordOf(thread, ASLEEP!)] = cell + 1;
        return 0;
      case "wake":
        this.wakeIn(state, cell);
        return 0;
    }
  }

  #drain(state: MachineState, thread: number): void {
    const word = this.#wordOf(thread, BUFFER!);
    const buffer = this.#buffers[state[word]!]!;
    for (let at = 0; at < buffer.length; at += 2) state[buffer[at]!] = buffer[at + 1]!;
    state[word] = 0;
  }

  #fetch(state: MachineState, thread: number, cell: number): number {
    const buffer = this.#buffers[state[this.#wordOf(thread, BUFFER!)]!]!;
    for (let at = buffer.length - 2; at >= 0; at -= 2) {
      if (buffer[at] === cell) return buffer[at + 1]!;
    }
    return state[cell]!;
  }

  #buffer(stores: readonly number[]): number {
    const name = stores.join();
    let buffer = this.#bufferOf.get(name);
    if (buffer === undefined) {
      this.#bufferOf.set(name, buffer = this.#buffers.length);
      this.#buffers.push(stores);
    }
    return buffer;
  }

  #wordOf(thread: number, field: number): number {
    return this.#options.cellsMax + thread * THREAD_WORDS + field;
  }
}
