/**
 * Waits for descriptors on the thread that asks, edge by edge: told once of each change, and not
 * again while it lasts. For a program whose only thread this is; the supervisor has `reactor.ts`.
 *
 * All memory and every function is had when the object is made: a process that has given up its
 * permission for foreign functions can go on waiting.
 * Must not know: what the descriptors are.
 */
import { checked, errnoName, lastErrno, SystemError } from "./errno.ts";
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_EVENT_BYTES,
  EPOLL_EVENT_DATA_OFFSET,
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  libc,
} from "./libc.ts";

/** Events taken at a time; what is beyond comes at the next call. */
const EVENTS_MAX = 64;
const MILLISECONDS_MAX = 0x7fff_ffff;

/** One `epoll` instance. */
export class EdgePoll {
  readonly #epollFd: number;
  readonly #events: Deno.PointerObject;
  readonly #view: DataView;
  /** One `struct epoll_event` on its way in; with room for either layout. */
  readonly #eventBytes = new Uint8Array(16);
  readonly #eventView = new DataView(this.#eventBytes.buffer);
  /** Never used twice: what is still told of a descriptor that was removed meets nobody. */
  #tokens = 0;

  /** @throws {SystemError} when no descriptor or memory is left. */
  constructor() {
    const bytes = EVENTS_MAX * EPOLL_EVENT_BYTES;
    const events = libc().malloc(BigInt(bytes));
    if (events === null) throw new Error(`malloc(${bytes}) failed`);
    this.#events = events;
    this.#view = new DataView(Deno.UnsafePointerView.getArrayBuffer(events, bytes));
    this.#epollFd = checked(libc().epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    void [libc().epoll_ctl, libc().epoll_wait, lastErrno()];
  }

  /**
   * Begins to tell of `fd`: what holds now is the first to be told.
   *
   * @param direction whether it is read from or written to. That the other side has ended is
   * told in any case.
   * @returns a number for it that nothing else ever had, 1 … 2^32 - 1.
   * @throws {SystemError} EBADF, EEXIST; EPERM for a regular file.
   */
  add(fd: number, direction: "read" | "write"): number {
    const token = ++this.#tokens;
    const interest = direction === "read" ? EPOLLIN : EPOLLOUT;
    this.#control(EPOLL_CTL_ADD, fd, (interest | EPOLLET) >>> 0, token);
    return token;
  }

  /** Tells of `fd` both that there is something to read and that there is room to write. */
  addBoth(fd: number): number {
    const token = ++this.#tokens;
    this.#control(EPOLL_CTL_ADD, fd, (EPOLLIN | EPOLLOUT | EPOLLET) >>> 0, token);
    return token;
  }

  /**
   * Tells no more of `fd`. Needed before it is closed: another process may hold the same
   * description, and the kernel would go on.
   */
  remove(fd: number): void {
    this.#control(EPOLL_CTL_DEL, fd, 0, 0);
  }

  /**
   * Waits until there is something to tell.
   *
   * @param timeoutMs at most this long, rounded up; Infinity: as long as it takes.
   * @returns how many there are to be asked of; 0 after the time, or when a signal came.
   */
  wait(timeoutMs: number): number {
    const timeout = timeoutMs === Infinity
      ? -1
      : Math.max(0, Math.min(MILLISECONDS_MAX, Math.ceil(timeoutMs)));
    const count = libc().epoll_wait(this.#epollFd, this.#events, EVENTS_MAX, timeout);
    if (count >= 0) return count;
    const errno = lastErrno();
    if (errnoName(errno) === "EINTR") return 0;
    throw new SystemError("epoll_wait", errno);
  }

  /** The number that `add` gave, of the event at `index`. */
  token(index: number): number {
    return this.#view.getUint32(index * EPOLL_EVENT_BYTES + EPOLL_EVENT_DATA_OFFSET, true);
  }

  /** There is something to read, or was an end. */
  isReadable(index: number): boolean {
    return (this.#flags(index) & (EPOLLIN | EPOLLHUP | EPOLLERR)) !== 0;
  }

  /** There is room to write. */
  isWritable(index: number): boolean {
    return (this.#flags(index) & EPOLLOUT) !== 0;
  }

  /** Nobody is at the other end any more. */
  isHungUp(index: number): boolean {
    return (this.#flags(index) & (EPOLLHUP | EPOLLERR)) !== 0;
  }

  #flags(index: number): number {
    return this.#view.getUint32(index * EPOLL_EVENT_BYTES, true);
  }

  #control(operation: number, fd: number, interest: number, token: number): void {
    this.#eventView.setUint32(0, interest, true);
    this.#eventView.setUint32(EPOLL_EVENT_DATA_OFFSET, token, true);
    this.#eventView.setUint32(EPOLL_EVENT_DATA_OFFSET + 4, 0, true);
    checked(libc().epoll_ctl(this.#epollFd, operation, fd, this.#eventBytes), "epoll_ctl");
  }
}
