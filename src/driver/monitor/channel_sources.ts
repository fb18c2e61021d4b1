/**
 * What channels show of the samples that pass through them: signs for gaps and liveliness,
 * deliveries for latencies and paths. Read from the memory of mailboxes and from the counters of
 * `@relay`, where all of it is kept anyway. Must not know: contracts beyond where they look.
 *
 * What a consumer is late for is seen while it waits: the judge looks again when the oldest sample
 * that waits has reached its limit. Of a mailbox the oldest that waits is the one behind the cursor,
 * unless the consumer has it in hand: then it is the next.
 */
import { COUNTER, counterAt } from "../../channel/relay/relay_counters.ts";
import {
  consumerFigures,
  lastOriginOf,
  lateOf,
  pathLateOf,
  producerFigures,
} from "../../channel/mailbox/figures.ts";
import {
  HEADER_BYTES,
  type MailboxShape,
  ORIGIN_HIGH,
  ORIGIN_LOW,
  SEQUENCE_HIGH,
  SEQUENCE_LOW,
  slotStride,
  STAMP_HIGH,
  STAMP_LOW,
} from "../../channel/mailbox/layout.ts";
import type { DeliverySource } from "../../deadline/delivery_judge.ts";
import type { SignSource } from "../../deadline/silence_judge.ts";

const WORD_RANGE = 2 ** 32;

/** The memory of a mailbox; of the samples all of it. */
export interface MailboxMemory {
  readonly shape: MailboxShape;
  readonly samples: ArrayBuffer;
  /** By number of the consumer. */
  readonly pages: readonly ArrayBuffer[];
}

/** Signs of a mailbox's producer: its samples, and if asked for what it gives without one. */
export class PublishSigns implements SignSource {
  signs = 0;
  lastNs = 0;
  readonly #samples: ArrayBuffer;
  readonly #withHeartbeat: boolean;

  constructor({ samples }: MailboxMemory, withHeartbeat: boolean) {
    this.#samples = samples;
    this.#withHeartbeat = withHeartbeat;
  }

  read(): boolean {
    const { published, lastPublishNs, heartbeatNs } = producerFigures(this.#samples);
    this.signs = published % WORD_RANGE;
    this.lastNs = this.#withHeartbeat ? Math.max(lastPublishNs, heartbeatNs) : lastPublishNs;
    // It stamps and publishes one after the other.
    return false;
  }
}

/** Signs of a mailbox's consumer: what it has received. */
export class ReceiveSigns implements SignSource {
  signs = 0;
  lastNs = 0;
  readonly #page: ArrayBuffer;

  constructor(page: ArrayBuffer) {
    this.#page = page;
  }

  read(): boolean {
    const { received, lastReceiveNs } = consumerFigures(this.#page, 0);
    this.signs = received % WORD_RANGE;
    this.lastNs = lastReceiveNs;
    return false;
  }
}

/** Signs of one leg of a relayed pipe: what `@relay` has taken, or delivered. */
export class LegSigns implements SignSource {
  signs = 0;
  lastNs = 0;
  readonly #counters: Float64Array;
  readonly #slot: number;

  constructor(counters: Float64Array, slot: number) {
    this.#counters = counters;
    this.#slot = slot;
  }

  read(): boolean {
    this.signs = this.#counters[counterAt(this.#slot, COUNTER.messages)]! % WORD_RANGE;
    this.lastNs = this.#counters[counterAt(this.#slot, COUNTER.lastMs)]! * 1e6;
    return false;
  }
}

/** Signs of two kinds: of a producer that has a line of its own as well. */
export class EitherSigns implements SignSource {
  signs = 0;
  lastNs = 0;
  readonly #sources: readonly SignSource[];

  constructor(...sources: readonly SignSource[]) {
    this.#sources = sources;
  }

  read(): boolean {
    this.signs = 0;
    this.lastNs = 0;
    for (const source of this.#sources) {
      source.read();
      this.signs = (this.signs + source.signs) % WORD_RANGE;
      if (source.lastNs > this.lastNs) this.lastNs = source.lastNs;
    }
    return false;
  }
}

/** One consumer's end of a channel, seen while samples wait there. */
export interface WaitingSource {
  /** Takes a look. @param byOrigin the stamp of what a sample was made from at first */
  look(byOrigin: boolean): void;
  readonly delivered: number;
  readonly lastNs: number;
  /** Stamp of the oldest that waits; 0: none does. */
  readonly waitingNs: number;
  /** Stamp of the last that was delivered; 0: it is not known. */
  readonly lastStampNs: number;
  /** What the consumer counts itself, and the positions that go with it; null: it does not. */
  readonly counted: CountedDeliveries | null;
}

/**
 * Of a mailbox's consumer: its count of late deliveries. Positions are sequence numbers, and those of
 * a path origins. See {@linkcode DeliverySource}.
 */
export interface CountedDeliveries {
  readonly late: number;
  readonly waitingAt: number;
  readonly settledAt: number;
  readonly newestAt: number;
}

/** Of a mailbox. */
export class MailboxWaiting implements WaitingSource {
  delivered = 0;
  lastNs = 0;
  waitingNs = 0;
  lastStampNs = 0;
  readonly counted = { late: 0, waitingAt: 0, settledAt: 0, newestAt: 0 };
  readonly #shape: MailboxShape;
  readonly #samples: ArrayBuffer;
  readonly #page: ArrayBuffer;
  readonly #slots: Uint32Array;
  readonly #stride: number;
  readonly #path: number | null;

  /** @param path which of those that end here it is for; null: none. */
  constructor(
    { shape, samples, pages }: MailboxMemory,
    consumer: number,
    path: number | null = null,
  ) {
    this.#path = path;
    this.#shape = shape;
    this.#samples = samples;
    this.#page = pages[consumer]!;
    this.#slots = new Uint32Array(samples);
    this.#stride = slotStride(shape.sampleBytes) / 4;
  }

  look(byOrigin: boolean): void {
    const { counted } = this;
    const before = producerFigures(this.#samples).published;
    // The cursor, what is late, and then the last receipt: figures.ts says why.
    if (this.#path === null) {
      counted.settledAt = before - consumerFigures(this.#page, before).lag;
      counted.late = lateOf(this.#page);
    } else {
      counted.settledAt = lastOriginOf(this.#page);
      counted.late = pathLateOf(this.#page, this.#path);
    }
    const { published } = producerFigures(this.#samples);
    const { lag, received, overtaken, lastReceiveNs } = consumerFigures(this.#page, published);
    counted.newestAt = published;
    counted.waitingAt = 0;
    this.delivered = received + overtaken;
    this.lastNs = lastReceiveNs;
    const next = published - lag + 1;
    this.waitingNs = 0;
    const stampNs = lag < 1 ? Infinity : this.#stampOf(next, false);
    // Whoever has received since the sample was there may have it in hand.
    const waits = lastReceiveNs < stampNs ? next : next + 1;
    this.lastStampNs = this.#stampOf(waits - 1, byOrigin);
    if (lag < 1 || waits > published) return;
    this.waitingNs = this.#stampOf(waits, byOrigin);
    counted.waitingAt = waits;
  }

  /** 0: it was overwritten. */
  #stampOf(sequence: number, byOrigin: boolean): number {
    const slot = sequence % this.#shape.slots;
    const base = HEADER_BYTES / 4 + slot * this.#stride;
    const [low, high] = byOrigin ? [ORIGIN_LOW, ORIGIN_HIGH] : [STAMP_LOW, STAMP_HIGH];
    const stampNs = this.#slots[base + low]! + this.#slots[base + high]! * WORD_RANGE;
    const found = this.#slots[base + SEQUENCE_LOW]! +
      this.#slots[base + SEQUENCE_HIGH]! * WORD_RANGE;
    return found === sequence ? stampNs : 0;
  }
}

/**
 * Of a leg to a consumer: its age counts from when `@relay` took it, until the consumer has read it
 * from its pipe.
 *
 * ```
 *   read         ▼ mark              writtenTo
 *  ──────────────┬──────────────────────┤          fill = what the pipe holds
 *     ◄── readTo │  ◄────── fill ──────►│
 * ```
 *
 * The mark is a message whose time is known; what is not read behind it is as old as the last one
 * that was written, at least. So an age may be too small by the time between two writes, and is
 * never too large.
 */
export class LegWaiting implements WaitingSource {
  delivered = 0;
  lastNs = 0;
  waitingNs = 0;
  readonly lastStampNs = 0;
  readonly counted = null;
  readonly #counters: Float64Array;
  readonly #slot: number;
  readonly #fillBytes: () => number;

  /** @param fillBytes what the consumer's pipe holds; 0 where that is not known. */
  constructor(counters: Float64Array, slot: number, fillBytes: () => number) {
    this.#counters = counters;
    this.#slot = slot;
    this.#fillBytes = fillBytes;
  }

  look(): void {
    // The mark, then the pipe, then what was written: each a little newer than the one before makes
    // nothing look older than it is.
    const markMs = this.#field(COUNTER.markMs);
    const markTo = this.#field(COUNTER.markTo);
    const markMessages = this.#field(COUNTER.markMessages);
    const isMarked = markMs > 0 && this.#field(COUNTER.markMs) === markMs;
    const fill = this.#fillBytes();
    const isUnread = isMarked && this.#field(COUNTER.writtenTo) - fill < markTo;
    this.lastNs = this.#field(COUNTER.lastMs) * 1e6;
    this.delivered = isUnread ? markMessages : this.#field(COUNTER.messages);
    if (isUnread) this.waitingNs = markMs * 1e6;
    else this.waitingNs = fill > 0 ? this.lastNs : this.#field(COUNTER.oldestMs) * 1e6;
  }

  #field(name: number): number {
    return this.#counters[counterAt(this.#slot, name)]!;
  }
}

/** Deliveries at the end of one or more channels in a row. */
export class Deliveries implements DeliverySource {
  delivered = 0;
  late = 0;
  lastNs = 0;
  waitingNs = 0;
  lastStampNs = 0;
  waitingAt = 0;
  settledAt = 0;
  newestAt = 0;
  readonly #ends: readonly WaitingSource[];
  readonly #limitNs: number;
  readonly #byOrigin: boolean;
  readonly #nowNs: () => number;
  #lookedNs = 0;

  /** @param ends in order; deliveries count at the last. */
  constructor(
    ends: readonly WaitingSource[],
    options: {
      readonly limitNs: number;
      readonly byOrigin: boolean;
      readonly nowNs: () => number;
    },
  ) {
    this.#ends = ends;
    this.#limitNs = options.limitNs;
    this.#byOrigin = options.byOrigin;
    this.#nowNs = options.nowNs;
  }

  read(): void {
    const before = this.waitingNs;
    let oldestNs = 0;
    for (const end of this.#ends) {
      end.look(this.#byOrigin);
      if (end.waitingNs > 0 && (oldestNs === 0 || end.waitingNs < oldestNs)) {
        oldestNs = end.waitingNs;
      }
    }
    const last = this.#ends.at(-1)!;
    this.delivered = last.delivered;
    this.lastNs = last.lastNs;
    this.waitingNs = oldestNs;
    this.lastStampNs = last.lastStampNs;
    if (last.counted !== null) return this.#takeCounted(last.counted);
    if (before !== oldestNs) this.waitingAt++;
    this.newestAt = this.waitingAt;
    this.settledAt = oldestNs > 0 ? this.waitingAt - 1 : this.waitingAt;
    // What waited beyond its limit at the look before was late when it was taken at last.
    const wasLate = before > 0 && before !== oldestNs && this.#lookedNs - before > this.#limitNs;
    if (wasLate) this.late++;
    this.#lookedNs = this.#nowNs();
  }

  #takeCounted({ late, waitingAt, settledAt, newestAt }: CountedDeliveries): void {
    this.late = late;
    if (!this.#byOrigin) {
      [this.waitingAt, this.settledAt, this.newestAt] = [waitingAt, settledAt, newestAt];
      return;
    }
    // What a sample was made from at first tells it from others over all channels. What was stamped
    // until now may be under way.
    this.newestAt = this.#nowNs();
    this.waitingAt = this.waitingNs;
    this.settledAt = Math.min(settledAt, this.newestAt);
  }
}
