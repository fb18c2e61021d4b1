/**
 * Splits what arrives on a non-blocking descriptor into lines, bounded. For the short
 * messages of readiness pipes and `@log`'s reports. Must not know: what a line means.
 */
import { readFd } from "../os/pipe.ts";

/** What one reading found. */
export interface LinesRead {
  readonly lines: readonly string[];
  /** The other side has closed. */
  readonly ended: boolean;
}

/** One per descriptor; the descriptor stays the caller's. */
export class LineReader {
  readonly #fd: number;
  readonly #lineBytesMax: number;
  readonly #chunk = new Uint8Array(4096);
  readonly #decoder = new TextDecoder();
  #rest = "";

  /** @param lineBytesMax a longer line is cut: its head is dropped. */
  constructor(fd: number, lineBytesMax: number) {
    this.#fd = fd;
    this.#lineBytesMax = lineBytesMax;
  }

  /** Reads what is there, at most 64 KiB a call: the reactor calls again. */
  read(): LinesRead {
    let ended = false;
    for (let round = 0; round < 16; round++) {
      const count = readFd(this.#fd, this.#chunk);
      if (count === "would-block") break;
      if (count === 0) {
        ended = true;
        break;
      }
      this.#rest += this.#decoder.decode(this.#chunk.subarray(0, count), { stream: true });
    }
    const lines = this.#rest.split("\n");
    this.#rest = (lines.pop() ?? "").slice(-this.#lineBytesMax);
    return { lines, ended };
  }
}
