/**
 * Finds the line that makes an instance ready. Pure but for what it keeps.
 * Must not know: descriptors, how the match is reported.
 *
 * A line may be read before the command to watch for it, for they come by different
 * pipes: the first lines of every instance are kept until a watch has seen them.
 */
import { terminalText } from "./terminal_text.ts";

/** First lines of an instance kept for a watch that is still on its way. */
const KEPT_LINES_MAX = 256;
const KEPT_CHARACTERS_MAX = 65_536;

interface Watch {
  readonly instance: number;
  readonly pattern: RegExp;
}

/** The watches of one stream of one process. */
export class LineWatch {
  /** null until the first marker, or for what an earlier `@log` had begun to read. */
  #instance: number | null = null;
  #watch: Watch | null = null;
  #kept: string[] = [];
  #keptCharacters = 0;

  /** What follows was written by this instance. */
  switchTo(instance: number): void {
    this.#instance = instance;
    this.#kept = [];
    this.#keptCharacters = 0;
    // A watch for the next instance may have come before its marker: it stays.
    if (this.#watch !== null && this.#watch.instance < instance) this.#watch = null;
  }

  /**
   * Watches for a line.
   *
   * @returns the instance if a line that was already read matches, else null.
   * @throws {SyntaxError} when `pattern` is no regular expression.
   */
  watch(instance: number, pattern: string): number | null {
    if (this.#instance !== null && instance < this.#instance) return null;
    this.#watch = { instance, pattern: new RegExp(pattern, "u") };
    if (this.#instance !== null && instance !== this.#instance) return null;
    return this.#kept.some((line) => this.#matches(line)) ? this.#matched() : null;
  }

  /** Looks at one line. @returns the instance if it makes it ready, else null. */
  line(text: string): number | null {
    if (this.#watch === null) {
      this.#keep(text);
      return null;
    }
    if (this.#instance !== null && this.#watch.instance !== this.#instance) return null;
    return this.#matches(text) ? this.#matched() : null;
  }

  #matches(line: string): boolean {
    return this.#watch?.pattern.test(terminalText(line, false)) ?? false;
  }

  /** Only the first matching line counts. */
  #matched(): number | null {
    const instance = this.#watch?.instance ?? null;
    this.#watch = null;
    this.#kept = [];
    this.#keptCharacters = KEPT_CHARACTERS_MAX;
    return instance;
  }

  #keep(text: string): void {
    if (this.#kept.length >= KEPT_LINES_MAX) return;
    if (this.#keptCharacters + text.length > KEPT_CHARACTERS_MAX) return;
    this.#kept.push(text);
    this.#keptCharacters += text.length;
  }
}
