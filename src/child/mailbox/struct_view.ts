/**
 * The fields of a struct in shared memory as properties: numbers are read and written where they
 * are, arrays are lent. Owns that nobody gets at them by way of this after they were given back.
 * Nothing is allocated but `bigint`s, and each array once for a slot.
 * Must not know: the protocol, what the numbers mean.
 */
import type {
  FieldLayout,
  NumberType,
  StructFields,
  StructLayout,
} from "../../channel/mailbox/schema.ts";
import { ReleasedError } from "./fault.ts";

/** The array of so many numbers of a type. */
export interface NumberArrays {
  readonly i8: Int8Array<ArrayBuffer>;
  readonly u8: Uint8Array<ArrayBuffer>;
  readonly i16: Int16Array<ArrayBuffer>;
  readonly u16: Uint16Array<ArrayBuffer>;
  readonly i32: Int32Array<ArrayBuffer>;
  readonly u32: Uint32Array<ArrayBuffer>;
  readonly i64: BigInt64Array<ArrayBuffer>;
  readonly u64: BigUint64Array<ArrayBuffer>;
  readonly f32: Float32Array<ArrayBuffer>;
  readonly f64: Float64Array<ArrayBuffer>;
}

type ValueOf<T> = T extends readonly [infer N extends NumberType, number] ? NumberArrays[N]
  : T extends "i64" | "u64" ? bigint
  : number;

/** The fields of a sample: numbers, `bigint` for `i64` and `u64`, and arrays. */
export type SampleFields<F extends StructFields> = { readonly [K in keyof F]: ValueOf<F[K]> };
/** The fields of a loan. Arrays are written by element; a number wraps as typed arrays do. */
export type LoanFields<F extends StructFields> =
  & {
    -readonly [K in keyof F as F[K] extends NumberType ? K : never]: ValueOf<F[K]>;
  }
  & { readonly [K in keyof F as F[K] extends NumberType ? never : K]: ValueOf<F[K]> };

/** Memory as arrays of each type of number. */
class Arrays implements NumberArrays {
  readonly i8: Int8Array<ArrayBuffer>;
  readonly u8: Uint8Array<ArrayBuffer>;
  readonly i16: Int16Array<ArrayBuffer>;
  readonly u16: Uint16Array<ArrayBuffer>;
  readonly i32: Int32Array<ArrayBuffer>;
  readonly u32: Uint32Array<ArrayBuffer>;
  readonly i64: BigInt64Array<ArrayBuffer>;
  readonly u64: BigUint64Array<ArrayBuffer>;
  readonly f32: Float32Array<ArrayBuffer>;
  readonly f64: Float64Array<ArrayBuffer>;

  /** @param buffer a multiple of 8 bytes. */
  constructor(readonly buffer: ArrayBuffer) {
    this.i8 = new Int8Array(buffer);
    this.u8 = new Uint8Array(buffer);
    this.i16 = new Int16Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i64 = new BigInt64Array(buffer);
    this.u64 = new BigUint64Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
  }
}

const CLASSES = {
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
  f32: Float32Array,
  f64: Float64Array,
} as const;

type AnyArray = NumberArrays[NumberType];
/** Makes a getter and a setter of the number at this offset. */
type MakeProperty = (
  name: string,
  offset: number,
) => Required<Pick<PropertyDescriptor, "get" | "set">>;

/** One struct in memory; made by {@linkcode StructViews}. */
export class StructView {
  #open = false;
  #arrays: Arrays;
  /** Where the struct is, in 8 bytes. */
  #place = 0;
  #slot = 0;
  /** Whether the memory is that of the slots, of which arrays are kept. */
  #kept = true;
  readonly #whole: Arrays;
  readonly #made: (AnyArray | undefined)[][];

  /** @param made arrays that were lent before, by field and by slot. */
  constructor(whole: Arrays, made: (AnyArray | undefined)[][]) {
    this.#whole = this.#arrays = whole;
    this.#made = made;
  }

  /** Shows a slot. @param place where its data is, bytes: a multiple of 8 */
  static open(view: StructView, slot: number, place: number): void {
    view.#arrays = view.#whole;
    view.#place = place / 8;
    view.#slot = slot;
    view.#kept = true;
    view.#open = true;
  }

  /** Shows a copy. @param copy a multiple of 8 bytes, of which the struct is at the beginning */
  static openCopy(view: StructView, copy: ArrayBuffer): void {
    view.#arrays = new Arrays(copy);
    view.#place = 0;
    view.#kept = false;
    view.#open = true;
  }

  /** Shows nothing any more. */
  static close(view: StructView): void {
    view.#open = false;
  }

  /** Makes the property of a field. */
  static property(field: FieldLayout, number: number, writes: boolean): PropertyDescriptor {
    const { name, type, length, offset } = field;
    if (length !== null) {
      const get = function (this: StructView) {
        return this.#lend(number, field, length);
      };
      return { enumerable: true, get };
    }
    const { get, set } = StructView.#NUMBERS[type](name, offset);
    return writes ? { enumerable: true, get, set } : { enumerable: true, get };
  }

  #check(name: string): void {
    if (!this.#open) throw new ReleasedError(`"${name}"`);
  }

  /**
   * One function for each type, written out: V8 keeps what it knows of a place in the source, and
   * an access to an array of a single kind is one instruction.
   */
  static readonly #NUMBERS: Record<NumberType, MakeProperty> = {
    i8: (name, offset) => {
      const at = offset;
      return {
        get(this: StructView): number {
          this.#check(name);
          return this.#arrays.i8[this.#place * 8 + at]!;
        },
        set(this: StructView, value: number) {
          this.#check(name);
          this.#arrays.i8[this.#place * 8 + at] = value;
        },
      };
    },
    u8: (name, offset) => {
      const at = offset;
      return {
        get(this: StructView): number {
          this.#check(name);
          return this.#arrays.u8[this.#place * 8 + at]!;
        },
        set(this: StructView, value: number) {
          this.#check(name);
          this.#arrays.u8[this.#place * 8 + at] = value;
        },
      };
    },
    i16: (name, offset) => {
      const at = offset / 2;
      return {
        get(this: StructView): number {
          this.#check(name);
          return this.#arrays.i16[this.#place * 4 + at]!;
        },
        set(this: StructView, value: number) {
          this.#check(name);
          this.#arrays.i16[this.#place * 4 + at] = value;
        },
      };
    },
    u16: (name, offset) => {
      const at = offset / 2;
      return {
        get(this: StructView): number {
          this.#check(name);
          return this.#arrays.u16[this.#place * 4 + at]!;
        },
        set(this: StructView, value: number) {
          this.#check(name);
          this.#arrays.u16[this.#place * 4 + at] = value;
        },
      };
    },
    i32: (name, offset) => {
      const at = offset / 4;
      return {
        get(this: StructView): number {
          this.#check(name);
          return this.#arrays.i32[this.#place * 2 + at]!;
        },
        set(this: StructView, value: number) {
          this.#check(name);
          this.#arrays.i32[this.#place * 2 + at] = value;
        },
      };
    },
    u32: (name, offset) => {
      const at = offset / 4;
      return {
        get(this: StructView): number {
          this.#check(name);
          return this.#arrays.u32[this.#place * 2 + at]!;
        },
        set(this: StructView, value: number) {
          this.#check(name);
          this.#arrays.u32[this.#place * 2 + at] = value;
        },
      };
    },
    i64: (name, offset) => {
      const at = offset / 8;
      return {
        get(this: StructView): bigint {
          this.#check(name);
          return this.#arrays.i64[this.#place + at]!;
        },
        set(this: StructView, value: bigint) {
          this.#check(name);
          this.#arrays.i64[this.#place + at] = value;
        },
      };
    },
    u64: (name, offset) => {
      const at = offset / 8;
      return {
        get(this: StructView): bigint {
          this.#check(name);
          return this.#arrays.u64[this.#place + at]!;
        },
        set(this: StructView, value: bigint) {
          this.#check(name);
          this.#arrays.u64[this.#place + at] = value;
        },
      };
    },
    f32: (name, offset) => {
      const at = offset / 4;
      return {
        get(this: StructView): number {
          this.#check(name);
          return this.#arrays.f32[this.#place * 2 + at]!;
        },
        set(this: StructView, value: number) {
          this.#check(name);
          this.#arrays.f32[this.#place * 2 + at] = value;
        },
      };
    },
    f64: (name, offset) => {
      const at = offset / 8;
      return {
        get(this: StructView): number {
          this.#check(name);
          return this.#arrays.f64[this.#place + at]!;
        },
        set(this: StructView, value: number) {
          this.#check(name);
          this.#arrays.f64[this.#place + at] = value;
        },
      };
    },
  };

  #lend(number: number, { name, type, offset }: FieldLayout, length: number): AnyArray {
    this.#check(name);
    const kept = this.#kept ? this.#made[number]![this.#slot] : undefined;
    if (kept !== undefined) return kept;
    const made = new CLASSES[type](this.#arrays.buffer, this.#place * 8 + offset, length);
    if (this.#kept) this.#made[number]![this.#slot] = made;
    return made;
  }
}

/** Makes the views of one mapping. */
export class StructViews {
  readonly #whole: Arrays;
  readonly #made: (AnyArray | undefined)[][];
  readonly #View: typeof StructView;

  /** @param writes whether the fields can be set. */
  constructor(layout: StructLayout, buffer: ArrayBuffer, writes: boolean) {
    this.#whole = new Arrays(buffer);
    this.#made = layout.fields.map(() => []);
    this.#View = class extends StructView {};
    layout.fields.forEach((field, at) => {
      const property = StructView.property(field, at, writes);
      Object.defineProperty(this.#View.prototype, field.name, property);
    });
  }

  /** A view that shows nothing yet. */
  make(): StructView {
    return new this.#View(this.#whole, this.#made);
  }
}
