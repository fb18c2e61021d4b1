/**
 * The loop of `@relay`: waits, obeys, moves messages in turns, tells what was dropped. One thread
 * that never returns to the runtime: nothing else runs in this process, and no byte waits for it.
 * Must not know: how a message is found or written.
 *
 * ```
 *   ┌─► wait (edges, or the next lifespan, rate or report) ─► commands ─► a quantum from each
 *   │                                                                     producer, in turn
 *   └──── reports ◄──── ends ◄──── producers that may go on ◄──── write ◄────┘
 * ```
 */
import {
  RELAY_COUNTERS_FD,
  RELAY_LINK_FD,
  type RelayCommand,
} from "../../channel/relay/relay_protocol.ts";
import { EdgePoll } from "../../os/edge_poll.ts";
import { packHeap } from "../../os/heap.ts";
import { monotonicMs } from "../../os/monotonic.ts";
import { pageBytes } from "../../os/pipe.ts";
import { mapSharedMemory } from "../../os/shared_memory.ts";
import { WriterSignal } from "../../os/writer_signal.ts";
import { DropTallies } from "./drop_tallies.ts";
import { openForeignFunctions } from "./foreign_functions.ts";
import type { InLeg } from "./in_leg.ts";
import { QUANTUM_BYTES } from "./in_pipe.ts";
import { Junction, type JunctionTools } from "./junction.ts";
import { LookBuffer } from "./look_buffer.ts";
import { MessageBatch } from "./message_batch.ts";
import type { OutLeg } from "./out_leg.ts";
import { PeekPipes } from "./peek_pipe.ts";
import { type Received, RelayLink } from "./relay_link.ts";
import { RoomWatch } from "./room_watch.ts";
import { Watches } from "./watches.ts";

/**
 * A drain ends when nothing has moved for so long, which is more than what a busy machine keeps a
 * consumer off its cores …
 */
const DRAIN_SILENCE_MS = 500;
/** … and after so long in any case. */
const DRAIN_MAX_MS = 5_000;
/** Most of what it takes to load and begin is never used again. */
const PACK_AFTER_MS = 5_000;

/** Where a leg is. */
interface InPlace {
  readonly junction: Junction;
  readonly leg: InLeg;
}
interface OutPlace {
  readonly junction: Junction;
  readonly leg: OutLeg;
}

/** The program. */
export class Relay {
  readonly #link = new RelayLink(RELAY_LINK_FD);
  readonly #tools: JunctionTools;
  readonly #junctions: Junction[] = [];
  readonly #inputs: InPlace[] = [];
  readonly #inputOf = new Map<number, InPlace>();
  readonly #outputOf = new Map<number, OutPlace>();
  readonly #tallies = new DropTallies();
  #nowMs = monotonicMs();
  #hasCommands = true;
  /** Who is served first; another one each time. */
  #first = 0;
  /** When nothing of what it took to begin is needed any more; Infinity: it was let go. */
  #packMs = this.#nowMs + PACK_AFTER_MS;
  #drainEndMs = Infinity;
  #movedMs = 0;

  /**
   * Has everything from outside that it will need.
   *
   * @throws {SystemError} when the descriptors are not what they should be.
   */
  constructor() {
    openForeignFunctions();
    const writers = new WriterSignal();
    const rooms = new RoomWatch();
    this.#tools = {
      writers,
      buffer: new LookBuffer(QUANTUM_BYTES),
      batch: new MessageBatch(),
      memory: new Float64Array(mapSharedMemory(RELAY_COUNTERS_FD)),
      peeks: new PeekPipes(),
      rooms,
      pageBytes: pageBytes(),
      watches: new Watches(new EdgePoll()),
      tallies: this.#tallies,
      report: (report) => this.#link.report(report),
    };
    this.#tools.watches.add(RELAY_LINK_FD, "both", {
      onReadable: () => this.#hasCommands = true,
      onWritable: () => this.#link.flush(),
    });
    if (rooms.fd !== null) {
      this.#tools.watches.add(rooms.fd, "read", { onReadable: () => rooms.tell() });
    }
    this.#tools.watches.add(writers.fd, "read", { onReadable: () => this.#hearWriters() });
  }

  /** Runs until it was told to drain, and has. */
  run(): void {
    let isBusy = true;
    while (!this.#isDrained(isBusy)) {
      this.#tools.watches.wait(isBusy ? 0 : this.#dueMs() - this.#nowMs);
      this.#nowMs = monotonicMs();
      isBusy = this.#turn();
    }
    for (const { leg } of this.#outputOf.values()) leg.dropAll("ended");
    this.#report(true);
  }

  /** Somebody has written into a pipe in which something was left: which, is not told. */
  #hearWriters(): void {
    this.#tools.writers.clear();
    for (const { leg } of this.#inputs) {
      for (const pipe of leg.pipes) pipe.isReady ||= pipe.isSignalled;
    }
  }

  /** @returns whether anything has moved, so that there may be more. */
  #turn(): boolean {
    const nowMs = this.#nowMs;
    if (this.#hasCommands) this.#obeyAll();
    let isBusy = false;
    const count = this.#inputs.length;
    for (let index = 0; index < count; index++) {
      const { junction, leg } = this.#inputs[(this.#first + index) % count]!;
      if (leg.isReady(nowMs) && junction.serve(leg, nowMs)) isBusy = true;
    }
    this.#first = count === 0 ? 0 : (this.#first + 1) % count;
    for (const junction of this.#junctions) {
      if (junction.flush(nowMs)) isBusy = true;
      junction.finish();
    }
    this.#report(false);
    if (isBusy) this.#movedMs = nowMs;
    else if (nowMs >= this.#packMs) this.#pack();
    return isBusy;
  }

  /** When there is something to do again, if nothing happens before. */
  #dueMs(): number {
    let due = Math.min(this.#packMs, this.#drainEndMs);
    if (this.#drainEndMs !== Infinity) due = Math.min(due, this.#movedMs + DRAIN_SILENCE_MS);
    // A full link has its edge.
    if (!this.#link.isFull) due = Math.min(due, this.#tallies.dueMs());
    for (const { leg } of this.#inputs) {
      if (leg.resumeMs > 0 && !leg.isBlocked) due = Math.min(due, leg.resumeMs);
    }
    for (const { leg } of this.#outputOf.values()) due = Math.min(due, leg.expiryMs);
    return due;
  }

  #isDrained(isBusy: boolean): boolean {
    if (this.#drainEndMs === Infinity || isBusy) return false;
    if (this.#nowMs >= this.#drainEndMs) return true;
    if (this.#nowMs >= this.#movedMs + DRAIN_SILENCE_MS) return true;
    const nothingWaits = [...this.#outputOf.values()].every(({ leg }) => leg.isEmpty);
    return nothingWaits && this.#inputs.every(({ leg }) => leg.resumeMs <= this.#nowMs);
  }

  #report(isLast: boolean): void {
    if (this.#tallies.isEmpty || (this.#link.isFull && !isLast)) return;
    this.#tallies.flush(this.#nowMs, (slot, reason, messages, detail) => {
      if (this.#link.isFull) return false;
      const instance = this.#instanceOf(slot);
      this.#link.report({ kind: "dropped", slot, instance, reason, messages, detail });
      return true;
    }, isLast);
  }

  #instanceOf(slot: number): number {
    const place = this.#inputOf.get(slot) ?? this.#outputOf.get(slot);
    return place?.leg.counters.get("instance") ?? 0;
  }

  #pack(): void {
    this.#packMs = Infinity;
    packHeap();
  }

  #obeyAll(): void {
    this.#hasCommands = false;
    for (;;) {
      const received = this.#link.receive();
      if (received === "none") return;
      // The supervisor is gone, and with it whoever could be told anything.
      if (received === "closed") return this.#drain();
      this.#obey(received);
    }
  }

  #obey({ command, fds }: Received): void {
    const nowMs = this.#nowMs;
    switch (command.kind) {
      case "channel":
        return this.#addChannel(command);
      case "input": {
        const { junction, leg } = this.#input(command.slot);
        const { pipe: number, instance } = command;
        return junction.addInput(leg, { number, instance, fds });
      }
      case "output": {
        const { junction, leg } = this.#output(command.slot);
        const { pipe: number, instance } = command;
        return junction.addOutput(leg, { number, instance, fds }, nowMs);
      }
      case "inputEnded":
        this.#input(command.slot).leg.isEnded = true;
        return;
      case "outputEnded": {
        const { junction, leg } = this.#output(command.slot);
        return junction.endOutput(leg, nowMs);
      }
      case "overflow": {
        const { junction, leg } = this.#output(command.slot);
        leg.overflow = command.overflow;
        junction.unblock();
        return;
      }
      case "drain":
        return this.#drain();
    }
  }

  #addChannel({ channel }: Extract<RelayCommand, { kind: "channel" }>): void {
    const junction = new Junction(channel, this.#tools, this.#nowMs);
    this.#junctions.push(junction);
    for (const leg of junction.inputs) {
      const place = { junction, leg };
      this.#inputs.push(place);
      this.#inputOf.set(leg.slot, place);
    }
    for (const leg of junction.outputs) this.#outputOf.set(leg.slot, { junction, leg });
  }

  #drain(): void {
    if (this.#drainEndMs !== Infinity) return;
    this.#drainEndMs = this.#nowMs + DRAIN_MAX_MS;
    this.#movedMs = this.#nowMs;
  }

  #input(slot: number): InPlace {
    return known(this.#inputOf.get(slot), slot);
  }

  #output(slot: number): OutPlace {
    return known(this.#outputOf.get(slot), slot);
  }
}

function known<T>(place: T | undefined, slot: number): T {
  if (place === undefined) throw new Error(`No leg has slot ${slot}`);
  return place;
}
