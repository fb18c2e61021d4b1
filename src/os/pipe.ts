/**
 * Pipes and raw descriptors: making, reopening, measuring, reading, writing, closing.
 * Every descriptor made here is close-on-exec. Must not know: what flows through.
 */
import { cString } from "./c_string.ts";
import { checked, lastErrno, SystemError } from "./errno.ts";
import {
  F_GETPIPE_SZ,
  F_SETFD,
  F_SETPIPE_SZ,
  FD_CLOEXEC,
  FIONREAD,
  libc,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  SPLICE_F_NONBLOCK,
} from "./libc.ts";

const EINTR = 4;
const EBADF = 9;
const EAGAIN = 11;
const EPIPE = 32;

/** Both ends of a new pipe. */
export interface PipeEnds {
  readonly readFd: number;
  readonly writeFd: number;
}

/**
 * Makes a pipe.
 *
 * @param options.capacityBytes asked of the kernel, which rounds up to a power of two of
 * pages. @default the kernel's own, 64 KiB
 * @throws {SystemError} EMFILE, ENFILE; EPERM when an unprivileged user asks for more than
 * `/proc/sys/fs/pipe-max-size`.
 */
export function createPipe(options: { readonly capacityBytes?: number } = {}): PipeEnds {
  const fds = new Int32Array(2);
  checked(libc().pipe2(fds, O_CLOEXEC), "pipe2");
  const ends = { readFd: fds[0]!, writeFd: fds[1]! };
  const { capacityBytes } = options;
  if (capacityBytes !== undefined && libc().fcntl(ends.readFd, F_SETPIPE_SZ, capacityBytes) < 0) {
    const errno = lastErrno();
    closeFd(ends.readFd);
    closeFd(ends.writeFd);
    throw new SystemError("fcntl(F_SETPIPE_SZ)", errno);
  }
  return ends;
}

/**
 * Opens a pipe anew: a description of its own, whose flags nobody shares. Either end
 * leads to the same pipe, so a held read end can give write ends and the reverse.
 *
 * @param options.nonBlocking O_NONBLOCK on the new description. @default false
 * @returns the new descriptor.
 * @throws {SystemError} EMFILE, ENFILE; EBADF and the like are our bugs.
 */
export function reopenPipe(
  fd: number,
  end: "read" | "write",
  options: { readonly nonBlocking?: boolean } = {},
): number {
  const path = `/proc/self/fd/${fd}`;
  // Opening a named FIFO waits for the other side; a pipe of pipe2 never does (fifo_open
  // in the kernel's fs/pipe.c), so this cannot hold up the control loop.
  const flags = (end === "read" ? O_RDONLY : O_WRONLY) | O_CLOEXEC |
    (options.nonBlocking === true ? O_NONBLOCK : 0);
  return checked(libc().open(cString(path), flags, 0), "open", path);
}

/** Asked for a hundred pipes at a time: nothing is allocated for it. */
const fill = new Int32Array(1);

/**
 * Bytes written into a pipe and not yet read, by either end's descriptor.
 *
 * @throws {SystemError} when `fd` is no pipe.
 */
export function pipeFillBytes(fd: number): number {
  checked(libc().ioctl(fd, FIONREAD, fill), "ioctl(FIONREAD)");
  return fill[0]!;
}

/**
 * How many bytes a pipe holds at most.
 *
 * @throws {SystemError} when `fd` is no pipe.
 */
export function pipeCapacityBytes(fd: number): number {
  return checked(libc().fcntl(fd, F_GETPIPE_SZ, 0), "fcntl(F_GETPIPE_SZ)");
}

/**
 * Makes a pipe hold at least this much; what is in it stays.
 *
 * @returns false when the kernel refuses: an unprivileged user has a limit for one pipe and
 * one for all (pipe(7)).
 */
export function growPipe(fd: number, capacityBytes: number): boolean {
  return libc().fcntl(fd, F_SETPIPE_SZ, capacityBytes) >= 0;
}

/**
 * Throws the oldest bytes of a pipe away, inside the kernel.
 *
 * @param readFd its read end.
 * @param nullFd `/dev/null`, open for writing.
 * @returns how many were there to throw away.
 * @throws {SystemError} when `readFd` is no pipe.
 */
export function dropFromPipe(readFd: number, nullFd: number, bytesMax: number): number {
  const count = Number(
    libc().splice(readFd, null, nullFd, null, BigInt(bytesMax), SPLICE_F_NONBLOCK),
  );
  if (count >= 0) return count;
  const errno = lastErrno();
  if (errno === EAGAIN) return 0;
  throw new SystemError("splice", errno);
}

/**
 * Copies the oldest bytes of a pipe into another, where they stay: no byte is moved in memory,
 * both pipes hold the same pages. Never waits.
 *
 * @param intoFd write end of another pipe.
 * @returns how many: as many as there are, or the other pipe has room for; 0 at the end;
 * "would-block" when there are none, or no room.
 * @throws {SystemError} EINVAL: one of them is no pipe, or they are the same.
 */
export function peekPipe(
  readFd: number,
  intoFd: number,
  bytesMax: number,
): number | "would-block" {
  for (;;) {
    const count = Number(libc().tee(readFd, intoFd, BigInt(bytesMax), SPLICE_F_NONBLOCK));
    if (count >= 0) return count;
    const errno = lastErrno();
    if (errno === EAGAIN) return "would-block";
    if (errno !== EINTR) throw new SystemError("tee", errno);
  }
}

/**
 * Moves bytes from one pipe to the end of another, page by page and inside the kernel. Never waits.
 *
 * @returns how many; 0 when none are there and nobody can write any more; "would-block" when
 * none are there, or no room.
 * @throws {SystemError} when one of them is no pipe.
 */
export function movePipe(
  readFd: number,
  writeFd: number,
  bytesMax: number,
): number | "would-block" {
  for (;;) {
    const count = Number(
      libc().splice(readFd, null, writeFd, null, BigInt(bytesMax), SPLICE_F_NONBLOCK),
    );
    if (count >= 0) return count;
    const errno = lastErrno();
    if (errno === EAGAIN) return "would-block";
    if (errno !== EINTR) throw new SystemError("splice", errno);
  }
}

/** How many bytes the kernel counts a page of a pipe as. */
export function pageBytes(): number {
  return libc().getpagesize();
}

/**
 * Closes a descriptor.
 *
 * @throws {SystemError} EBADF: it was not open, which is our bug. Errors of a delayed
 * write are not ours to handle; Linux has closed the descriptor in every other case.
 */
export function closeFd(fd: number): void {
  if (libc().close(fd) === 0) return;
  const errno = lastErrno();
  if (errno === EBADF) throw new SystemError("close", errno);
}

/**
 * Reads what is there.
 *
 * @returns the number of bytes, 0 at the end; "would-block" when a non-blocking
 * descriptor has nothing.
 * @throws {SystemError} for any other refusal.
 */
export function readFd(fd: number, buffer: Uint8Array<ArrayBuffer>): number | "would-block" {
  for (;;) {
    const count = Number(libc().read(fd, buffer, BigInt(buffer.length)));
    if (count >= 0) return count;
    const errno = lastErrno();
    if (errno === EAGAIN) return "would-block";
    if (errno !== EINTR) throw new SystemError("read", errno);
  }
}

/**
 * Writes as much as fits.
 *
 * @returns the number of bytes, which may be fewer than given; "would-block" when a
 * non-blocking descriptor takes none; "closed" when nobody can read any more (EPIPE: Deno
 * ignores SIGPIPE).
 * @throws {SystemError} for any other refusal.
 */
export function writeFd(
  fd: number,
  bytes: Uint8Array<ArrayBuffer>,
): number | "would-block" | "closed" {
  for (;;) {
    const count = Number(libc().write(fd, bytes, BigInt(bytes.length)));
    if (count >= 0) return count;
    const errno = lastErrno();
    if (errno === EAGAIN) return "would-block";
    if (errno === EPIPE) return "closed";
    if (errno !== EINTR) throw new SystemError("write", errno);
  }
}

/**
 * Opens `/dev/null` for reading and writing.
 *
 * @throws {SystemError} when there is none, or no descriptor is left.
 */
export function openNull(): number {
  return checked(libc().open(cString("/dev/null"), O_RDWR | O_CLOEXEC, 0), "open", "/dev/null");
}

/**
 * Makes a descriptor that was inherited stay out of later children.
 *
 * @throws {SystemError} EBADF.
 */
export function setCloseOnExec(fd: number, on: boolean): void {
  checked(libc().fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0), "fcntl(F_SETFD)");
}
