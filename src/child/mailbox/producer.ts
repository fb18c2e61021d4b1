/**
 * A mailbox's producer: slots on loan, to be written in place and published, one or many at once.
 * Owns what is on loan, and how long it waits for a consumer that is behind.
 * Must not know: how the memory came here, what is in a sample.
 */
import {
  CONSUMER_BYTES,
  headerFault,
  HEARTBEAT_NS,
  LAST_PUBLISH_NS,
  type MailboxShape,
  shapeFault,
} from "../../channel/mailbox/layout.ts";
import type { StructFields, StructLayout } from "../../channel/mailbox/schema.ts";
import { crc32c } from "./crc32c.ts";
import { MailboxError } from "./fault.ts";
import { Loan } from "./loan.ts";
import { ProducerCore } from "./producer_core.ts";
import { MappedWords } from "./shared_words.ts";
import { copyBytes, SlotViews } from "./slot_views.ts";
import { rest, Spinning, type Waiting } from "./spinning.ts";
import { StructViews } from "./struct_view.ts";
import type { ProducerPort } from "./wait_port.ts";

/** Loans at a time, at most; a mailbox of few slots has fewer. */
const LOANS_MAX = 256;
/**
 * A consumer's cursor that is on its way when the producer goes to sleep has arrived after this: a
 * core writes its stores within a microsecond, and at the latest when another thread gets it.
 */
const SETTLING_NS = 1e6;

/** No loan: with `keepAll` a consumer still needs the slot; or too many are on loan. */
export interface Full {
  readonly kind: "full";
}

/** What became of a copy that was to be sent; what was not taken comes back. */
export type Sent = { readonly kind: "sent" } | {
  readonly kind: "full";
  readonly value: Uint8Array;
};

/** What a producer maps. */
export interface ProducerMemory {
  /** The samples' segment. */
  readonly samples: ArrayBuffer;
  /** A page of each consumer; reading is enough. */
  readonly consumers: readonly ArrayBuffer[];
}

/** Options of {@linkcode Producer}. */
export interface ProducerOptions {
  readonly shape: MailboxShape;
  /** `keepAll`: how long a loan waits for a consumer that is behind. @default 0: it fails at once */
  readonly blockNs?: number;
  /** How it waits then. @default "spin-then-park" */
  readonly waiting?: Waiting;
  /** Longest spin before it parks. @default 20,000 */
  readonly spinNs?: number;
  /** Each loan is memory of its own that is empty after publishing: finds uses that come too late. */
  readonly checked?: boolean;
  /** What samples are made of, to lend them by fields; `shape` was compared with it. */
  readonly layout?: StructLayout;
}

const FULL: Full = Object.freeze({ kind: "full" });
const SENT: Sent = Object.freeze({ kind: "sent" });

/** See the file's header. For one thread. */
export class Producer<F extends StructFields = never> {
  readonly #core: ProducerCore;
  readonly #samples: MappedWords;
  readonly #views: SlotViews;
  readonly #port: ProducerPort;
  readonly #options: ProducerOptions;
  readonly #spinning: Spinning;
  readonly #loans: Loan<F>[] = [];
  readonly #makeLoan: () => Loan<F>;
  readonly #claim: () => boolean;

  /**
   * Takes up the link where the last instance ended.
   *
   * @throws {MailboxError} when the memory is not the mailbox that `shape` says.
   */
  constructor(memory: ProducerMemory, port: ProducerPort, options: ProducerOptions) {
    const { shape } = options;
    const samples = new Int32Array(memory.samples);
    const fault = shapeFault(shape) ?? headerFault(samples, memory.samples.byteLength, shape);
    if (fault !== null) throw new MailboxError(fault);
    if (memory.consumers.some(({ byteLength }) => byteLength !== CONSUMER_BYTES)) {
      throw new MailboxError("a consumer's page is no page");
    }
    if (memory.consumers.length !== shape.consumers) {
      throw new MailboxError(`consumers must be ${shape.consumers}`);
    }
    this.#options = options;
    this.#port = port;
    this.#samples = new MappedWords(memory.samples);
    this.#views = new SlotViews(memory.samples, shape);
    const consumers = memory.consumers.map((page) => new MappedWords(page));
    this.#core = new ProducerCore(this.#samples, consumers, shape, port);
    if (!this.#core.attach()) throw new MailboxError("published is no position");
    this.#spinning = new Spinning(
      options.waiting ?? "spin-then-park",
      () => port.nowNs(),
      options.spinNs,
    );
    const structs = options.layout === undefined
      ? null
      : new StructViews(options.layout, memory.samples, true);
    this.#makeLoan = () => new Loan<F>(this.#views, shape.sampleBytes, structs);
    for (let at = 0; at < LOANS_MAX; at++) this.#loans[at] = this.#makeLoan();
    this.#claim = () => this.#core.claim(this.#loans[this.#core.claimed]!);
  }

  /** Number of the newest sample, over all instances; 0 when there is none yet. */
  get published(): number {
    return this.#core.published;
  }

  /** Slots on loan. */
  get loaned(): number {
    return this.#core.claimed;
  }

  /**
   * Lends the next slot. Several may be on loan: {@linkcode publish} takes them all.
   *
   * With `keepAll` it waits up to `blockNs` for a consumer that is behind, and nothing else of the
   * program runs meanwhile.
   */
  loan(): Loan<F> | Full {
    const at = this.#core.claimed;
    if (at === LOANS_MAX) return FULL;
    const checked = this.#options.checked === true;
    // Who still has the one before finds that it is none any more.
    if (checked) this.#loans[at] = this.#makeLoan();
    const loan = this.#loans[at]!;
    if (!this.#core.claim(loan) && !this.#waitForRoom()) return FULL;
    loan.lend(checked);
    return loan;
  }

  /**
   * Publishes all that is on loan, in the order of the loans.
   *
   * @throws {RangeError} when a `length` is not 0 … the slot's size (with a schema: is not that);
   *   nothing is published then.
   */
  publish(): void {
    const core = this.#core;
    const nowNs = this.#port.nowNs();
    const count = core.claimed;
    const { checksum } = this.#options.shape;
    for (let at = 0; at < count; at++) this.#checkLength(this.#loans[at]!.length);
    for (let at = 0; at < count; at++) {
      const loan = this.#loans[at]!;
      if (loan.stampNs === 0) loan.stampNs = nowNs;
      if (loan.originNs === 0) loan.originNs = loan.stampNs;
      loan.settle();
      if (checksum !== "none") loan.crc = crc32c(this.#views.get(loan.slot, loan.length));
      loan.takeBack();
      core.seal(loan);
    }
    this.#samples.writeDouble(LAST_PUBLISH_NS, nowNs);
    core.commit();
  }

  /**
   * Publishes a copy.
   *
   * @param originNs the stamp of the sample that it is made from. @default its own
   * @returns `full`: it was not taken.
   * @throws {RangeError} when it is larger than a slot, or not as long as the schema says.
   * @throws {TypeError} while something is on loan: it would be published as well.
   */
  send(bytes: Uint8Array, originNs = 0): Sent {
    this.#checkLength(bytes.length);
    if (this.#core.claimed > 0) throw new TypeError("Cannot send while a slot is on loan");
    const loan = this.loan();
    if (loan.kind === "full") return { kind: "full", value: bytes };
    copyBytes(bytes, loan.bytes);
    loan.length = bytes.length;
    loan.originNs = originNs;
    this.publish();
    return SENT;
  }

  /** Gives up all that is on loan; the same numbers come again. */
  discard(): void {
    for (let at = 0; at < this.#core.claimed; at++) this.#loans[at]!.takeBack();
    this.#core.abandon();
  }

  /** Shows a sign of life to whoever watches the mailbox, without a sample. */
  beat(): void {
    this.#samples.writeDouble(HEARTBEAT_NS, this.#port.nowNs());
  }

  #checkLength(length: number): void {
    const { sampleBytes } = this.#options.shape;
    const least = this.#options.layout === undefined ? 0 : sampleBytes;
    if (length >= least && length <= sampleBytes && length % 1 === 0) return;
    const rule = least === sampleBytes ? `${sampleBytes}` : `0 to ${sampleBytes}`;
    throw new RangeError(`A sample must have ${rule} bytes, has ${length}`);
  }

  #waitForRoom(): boolean {
    const core = this.#core;
    const blockNs = this.#options.blockNs ?? 0;
    if (this.#options.shape.history !== "keepAll" || !(blockNs > 0)) return false;
    if (core.claimed >= core.claimedMax) return false;
    const endNs = this.#port.nowNs() + blockNs;
    for (;;) {
      if (this.#spinning.spins) rest();
      if (this.#spinning.spin(this.#claim, endNs, rest)) return true;
      const leftNs = endNs - this.#port.nowNs();
      if (!(leftNs > 0)) return this.#claim();
      if (this.#spinning.parks) this.#park(endNs);
      if (this.#claim()) return true;
    }
  }

  #park(endNs: number): void {
    const core = this.#core;
    const bell = core.arm();
    if (bell === null) return;
    const consumer = core.slowest;
    const armedNs = this.#port.nowNs();
    this.#port.waitForConsumer(consumer, bell, Math.min(SETTLING_NS, endNs - armedNs));
    const nowNs = this.#port.nowNs();
    if (nowNs >= armedNs + SETTLING_NS && nowNs < endNs && core.isHeldBack(consumer)) {
      this.#port.waitForConsumer(consumer, bell, endNs - nowNs);
    }
    core.disarm();
  }
}
