/**
 * What can be read off a mailbox's memory while it is used: counts, times, who lags. Anything there
 * may have been written by a program that does not behave, so that nothing is more than a figure.
 * Must not know: who looks, processes.
 */
import {
  ARMED,
  ATTACHED,
  ATTACHED_EPOCH,
  BYTES,
  CONSUMER_EPOCH,
  CURSOR,
  EPOCH,
  EXPIRED,
  FAULT,
  FAULT_TEXT_BYTE,
  FAULT_TEXT_BYTES_MAX,
  HEARTBEAT_NS,
  joinPosition,
  LAST_ORIGIN_NS,
  LAST_PUBLISH_NS,
  LAST_RECEIVE_NS,
  LATE,
  MISSED,
  NO_POSITION,
  OVERTAKEN,
  PATH_LATE,
  PRODUCER_ARMED,
  PUBLISHED,
  RECEIVED,
  SEQUENCE_MAX,
  STATE,
  STATE_ENDED,
  WORST_AGE_NS,
} from "./layout.ts";

/** The producer's side. Times are CLOCK_MONOTONIC, nanoseconds; 0: never. */
export interface ProducerFigures {
  /** Samples, over all instances. */
  readonly published: number;
  /** Instances of the producer. */
  readonly epoch: number;
  /** No producer will come any more. */
  readonly ended: boolean;
  readonly lastPublishNs: number;
  /** Its last sign of life. */
  readonly heartbeatNs: number;
  /** The number of the consumer that it waits for; null: it does not sleep. */
  readonly waitsFor: number | null;
}

/** A consumer's side. Counts are over all instances. */
export interface ConsumerFigures {
  /** An instance runs. */
  readonly attached: boolean;
  /** It has taken up the link. */
  readonly connected: boolean;
  /** Published and not yet given back, or past. */
  readonly lag: number;
  readonly received: number;
  readonly missed: number;
  readonly overtaken: number;
  /** Older than their lifespan at their receipt, and not delivered. */
  readonly expired: number;
  readonly bytes: number;
  readonly lastReceiveNs: number;
  readonly worstAgeNs: number;
  readonly waits: "no" | "parked" | "at its doorbell";
}

/** Reads the producer's words. @param samples at least its first page */
export function producerFigures(samples: ArrayBuffer): ProducerFigures {
  const words = new Int32Array(samples, 0, 1024);
  const doubles = new Float64Array(samples, 0, 512);
  const armed = Atomics.load(words, PRODUCER_ARMED) & 0xff;
  return {
    published: Math.max(0, positionAt(words, PUBLISHED)),
    epoch: Atomics.load(words, EPOCH) >>> 0,
    ended: Atomics.load(words, STATE) === STATE_ENDED,
    lastPublishNs: count(doubles[LAST_PUBLISH_NS >> 1]),
    heartbeatNs: count(doubles[HEARTBEAT_NS >> 1]),
    waitsFor: armed === 0 ? null : armed - 1,
  };
}

/** Reads a consumer's words. @param published the producer's position */
export function consumerFigures(page: ArrayBuffer, published: number): ConsumerFigures {
  const words = new Int32Array(page);
  const doubles = new Float64Array(page);
  const cursor = positionAt(words, CURSOR);
  const at = (word: number) => count(doubles[word >> 1]);
  const armed = Atomics.load(words, ARMED) & 3;
  const attached = Atomics.load(words, ATTACHED) === 1;
  return {
    attached,
    connected: attached &&
      Atomics.load(words, CONSUMER_EPOCH) === Atomics.load(words, ATTACHED_EPOCH),
    lag: cursor === NO_POSITION ? 0 : Math.max(0, published - cursor),
    received: at(RECEIVED),
    missed: at(MISSED),
    overtaken: at(OVERTAKEN),
    expired: at(EXPIRED),
    bytes: at(BYTES),
    lastReceiveNs: at(LAST_RECEIVE_NS),
    worstAgeNs: at(WORST_AGE_NS),
    waits: armed === 0 ? "no" : armed === 1 ? "parked" : "at its doorbell",
  };
}

/**
 * Reads what a consumer counts as late. Nothing that it counts here was released, or shown to have
 * been received, after that: who looks at the cursor before and at the last receipt behind finds
 * none that was released and not counted, and none that was counted and still waits.
 */
export function lateOf(page: ArrayBuffer): number {
  return count(new Float64Array(page)[LATE >> 1]);
}

/**
 * Reads what a consumer counts as late for a path that ends there. What was received up to
 * {@linkcode lastOriginOf}, read before, is counted here.
 */
export function pathLateOf(page: ArrayBuffer, path: number): number {
  return count(new Float64Array(page)[(PATH_LATE >> 1) + path]);
}

/** Reads the newest origin that a consumer has received; 0: none, or no path ends there. */
export function lastOriginOf(page: ArrayBuffer): number {
  return count(new Float64Array(page)[LAST_ORIGIN_NS >> 1]);
}

/** Reads what a consumer says of a corrupt mailbox; null: nothing. */
export function faultOf(
  page: ArrayBuffer,
): { readonly instance: number; readonly text: string } | null {
  const instance = Atomics.load(new Int32Array(page), FAULT) >>> 0;
  if (instance === 0) return null;
  const bytes = new Uint8Array(page, FAULT_TEXT_BYTE, FAULT_TEXT_BYTES_MAX);
  const end = bytes.indexOf(0);
  const text = String.fromCharCode(...bytes.subarray(0, end === -1 ? bytes.length : end));
  // It goes to a terminal and into a file of lines.
  return { instance, text: text.replace(/[^\x20-\x7e]/g, "?") };
}

function positionAt(words: Int32Array, word: number): number {
  for (let attempt = 0; attempt < 8; attempt++) {
    const high = Atomics.load(words, word + 1);
    const low = Atomics.load(words, word);
    if (Atomics.load(words, word + 1) === high) return joinPosition(low, high);
  }
  return NO_POSITION;
}

/** A count or a time of somebody else's: a whole number, no larger than one of samples can be. */
function count(value: number | undefined): number {
  return value !== undefined && value >= 0 && value <= SEQUENCE_MAX ? Math.floor(value) : 0;
}
