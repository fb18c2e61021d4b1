/**
 * Asks without waiting which descriptors a write would not wait at.
 * Must not know: what they are, why somebody asks.
 */
import { checked } from "./errno.ts";
import { libc, POLLFD_BYTES, POLLOUT } from "./libc.ts";

/** Where the events that were asked for, and those found, are in a `struct pollfd`. */
const EVENTS_OFFSET = 4;
const FOUND_OFFSET = 6;

/** A fixed list of descriptors that is asked again and again, in one call each time. */
export class WritablePoll {
  readonly #entries: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #count: number;

  /** @param fds a negative one stands for nothing, and is never writable. */
  constructor(fds: readonly number[]) {
    this.#count = fds.length;
    this.#entries = new Uint8Array(Math.max(1, fds.length) * POLLFD_BYTES);
    this.#view = new DataView(this.#entries.buffer);
    fds.forEach((fd, index) => {
      this.#view.setInt32(index * POLLFD_BYTES, fd, true);
      this.#view.setInt16(index * POLLFD_BYTES + EVENTS_OFFSET, POLLOUT, true);
    });
  }

  /**
   * Looks at all of them now.
   *
   * @throws {SystemError} ENOMEM alone: a descriptor that is not open is no error here.
   */
  look(): void {
    if (this.#count === 0) return;
    checked(libc().poll(this.#entries, BigInt(this.#count), 0), "poll");
  }

  /** Whether the descriptor of this place was writable at the last {@link look}. */
  isWritable(index: number): boolean {
    return (this.#view.getInt16(index * POLLFD_BYTES + FOUND_OFFSET, true) & POLLOUT) !== 0;
  }
}
