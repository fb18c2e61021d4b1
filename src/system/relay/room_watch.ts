/**
 * Tells who waits for more room in a pipe than an edge speaks of: the edges tell of room in a pipe
 * that was full, and of no other. By inotify(7), one watch for each wait.
 * Must not know: how much room is wanted, whether there is any.
 */
import { PipeWatch } from "../../os/pipe_watch.ts";

/** One for the program. */
export class RoomWatch {
  readonly #reads = PipeWatch.open("reads");
  /** Who waits, by the number of the watch. */
  readonly #waiting = new Map<number, () => void>();

  /** Readable when {@link tell} has something to tell; null: nothing can be known of reads. */
  get fd(): number | null {
    return this.#reads?.fd ?? null;
  }

  /**
   * Waits for the next read from a pipe. Look at it afterwards: what was read before is not told.
   *
   * @param fd its read end.
   * @returns the watch's number; null where nothing can be known of reads.
   */
  await(fd: number, onRead: () => void): number | null {
    const number = this.#reads?.arm(fd) ?? null;
    if (number !== null) this.#waiting.set(number, onRead);
    return number;
  }

  /** Before the pipe is closed, at the latest. Harmless when it was told. */
  giveUp(number: number): void {
    if (this.#waiting.delete(number)) this.#reads!.disarm(number);
  }

  /** Tells those whose pipe was read from. */
  tell(): void {
    if (this.#reads === null) return;
    const over = this.#reads.over();
    for (const [number, onRead] of this.#waiting) {
      if (over !== "all" && !over.has(number)) continue;
      this.#waiting.delete(number);
      onRead();
    }
  }
}
