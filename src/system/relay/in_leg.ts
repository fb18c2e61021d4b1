/**
 * One producer: its pipes, oldest first, its rate, and why nothing is taken from it at the
 * moment. Must not know: consumers, what is done with messages.
 */
import type { RelayInput } from "../../channel/relay/relay_protocol.ts";
import type { InPipe } from "./in_pipe.ts";
import type { LegCounters } from "./leg_counters.ts";
import type { RateLimit } from "./token_bucket.ts";

/** One per producer. */
export class InLeg {
  readonly slot: number;
  /** Its place among the producers of its relayed pipe. */
  readonly producer: number;
  readonly counters: LegCounters;
  readonly limit: RateLimit | null;
  readonly pipes: InPipe[] = [];
  /** The producer has finally ended, and its consumers are to see it. */
  isEnded = false;
  /** What is there is not taken for want of room at a consumer. */
  isBlocked = false;
  /** … or by the rate, until then. */
  resumeMs = 0;

  constructor(
    { slot }: RelayInput,
    producer: number,
    counters: LegCounters,
    limit: RateLimit | null,
  ) {
    this.slot = slot;
    this.producer = producer;
    this.counters = counters;
    this.limit = limit;
  }

  /** The instance that the newest pipe is of. */
  get instance(): number {
    return this.counters.get("instance");
  }

  /** There is news of one of its pipes, and it may be followed up. */
  isReady(nowMs: number): boolean {
    return !this.isBlocked && this.resumeMs <= nowMs && this.pipes.some((pipe) => pipe.isReady);
  }

  /** Ended, and everything was taken. */
  get isFinished(): boolean {
    return this.isEnded && this.pipes.length === 0;
  }

  /** Writes down whether a piece of a message is out of this pipe. */
  bookPartial(pipe: InPipe): void {
    this.counters.set("partial", pipe.isPartial ? pipe.number : 0);
  }
}
