/**
 * One producer and its consumers over a small mailbox, as threads of the model's machine. They run
 * `ProducerCore` and `ConsumerCore` of src/child/mailbox as they are; what is added here is the
 * program around them (which data, when to wait), death, and the rules that must hold.
 */
import type { LentSlot } from "../../src/child/mailbox/consumer_types.ts";
import * as layout from "../../src/channel/mailbox/layout.ts";
import type * as attendance from "../../src/channel/mailbox/attendance.ts";
import type * as consumerCore from "../../src/child/mailbox/consumer_core.ts";
import type * as producerCore from "../../src/child/mailbox/producer_core.ts";
import { Machine, type MachineState, type Program, Violation } from "./machine.ts";
import type { Model } from "./explore.ts";

/** The code under test: the repository's, or a copy with a mistake in it. */
export interface MailboxCode {
  readonly ProducerCore: typeof producerCore.ProducerCore;
  readonly ConsumerCore: typeof consumerCore.ConsumerCore;
  readonly producerEnded: typeof attendance.producerEnded;
  readonly consumerEnded: typeof attendance.consumerEnded;
}

/** One consumer of the model. */
export interface ModelConsumer {
  readonly behind: "oldest" | "newest";
  readonly from: "resume" | "newest";
  readonly wait: "parked" | "doorbell";
  readonly lives: number;
  /**
   * When it is killed: it starts again, and a `keepAll` producer waits for it all the while; it is
   * let go of, and starts again; the supervisor lets go of it for good.
   */
  readonly death: "restart" | "again" | "final";
}

/** What is explored. */
export interface ModelOptions {
  readonly history: "keepLast" | "keepAll";
  readonly slots: number;
  readonly keep: number;
  /** From 4096 on the producer marks slots early. */
  readonly sampleBytes: number;
  /** Samples that the producer makes, and how many at once. */
  readonly samples: number;
  readonly batch: number;
  /** Position before the first. */
  readonly start: number;
  readonly producerLives: number;
  readonly producerDeath: "restart" | "final";
  /**
   * Whether the supervisor ends the mailbox after the last sample. It wakes everybody then; without
   * it each consumer has to come to the last sample by itself, and ends there.
   */
  readonly ends: boolean;
  readonly consumers: readonly ModelConsumer[];
  readonly buffered: boolean;
  /** Whether the producer lets stores arrive before it sleeps. The protocol does. */
  readonly settles: boolean;
  /**
   * Which accesses are steps of their own: `every` one; `most`: all but those to header words that
   * nothing is decided by and to words that nobody else looks at; `key`: of a sample's words the
   * turn and one of its data.
   */
  readonly grain: "every" | "most" | "key";
  /** Where all begin: they have taken up their links; or, the consumers sleep already. */
  readonly begin: "attached" | "asleep";
}

const SAMPLES = 0;
const DOORBELL = 10;
const PRODUCER_GONE = 20;
const CONSUMER_GONE = 30;
const DATA_WORD = layout.SLOT_HEADER_BYTES / 4;
const QUIET_IN_MOST = new Set([
  layout.SEQUENCE_HIGH,
  layout.STAMP_LOW,
  layout.STAMP_HIGH,
  layout.SAMPLE_EPOCH,
  layout.CRC32C,
  layout.ORIGIN_LOW,
  layout.ORIGIN_HIGH,
]);

const QUIET_IN_KEY = new Set([
  ...QUIET_IN_MOST,
  layout.LENGTH,
  layout.SEQUENCE_LOW,
  DATA_WORD + 1,
]);
/** Words of a consumer that nobody else looks at while the history is `keepLast`. */
const ALONE = new Set([layout.CURSOR, layout.CURSOR + 1, layout.CONSUMER_BELL]);

interface ProducerLocal {
  phase:
    | "attach"
    | "claim"
    | "data"
    | "seal"
    | "commit"
    | "arm"
    | "settle"
    | "sleep"
    | "disarm"
    | "bye";
  core: object;
  claims: producerCore.ClaimedSlot[];
  at: number;
  seen: number;
}

interface ConsumerLocal {
  phase: "start" | "attach" | "poll" | "data" | "release" | "arm" | "sleep" | "disarm";
  core: object;
  lent: LentSlot;
  data: readonly [number, number];
  /** The last that is accounted for, and the last that was read whole, over all instances. */
  last: number;
  read: number;
  seen: number;
}

/** Makes the model of a mailbox. */
export function mailboxModel(code: MailboxCode, options: ModelOptions): Model {
  const shape = shapeOf(options);
  const strideWords = layout.slotStride(shape.sampleBytes) / 4;
  const isQuiet = (segment: number, word: number) => {
    if (options.grain === "every") return false;
    if (segment !== SAMPLES) return options.history === "keepLast" && ALONE.has(word);
    if (word < layout.HEADER_BYTES / 4) return word === layout.EPOCH;
    const quiet = options.grain === "key" ? QUIET_IN_KEY : QUIET_IN_MOST;
    return quiet.has((word - layout.HEADER_BYTES / 4) % strideWords);
  };
  const programs: Program[] = [
    producerProgram(code, options),
    ...options.consumers.map((_, at) => consumerProgram(code, options, at)),
    producersUndertaker(code, options),
    ...options.consumers.map((_, at) => consumersUndertaker(code, at)),
  ];
  const machine = new Machine({
    programs,
    buffered: options.buffered,
    isQuiet,
    cellsMax: 24 * Math.max(2, options.slots),
  });
  const start = machine.start([
    { local: newProducer(), lives: options.producerLives },
    ...options.consumers.map(({ lives }) => ({ local: newConsumer(options.start), lives })),
    { local: "wait", lives: 0 },
    ...options.consumers.map(() => ({ local: "wait", lives: 0 })),
  ]);
  const setPosition = (segment: number, word: number) => {
    start[machine.cell(segment, word)] = options.start | 0;
    start[machine.cell(segment, word + 1)] = Math.floor(options.start / 2 ** 31);
  };
  start[machine.cell(SAMPLES, layout.EPOCH)] = 1;
  setPosition(SAMPLES, layout.PUBLISHED);
  options.consumers.forEach((_, at) => {
    start[machine.cell(1 + at, layout.ATTACHED)] = 1;
    setPosition(1 + at, layout.CURSOR);
  });
  return {
    machine,
    start: begun(machine, start, options),
    kill: (state, at) => kill(state, at, machine, options),
    checkEnd: (state) => {
      for (let at = 0; at <= options.consumers.length; at++) {
        const local = machine.local(state, at);
        if (local !== null) throw new Violation(`thread ${at} sleeps for ever: ${local}`);
      }
    },
  };
}

/** The state in which all have taken up their links, one after the other. */
function begun(machine: Machine, start: MachineState, options: ModelOptions): MachineState {
  let state = start;
  for (let at = 0; at <= options.consumers.length; at++) {
    const isThere = () =>
      at > 0 && options.begin === "asleep"
        ? machine.isAsleep(state, at)
        : !machine.local(state, at)!.includes('"phase":"attach"');
    while (!isThere()) {
      state = machine.hasStores(state, at) ? machine.flush(state, at) : machine.run(state, at)!;
    }
  }
  return state;
}

function shapeOf(options: ModelOptions): layout.MailboxShape {
  return {
    slots: options.slots,
    sampleBytes: options.sampleBytes,
    history: options.history,
    keep: options.keep,
    consumers: options.consumers.length,
    checksum: "none",
    schemaHash: [0, 0],
  };
}

function newProducer(): string {
  const local: ProducerLocal = { phase: "attach", core: {}, claims: [], at: 0, seen: 0 };
  return JSON.stringify(local);
}

function newConsumer(read: number): string {
  const local: ConsumerLocal = {
    phase: "attach",
    core: {},
    lent: nothingLent(),
    data: [0, 0],
    last: 0,
    read,
    seen: 0,
  };
  return JSON.stringify(local);
}

function nothingLent(): LentSlot {
  return {
    sequence: 0,
    slot: 0,
    turn: 0,
    missed: 0,
    length: 0,
    stampNs: 0,
    originNs: 0,
    epoch: 0,
    crc: 0,
  };
}

function kill(
  from: MachineState,
  at: number,
  machine: Machine,
  options: ModelOptions,
): MachineState | null {
  if (machine.lives(from, at) === 0) return null;
  const consumer = options.consumers[at - 1];
  const death = at === 0 ? options.producerDeath : consumer!.death;
  const state = from.slice();
  machine.takeLife(state, at);
  if (death === "final") {
    const gone = machine.cell(at === 0 ? PRODUCER_GONE : CONSUMER_GONE + at - 1, 0);
    machine.restart(state, at, null);
    state[gone] = 1;
    machine.wakeIn(state, gone);
  } else if (at === 0) {
    state[machine.cell(SAMPLES, layout.EPOCH)]! += 1;
    machine.restart(state, at, newProducer());
  } else {
    const { read } = JSON.parse(machine.local(from, at)!) as ConsumerLocal;
    const again = JSON.parse(newConsumer(read)) as ConsumerLocal;
    if (death === "again") {
      again.phase = "start";
      letGo(state, at, machine);
    }
    machine.restart(state, at, JSON.stringify(again));
  }
  return state;
}

/** `consumerEnded` in one step: the supervisor does it at some time after the death. */
function letGo(state: MachineState, at: number, machine: Machine): void {
  state[machine.cell(at, layout.ATTACHED)] = 0;
  state[machine.cell(at, layout.ARMED)]! &= ~3;
  const bell = machine.cell(at, layout.CONSUMER_BELL);
  state[bell]! += 1;
  machine.wakeIn(state, bell);
}

/** What a sample's two words of data are; the epoch tells the instances apart that made it. */
function dataOf(sequence: number, epoch: number, word: number): number {
  return (sequence * 100 + epoch * 10 + word) | 0;
}

function producerProgram(code: MailboxCode, options: ModelOptions): Program {
  const shape = shapeOf(options);
  const strideWords = layout.slotStride(shape.sampleBytes) / 4;
  return (text, machine) => {
    const local = JSON.parse(text) as ProducerLocal;
    const samples = machine.words(SAMPLES);
    const consumers = options.consumers.map((_, at) => machine.words(1 + at));
    const bellOf = (consumer: number) => machine.cell(1 + consumer, layout.CONSUMER_BELL);
    const core = new code.ProducerCore(samples, consumers, shape, {
      wakeConsumers: () => machine.wake(machine.cell(SAMPLES, layout.BELL)),
      ring(consumer) {
        machine.words(DOORBELL + consumer).store(0, 1);
        machine.wake(machine.cell(DOORBELL + consumer, 0));
      },
    });
    restore(core, local.core);
    switch (local.phase) {
      case "attach":
        if (!core.attach()) throw new Violation("the producer found no position");
        local.phase = "claim";
        break;
      case "claim": {
        if (core.published + core.claimed === options.start + options.samples) {
          local.phase = core.claimed > 0 ? "data" : "bye";
          break;
        }
        const claim = {
          sequence: 0,
          slot: 0,
          turn: 0,
          length: 8,
          stampNs: 5,
          originNs: 6,
          crc: 7,
        };
        if (core.claim(claim)) local.claims.push(claim);
        if (local.claims.length === options.batch) local.phase = "data";
        else if (core.claimed < local.claims.length || local.claims.at(-1) !== claim) {
          local.phase = core.claimed > 0 ? "data" : "arm";
        }
        break;
      }
      case "data": {
        const { slot, sequence } = local.claims[local.at]!;
        const base = layout.HEADER_BYTES / 4 + slot * strideWords + DATA_WORD;
        samples.write(base, dataOf(sequence, core.epoch, 0));
        samples.write(base + 1, dataOf(sequence, core.epoch, 1));
        local.phase = "seal";
        break;
      }
      case "seal":
        core.seal(local.claims[local.at]!);
        local.phase = ++local.at === local.claims.length ? "commit" : "data";
        break;
      case "commit":
        core.commit();
        local.claims = [];
        local.at = 0;
        local.phase = "claim";
        break;
      case "arm": {
        const seen = core.arm();
        local.phase = seen === null ? "claim" : "settle";
        local.seen = seen ?? 0;
        break;
      }
      case "settle":
        if (options.settles) machine.settle();
        local.phase = core.isHeldBack(core.slowest) ? "sleep" : "disarm";
        break;
      case "sleep":
        machine.sleep(bellOf(core.slowest), local.seen);
        local.phase = "disarm";
        break;
      case "disarm":
        core.disarm();
        local.phase = "claim";
        break;
      case "bye":
        if (!options.ends) return null;
        machine.words(PRODUCER_GONE).store(0, 1);
        machine.wake(machine.cell(PRODUCER_GONE, 0));
        return null;
    }
    local.core = { ...core };
    return JSON.stringify(local);
  };
}

function consumerProgram(code: MailboxCode, options: ModelOptions, at: number): Program {
  const shape = shapeOf(options);
  const { behind, from, wait } = options.consumers[at]!;
  const isThrough = (core: { next: number }) =>
    !options.ends && core.next - 1 === options.start + options.samples;
  return (text, machine) => {
    const local = JSON.parse(text) as ConsumerLocal;
    const samples = machine.words(SAMPLES);
    const own = machine.words(1 + at);
    const core = new code.ConsumerCore(
      samples,
      own,
      { shape, number: at, behind, fillsSlots: false, lendsAhead: true },
      () => machine.wake(machine.cell(1 + at, layout.CONSUMER_BELL)),
    );
    restore(core, local.core);
    switch (local.phase) {
      case "start":
        own.store(layout.ATTACHED, 1);
        local.phase = "attach";
        break;
      case "attach":
        if (!core.attach(from)) throw new Violation(core.fault);
        local.last = core.next - 1;
        if (from === "resume" && local.last > local.read) {
          throw new Violation(`${local.read} was read last, and it goes on after ${local.last}`);
        }
        if (isThrough(core)) return null;
        local.phase = "poll";
        break;
      case "poll": {
        const found = core.poll(local.lent);
        if (found === "ended") {
          if (core.next - 1 === core.seen) return null;
          throw new Violation("the end came before the last sample");
        }
        if (found === "corrupt") throw new Violation(core.fault);
        local.phase = found === "sample" ? "data" : found === "busy" ? "poll" : "arm";
        if (found === "sample") checkOrder(local, options, core.attachedAt);
        else local.lent = nothingLent();
        break;
      }
      case "data": {
        const strideWords = layout.slotStride(shape.sampleBytes) / 4;
        const base = layout.HEADER_BYTES / 4 + local.lent.slot * strideWords + DATA_WORD;
        local.data = [samples.read(base), samples.read(base + 1)];
        local.read = local.lent.sequence;
        local.phase = "release";
        break;
      }
      case "release": {
        const intact = core.isIntact(local.lent);
        if (intact) checkData(local);
        else if (options.history === "keepAll" && local.lent.sequence > core.attachedAt) {
          throw new Violation("overtaken though all are kept");
        }
        core.released.moveTo(local.lent.sequence);
        // What is not needed any more must not tell states apart.
        local.lent = nothingLent();
        local.data = [0, 0];
        local.phase = "poll";
        if (isThrough(core)) return null;
        break;
      }
      case "arm": {
        const how = wait === "parked" ? layout.ARMED_PARKED : layout.ARMED_DOORBELL;
        const seen = core.arm(how);
        local.phase = seen === null ? "poll" : "sleep";
        local.seen = seen ?? 0;
        break;
      }
      case "sleep":
        if (wait === "parked") machine.sleep(machine.cell(SAMPLES, layout.BELL), local.seen);
        else {
          machine.sleep(machine.cell(DOORBELL + at, 0), 0);
          machine.words(DOORBELL + at).store(0, 0);
        }
        local.phase = "disarm";
        break;
      case "disarm":
        core.disarm();
        local.seen = 0;
        local.phase = "poll";
        break;
    }
    local.core = { ...core };
    return JSON.stringify(local);
  };
}

/** Gives an object, and those in it, the fields that they had. */
function restore(object: object, fields: object): void {
  for (const [name, value] of Object.entries(fields)) {
    const held = Reflect.get(object, name);
    if (held !== null && typeof held === "object" && !Array.isArray(held)) restore(held, value);
    else Reflect.set(object, name, value);
  }
}

function checkOrder(local: ConsumerLocal, options: ModelOptions, attachedAt: number): void {
  const { sequence, missed } = local.lent;
  if (sequence !== local.last + missed + 1) {
    throw new Violation(`${sequence} after ${local.last}, and ${missed} are said to be missed`);
  }
  if (missed > 0 && options.history === "keepAll" && sequence - missed > attachedAt) {
    throw new Violation(`${missed} missed`);
  }
  local.last = sequence;
}

function checkData(local: ConsumerLocal): void {
  const { sequence, length, epoch, stampNs, originNs } = local.lent;
  const said = `sample ${sequence} of epoch ${epoch}: ${local.data}`;
  if (length !== 8 || stampNs !== 5 || originNs !== 6) throw new Violation(`header of ${said}`);
  if (local.data.some((word, at) => word !== dataOf(sequence, epoch, at))) {
    throw new Violation(`torn: ${said}`);
  }
}

/** The supervisor: sleeps until the producer has ended for good. */
function producersUndertaker(code: MailboxCode, options: ModelOptions): Program {
  return (phase, machine) => {
    if (phase === "wait") {
      machine.sleep(machine.cell(PRODUCER_GONE, 0), 0);
      return "end";
    }
    const bell = machine.cell(SAMPLES, layout.BELL);
    code.producerEnded(machine.words(SAMPLES), true, () => machine.wake(bell));
    // The supervisor rings at each doorbell as well.
    for (const [at, { wait }] of options.consumers.entries()) {
      if (wait !== "doorbell") continue;
      machine.words(DOORBELL + at).store(0, 1);
      machine.wake(machine.cell(DOORBELL + at, 0));
    }
    return null;
  };
}

function consumersUndertaker(code: MailboxCode, at: number): Program {
  return (phase, machine) => {
    if (phase === "wait") {
      machine.sleep(machine.cell(CONSUMER_GONE + at, 0), 0);
      return "end";
    }
    const bell = machine.cell(1 + at, layout.CONSUMER_BELL);
    code.consumerEnded(machine.words(1 + at), () => machine.wake(bell));
    return null;
  };
}
