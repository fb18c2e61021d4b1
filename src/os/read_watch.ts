/**
 * Whether anybody has read from a pipe since the last look, by inotify(7): exact, without
 * touching what is in the pipe, and without a wake-up here or there. Must not know: whose pipe.
 *
 * A watch is for one event. The reader that it catches pays for it once; until it is armed
 * again further reads cost nothing more than before.
 */
import { cString } from "./c_string.ts";
import { IN_ACCESS, IN_CLOEXEC, IN_NONBLOCK, IN_ONESHOT, IN_Q_OVERFLOW, libc } from "./libc.ts";
import { closeFd, createPipe, readFd, writeFd } from "./pipe.ts";

/** `struct inotify_event`: s32 watch, u32 mask, u32 cookie, u32 length of a name. */
const EVENT_BYTES = 16;
const MASK_OFFSET = 4;
const NAME_LENGTH_OFFSET = 12;
const BUFFER_BYTES = 16 << 10;
/** As an unsigned number: JavaScript's bits are signed. */
const ARMED = (IN_ACCESS | IN_ONESHOT) >>> 0;

/** Watches over the pipes of one process. */
export class ReadWatch implements Disposable {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);
  readonly #paths = new Map<number, Uint8Array<ArrayBuffer>>();

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Opens one, and tries it: there have been kernels that tell of no reads from pipes, and
   * silence must not be taken for a reader at rest.
   *
   * @returns null where the kernel, or a limit of the user's (fs.inotify), does not allow it.
   */
  static open(): ReadWatch | null {
    const fd = libc().inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0) return null;
    const watch = new ReadWatch(fd);
    if (watch.#works()) return watch;
    watch[Symbol.dispose]();
    return null;
  }

  /**
   * Watches for the next read. A pipe that is watched already goes on being so.
   *
   * @param fd of either end, held here.
   * @returns the watch's number, which {@link taken} gives back; null where the kernel refuses.
   */
  arm(fd: number): number | null {
    const path = this.#paths.get(fd) ?? cString(`/proc/self/fd/${fd}`);
    this.#paths.set(fd, path);
    const number = libc().inotify_add_watch(this.#fd, path, ARMED);
    return number < 0 ? null : number;
  }

  /**
   * What was read from since the last call.
   *
   * @returns numbers of watches, which are over; "all" when the kernel lost count of them.
   */
  taken(): ReadonlySet<number> | "all" {
    const found = new Set<number>();
    let overflow = false;
    for (;;) {
      const count = readFd(this.#fd, this.#buffer);
      if (count === "would-block" || count === 0) return overflow ? "all" : found;
      for (let at = 0; at < count;) {
        const mask = this.#view.getUint32(at + MASK_OFFSET, true);
        if ((mask & IN_ACCESS) !== 0) found.add(this.#view.getInt32(at, true));
        if ((mask & IN_Q_OVERFLOW) !== 0) overflow = true;
        at += EVENT_BYTES + this.#view.getUint32(at + NAME_LENGTH_OFFSET, true);
      }
    }
  }

  /** Waits up to 20 ms for a grace period of the kernel: not for a loop that others wait for. */
  [Symbol.dispose](): void {
    closeFd(this.#fd);
  }

  #works(): boolean {
    const { readFd: end, writeFd: other } = createPipe();
    try {
      const number = this.arm(end);
      if (number === null) return false;
      writeFd(other, new Uint8Array(1));
      const early = this.taken();
      readFd(end, new Uint8Array(1));
      const late = this.taken();
      return early !== "all" && early.size === 0 && late !== "all" && late.has(number);
    } finally {
      closeFd(end);
      closeFd(other);
      this.#paths.clear();
    }
  }
}
