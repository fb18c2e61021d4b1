/**
 * Which descriptor stands for what, in the one wait of the program. Must not know: what is done
 * about an event.
 */
import type { EdgePoll } from "../../os/edge_poll.ts";

/** What an event is told to. */
export interface Watched {
  /** There is something to read; `isHungUp`: nobody is at the other end any more. */
  onReadable?(isHungUp: boolean): void;
  /** There is room to write. */
  onWritable?(): void;
}

/** The descriptors that are watched. */
export class Watches {
  readonly #poll: EdgePoll;
  readonly #targets = new Map<number, Watched>();
  readonly #tokens = new Map<number, number>();

  constructor(poll: EdgePoll) {
    this.#poll = poll;
  }

  /** Begins to watch; what holds now is told first. */
  add(fd: number, direction: "read" | "write" | "both", target: Watched): void {
    const token = direction === "both" ? this.#poll.addBoth(fd) : this.#poll.add(fd, direction);
    this.#tokens.set(fd, token);
    this.#targets.set(token, target);
  }

  /** Ends it, before the descriptor is closed. Harmless when it was not watched. */
  remove(fd: number): void {
    const token = this.#tokens.get(fd);
    if (token === undefined) return;
    this.#poll.remove(fd);
    this.#tokens.delete(fd);
    this.#targets.delete(token);
  }

  /** Waits, and tells. @param timeoutMs Infinity: until there is something. */
  wait(timeoutMs: number): void {
    const count = this.#poll.wait(timeoutMs);
    for (let index = 0; index < count; index++) {
      // An event of a descriptor that was let go of meanwhile meets nobody.
      const target = this.#targets.get(this.#poll.token(index));
      if (target === undefined) continue;
      if (this.#poll.isWritable(index)) target.onWritable?.();
      if (this.#poll.isReadable(index)) target.onReadable?.(this.#poll.isHungUp(index));
    }
  }
}
