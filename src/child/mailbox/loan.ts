/**
 * A slot on loan to the program that writes a sample. Owns that nobody gets at its memory by way of
 * this object once it was published. Must not know: how it was claimed.
 */
import type { StructFields } from "../../channel/mailbox/schema.ts";
import { ReleasedError } from "./fault.ts";
import type { ClaimedSlot } from "./producer_core.ts";
import { detach, paddedBytes, type SlotViews } from "./slot_views.ts";
import { type LoanFields, StructView, type StructViews } from "./struct_view.ts";

/** A slot on loan. Objects are used again: keep none after publishing. */
export class Loan<F extends StructFields = never> implements ClaimedSlot {
  readonly kind = "loan";
  /** Its sample's number. */
  sequence = 0;
  /** Bytes of data; the slot's whole size at first, and always where there is a schema. */
  length = 0;
  /** When it was measured: CLOCK_MONOTONIC, ns. 0: when it is published. */
  stampNs = 0;
  /** The stamp of the sample that it is made from. 0: its own. */
  originNs = 0;
  /** The protocol's. */
  slot = 0;
  /** The protocol's. */
  turn = 0;
  /** The protocol's. */
  crc = 0;
  readonly #views: SlotViews;
  readonly #bytesMax: number;
  readonly #struct: StructView | null;
  #lent = false;
  /** With `checked`, what is written to in place of the slot. */
  #copy: Uint8Array<ArrayBuffer> | null = null;

  /** Made by the producer. */
  constructor(views: SlotViews, bytesMax: number, structs: StructViews | null) {
    this.#views = views;
    this.#bytesMax = bytesMax;
    this.#struct = structs === null ? null : structs.make();
  }

  /**
   * The slot's memory, all of it; what is in it is of no use.
   *
   * @throws {ReleasedError} after it was published or given up.
   */
  get bytes(): Uint8Array<ArrayBuffer> {
    if (!this.#lent) throw new ReleasedError(`the loan of ${this.sequence}`);
    return this.#copy ?? this.#views.get(this.slot, this.#bytesMax);
  }

  /**
   * The fields of the schema; what is in them is of no use.
   *
   * @throws {ReleasedError} after it was published or given up.
   * @throws {TypeError} when the mailbox was opened without a schema.
   */
  get fields(): LoanFields<F> {
    if (!this.#lent) throw new ReleasedError(`the loan of ${this.sequence}`);
    if (this.#struct === null) throw new TypeError("This mailbox was opened without a schema");
    return this.#struct as unknown as LoanFields<F>;
  }

  /** The producer's: the slot is lent from now on; with `checked` as memory of its own. */
  lend(checked: boolean): void {
    this.length = this.#bytesMax;
    this.stampNs = 0;
    this.originNs = 0;
    this.crc = 0;
    this.#lent = true;
    if (checked) this.#copy = paddedBytes(this.#bytesMax);
    if (this.#struct === null) return;
    if (this.#copy !== null) StructView.openCopy(this.#struct, this.#copy.buffer);
    else StructView.open(this.#struct, this.slot, this.#views.offsetOf(this.slot));
  }

  /** The producer's: writes to the slot what was written to memory of its own. */
  settle(): void {
    if (this.#copy !== null) this.#views.copyInto(this.slot, this.#copy);
  }

  /** The producer's: nobody gets at the slot by this object any more. */
  takeBack(): void {
    this.#lent = false;
    if (this.#struct !== null) StructView.close(this.#struct);
    if (this.#copy === null) return;
    detach(this.#copy);
    this.#copy = null;
  }
}
