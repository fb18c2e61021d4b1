/**
 * Looks into a pipe without taking anything from it: its pages are shown in a pipe of our own
 * (tee(2)), and that is read. The own pipe has as many pages, so that it is full exactly when the
 * other is. Between two looks it is empty. Must not know: what is in there.
 */
import { WritablePoll } from "../../os/poll.ts";
import {
  closeFd,
  createPipe,
  dropFromPipe,
  growPipe,
  openNull,
  peekPipe,
  readFd,
  reopenPipe,
} from "../../os/pipe.ts";
import type { LookBuffer } from "./look_buffer.ts";

/** There is nothing in the pipe, but there may be yet. */
export const NOTHING = -1;
/** There is nothing in the pipe, and nobody can write into it any more. */
export const END = 0;

/** Our own pipe, for pipes of one capacity. */
export class PeekPipe {
  readonly #readFd: number;
  readonly #writeFd: number;
  readonly #nullFd: number;
  readonly #room: WritablePoll;
  #isFull = false;

  /** @throws {SystemError} EMFILE, ENFILE. */
  constructor(capacityBytes: number, nullFd: number) {
    const pipe = createPipe();
    // Where the kernel refuses, the pipe seems full sooner than it is: messages that are larger
    // than ours are taken in parts, and nothing else is different.
    growPipe(pipe.readFd, capacityBytes);
    this.#readFd = reopenPipe(pipe.readFd, "read", { nonBlocking: true });
    this.#writeFd = reopenPipe(pipe.readFd, "write", { nonBlocking: true });
    closeFd(pipe.readFd);
    closeFd(pipe.writeFd);
    this.#nullFd = nullFd;
    this.#room = new WritablePoll([this.#writeFd]);
  }

  /** At the last look there was no room for more in the pipe. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /**
   * Copies the oldest bytes of a pipe to the beginning of a buffer, which grows as is needed.
   *
   * @param bytesMax at most so many are looked at.
   * @param skip the first so many of them are not copied.
   * @returns how many were looked at, those that were skipped included; {@link NOTHING},
   * {@link END}.
   */
  look(fd: number, bytesMax: number, skip: number, buffer: LookBuffer): number {
    const count = peekPipe(fd, this.#writeFd, bytesMax);
    if (count === "would-block") return NOTHING;
    if (count === 0) return END;
    this.#room.look();
    this.#isFull = !this.#room.isWritable(0);
    let skipped = 0;
    // A signal may cut it short.
    while (skipped < Math.min(skip, count)) {
      skipped += dropFromPipe(this.#readFd, this.#nullFd, Math.min(skip, count) - skipped);
    }
    const left = count - skipped;
    if (left > 0) {
      buffer.reserve(left);
      if (readFd(this.#readFd, buffer.bytes.subarray(0, left)) !== left) {
        throw new Error("A pipe of our own gave less than it had");
      }
    }
    return count;
  }

  /** Lets go of it. */
  close(): void {
    closeFd(this.#readFd);
    closeFd(this.#writeFd);
  }
}

/** One for each capacity that there is: there are few. */
export class PeekPipes {
  readonly #nullFd = openNull();
  readonly #pipes = new Map<number, PeekPipe>();

  /** @throws {SystemError} EMFILE, ENFILE. */
  of(capacityBytes: number): PeekPipe {
    let pipe = this.#pipes.get(capacityBytes);
    if (pipe === undefined) {
      pipe = new PeekPipe(capacityBytes, this.#nullFd);
      this.#pipes.set(capacityBytes, pipe);
    }
    return pipe;
  }
}
