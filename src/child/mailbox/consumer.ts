/**
 * A mailbox's consumer: samples lent from shared memory, one after the other or all that are there.
 * Owns which are lent and in which order they are given back.
 * Must not know: how the memory came here, what is in a sample, how one is waited for.
 */
import {
  ATTACHED_EPOCH,
  CONSUMER_BYTES,
  CONSUMER_EPOCH,
  headerFault,
  shapeFault,
} from "../../channel/mailbox/layout.ts";
import { ConsumerCore } from "./consumer_core.ts";
import { ConsumerCounters } from "./consumer_counters.ts";
import type {
  ConsumerMemory,
  ConsumerOptions,
  Corrupt,
  Found,
  NoSample,
  SampleBatch,
} from "./consumer_types.ts";
import { ConsumerWaiting } from "./consumer_waiting.ts";
import type { StructFields } from "../../channel/mailbox/schema.ts";
import { crc32c } from "./crc32c.ts";
import { MailboxError } from "./fault.ts";
import { refusal, reportFault } from "./report_fault.ts";
import { type Lender, Sample } from "./sample.ts";
import { MappedWords } from "./shared_words.ts";
import { SlotViews } from "./slot_views.ts";
import { StructViews } from "./struct_view.ts";
import type { ConsumerPort } from "./wait_port.ts";

/** Samples that may be lent at a time. */
const LENT_MAX = 256;
/** Its remainder is the place in the pool. */
const LENT_MASK = LENT_MAX - 1;
/** Samples that one look passes over because they are too old: a look has an end. */
const EXPIRED_AT_ONCE_MAX = 256;

const NONE: NoSample = Object.freeze({ kind: "none" });
const HELD: NoSample = Object.freeze({ kind: "held" });
const ENDED: NoSample = Object.freeze({ kind: "ended" });
const { freeze } = Object;

/** See the file's header. For one thread. */
export class Consumer<F extends StructFields = never> implements Disposable {
  readonly #core: ConsumerCore;
  readonly #counters: ConsumerCounters;
  readonly #lifespanNs: number = 0;
  /** Whether there is more to taking a sample than what the protocol says. */
  readonly #inspects: boolean = false;
  readonly #views: SlotViews;
  readonly #port: ConsumerPort;
  readonly #page: ArrayBuffer;
  readonly #options: ConsumerOptions;
  readonly #waiting: ConsumerWaiting<Sample<F> | NoSample>;
  readonly #lender: Lender<F>;
  /**
   * Lent and not yet all given back: from `#pool[#head % 256]` to the one before `#tail`'s. When all
   * are back it begins with the first again: the same few stay in the processor's cache.
   */
  readonly #pool: Sample<F>[] = [];
  readonly #batch: SampleBatch<F> = { kind: "batch", samples: [] };
  #head = 0;
  #tail = 0;
  #closed = false;
  #over: Corrupt | null = null;

  /**
   * Takes up the link.
   *
   * @throws {MailboxError} when the memory is not the mailbox that `shape` says.
   */
  constructor(memory: ConsumerMemory, port: ConsumerPort, options: ConsumerOptions) {
    const { shape } = options;
    const samples = new Int32Array(memory.samples);
    if (memory.own.byteLength !== CONSUMER_BYTES) throw new MailboxError("its page is no page");
    const fault = shapeFault(shape) ?? headerFault(samples, memory.samples.byteLength, shape);
    if (fault !== null) throw refusal(memory.own, fault);
    this.#options = options;
    this.#port = port;
    this.#page = memory.own;
    this.#lifespanNs = options.lifespanNs ?? 0;
    const checked = options.checked === true;
    this.#inspects = checked || shape.checksum !== "none" || this.#lifespanNs > 0;
    const own = new MappedWords(memory.own);
    this.#views = new SlotViews(memory.samples, shape);
    const { number, behind = "oldest", layout } = options;
    const [fillsSlots, lendsAhead] = [layout !== undefined, !this.#inspects];
    const core = { shape, number, behind, fillsSlots, lendsAhead };
    const wake = () => port.wakeProducer();
    this.#core = new ConsumerCore(new MappedWords(memory.samples), own, core, wake);
    if (!this.#core.attach(options.from ?? "newest")) throw refusal(memory.own, this.#core.fault);
    this.#counters = new ConsumerCounters(
      own,
      options.latencyNs || Infinity,
      options.pathLimitsNs ?? [],
    );
    own.store(CONSUMER_EPOCH, own.load(ATTACHED_EPOCH));
    this.#waiting = new ConsumerWaiting(this.#core, port, options, () => this.poll());
    this.#lender = {
      views: this.#views,
      structs: layout === undefined ? null : new StructViews(layout, memory.samples, false),
      checked,
      isIntact: (sample) => this.#core.isIntact(sample),
      release: (sample) => this.#release(sample),
    };
    for (let at = 0; at < LENT_MAX; at++) this.#pool[at] = new Sample<F>(this.#lender);
  }

  /** Which instance of the producer there is. */
  get epoch(): number {
    return this.#core.epoch();
  }

  /** Why the link has ended though the mailbox has not: what is wrong in memory; null: nothing. */
  get fault(): string | null {
    return this.#core.fault === "" ? null : this.#core.fault;
  }

  /** The next sample, if there is one; never waits. */
  poll(): Sample<F> | NoSample {
    return this.#lendReady() ?? this.#pollFurther();
  }

  /**
   * All samples that are there, up to `countMax`; never waits. Those that were found at one look
   * share their time of receipt, and cost less than one by one. {@linkcode releaseAll} gives them back.
   *
   * @param countMax 1 … 256.
   */
  pollBatch(countMax: number): SampleBatch<F> | NoSample {
    const first = this.poll();
    return first.kind === "sample" ? this.#gather(first, countMax) : first;
  }

  /**
   * The next sample; waits for it, and nothing else of the program runs meanwhile.
   *
   * @param timeoutNs 0 … Infinity. @default Infinity
   * @returns `none` when the time is up.
   */
  receive(timeoutNs = Infinity): Sample<F> | NoSample {
    return this.#lendReady() ?? this.#receiveFurther(timeoutNs);
  }

  /**
   * As {@linkcode receive}, and then all that are there.
   *
   * @param countMax 1 … 256.
   * @param timeoutNs 0 … Infinity. @default Infinity
   */
  receiveBatch(countMax: number, timeoutNs = Infinity): SampleBatch<F> | NoSample {
    const first = this.receive(timeoutNs);
    return first.kind === "sample" ? this.#gather(first, countMax) : first;
  }

  /**
   * The next sample; waits for it while the program goes on. One call at a time.
   *
   * @returns `none` when `signal` was aborted, and after {@linkcode close}.
   * @throws {TypeError} (rejects) without a doorbell, or while another call waits.
   */
  async next(signal: AbortSignal | null = null): Promise<Sample<F> | NoSample> {
    const { doorbell } = this.#options;
    if (doorbell === undefined) throw new TypeError("This mailbox has no doorbell");
    return await this.#waiting.onDoorbell(doorbell, signal, () => this.#closed);
  }

  /**
   * Samples until the mailbox ends, memory turns out to be corrupt ({@linkcode fault}), or `signal`
   * is aborted; the program goes on between them. Each is given back when the loop goes on, unless
   * that was done; who wants to know whether it was overtaken releases it.
   *
   * @throws {TypeError} without a doorbell, while another call waits, or when 256 are lent.
   */
  async *samples(
    { signal = null }: { readonly signal?: AbortSignal | null } = {},
  ): AsyncGenerator<Sample<F>, void, undefined> {
    while (signal?.aborted !== true) {
      const found = this.poll();
      const sample = found.kind === "none" ? await this.next(signal) : found;
      if (sample.kind === "held") throw new TypeError("256 samples are lent: give some back");
      if (sample.kind !== "sample") return;
      try {
        yield sample;
      } finally {
        sample[Symbol.dispose]();
      }
    }
  }

  /** As {@linkcode samples} without a signal. */
  [Symbol.asyncIterator](): AsyncGenerator<Sample<F>, void, undefined> {
    return this.samples();
  }

  /**
   * Gives back all that is lent.
   *
   * @returns how many were overtaken.
   */
  releaseAll(): number {
    const core = this.#core;
    const pool = this.#pool;
    const tail = this.#tail;
    let [intact, bytes, overtaken] = [0, 0, 0];
    for (let at = this.#head; at < tail; at++) {
      const sample = pool[at & LENT_MASK]!;
      if (!sample.isLent) continue;
      sample.takeBack();
      if (core.isIntact(sample)) {
        intact++;
        bytes += sample.length;
      } else overtaken++;
    }
    this.#counters.releasedAll(intact, bytes, overtaken);
    this.#allAreBack();
    return overtaken;
  }

  /** Lets go of the doorbell and ends a wait; samples that are lent stay. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#options.doorbell?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** A sample that is lent, and with it all that are there. */
  #gather(first: Sample<F>, countMax: number): SampleBatch<F> {
    const { samples } = this.#batch;
    samples[0] = first;
    const core = this.#core;
    let nowNs = first.receivedNs;
    let count = this.#gatherReady(1, countMax, nowNs);
    let { seen } = core;
    while (count < countMax) {
      const found = this.#take();
      if (found.kind !== "sample") break;
      if (core.seen !== seen) {
        // Another look: what it found can have been published since.
        seen = core.seen;
        nowNs = this.#port.nowNs();
      }
      this.#lend(found, nowNs);
      samples[count++] = found;
      if (!core.lendsAhead) continue;
      count = this.#gatherReady(count, countMax, nowNs);
      // Who looks until there are no more goes along with the producer, sample by sample.
      break;
    }
    // An array that is emptied each time is grown each time.
    if (samples.length > count) samples.length = count;
    return this.#batch;
  }

  /** Those that the last look found, into the batch from `count` on. @returns how many are in it */
  #gatherReady(count: number, countMax: number, nowNs: number): number {
    const { samples } = this.#batch;
    const tail = this.#tail;
    const room = LENT_MAX - (tail - this.#head);
    const wanted = countMax - count;
    const more = this.#core.lendReady(this.#pool, tail, wanted > room ? room : wanted);
    for (let at = 0; at < more; at++) {
      const sample = this.#pool[(tail + at) & LENT_MASK]!;
      sample.lend(nowNs);
      samples[(count + at) | 0] = sample;
    }
    this.#tail = tail + more;
    this.#counters.lentAll(nowNs, samples, count, count + more);
    return count + more;
  }

  #corrupt(): NoSample {
    const { fault } = this.#core;
    if (this.#over?.fault !== fault) {
      reportFault(this.#page, fault);
      this.#options.onCorrupt?.();
      this.#over = freeze({ kind: "corrupt", fault });
    }
    return this.#over;
  }

  /** Whether it is as it was written; false: look again. */
  #passesCheck(sample: Sample<F>): boolean {
    if (this.#options.shape.checksum === "none") return true;
    const bytes = this.#views.get(sample.slot, sample.length);
    if (crc32c(bytes) === sample.crc) return true;
    // Of what was overwritten meanwhile it says nothing.
    if (this.#core.isIntact(sample)) this.#core.fail(`checksum of ${sample.sequence} is wrong`);
    else this.#core.miss(sample);
    return false;
  }

  /** The next sample, where there is nothing to do but to lend it; null: look further. */
  #lendReady(): Sample<F> | null {
    const core = this.#core;
    if (core.ready === 0) return null;
    const sample = this.#pool[this.#tail & LENT_MASK]!;
    if (sample.isLent || core.lendReady(this.#pool, this.#tail, 1) === 0) return null;
    this.#lend(sample, this.#port.nowNs());
    return sample;
  }

  #pollFurther(): Sample<F> | NoSample {
    const found = this.#take();
    if (found.kind === "sample") this.#lend(found, this.#port.nowNs());
    return found;
  }

  #receiveFurther(timeoutNs: number): Sample<F> | NoSample {
    this.#waiting.beforeLook();
    const found = this.#pollFurther();
    return found === NONE ? this.#waiting.block(timeoutNs) : found;
  }

  /** The next sample, not yet lent. */
  #take(): Sample<F> | NoSample {
    const sample = this.#pool[this.#tail & LENT_MASK]!;
    // It comes round again while it is lent where all are.
    if (sample.isLent) return HELD;
    if (this.#inspects) return this.#inspect();
    const found = this.#core.poll(sample);
    return found === "sample" ? sample : this.#without(found);
  }

  /** The same, of those that are not lent as they come. */
  #inspect(): Sample<F> | NoSample {
    const at = this.#tail & LENT_MASK;
    // Who still has the one that was lent here last finds that it is none any more.
    if (this.#options.checked === true) this.#pool[at] = new Sample<F>(this.#lender);
    const sample = this.#pool[at]!;
    for (let expired = 0; expired < EXPIRED_AT_ONCE_MAX;) {
      const found = this.#core.poll(sample);
      if (found !== "sample") return this.#without(found);
      if (!this.#passesCheck(sample)) continue;
      if (!this.#expires(sample)) return sample;
      expired++;
    }
    return NONE;
  }

  /** Why there is no sample. */
  #without(found: Found): NoSample {
    if (found === "ended") return ENDED;
    return found === "corrupt" ? this.#corrupt() : NONE;
  }

  /** Whether it is too old; then it is given back, as soon as all before it are. */
  #expires(sample: Sample<F>): boolean {
    const core = this.#core;
    if (this.#lifespanNs === 0) return false;
    if (this.#port.nowNs() - sample.stampNs <= this.#lifespanNs) return false;
    this.#counters.expired(sample.missed);
    core.passOver(sample);
    if (this.#head === this.#tail) core.released.moveTo(core.next - 1);
    return true;
  }

  #lend(sample: Sample<F>, nowNs: number): void {
    this.#tail++;
    this.#counters.found(sample.missed);
    this.#counters.lent(nowNs, nowNs - sample.stampNs, sample.originNs);
    sample.lend(nowNs);
  }

  #release(sample: Sample<F>): "intact" | "overtaken" {
    const core = this.#core;
    const intact = core.isIntact(sample);
    this.#counters.released(intact, sample.length);
    if (this.#tail - this.#head === 1) this.#allAreBack();
    else this.#releaseBehind();
    return intact ? "intact" : "overtaken";
  }

  #allAreBack(): void {
    this.#head = this.#tail = 0;
    this.#core.released.moveTo(this.#core.next - 1);
  }

  /** One of several was given back: the cursor goes up to the first that is still lent. */
  #releaseBehind(): void {
    const before = this.#head;
    while (this.#head < this.#tail && !this.#pool[this.#head & LENT_MASK]!.isLent) this.#head++;
    if (this.#head === this.#tail) this.#allAreBack();
    else if (this.#head > before) {
      this.#core.released.moveTo(this.#pool[this.#head & LENT_MASK]!.sequence - 1);
    }
  }
}
