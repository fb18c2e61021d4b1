/**
 * A sample that was lent: its bytes in shared memory, until it is released. Owns that nobody gets at
 * them by way of this object afterwards. Must not know: how it was found.
 */
import type { StructFields } from "../../channel/mailbox/schema.ts";
import type { LentSlot } from "./consumer_types.ts";
import { ReleasedError } from "./fault.ts";
import { detach, privateCopy, type SlotViews } from "./slot_views.ts";
import { type SampleFields, StructView, type StructViews } from "./struct_view.ts";

/** Where a sample is given back, and what its memory is. */
export interface Lender<F extends StructFields = never> {
  readonly views: SlotViews;
  /** null: without a schema. */
  readonly structs: StructViews | null;
  /** Each is a copy that can be taken away. */
  readonly checked: boolean;
  isIntact(sample: Sample<F>): boolean;
  release(sample: Sample<F>): "intact" | "overtaken";
}

/**
 * One sample. Objects are used again for later ones: keep none after its release.
 *
 * `keepLast` lends what the producer may overwrite: what was computed from the bytes counts if
 * {@linkcode Sample.release} says `intact`.
 */
export class Sample<F extends StructFields = never> implements LentSlot, Disposable {
  readonly kind = "sample";
  /** 1 for the first of the mailbox; goes on over all instances of the producer. */
  sequence = 0;
  /** When it was published or measured, as the producer said: CLOCK_MONOTONIC, ns. */
  stampNs = 0;
  /** The stamp of the sample that it was made from; its own where there is none. */
  originNs = 0;
  /** Which instance of the producer made it. */
  epoch = 0;
  /** How many were missed between the one before and this; those that expired are not among them. */
  missed = 0;
  /** Bytes. */
  length = 0;
  /** When it was received: CLOCK_MONOTONIC, ns. */
  receivedNs = 0;
  /** The protocol's. */
  slot = 0;
  /** The protocol's. */
  turn = 0;
  /** The protocol's. */
  crc = 0;
  readonly #lender: Lender<F>;
  readonly #struct: StructView | null;
  /** Whether there is more to it than whether it is lent. */
  readonly #hasViews: boolean = false;
  #lent = false;
  #copy: Uint8Array<ArrayBuffer> | null = null;

  /** Made by the consumer. */
  constructor(lender: Lender<F>) {
    this.#lender = lender;
    this.#struct = lender.structs === null ? null : lender.structs.make();
    this.#hasViews = lender.structs !== null || lender.checked;
  }

  /** Whether it is lent. */
  get isLent(): boolean {
    return this.#lent;
  }

  /**
   * Its bytes, in shared memory; do not write.
   *
   * @throws {ReleasedError} after its release.
   */
  get bytes(): Uint8Array<ArrayBuffer> {
    if (!this.#lent) throw this.#releasedError();
    if (this.#copy !== null) return this.#copy;
    return this.#lender.views.get(this.slot, this.length);
  }

  /**
   * Its fields, in shared memory; do not write to arrays.
   *
   * @throws {ReleasedError} after its release, also by the fields themselves.
   * @throws {TypeError} when the mailbox was opened without a schema.
   */
  get fields(): SampleFields<F> {
    if (!this.#lent) throw this.#releasedError();
    if (this.#struct === null) throw new TypeError("This mailbox was opened without a schema");
    return this.#struct as unknown as SampleFields<F>;
  }

  /**
   * A copy of its bytes that stays; whole when {@linkcode Sample.release} says `intact`.
   *
   * @throws {ReleasedError} after its release.
   */
  copy(): Uint8Array<ArrayBuffer> {
    return privateCopy(this.bytes);
  }

  /**
   * Whether the bytes are still those of this sample; always, with `keepAll`.
   *
   * @throws {ReleasedError} after its release.
   */
  isIntact(): boolean {
    if (!this.#lent) throw this.#releasedError();
    return this.#lender.isIntact(this);
  }

  /**
   * Gives it back.
   *
   * @returns `overtaken`: the producer has begun to write over it, so what was read may be torn.
   * @throws {ReleasedError} the second time.
   */
  release(): "intact" | "overtaken" {
    if (!this.#lent) throw this.#releasedError();
    this.takeBack();
    return this.#lender.release(this);
  }

  /** Releases it, unless that was done. */
  [Symbol.dispose](): void {
    if (this.#lent) this.release();
  }

  /** The consumer's: nobody gets at its bytes by it any more. */
  takeBack(): void {
    this.#lent = false;
    if (this.#hasViews) this.#closeViews();
  }

  /** The consumer's: it is lent from now on. */
  lend(receivedNs: number): void {
    this.receivedNs = receivedNs;
    this.#lent = true;
    if (this.#hasViews) this.#openViews();
  }

  /** Built apart: what is seldom wanted is not to make what is often called longer. */
  #releasedError(): ReleasedError {
    return new ReleasedError(`sample ${this.sequence}`);
  }

  #openViews(): void {
    const { views, checked } = this.#lender;
    if (checked) this.#copy = privateCopy(views.get(this.slot, this.length));
    if (this.#struct === null) return;
    if (this.#copy !== null) StructView.openCopy(this.#struct, this.#copy.buffer);
    else StructView.open(this.#struct, this.slot, views.offsetOf(this.slot));
  }

  #closeViews(): void {
    if (this.#struct !== null) StructView.close(this.#struct);
    if (this.#copy === null) return;
    detach(this.#copy);
    this.#copy = null;
  }
}
