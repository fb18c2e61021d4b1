/**
 * Tells when somebody writes into a pipe that is not empty, also who then waits for room within
 * that write. Epoll does not tell the latter: a writer that fills a pipe in which something was
 * left, and then waits, wakes nobody (pipe_write in the kernel's fs/pipe.c). It does send SIGIO
 * to who has asked for that (O_ASYNC, fcntl(2)), before it waits.
 *
 * The signal is for this thread alone, which blocks it and finds it in a descriptor: nothing is
 * interrupted. Which pipe it was of is not told. Must not know: what is in the pipes.
 */
import { checked } from "./errno.ts";
import {
  F_GETFL,
  F_SETFL,
  F_SETOWN_EX,
  libc,
  O_ASYNC,
  SFD_CLOEXEC,
  SFD_NONBLOCK,
  SIG_BLOCK,
  SIGNALFD_BYTES,
  SIGSET_BYTES,
} from "./libc.ts";
import { readFd } from "./pipe.ts";
import { signalNumber } from "./signals.ts";

/** F_OWNER_TID of linux/fcntl.h. */
const OWNER_THREAD = 0;
const NEW_DESCRIPTOR = -1;

/** One for the thread that waits. */
export class WriterSignal {
  /** Readable when there was a signal since the last {@link clear}. */
  readonly fd: number;
  /** `struct f_owner_ex`: what kind of owner, and which. With room, so that V8 lets it lie. */
  readonly #owner = new Int32Array(32);
  readonly #buffer = new Uint8Array(SIGNALFD_BYTES);

  /**
   * Blocks SIGIO on this thread, for good.
   *
   * @throws {SystemError} EMFILE, ENFILE.
   */
  constructor() {
    const signals = new Uint8Array(SIGSET_BYTES);
    const bit = signalNumber("SIGIO")! - 1;
    signals[bit >> 3] = 1 << (bit & 7);
    const result = libc().pthread_sigmask(SIG_BLOCK, signals, null);
    if (result !== 0) throw new Error(`pthread_sigmask: ${result}`);
    this.fd = checked(
      libc().signalfd(NEW_DESCRIPTOR, signals, SFD_CLOEXEC | SFD_NONBLOCK),
      "signalfd",
    );
    this.#owner[0] = OWNER_THREAD;
    this.#owner[1] = libc().gettid();
    void [libc().fcntl, libc().fcntlOf, libc().read];
  }

  /**
   * Asks to be told of this pipe, for as long as its description lives. What was written before
   * is not told.
   *
   * @param readFd its read end; the flag is its description's.
   * @throws {SystemError} EBADF.
   */
  watch(readFd: number): void {
    checked(libc().fcntlOf(readFd, F_SETOWN_EX, this.#owner), "fcntl(F_SETOWN_EX)");
    const flags = checked(libc().fcntl(readFd, F_GETFL, 0), "fcntl(F_GETFL)");
    checked(libc().fcntl(readFd, F_SETFL, flags | O_ASYNC), "fcntl(F_SETFL)");
  }

  /** Forgets the signal that came; the next is told again. */
  clear(): void {
    // However many came, one is kept.
    while (readFd(this.fd, this.#buffer) !== "would-block");
  }
}
