/**
 * A mailbox's consumer: samples lent from shared memory, one after the other, and three ways to
 * wait for them. Owns which are lent and in which order they are given back.
 * Must not know: how the memory came here, what is in a sample.
 */
import {
  ARMED_DOORBELL,
  ARMED_PARKED,
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
  NoSample,
  SampleBatch,
} from "./consumer_types.ts";
import type { StructFields } from "../../channel/mailbox/schema.ts";
import { crc32c } from "./crc32c.ts";
import { MailboxError } from "./fault.ts";
import { reportFault } from "./report_fault.ts";
import { type Lender, Sample } from "./sample.ts";
import { MappedWords } from "./shared_words.ts";
import { SlotViews } from "./slot_views.ts";
import { rest, Spinning } from "./spinning.ts";
import { StreamPace } from "./stream_pace.ts";
import { StructViews } from "./struct_view.ts";
import type { ConsumerPort } from "./wait_port.ts";

/** Samples that may be lent at a time. */
const LENT_MAX = 256;
/** Samples that one look passes over because they are too old: a look has an end. */
const EXPIRED_AT_ONCE_MAX = 256;
/** Looks before the first look at the clock: who answers at once is met by the next of these. */
const LOOKS_AT_ONCE = 64;

const NONE: NoSample = Object.freeze({ kind: "none" });
const HELD: NoSample = Object.freeze({ kind: "held" });
const ENDED: NoSample = Object.freeze({ kind: "ended" });
const { freeze } = Object;

/** See the file's header. For one thread. */
export class Consumer<F extends StructFields = never> implements Disposable {
  readonly #core: ConsumerCore;
  readonly #counters: ConsumerCounters;
  readonly #lifespanNs: number;
  readonly #checked: boolean;
  readonly #checksData: boolean;
  readonly #views: SlotViews;
  readonly #port: ConsumerPort;
  readonly #page: ArrayBuffer;
  readonly #options: ConsumerOptions;
  readonly #spinning: Spinning;
  readonly #pace = new StreamPace();
  readonly #lender: Lender<F>;
  readonly #look: () => boolean;
  /** Lent and not yet all given back: from `#pool[#head % 256]` to the one before `#tail`'s. */
  readonly #pool: Sample<F>[] = [];
  readonly #batch: SampleBatch<F> = { kind: "batch", samples: [] };
  #head = 0;
  #tail = 0;
  #found: Sample<F> | NoSample = NONE;
  #waits = false;
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
    if (fault !== null) throw refuse(memory.own, fault);
    this.#options = options;
    this.#port = port;
    this.#page = memory.own;
    this.#lifespanNs = options.lifespanNs ?? 0;
    this.#checked = options.checked === true;
    this.#checksData = options.layout !== undefined || shape.checksum !== "none";
    const own = new MappedWords(memory.own);
    this.#views = new SlotViews(memory.samples, shape);
    const core = { shape, number: options.number, behind: options.behind ?? "oldest" };
    const wake = () => port.wakeProducer();
    this.#core = new ConsumerCore(new MappedWords(memory.samples), own, core, wake);
    if (!this.#core.attach(options.from ?? "newest")) throw refuse(memory.own, this.#core.fault);
    this.#counters = new ConsumerCounters(
      own,
      options.latencyNs || Infinity,
      options.pathLimitsNs ?? [],
    );
    own.store(CONSUMER_EPOCH, own.load(ATTACHED_EPOCH));
    const { waiting = "spin-then-park", spinNs } = options;
    this.#spinning = new Spinning(waiting, () => port.nowNs(), spinNs);
    this.#look = () => (this.#found = this.poll()).kind !== "none";
    this.#lender = {
      views: this.#views,
      structs: options.layout === undefined
        ? null
        : new StructViews(options.layout, memory.samples, false),
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
    const found = this.#take();
    if (found.kind === "sample") this.#lend(found, this.#port.nowNs());
    return found;
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
    const core = this.#core;
    if (core.next > core.seen && this.#pace.followsClosely(core.gained)) rest();
    const found = this.poll();
    if (found.kind !== "none") return found;
    return this.#wait(timeoutNs);
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
    if (this.#waits) throw new TypeError("Another call waits for this mailbox");
    this.#waits = true;
    const over = () => this.#closed || signal?.aborted === true;
    try {
      for (;;) {
        const found = this.poll();
        if (found.kind !== "none" || over()) return found;
        // What it has found is lent already.
        if (await this.#spinning.spinInTurns(() => this.#look() || over())) return this.#found;
        if (this.#core.arm(ARMED_DOORBELL) === null) continue;
        await doorbell.rung(signal);
        this.#core.disarm();
      }
    } finally {
      this.#waits = false;
    }
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
    let [intact, bytes, overtaken] = [0, 0, 0];
    const core = this.#core;
    for (; this.#head < this.#tail; this.#head++) {
      const sample = this.#pool[this.#head % LENT_MAX]!;
      if (!sample.isLent) continue;
      sample.takeBack();
      if (core.isIntact(sample)) {
        intact++;
        bytes += sample.length;
      } else overtaken++;
    }
    this.#counters.releasedAll(intact, bytes, overtaken);
    core.releaseTo(core.next - 1);
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
    const core = this.#core;
    const { samples } = this.#batch;
    let nowNs = first.receivedNs;
    let { seen } = core;
    samples[0] = first;
    let count = 1;
    for (; count < countMax; count++) {
      const found = this.#take();
      if (found.kind !== "sample") break;
      if (core.seen !== seen) {
        // Another look: what it found can have been published since.
        seen = core.seen;
        nowNs = this.#port.nowNs();
      }
      this.#lend(found, nowNs);
      samples[count] = found;
    }
    // An array that is emptied each time is grown each time.
    if (samples.length > count) samples.length = count;
    return this.#batch;
  }

  #wait(timeoutNs: number): Sample<F> | NoSample {
    const streams = this.#pace.ranDry(this.#core.next);
    if (this.#spinning.spins) {
      if (streams) rest();
      for (let at = 0; at < LOOKS_AT_ONCE; at++) if (this.#look()) return this.#found;
    }
    const endNs = this.#port.nowNs() + timeoutNs;
    for (;;) {
      if (this.#spinning.spin(this.#look, endNs)) return this.#found;
      const leftNs = endNs - this.#port.nowNs();
      if (!(leftNs > 0)) return this.poll();
      if (this.#spinning.parks) this.#park(leftNs);
      if (this.#look()) return this.#found;
    }
  }

  #park(timeoutNs: number): void {
    const bell = this.#core.arm(ARMED_PARKED);
    if (bell === null) return;
    this.#port.waitForBell(bell, timeoutNs);
    this.#core.disarm();
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

  /** Whether the data is as long as it has to be, and has its checksum; false: look again. */
  #passesCheck(sample: Sample<F>): boolean {
    const { layout } = this.#options;
    if (layout !== undefined && sample.length !== layout.bytes && this.#core.isIntact(sample)) {
      const { sequence, length } = sample;
      this.#core.fail(`length of ${sequence} must be ${layout.bytes}, is ${length}`);
      return false;
    }
    if (this.#options.shape.checksum === "none") return true;
    const bytes = this.#views.get(sample.slot, sample.length);
    if (crc32c(bytes) === sample.crc) return true;
    // Of what was overwritten meanwhile it says nothing.
    if (this.#core.isIntact(sample)) this.#core.fail(`checksum of ${sample.sequence} is wrong`);
    else this.#core.miss(sample);
    return false;
  }

  /** The next sample, checked and not yet lent. */
  #take(): Sample<F> | NoSample {
    // The same few objects again, which stay in the processor's cache.
    if (this.#head === this.#tail) this.#head = this.#tail = 0;
    else if (this.#tail - this.#head === LENT_MAX) return HELD;
    const at = this.#tail % LENT_MAX;
    if (this.#checked) this.#pool[at] = new Sample<F>(this.#lender);
    const sample = this.#pool[at]!;
    for (let expired = 0; expired < EXPIRED_AT_ONCE_MAX;) {
      const found = this.#core.poll(sample);
      if (found === "sample") {
        if (this.#checksData && !this.#passesCheck(sample)) continue;
        if (this.#lifespanNs > 0 && this.#expires(sample)) {
          expired++;
          continue;
        }
        this.#counters.found(sample.missed);
        return sample;
      }
      if (found === "ended") return ENDED;
      if (found === "corrupt") return this.#corrupt();
      return NONE;
    }
    return NONE;
  }

  /** Whether it is too old; then it is given back, as soon as all before it are. */
  #expires(sample: Sample<F>): boolean {
    const core = this.#core;
    if (this.#port.nowNs() - sample.stampNs <= this.#lifespanNs) return false;
    this.#counters.expired(sample.missed);
    core.passOver(sample);
    if (this.#head === this.#tail) core.releaseTo(core.next - 1);
    return true;
  }

  #lend(sample: Sample<F>, nowNs: number): void {
    this.#tail++;
    this.#counters.lent(nowNs, nowNs - sample.stampNs, sample.originNs);
    sample.lend(nowNs, this.#checked);
  }

  #release(sample: Sample<F>): "intact" | "overtaken" {
    const core = this.#core;
    const intact = core.isIntact(sample);
    this.#counters.released(intact, sample.length);
    if (this.#tail - this.#head === 1) {
      this.#head = this.#tail;
      core.releaseTo(core.next - 1);
    } else this.#releaseBehind();
    return intact ? "intact" : "overtaken";
  }

  /** One of several was given back: the cursor goes up to the first that is still lent. */
  #releaseBehind(): void {
    const core = this.#core;
    const before = this.#head;
    while (this.#head < this.#tail && !this.#pool[this.#head % LENT_MAX]!.isLent) this.#head++;
    if (this.#head === before) return;
    const none = this.#head === this.#tail;
    core.releaseTo(none ? core.next - 1 : this.#pool[this.#head % LENT_MAX]!.sequence - 1);
  }
}

/** The error of a mailbox that cannot be opened; the supervisor is told as well. */
function refuse(page: ArrayBuffer, fault: string): MailboxError {
  reportFault(page, fault);
  return new MailboxError(fault);
}
