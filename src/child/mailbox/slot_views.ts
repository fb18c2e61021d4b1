/**
 * The bytes of a mailbox's slots as arrays. Each is made once for a length and kept, so that
 * nothing is allocated where samples have one length. Must not know: what is in them, whose they
 * are at the moment.
 */
import {
  HEADER_BYTES,
  type MailboxShape,
  SLOT_HEADER_BYTES,
} from "../../channel/mailbox/layout.ts";
import { slotStride } from "../../channel/mailbox/layout.ts";

const Bytes = Uint8Array;
const { apply } = Reflect;
const { set: setBytes } = Uint8Array.prototype;

/** All slots of one mapping. */
export class SlotViews {
  readonly #buffer: ArrayBuffer;
  readonly #whole: Uint8Array<ArrayBuffer>;
  readonly #stride: number = 0;
  readonly #bytesMax: number = 0;
  /** Those of a slot's whole size: most samples have it. */
  readonly #full: (Uint8Array<ArrayBuffer> | null)[] = [];
  /** The last one of each slot that was shorter, and how long that is. */
  readonly #short: Uint8Array<ArrayBuffer>[] = [];
  readonly #lengths: number[] = [];

  constructor(buffer: ArrayBuffer, shape: MailboxShape) {
    this.#buffer = buffer;
    this.#whole = new Bytes(buffer);
    this.#stride = slotStride(shape.sampleBytes);
    this.#bytesMax = shape.sampleBytes;
    for (let slot = 0; slot < shape.slots; slot++) {
      this.#full[slot] = null;
      this.#lengths[slot] = -1;
    }
  }

  /** The first `length` bytes of a slot; slot and length were checked by the caller. */
  get(slot: number, length: number): Uint8Array<ArrayBuffer> {
    if (length !== this.#bytesMax) return this.#getShort(slot, length);
    return this.#full[slot] ?? (this.#full[slot] = this.#make(slot, length));
  }

  #getShort(slot: number, length: number): Uint8Array<ArrayBuffer> {
    if (this.#lengths[slot] === length) return this.#short[slot]!;
    this.#lengths[slot] = length;
    return this.#short[slot] = this.#make(slot, length);
  }

  #make(slot: number, length: number): Uint8Array<ArrayBuffer> {
    return new Bytes(this.#buffer, this.offsetOf(slot), length);
  }

  /** Where a slot's data begins, in bytes. */
  offsetOf(slot: number): number {
    return HEADER_BYTES + slot * this.#stride + SLOT_HEADER_BYTES;
  }

  /** Writes a slot's data; no more than a sample has. */
  copyInto(slot: number, bytes: Uint8Array): void {
    apply(setBytes, this.#whole, [bytes, this.offsetOf(slot)]);
  }
}

/** `to.set(from)`, whatever the program has made of that method. */
export function copyBytes(from: Uint8Array, to: Uint8Array): void {
  apply(setBytes, to, [from]);
}

const { transfer } = ArrayBuffer.prototype;

/** Bytes of which the buffer has a multiple of 8. */
export function paddedBytes(length: number): Uint8Array<ArrayBuffer> {
  return new Bytes(new ArrayBuffer(Math.ceil(length / 8) * 8), 0, length);
}

/** A copy that can be taken away: whoever still has it finds it empty. */
export function privateCopy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = paddedBytes(bytes.length);
  copyBytes(bytes, copy);
  return copy;
}

/** Takes a private copy away. */
export function detach(copy: Uint8Array<ArrayBuffer>): void {
  if (copy.length > 0) apply(transfer, copy.buffer, [0]);
}
