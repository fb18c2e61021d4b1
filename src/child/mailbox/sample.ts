/**
 * A sample that was lent: its bytes in shared memory, until it is released. Owns that nobody gets at
 * them by way of this object afterwards. Must not know: how it was found.
 */
import type { LentSlot } from "./consumer_core.ts";
import { ReleasedError } from "./fault.ts";
import { detach, privateCopy } from "./slot_views.ts";

/** Where a sample is given back, and what its bytes are. */
export interface Lender {
  bytesOf(slot: number, length: number): Uint8Array<ArrayBuffer>;
  isIntact(sample: Sample): boolean;
  release(sample: Sample): "intact" | "overtaken";
}

/**
 * One sample. Objects are used again for later ones: keep none after its release.
 *
 * `keepLast` lends what the producer may overwrite: what was computed from the bytes counts if
 * {@linkcode Sample.release} says `intact`.
 */
export class Sample implements LentSlot, Disposable {
  readonly kind = "sample";
  /** 1 for the first of the mailbox; goes on over all instances of the producer. */
  sequence = 0;
  /** When it was published or measured, as the producer said: CLOCK_MONOTONIC, ns. */
  stampNs = 0;
  /** The stamp of the sample that it was made from; its own where there is none. */
  originNs = 0;
  /** Which instance of the producer made it. */
  epoch = 0;
  /** How many were missed between the one before and this. */
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
  readonly #lender: Lender;
  #lent = false;
  #copy: Uint8Array<ArrayBuffer> | null = null;

  /** Made by the consumer. */
  constructor(lender: Lender) {
    this.#lender = lender;
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
    if (!this.#lent) throw new ReleasedError(`sample ${this.sequence}`);
    return this.#copy ?? this.#lender.bytesOf(this.slot, this.length);
  }

  /**
   * Whether the bytes are still those of this sample; always, with `keepAll`.
   *
   * @throws {ReleasedError} after its release.
   */
  isIntact(): boolean {
    if (!this.#lent) throw new ReleasedError(`sample ${this.sequence}`);
    return this.#lender.isIntact(this);
  }

  /**
   * Gives it back.
   *
   * @returns `overtaken`: the producer has begun to write over it, so what was read may be torn.
   * @throws {ReleasedError} the second time.
   */
  release(): "intact" | "overtaken" {
    if (!this.#lent) throw new ReleasedError(`sample ${this.sequence}`);
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
    if (this.#copy === null) return;
    detach(this.#copy);
    this.#copy = null;
  }

  /** The consumer's: it is lent from now on; with `checked` as a copy that can be taken away. */
  lend(receivedNs: number, checked: boolean): void {
    this.receivedNs = receivedNs;
    this.#lent = true;
    if (checked) this.#copy = privateCopy(this.#lender.bytesOf(this.slot, this.length));
  }
}
