/** A descriptor of a process that is not our child. Must not know: why it is watched. */
import { errnoName, lastErrno, SystemError } from "../os/errno.ts";
import { libc, SYS_PIDFD_OPEN } from "../os/libc.ts";

/**
 * Opens a descriptor that becomes readable when the process has ended (pidfd_open(2)).
 *
 * @returns null when there is no such process.
 * @throws {SystemError} EMFILE and the like.
 */
export function openPidfd(pid: number): number | null {
  const fd = Number(libc().syscall(SYS_PIDFD_OPEN, BigInt(pid), 0n, 0n));
  if (fd >= 0) return fd;
  const errno = lastErrno();
  if (errnoName(errno) === "ESRCH") return null;
  throw new SystemError("pidfd_open", errno);
}
