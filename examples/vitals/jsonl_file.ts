/**
 * A JSONL file that is appended to for ever: whole lines only, bounded by rotation
 * (`name.jsonl` → `name.1.jsonl` → … → gone). Must not know: what the lines mean.
 */

/** Where, and how much to keep. */
export interface JsonlFileOptions {
  /** `…/name.jsonl` */
  readonly path: string;
  /** Rotated before it would grow beyond this. */
  readonly maxBytes: number;
  /** Older files to keep, at least 1. */
  readonly keep: number;
}

const NEWLINE = 10;
const TAIL_BYTES = 64 * 1024;

/** One open file. Not for two writers at a time. */
export class JsonlFile implements Disposable {
  readonly #options: JsonlFileOptions;
  #file: Deno.FsFile;
  #sizeBytes: number;

  /**
   * Opens or creates the file, and cuts off a last line that a killed writer left
   * unfinished.
   *
   * @throws {Deno.errors.NotCapable} without read and write permission for its folder.
   */
  constructor(options: JsonlFileOptions) {
    this.#options = options;
    this.#file = open(options.path);
    this.#sizeBytes = cutTornTail(this.#file);
  }

  /** Bytes in the current file. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Appends one value as a line, rotating first where it would not fit. */
  append(value: unknown): void {
    const bytes = new TextEncoder().encode(JSON.stringify(value) + "\n");
    if (this.#sizeBytes > 0 && this.#sizeBytes + bytes.length > this.#options.maxBytes) {
      this.#rotate();
    }
    let rest = bytes;
    while (rest.length > 0) rest = rest.subarray(this.#file.writeSync(rest));
    this.#sizeBytes += bytes.length;
  }

  /** Returns when everything appended so far would survive a power cut. */
  flush(): void {
    this.#file.syncDataSync();
  }

  [Symbol.dispose](): void {
    this.flush();
    this.#file.close();
  }

  #rotate(): void {
    this.flush();
    this.#file.close();
    for (let age = this.#options.keep; age >= 1; age--) {
      const from = age === 1 ? this.#options.path : agedPath(this.#options.path, age - 1);
      try {
        Deno.renameSync(from, agedPath(this.#options.path, age));
      } catch (error) {
        // A file of that age does not exist yet.
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    this.#file = open(this.#options.path);
    this.#sizeBytes = 0;
  }
}

function agedPath(path: string, age: number): string {
  return path.replace(/(\.[^./]*)?$/, `.${age}$1`);
}

function open(path: string): Deno.FsFile {
  return Deno.openSync(path, { read: true, write: true, create: true });
}

/** Leaves the file at its end, behind a line break, and returns that position. */
function cutTornTail(file: Deno.FsFile): number {
  const sizeBytes = file.seekSync(0, Deno.SeekMode.End);
  let end = sizeBytes;
  while (end > 0) {
    const from = Math.max(0, end - TAIL_BYTES);
    const at = readAt(file, from, end - from).lastIndexOf(NEWLINE);
    end = from + at + 1;
    if (at >= 0) break;
  }
  if (end < sizeBytes) file.truncateSync(end);
  return file.seekSync(end, Deno.SeekMode.Start);
}

function readAt(file: Deno.FsFile, position: number, sizeBytes: number): Uint8Array {
  file.seekSync(position, Deno.SeekMode.Start);
  const buffer = new Uint8Array(sizeBytes);
  let filled = 0;
  while (filled < sizeBytes) {
    const count = file.readSync(buffer.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return buffer.subarray(0, filled);
}
