/**
 * What the supervisor and `@relay` say to each other. Data only.
 *
 * One JSON text in each packet of a seqpacket socket, descriptors beside it (SCM_RIGHTS):
 *
 * ```
 *  supervisor ──RelayCommand, with descriptors──► @relay ──RelayReport──► supervisor
 *             ◄──────── counters, in shared memory (relay_counters.ts) ────────
 * ```
 *
 * The supervisor holds every pipe that it has handed over until `@relay` has said that it is
 * done with it. When `@relay` has died, the next one is told everything again: channels, then
 * the pipes that are still held, oldest first, under the same numbers, then which sides have
 * ended and which overflow is in force. Descriptors that are handed over are non-blocking, their
 * descriptions are nobody else's but the supervisor's, which never uses them.
 *
 * A report of a pipe that the supervisor has let go of meanwhile is without effect. One that
 * cannot be understood, or is of a pipe that never was, ends that instance of `@relay`.
 * Must not know: either side.
 */
import type { Overflow, QueuePlan, RatePlan, RelayedPlan } from "../../plan/plan.ts";

/** Descriptor of `@relay`'s end of the socket. */
export const RELAY_LINK_FD = 3;
/** Descriptor of the memory of the counters. */
export const RELAY_COUNTERS_FD = 4;

/** Largest packet, bytes; a longer one is our bug. */
export const RELAY_PACKET_BYTES_MAX = 65_536;

/**
 * Pipes of one leg that are held at once: as many instances may come and go while nobody takes
 * what they wrote. For another both sides let go of the oldest, and what is in it is lost.
 */
export const LEG_PIPES_MAX = 16;

/** Number of a pipe that was handed over; unique for the life of the supervisor, from 1. */
export type PipeNumber = number;

/** A relayed pipe, as `@relay` knows it. */
export interface RelayChannel
  extends Pick<RelayedPlan, "name" | "framing" | "maxMessageBytes" | "onMalformed"> {
  readonly rate: RatePlan | null;
  readonly inputs: readonly RelayInput[];
  readonly outputs: readonly RelayOutput[];
}

/** A producer's side. */
export interface RelayInput {
  /** Name of the process. */
  readonly process: string;
  /** Its record in the counters. */
  readonly slot: number;
}

/** A consumer's side. */
export interface RelayOutput {
  readonly process: string;
  readonly slot: number;
  readonly queue: QueuePlan;
}

/** To `@relay`. `channel` is an index in the order of the `channel` commands; slots name legs. */
export type RelayCommand =
  /** First, one for each relayed pipe. */
  | { readonly kind: "channel"; readonly channel: RelayChannel }
  /**
   * A new pipe of the producer's, for one instance of it. Descriptors: its read end.
   * What is in the earlier pipes of the same slot comes first. Undoes `inputEnded`.
   */
  | {
    readonly kind: "input";
    readonly slot: number;
    readonly instance: number;
    readonly pipe: PipeNumber;
  }
  /**
   * A new pipe of the consumer's, for one instance of it. Descriptors: its write end and its
   * read end; of one that was finished the read end alone. Whole messages that are still in the
   * pipe before it are delivered again, first. Undoes `outputEnded`.
   */
  | {
    readonly kind: "output";
    readonly slot: number;
    readonly instance: number;
    readonly pipe: PipeNumber;
  }
  /** The producer has finally ended, and its consumers are to see it (`producerEnds: "eof"`). */
  | { readonly kind: "inputEnded"; readonly slot: number }
  /**
   * The consumer has finally ended, and its producers are to see it (`consumerEnds: "epipe"`).
   * Both sides let go of its pipes; when all consumers of the channel have so ended, of the
   * pipes of its producers too. Nothing is reported of them.
   */
  | { readonly kind: "outputEnded"; readonly slot: number }
  /** Until told otherwise, overflow at this consumer is handled in this way. */
  | { readonly kind: "overflow"; readonly slot: number; readonly overflow: Overflow }
  /** Deliver what is there, for as long as something moves, and exit. */
  | { readonly kind: "drain" };

/** Why a message did not arrive. */
export const DROP_REASONS = [
  /** No room at a consumer. */
  "overflow",
  /** Its producer sent faster than it may. */
  "rate",
  /** It waited longer than its lifespan. */
  "expired",
  /** It is no UTF-8 or no JSON. */
  "malformed",
  /** It is larger than the largest. */
  "oversized",
  /** Its producer ended within it. */
  "unfinished",
  /** Its consumer has finally ended. */
  "ended",
  /** `@relay` held it when it was killed. */
  "lost",
] as const;
export type DropReason = typeof DROP_REASONS[number];

/** Why a producer's link was ended by `@relay`. */
export type LinkEndReason = "malformed" | "oversized" | "overflow" | "rate" | "torn";

/** To the supervisor. */
export type RelayReport =
  /** Everything was taken from this pipe and its end was seen: the supervisor lets go of it. */
  | { readonly kind: "inputDone"; readonly pipe: PipeNumber }
  /** What was left in this pipe was taken back: the supervisor lets go of it. */
  | { readonly kind: "outputDone"; readonly pipe: PipeNumber }
  /**
   * All producers have finally ended and everything was delivered: the supervisor lets go of
   * the write end, and the consumer sees the end. The read end it holds on: a consumer that is
   * killed before it has read everything is followed by one that reads the rest.
   */
  | { readonly kind: "outputFinished"; readonly pipe: PipeNumber }
  /**
   * `@relay` takes nothing more from this producer's instance: the supervisor lets go of the
   * read end, and the producer sees a broken pipe.
   */
  | {
    readonly kind: "inputCut";
    readonly slot: number;
    readonly instance: number;
    readonly pipe: PipeNumber;
    readonly why: LinkEndReason;
  }
  /**
   * The `@relay` before this one was killed within a message that this consumer had begun to
   * read, and frames cannot be brought in step again: the consumer has to be restarted.
   */
  | {
    readonly kind: "outputTorn";
    readonly slot: number;
    readonly instance: number;
    readonly pipe: PipeNumber;
  }
  /**
   * Messages were dropped: at once for the first, then gathered for a second at least.
   * `slot` is the consumer's for overflow, expired and ended, else the producer's.
   */
  | {
    readonly kind: "dropped";
    readonly slot: number;
    readonly instance: number;
    readonly reason: DropReason;
    readonly messages: number;
    /** What is wrong with the first of them, where something is; at most 200 characters. */
    readonly detail: string | null;
  };
