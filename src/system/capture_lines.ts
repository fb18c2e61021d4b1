/**
 * One captured stream, cut into lines and instances. Pure but for its buffer.
 * Must not know: descriptors, the terminal, who waits for a line.
 *
 * ```
 *  …text\n  text\n  half\0cox TOKEN 4\n  text\n
 *  └─ instance 3 ──────┘└─ marker ──┘└─ instance 4
 * ```
 */
import { markerPrefix } from "./log_protocol.ts";

/** Longest line shown in one piece, bytes. */
export const LINE_BYTES_MAX = 65_536;

/** What {@link CaptureLines} found, in order. */
export type CaptureItem =
  | {
    readonly kind: "line";
    readonly text: string;
    /** The line goes on in the next item. */
    readonly continues: boolean;
  }
  /** What follows was written by this instance. */
  | { readonly kind: "instance"; readonly instance: number };

const NEWLINE = 0x0a;
const NUL = 0;

/** Cuts one stream; holds less than {@link LINE_BYTES_MAX} and one chunk. */
export class CaptureLines {
  readonly #prefix: Uint8Array;
  /** A marker without its newline is no longer than this. */
  readonly #markerBytesMax: number;
  readonly #decoder = new TextDecoder();
  #held = new Uint8Array(0);

  /** @param token of the `hello`. */
  constructor(token: string) {
    this.#prefix = new TextEncoder().encode(markerPrefix(token));
    this.#markerBytesMax = this.#prefix.length + String(Number.MAX_SAFE_INTEGER).length;
  }

  /** Takes one chunk. @returns what it completes. */
  push(chunk: Uint8Array): CaptureItem[] {
    const items: CaptureItem[] = [];
    for (let from = 0; from < chunk.length; from += LINE_BYTES_MAX) {
      this.#pushPart(chunk.subarray(from, from + LINE_BYTES_MAX), items);
    }
    return items;
  }

  /** The stream or the instance has ended: what is held becomes a line. */
  flush(): CaptureItem[] {
    if (this.#held.length === 0) return [];
    const text = this.#decoder.decode(this.#held);
    this.#held = new Uint8Array(0);
    return [{ kind: "line", text, continues: false }];
  }

  #pushPart(part: Uint8Array, items: CaptureItem[]): void {
    const last = part.lastIndexOf(NEWLINE);
    if (last === -1) {
      this.#hold(part, items);
      return;
    }
    let from = 0;
    if (this.#held.length > 0) {
      const first = part.indexOf(NEWLINE);
      const line = joined(this.#held, part.subarray(0, first));
      this.#held = new Uint8Array(0);
      this.#completeLine(line, items);
      from = first + 1;
    }
    if (from <= last) this.#completeBlock(part.subarray(from, last), items);
    this.#hold(part.subarray(last + 1), items);
  }

  /** Many whole lines: one decode for all is several times faster than one for each. */
  #completeBlock(block: Uint8Array, items: CaptureItem[]): void {
    if (block.indexOf(NUL) === -1) {
      for (const text of this.#decoder.decode(block).split("\n")) {
        items.push({ kind: "line", text, continues: false });
      }
      return;
    }
    let from = 0;
    for (;;) {
      const at = block.indexOf(NEWLINE, from);
      this.#completeLine(block.subarray(from, at === -1 ? block.length : at), items);
      if (at === -1) return;
      from = at + 1;
    }
  }

  #completeLine(line: Uint8Array, items: CaptureItem[]): void {
    const at = indexOfBytes(line, this.#prefix);
    const instance = at === -1 ? null : parseInstance(line.subarray(at + this.#prefix.length));
    if (instance === null) {
      this.#pushLine(line, items);
      return;
    }
    if (at > 0) this.#pushLine(line.subarray(0, at), items);
    items.push({ kind: "instance", instance });
  }

  #pushLine(line: Uint8Array, items: CaptureItem[]): void {
    let rest = line;
    while (rest.length > LINE_BYTES_MAX) {
      const at = characterStart(rest, LINE_BYTES_MAX);
      items.push({
        kind: "line",
        text: this.#decoder.decode(rest.subarray(0, at)),
        continues: true,
      });
      rest = rest.subarray(at);
    }
    items.push({ kind: "line", text: this.#decoder.decode(rest), continues: false });
  }

  #hold(part: Uint8Array, items: CaptureItem[]): void {
    if (part.length === 0) return;
    let held = joined(this.#held, part);
    while (held.length > LINE_BYTES_MAX) {
      const at = this.#cutAt(held);
      items.push({
        kind: "line",
        text: this.#decoder.decode(held.subarray(0, at)),
        continues: true,
      });
      held = held.slice(at);
    }
    this.#held = held;
  }

  /** Where to cut an overlong line: between characters, and never through a marker. */
  #cutAt(held: Uint8Array): number {
    const nul = held.lastIndexOf(NUL, LINE_BYTES_MAX - 1);
    if (nul > 0 && LINE_BYTES_MAX - nul < this.#markerBytesMax) return nul;
    return characterStart(held, LINE_BYTES_MAX);
  }
}

/** The nearest position at or before `at` that begins a UTF-8 character. */
function characterStart(bytes: Uint8Array, at: number): number {
  for (let back = 0; back < 4; back++) {
    if (((bytes[at - back] ?? 0) & 0xc0) !== 0x80) return at - back;
  }
  // Not UTF-8: any place is as good.
  return at;
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(head.length + tail.length);
  all.set(head);
  all.set(tail, head.length);
  return all;
}

function indexOfBytes(bytes: Uint8Array, wanted: Uint8Array): number {
  for (let at = bytes.indexOf(NUL); at !== -1; at = bytes.indexOf(NUL, at + 1)) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}

function parseInstance(bytes: Uint8Array): number | null {
  const text = new TextDecoder().decode(bytes);
  return /^[1-9][0-9]{0,15}$/.test(text) ? Number(text) : null;
}
