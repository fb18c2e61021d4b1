/**
 * Writes to the terminal in few, large pieces. Owns descriptor 1 of `@log`.
 * Must not know: what it writes.
 *
 * When the terminal is gone (EPIPE, EIO) everything is dropped silently from then on: the
 * processes that write must never block or die because nobody looks.
 */

/** Written out when this much is gathered, characters. */
const GATHERED_MAX = 65_536;
/** How long a line may wait for company. */
const FLUSH_MS = 5;

/** One per program. */
export class Terminal {
  readonly #encoder = new TextEncoder();
  #gathered: string[] = [];
  #gatheredLength = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #gone = false;

  /** Adds text; it is shown within 5 ms. */
  write(text: string): void {
    if (this.#gone) return;
    this.#gathered.push(text);
    this.#gatheredLength += text.length;
    if (this.#gatheredLength >= GATHERED_MAX) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  /** Writes what is gathered; waits while the terminal does not take it. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#gathered.length === 0) return;
    const bytes = this.#encoder.encode(this.#gathered.join(""));
    this.#gathered = [];
    this.#gatheredLength = 0;
    try {
      for (let at = 0; at < bytes.length;) at += writeSome(bytes.subarray(at));
    } catch {
      this.#gone = true;
    }
  }
}

/** A description that somebody else made non-blocking says EAGAIN instead of waiting. */
function writeSome(bytes: Uint8Array): number {
  for (;;) {
    try {
      return Deno.stdout.writeSync(bytes);
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
