/**
 * Shows lines in the place of those that were shown before, on a terminal. Leaves what was above
 * them alone, and the last ones standing. Must not know: what they say.
 */
import type { CliIo, TerminalSize } from "./io.ts";

/** Of the last line: up to the first of ours. */
const UP = (lines: number) => lines === 0 ? "" : `\x1b[${lines}A`;
/** After a change of its size nobody knows where the terminal has put the lines. */
const CLEAR_ALL = "\x1b[H\x1b[2J";
/** What was longer in this line; what was there below it. */
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/** One series on one terminal. */
export class Redraw {
  readonly #io: CliIo;
  #shown = 0;
  #size: TerminalSize | null = null;

  constructor(io: CliIo) {
    this.#io = io;
  }

  /**
   * Shows these.
   *
   * @param lines none wider than the terminal, for a wrapped one takes two places.
   * @param size those that do not fit are left out, and counted; null: it is not known.
   */
  show(lines: readonly string[], size: TerminalSize | null): void {
    const fitting = fit(lines, size === null ? Infinity : size.rows - 1);
    const text = fitting.map((line) => `${line}${CLEAR_LINE}\n`).join("");
    const resized = this.#shown > 0 && !isSame(this.#size, size);
    const to = resized ? CLEAR_ALL : UP(this.#shown);
    // In one write: no half of it is seen.
    this.#io.out(`${to}\r${text}${CLEAR_BELOW}`);
    this.#size = size;
    this.#shown = fitting.length;
  }
}

function isSame(one: TerminalSize | null, other: TerminalSize | null): boolean {
  return one?.columns === other?.columns && one?.rows === other?.rows;
}

function fit(lines: readonly string[], rows: number): readonly string[] {
  if (lines.length <= rows) return lines;
  const kept = lines.slice(0, Math.max(1, rows - 1));
  return [...kept, `… ${lines.length - kept.length} more`];
}
