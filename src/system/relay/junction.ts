/**
 * One relayed pipe: its producers joined, its consumers each with a queue. Moves messages from
 * the ones to the others and keeps the books, in an order in which a kill at any moment leaves
 * the counters with no message too few: what is about to be taken counts as waiting before, what
 * was delivered counts so after.
 * Must not know: the supervisor's socket, other relayed pipes.
 */
import type {
  DropReason,
  LinkEndReason,
  RelayChannel,
  RelayReport,
} from "../../channel/relay/relay_protocol.ts";
import { LEG_PIPES_MAX } from "../../channel/relay/relay_protocol.ts";
import { type Admission, admit, faultOf } from "./admission.ts";
import type { DropTallies } from "./drop_tallies.ts";
import { InLeg } from "./in_leg.ts";
import { InPipe, type LookTools } from "./in_pipe.ts";
import { LegCounters } from "./leg_counters.ts";
import { VERDICT } from "./message_batch.ts";
import { MessageScanner } from "./message_scanner.ts";
import { OutLeg } from "./out_leg.ts";
import type { OutPipe } from "./out_stream.ts";
import type { PeekPipes } from "./peek_pipe.ts";
import type { RoomWatch } from "./room_watch.ts";
import { oversizedDetail } from "./scan_lines.ts";
import { RateLimit } from "./token_bucket.ts";
import type { Watches } from "./watches.ts";

/** What all relayed pipes share. */
export interface JunctionTools extends LookTools {
  readonly memory: Float64Array;
  readonly peeks: PeekPipes;
  readonly rooms: RoomWatch;
  readonly pageBytes: number;
  readonly watches: Watches;
  readonly tallies: DropTallies;
  readonly report: (report: RelayReport) => void;
}

/** A pipe that was handed over. */
export interface HandedPipe {
  readonly number: number;
  readonly instance: number;
  readonly fds: readonly number[];
}

/** One per relayed pipe. */
export class Junction {
  readonly inputs: readonly InLeg[];
  readonly outputs: readonly OutLeg[];
  readonly #plan: RelayChannel;
  readonly #tools: JunctionTools;
  readonly #scanner: MessageScanner;

  /** Takes over the records of an earlier process, if there was one. */
  constructor(plan: RelayChannel, tools: JunctionTools, nowMs: number) {
    this.#plan = plan;
    this.#tools = tools;
    const scanner = this.#scanner = new MessageScanner(plan);
    const { peeks, rooms, buffer, pageBytes, memory } = tools;
    this.inputs = plan.inputs.map((input, producer) => {
      const limit = plan.rate === null ? null : new RateLimit(plan.rate, nowMs);
      const leg = new InLeg(input, producer, new LegCounters(memory, input.slot), limit);
      const lost = leg.counters.takeOver(nowMs);
      if (lost > 0) tools.tallies.add(leg.slot, "lost", lost);
      return leg;
    });
    this.outputs = plan.outputs.map((output) => {
      const counters = new LegCounters(memory, output.slot);
      counters.takeOver(nowMs);
      return new OutLeg(output, counters, { scanner, peeks, rooms, buffer, pageBytes }, {
        left: (producer, messages, dropped) => this.#left(producer, messages, dropped),
        dropped: (leg, reason, messages) => tools.tallies.add(leg.slot, reason, messages),
        pipeDone: (pipe) => tools.report({ kind: "outputDone", pipe: pipe.number }),
      });
    });
  }

  /** A pipe of a producer's. */
  addInput(leg: InLeg, { number, instance, fds }: HandedPipe): void {
    const { peeks, watches, report } = this.#tools;
    const id = { fd: fds[0]!, number, instance };
    const pipe = new InPipe(
      id,
      (capacity) => peeks.of(capacity),
      this.#scanner,
      this.#tools,
      // It is nowhere else any more.
      () => leg.counters.add("queuedMessages", 1),
    );
    leg.isEnded = false;
    leg.counters.set("instance", instance);
    if (this.#isDeaf()) {
      pipe.close();
      return report({ kind: "inputDone", pipe: number });
    }
    leg.pipes.push(pipe);
    watches.add(pipe.fd, "read", {
      onReadable(isHungUp) {
        pipe.isReady = true;
        pipe.isHungUp ||= isHungUp;
      },
    });
    if (leg.counters.get("partial") === number) this.#resume(leg, pipe);
    if (leg.pipes.length > LEG_PIPES_MAX) this.#giveUpOldest(leg);
  }

  /** A pipe of a consumer's. */
  addOutput(leg: OutLeg, { number, instance, fds }: HandedPipe, nowMs: number): void {
    const { watches, tallies, report } = this.#tools;
    const isFinished = fds.length === 1;
    const [writeFd, readFd] = isFinished ? [-1, fds[0]!] : [fds[0]!, fds[1]!];
    const pipe: OutPipe = { number, instance, readFd, writeFd };
    if (leg.pipe !== null) watches.remove(leg.pipe.writeFd);
    const { lost, isTorn } = leg.adopt(pipe, nowMs);
    if (lost > 0) tallies.add(leg.slot, "lost", lost);
    if (leg.earlierPipes >= LEG_PIPES_MAX) leg.closeOldestPipe();
    if (isFinished) return;
    watches.add(writeFd, "write", {
      onWritable() {
        if (leg.pipe === pipe) leg.makeWritable();
      },
    });
    if (isTorn) report({ kind: "outputTorn", slot: leg.slot, instance, pipe: number });
  }

  /** A consumer has finally ended. */
  endOutput(leg: OutLeg, nowMs: number): void {
    const { watches } = this.#tools;
    if (leg.pipe !== null) watches.remove(leg.pipe.writeFd);
    leg.end(nowMs);
    this.unblock();
    if (!this.#isDeaf()) return;
    for (const input of this.inputs) {
      for (const pipe of input.pipes.splice(0)) this.#close(pipe);
      input.counters.set("partial", 0);
      input.counters.flow(nowMs);
    }
  }

  /**
   * Takes one quantum from a producer.
   *
   * @returns false when nothing has moved.
   */
  serve(leg: InLeg, nowMs: number): boolean {
    for (const pipe of leg.pipes) {
      const found = pipe.isReady ? pipe.find() : "nothing";
      switch (found) {
        case "messages":
          return this.#move(leg, pipe, nowMs);
        case "again":
          leg.bookPartial(pipe);
          return true;
        case "oversized":
          this.#refuseOversized(leg, pipe, nowMs);
          return true;
        case "unfinished":
          this.#count(leg, "unfinished", 1, null);
          leg.counters.add("messages", 1);
          this.#pipeDone(leg, pipe);
          return true;
        case "end":
          this.#pipeDone(leg, pipe);
          return true;
        case "nothing":
          // A later pipe's messages cannot come into the middle of this one's.
          if (pipe.isPartial) return false;
      }
    }
    leg.counters.flow(nowMs);
    return false;
  }

  /** Writes what there is room for. @returns whether anything has moved. */
  flush(nowMs: number): boolean {
    let hasMoved = false;
    for (const output of this.outputs) if (output.flush(nowMs)) hasMoved = true;
    if (hasMoved) this.unblock();
    return hasMoved;
  }

  /** Lets producers go on that could not, where there may be room again. */
  unblock(): void {
    for (const output of this.outputs) {
      if (!output.isEnded && output.overflow === "block" && !output.isRoomy) return;
    }
    for (const input of this.inputs) input.isBlocked = false;
  }

  /** When all producers have finally ended: shows the end to those who have everything. */
  finish(): void {
    if (!this.inputs.every((input) => input.isFinished)) return;
    for (const output of this.outputs) {
      const { pipe } = output;
      if (pipe === null || output.isFinished || output.isEnded || !output.isEmpty) continue;
      this.#tools.watches.remove(pipe.writeFd);
      output.finish();
      this.#tools.report({ kind: "outputFinished", pipe: pipe.number });
    }
  }

  #isDeaf(): boolean {
    return this.outputs.every((output) => output.isEnded);
  }

  #move(leg: InLeg, pipe: InPipe, nowMs: number): boolean {
    const { batch } = this.#tools;
    const { rate, onMalformed } = this.#plan;
    // Nobody loses a message for whom there is room in the pipe.
    for (const output of this.outputs) {
      if (output.overflow !== "block" && !output.hasRoomFor(batch)) output.flush(nowMs);
    }
    const admission = admit(
      batch,
      this.outputs,
      rate === null ? null : leg.limit,
      onMalformed,
      nowMs,
    );
    const { count } = admission;
    if (count > 0) {
      this.#take(leg, pipe, count, nowMs);
      leg.counters.flow(nowMs);
    }
    this.#hold(leg, admission, nowMs);
    const cut = admission.cut ?? this.#lateFault(count);
    if (cut !== null) this.#cut(leg, pipe, cut);
    return count > 0;
  }

  #take(leg: InLeg, pipe: InPipe, count: number, nowMs: number): void {
    const { batch } = this.#tools;
    const { counters } = leg;
    const places = this.outputs.length;
    const bytes = batch.bytesOf(count);
    const expected = batch.goodCount(count);
    counters.add("messages", count);
    counters.add("bytes", bytes);
    counters.add("queuedMessages", expected * places - (pipe.isHolding ? 1 : 0));
    for (const output of this.outputs) output.expect(expected);
    pipe.take(bytes);
    const good = batch.goodCount(count);
    counters.add("queuedMessages", (good - expected) * places);
    for (const output of this.outputs) {
      output.accept(batch, count, good, pipe.source, nowMs, leg.producer);
    }
    pipe.settle();
    counters.set("lastMs", nowMs);
    if (good < count) this.#countBad(leg, count);
  }

  /** Why nothing more is taken for now. */
  #hold(leg: InLeg, { isShortOfRoom, waitMs }: Admission, nowMs: number): void {
    leg.isBlocked = isShortOfRoom;
    leg.resumeMs = waitMs > 0 ? nowMs + waitMs : 0;
    if (isShortOfRoom || waitMs > 0) leg.counters.block(nowMs);
  }

  /** A long line is judged when it was taken. */
  #lateFault(count: number): LinkEndReason | null {
    const { batch } = this.#tools;
    if (this.#plan.onMalformed !== "end" || batch.badCount === 0) return null;
    for (let index = 0; index < count; index++) {
      const verdict = batch.verdicts[index]!;
      if (verdict !== VERDICT.good && verdict !== VERDICT.rate) return faultOf(verdict);
    }
    return null;
  }

  #countBad(leg: InLeg, count: number): void {
    const { batch } = this.#tools;
    const reasons = { malformed: 0, oversized: 0, rate: 0 };
    for (let index = 0; index < count; index++) {
      const verdict = batch.verdicts[index];
      if (verdict === VERDICT.malformed) reasons.malformed++;
      else if (verdict === VERDICT.oversized) reasons.oversized++;
      else if (verdict === VERDICT.rate) reasons.rate++;
    }
    this.#count(leg, "malformed", reasons.malformed, batch.detail);
    this.#count(leg, "oversized", reasons.oversized, batch.detail);
    this.#count(leg, "rate", reasons.rate, null);
  }

  #count(leg: InLeg, reason: DropReason, messages: number, detail: string | null): void {
    if (messages === 0) return;
    leg.counters.drop(reason, messages);
    this.#tools.tallies.add(leg.slot, reason, messages, detail);
  }

  #refuseOversized(leg: InLeg, pipe: InPipe, nowMs: number): void {
    const { tailBytes } = this.#tools.batch;
    const { maxMessageBytes, framing, onMalformed } = this.#plan;
    const isKnown = framing === "frames" && !pipe.isPartial;
    const size = isKnown ? tailBytes - (this.#scanner.wholeBytesMax - maxMessageBytes) : null;
    leg.counters.add("messages", 1);
    leg.counters.set("lastMs", nowMs);
    this.#count(leg, "oversized", 1, oversizedDetail(size, maxMessageBytes));
    if (onMalformed === "end") return this.#cut(leg, pipe, "oversized");
    pipe.beginSkip();
    leg.bookPartial(pipe);
  }

  /** The process before this one was killed when a piece of a message was out of this pipe. */
  #resume(leg: InLeg, pipe: InPipe): void {
    this.#count(leg, "lost", 1, null);
    if (this.#plan.framing === "frames") this.#cut(leg, pipe, "torn");
    else pipe.resumeWithinLine();
  }

  #cut(leg: InLeg, pipe: InPipe, why: LinkEndReason): void {
    const { slot } = leg;
    const { instance, number } = pipe;
    this.#remove(leg, pipe);
    this.#tools.report({ kind: "inputCut", slot, instance, pipe: number, why });
  }

  #pipeDone(leg: InLeg, pipe: InPipe): void {
    this.#remove(leg, pipe);
    this.#tools.report({ kind: "inputDone", pipe: pipe.number });
  }

  /** There are too many: what is in the oldest is lost, and the supervisor knows. */
  #giveUpOldest(leg: InLeg): void {
    const { batch } = this.#tools;
    const oldest = leg.pipes[0]!;
    let lost = 0;
    while (oldest.find() === "messages") {
      lost += batch.count;
      oldest.take(batch.bytesOf(batch.count));
      oldest.settle();
    }
    leg.counters.add("messages", lost);
    this.#count(leg, "lost", lost, null);
    this.#remove(leg, oldest);
  }

  #remove(leg: InLeg, pipe: InPipe): void {
    leg.pipes.splice(leg.pipes.indexOf(pipe), 1);
    if (leg.counters.get("partial") === pipe.number) leg.counters.set("partial", 0);
    if (pipe.isHolding) leg.counters.add("queuedMessages", -1);
    this.#close(pipe);
  }

  #close(pipe: InPipe): void {
    this.#tools.watches.remove(pipe.fd);
    pipe.close();
  }

  #left(producer: number, messages: number, dropped: DropReason | null): void {
    const { counters } = this.inputs[producer]!;
    counters.add("queuedMessages", -messages);
    if (dropped !== null) counters.drop(dropped, messages);
  }
}
