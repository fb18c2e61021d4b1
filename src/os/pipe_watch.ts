/**
 * Whether anybody has read from a pipe, or written to it, since the last look, by inotify(7):
 * exact, without touching what is in the pipe. Must not know: whose pipe.
 *
 * A watch is for one event, unless it was asked for every one. The reader or writer that it catches pays for it once; until it is
 * armed again the others cost nothing more than before.
 */
import { cString } from "./c_string.ts";
import {
  IN_ACCESS,
  IN_CLOEXEC,
  IN_MODIFY,
  IN_NONBLOCK,
  IN_ONESHOT,
  IN_Q_OVERFLOW,
  libc,
} from "./libc.ts";
import { closeFd, createPipe, dropFromPipe, openNull, readFd, writeFd } from "./pipe.ts";

/** `struct inotify_event`: s32 watch, u32 mask, u32 cookie, u32 length of a name. */
const EVENT_BYTES = 16;
const MASK_OFFSET = 4;
const NAME_LENGTH_OFFSET = 12;
const BUFFER_BYTES = 16 << 10;

const MASKS = { reads: IN_ACCESS, writes: IN_MODIFY } as const;

/** Watches over pipes that are held here. */
export class PipeWatch implements Disposable {
  /** For a reactor: readable when something has happened. */
  readonly fd: number;
  readonly #mask: number;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);
  readonly #paths = new Map<number, Uint8Array<ArrayBuffer>>();

  private constructor(fd: number, of: keyof typeof MASKS, which: "next" | "every") {
    this.fd = fd;
    // As an unsigned number: JavaScript's bits are signed.
    this.#mask = (MASKS[of] | (which === "next" ? IN_ONESHOT : 0)) >>> 0;
  }

  /**
   * Opens one, and tries it: there have been kernels that tell of no reads from pipes, or (before
   * 6.7) of no splice, and silence must not be taken for a reader at rest.
   *
   * @param which of the events of a pipe: the next one alone, until it is armed again, or all of
   * them; what comes while nobody asks is one event.
   * @returns null where the kernel, or a limit of the user's (fs.inotify), does not allow it.
   */
  static open(of: "reads" | "writes", which: "next" | "every" = "next"): PipeWatch | null {
    const fd = libc().inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0) return null;
    const watch = new PipeWatch(fd, of, which);
    if (watch.#works(of)) return watch;
    watch[Symbol.dispose]();
    return null;
  }

  /**
   * Watches for the next event. A pipe that is watched already goes on being so.
   *
   * @param fd of either end, held here.
   * @returns the watch's number, which {@link over} gives back; null where the kernel refuses.
   */
  arm(fd: number): number | null {
    const path = this.#paths.get(fd) ?? cString(`/proc/self/fd/${fd}`);
    this.#paths.set(fd, path);
    const number = libc().inotify_add_watch(this.fd, path, this.#mask);
    return number < 0 ? null : number;
  }

  /**
   * Gives a watch up, which has to be done before its pipe goes: the kernel would keep the
   * pipe's inode for it. Harmless when it is over.
   */
  disarm(number: number): void {
    libc().inotify_rm_watch(this.fd, number);
  }

  /**
   * The watches that are over since the last call: it has happened, or they were given up.
   *
   * @returns their numbers; "all" when the kernel lost count of them.
   */
  over(): ReadonlySet<number> | "all" {
    const found = new Set<number>();
    let overflow = false;
    for (;;) {
      const count = readFd(this.fd, this.#buffer);
      if (count === "would-block" || count === 0) return overflow ? "all" : found;
      for (let at = 0; at < count;) {
        const mask = this.#view.getUint32(at + MASK_OFFSET, true);
        if ((mask & IN_Q_OVERFLOW) !== 0) overflow = true;
        else found.add(this.#view.getInt32(at, true));
        at += EVENT_BYTES + this.#view.getUint32(at + NAME_LENGTH_OFFSET, true);
      }
    }
  }

  /** Waits up to 20 ms for a grace period of the kernel: not for a loop that others wait for. */
  [Symbol.dispose](): void {
    closeFd(this.fd);
  }

  #works(of: keyof typeof MASKS): boolean {
    const { readFd: readEnd, writeFd: writeEnd } = createPipe();
    const nullFd = openNull();
    const write = () => void writeFd(writeEnd, new Uint8Array(2));
    const doings = of === "writes" ? [write] : [
      () => void readFd(readEnd, new Uint8Array(1)),
      () => void dropFromPipe(readEnd, nullFd, 1),
    ];
    try {
      if (of === "reads") write();
      return doings.every((work) => this.#hears(readEnd, work));
    } finally {
      for (const fd of [readEnd, writeEnd, nullFd]) closeFd(fd);
      this.#paths.clear();
    }
  }

  #hears(fd: number, work: () => void): boolean {
    const number = this.arm(fd);
    if (number === null) return false;
    const early = this.over();
    work();
    const late = this.over();
    return early !== "all" && !early.has(number) && late !== "all" && late.has(number);
  }
}
