/** Text as C wants it: UTF-8 with a NUL at the end. Must not know: who reads it. */

const encoder = new TextEncoder();

/**
 * A NUL-terminated copy of the text.
 *
 * @throws {TypeError} when the text contains a NUL, which C would take for its end.
 */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new TypeError(`Cannot pass on text with a NUL: ${quote(text)}`);
  return encoder.encode(text + "\0");
}

/**
 * Lists of strings as `char *const[]` wants them: one block with the pointers first and
 * the bytes behind. One block, because the pointers stay right only while it lives.
 *
 * ```
 *  block:  [ptr 0][ptr 1] … [null] [ptr n] … [null]  bytes…
 * ```
 */
export interface StringTables {
  /** Keep it alive until the call has returned. */
  readonly block: Uint8Array<ArrayBuffer>;
  /** One view into `block` per list: pass these. */
  readonly tables: readonly Uint8Array<ArrayBuffer>[];
}

/** V8 moves arrays of up to 64 bytes about; a larger one stays where it is. */
const BLOCK_BYTES_MIN = 128;
const POINTER_BYTES = 8;

/**
 * Lays out lists of strings for `execve` and `posix_spawn`.
 *
 * @throws {TypeError} when a string contains a NUL.
 */
export function stringTables(...lists: readonly (readonly string[])[]): StringTables {
  const strings = lists.map((list) => list.map(cString));
  const pointerCount = strings.reduce((count, list) => count + list.length + 1, 0);
  const byteCount = strings.flat().reduce((bytes, string) => bytes + string.length, 0);
  const sizeBytes = Math.max(BLOCK_BYTES_MIN, pointerCount * POINTER_BYTES + byteCount);
  const block = new Uint8Array(sizeBytes);
  const base = addressOf(block);
  const view = new DataView(block.buffer);
  const tables: Uint8Array<ArrayBuffer>[] = [];
  let pointerAt = 0;
  let byteAt = pointerCount * POINTER_BYTES;
  for (const list of strings) {
    tables.push(block.subarray(pointerAt));
    for (const string of list) {
      view.setBigUint64(pointerAt, base + BigInt(byteAt), true);
      block.set(string, byteAt);
      pointerAt += POINTER_BYTES;
      byteAt += string.length;
    }
    // The null pointer that ends the list is there already: the block starts as zeros.
    pointerAt += POINTER_BYTES;
  }
  return { block, tables };
}

/**
 * A list of strings as `char *const[]`, to which each use adds some: an environment of which
 * little changes from spawn to spawn is encoded once.
 */
export class StringList {
  readonly #constant: StringTables;
  readonly #pointers: Uint8Array<ArrayBuffer>;

  /** @throws {TypeError} when a string contains a NUL. */
  constructor(strings: readonly string[]) {
    this.#constant = stringTables(strings);
    this.#pointers = this.#constant.block.subarray(0, strings.length * POINTER_BYTES);
  }

  /**
   * The list and then `more`. Keep it and this object alive until the call has returned.
   *
   * @throws {TypeError} when a string contains a NUL.
   */
  with(more: readonly string[]): Uint8Array<ArrayBuffer> {
    const strings = more.map(cString);
    const pointersEnd = this.#pointers.length + (strings.length + 1) * POINTER_BYTES;
    const byteCount = strings.reduce((bytes, string) => bytes + string.length, 0);
    const block = new Uint8Array(Math.max(BLOCK_BYTES_MIN, pointersEnd + byteCount));
    const base = addressOf(block);
    const view = new DataView(block.buffer);
    block.set(this.#pointers);
    let pointerAt = this.#pointers.length;
    let byteAt = pointersEnd;
    for (const string of strings) {
      view.setBigUint64(pointerAt, base + BigInt(byteAt), true);
      block.set(string, byteAt);
      pointerAt += POINTER_BYTES;
      byteAt += string.length;
    }
    return block;
  }
}

function addressOf(block: Uint8Array<ArrayBuffer>): bigint {
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(block)));
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? text.slice(0, 80) + "…" : text);
}
