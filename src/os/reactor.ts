/**
 * Waits for descriptors to become readable or writable: one thread in `epoll_wait`, callbacks
 * on the main loop. Costs nothing while nothing happens: no timer, no polling.
 *
 * The wait is a nonblocking foreign call, so the events it writes lie in memory of
 * `malloc`: an array of ours could be collected or moved under the other thread.
 * Must not know: what the descriptors are.
 */
import { checked } from "./errno.ts";
import {
  EFD_CLOEXEC,
  EFD_NONBLOCK,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLL_EVENT_BYTES,
  EPOLL_EVENT_DATA_OFFSET,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  libc,
} from "./libc.ts";
import { closeFd, writeFd } from "./pipe.ts";

/** Events taken at a time. */
const EVENTS_MAX = 64;
/** Times in a row that events are taken before timers and microtasks get their turn. */
const ROUNDS_MAX = 8;
/** A signal may interrupt the wait on its thread (EINTR); this often in a row is an error. */
const FAILURES_IN_A_ROW_MAX = 1000;
/** Generation of the descriptor that wakes the thread; watches count from 1. */
const WAKE_GENERATION = 0;

/** There is something to read, or the end of it. */
export const READABLE = EPOLLIN;
/** There is room to write into. */
export const WRITABLE = EPOLLOUT;
/** Both sides have ended, or it is in error: told whether it was asked for or not. */
export const HUNG_UP = EPOLLHUP | EPOLLERR;

interface Watch {
  readonly generation: number;
  readonly onReady: (readiness: number) => void;
}

/** One per supervisor. */
export class Reactor {
  readonly #epollFd: number;
  readonly #wakeFd: number;
  readonly #events: Deno.PointerObject;
  readonly #view: DataView;
  readonly #watches = new Map<number, Watch>();
  /** One `struct epoll_event` on its way in; with room for either layout. */
  readonly #eventBytes = new Uint8Array(16);
  readonly #eventView = new DataView(this.#eventBytes.buffer);
  #generation = WAKE_GENERATION;
  #closing = false;

  /** @throws {SystemError} when no descriptor or memory is left. */
  constructor() {
    const bytes = EVENTS_MAX * EPOLL_EVENT_BYTES;
    const events = libc().malloc(BigInt(bytes));
    if (events === null) throw new Error(`malloc(${bytes}) failed`);
    this.#events = events;
    this.#view = new DataView(Deno.UnsafePointerView.getArrayBuffer(events, bytes));
    this.#epollFd = checked(libc().epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    this.#wakeFd = checked(libc().eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
    this.#control(EPOLL_CTL_ADD, this.#wakeFd, READABLE, WAKE_GENERATION);
    void this.#run();
  }

  /**
   * Calls `onReady` whenever `fd` is readable, has ended or is in error, again and again for as
   * long as that holds: read it, or unwatch it.
   *
   * @param onReady Gets what holds now, out of {@link READABLE}, {@link WRITABLE} and
   * {@link HUNG_UP}.
   * @param interest What of {@link READABLE} and {@link WRITABLE} to look for.
   * @throws {Error} when it is watched already, or the reactor is closed.
   * @throws {SystemError} EBADF, or EPERM for a regular file.
   */
  watch(fd: number, onReady: (readiness: number) => void, interest: number = READABLE): void {
    if (this.#closing) throw new Error("Cannot watch: the reactor is closed");
    if (this.#watches.has(fd)) throw new Error(`Cannot watch descriptor ${fd} twice`);
    // 32 bits go with the event; 4 billion watches later a stale event of the same batch
    // would have to meet its own number.
    this.#generation = (this.#generation + 1) >>> 0 || 1;
    this.#control(EPOLL_CTL_ADD, fd, interest, this.#generation);
    this.#watches.set(fd, { generation: this.#generation, onReady });
  }

  /**
   * Looks for something else on a descriptor that is watched. An event that is already on its
   * way may still tell of what was asked before.
   *
   * @param interest What of {@link READABLE} and {@link WRITABLE}; 0: {@link HUNG_UP} alone.
   * @throws {Error} when it is not watched.
   */
  adjust(fd: number, interest: number): void {
    const watch = this.#watches.get(fd);
    if (watch === undefined) throw new Error(`Cannot adjust descriptor ${fd}: it is not watched`);
    this.#control(EPOLL_CTL_MOD, fd, interest, watch.generation);
  }

  /**
   * Stops watching; to be called before the descriptor is closed. Harmless when it is not
   * watched. An event that is already on its way is dropped.
   */
  unwatch(fd: number): void {
    if (!this.#watches.delete(fd)) return;
    this.#control(EPOLL_CTL_DEL, fd, 0, 0);
  }

  /** Ends the wait and, once its thread has returned, frees everything. Idempotent. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#watches.clear();
    const one = new Uint8Array(8);
    one[0] = 1;
    writeFd(this.#wakeFd, one);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#closing) {
      const count = await libc().epollWaitInBackground(
        this.#epollFd,
        this.#events,
        EVENTS_MAX,
        -1,
      );
      failures = count < 0 ? failures + 1 : 0;
      // The error number stays on the other thread: EINTR is the only one a working
      // descriptor and buffer can give.
      if (failures > FAILURES_IN_A_ROW_MAX) throw new Error("epoll_wait fails again and again");
      this.#deliver(count);
    }
    closeFd(this.#epollFd);
    closeFd(this.#wakeFd);
    libc().free(this.#events);
  }

  /**
   * Calls back for a batch, and for what has come meanwhile: to ask on this thread costs a
   * system call, where the other thread costs two switches. Ten that die together are so met
   * in one turn, and what may wait for its end does not stand between them.
   */
  #deliver(first: number): void {
    let count = first;
    for (let round = 1; count > 0; round++) {
      for (let index = 0; index < count && !this.#closing; index++) this.#dispatch(index);
      if (this.#closing || round === ROUNDS_MAX) return;
      // A failure shows again where it is counted.
      count = libc().epoll_wait(this.#epollFd, this.#events, EVENTS_MAX, 0);
    }
  }

  #dispatch(index: number): void {
    const start = index * EPOLL_EVENT_BYTES;
    const at = start + EPOLL_EVENT_DATA_OFFSET;
    const watch = this.#watches.get(this.#view.getInt32(at, true));
    // An earlier callback of the same batch may have let go of this descriptor, or even
    // have put another file in its place.
    if (watch === undefined || watch.generation !== this.#view.getUint32(at + 4, true)) return;
    try {
      watch.onReady(this.#view.getUint32(start, true));
    } catch (error) {
      // The other descriptors still get their turn; the error surfaces as uncaught.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #control(operation: number, fd: number, interest: number, generation: number): void {
    this.#eventView.setUint32(0, interest, true);
    this.#eventView.setInt32(EPOLL_EVENT_DATA_OFFSET, fd, true);
    this.#eventView.setUint32(EPOLL_EVENT_DATA_OFFSET + 4, generation, true);
    checked(libc().epoll_ctl(this.#epollFd, operation, fd, this.#eventBytes), "epoll_ctl");
  }
}
