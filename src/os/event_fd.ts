/** A descriptor that one thread makes readable to wake another, by eventfd(2). */
import { checked } from "./errno.ts";
import { writeFd } from "./pipe.ts";
import { EFD_CLOEXEC, EFD_NONBLOCK, libc } from "./libc.ts";

/**
 * Makes one; it does not block.
 *
 * @throws {SystemError} EMFILE, ENFILE.
 */
export function createEventFd(): number {
  return checked(libc().eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
}

/** Makes an eventfd readable, again and again, without garbage. */
export class EventGiver {
  readonly #fd: number;
  readonly #one = new Uint8Array(8);

  constructor(fd: number) {
    this.#fd = fd;
    this.#one[0] = 1;
  }

  /** It is readable from now on. */
  give(): void {
    writeFd(this.#fd, this.#one);
  }
}
