/**
 * Writes NDJSON: one JSON value a line. Owns framing and the order of writes.
 * Must not know: what the values mean.
 */

/** Where bytes go; `Deno.stdout` and every `Deno.FsFile` are one. */
export interface ByteWriter {
  /** Writes some of `bytes` and tells how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Options of {@linkcode writeNdjson}. */
export interface WriteNdjsonOptions {
  /** @default {Deno.stdout} */
  readonly to?: ByteWriter;
}

/**
 * Writes one value as a line of JSON.
 *
 * Lines never interleave, even when calls are not awaited; awaiting each one is what
 * makes a slow consumer slow its producer down instead of filling memory. A line of up
 * to 4096 bytes goes into a pipe in one piece: the program can be killed at any moment
 * without leaving half of it behind.
 *
 * @param value Anything that JSON can hold.
 * @param options Another writer than standard output.
 * @returns when the line is in the pipe; waits while the pipe is full.
 * @throws {TypeError} (rejects) when JSON cannot hold the value (`undefined`, a cycle).
 * @throws {Deno.errors.BrokenPipe} (rejects) when nobody will ever read it.
 *
 * @example
 * ```ts
 * import { writeNdjson } from "coxswain/child";
 * import { assertEquals } from "@std/assert";
 *
 * let text = "";
 * const to = {
 *   write(bytes: Uint8Array) {
 *     text += new TextDecoder().decode(bytes);
 *     return Promise.resolve(bytes.length);
 *   },
 * };
 * await writeNdjson({ load: 0.5 }, { to });
 * assertEquals(text, '{"load":0.5}\n');
 * ```
 */
export async function writeNdjson(value: unknown, options: WriteNdjsonOptions = {}): Promise<void> {
  const to = options.to ?? Deno.stdout;
  const text = JSON.stringify(value);
  if (text === undefined) {
    throw new TypeError(`Cannot write ${typeof value} as NDJSON: JSON has no such value`);
  }
  const bytes = new TextEncoder().encode(text + "\n");
  const before = lastWrites.get(to) ?? Promise.resolve();
  const write = before.then(() => writeAll(to, bytes));
  // The next line follows this one even if this one failed: its own write will tell.
  lastWrites.set(to, write.catch(() => {}));
  await write;
}

/** The end of the line of writes, by writer. */
const lastWrites = new WeakMap<ByteWriter, Promise<void>>();

async function writeAll(to: ByteWriter, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await to.write(rest));
}
