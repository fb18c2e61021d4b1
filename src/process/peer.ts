/**
 * Who is at the other end of a connection that another process holds: takes the descriptor from
 * that process for a moment (pidfd_getfd(2)) and asks the kernel. The process needs no
 * permission and cannot be deceived on its behalf; its connection is neither read nor written.
 *
 * A pid says nothing once its process has ended and the number was given out again. So the peer
 * comes as a pidfd, which is bound to the process that connected (SO_PEERPIDFD, Linux 6.5), and
 * {@link Peer.pid} is asked of it when it is needed. An older kernel has the number alone: there
 * a process that ended before it was asked for could be taken for its successor.
 * Must not know: who may connect.
 */
import { checked, errnoName, lastErrno, SystemError } from "../os/errno.ts";
import { readSmallFile } from "../os/file.ts";
import { libc, SO_PEERPIDFD, SOL_SOCKET, SYS_PIDFD_GETFD } from "../os/libc.ts";
import { closeFd } from "../os/pipe.ts";
import { peerCredentials } from "./credentials.ts";
import { openPidfd } from "./pidfd.ts";

/** asm-generic/errno-base.h. */
const ESRCH = 3;

/** A process at the other end of a connection. */
export interface Peer extends Disposable {
  /** Its pid when it connected. */
  readonly connectedPid: number;
  readonly uid: number;
  /**
   * Its pid, which is nobody else's while this is asked; null when it has ended and is reaped,
   * or cannot be seen from this PID namespace.
   */
  pid(): number | null;
}

/**
 * Looks at a connection of another process.
 *
 * @param holder Pid of the process that holds it: a child of ours that is not reaped.
 * @param fd The descriptor there.
 * @throws {SystemError} EBADF, ENOTSOCK: it holds no such connection; EPERM: we may not look
 * (no ptrace rights over it: a container's seccomp profile, a security module); ENOPROTOOPT:
 * it is no Unix socket; ESRCH: the holder has ended.
 */
export function peerOfForeign(holder: number, fd: number): Peer {
  const taken = takeFd(holder, fd);
  try {
    const { pid, uid } = peerCredentials(taken);
    const pidfd = peerPidfd(taken, pid);
    return {
      connectedPid: pid,
      uid,
      pid: () => pidfd === null ? null : pidOf(pidfd),
      [Symbol.dispose]: () => pidfd === null ? undefined : closeFd(pidfd),
    };
  } finally {
    closeFd(taken);
  }
}

/** A duplicate of another process's descriptor, close-on-exec. @throws {SystemError} as above. */
function takeFd(holder: number, fd: number): number {
  const pidfd = openPidfd(holder);
  if (pidfd === null) throw new SystemError("pidfd_open", ESRCH);
  try {
    const result = libc().syscall(SYS_PIDFD_GETFD, BigInt(pidfd), BigInt(fd), 0n);
    return checked(Number(result), "pidfd_getfd");
  } finally {
    closeFd(pidfd);
  }
}

/** @returns null when it has ended. */
function peerPidfd(fd: number, pid: number): number | null {
  const value = new Int32Array(1);
  const length = new Uint32Array([value.byteLength]);
  if (libc().getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, value, length) === 0) return value[0]!;
  const errno = lastErrno();
  switch (errnoName(errno)) {
    // An older kernel. A pid of 0: not in our PID namespace.
    case "ENOPROTOOPT":
      return pid > 0 ? openPidfd(pid) : null;
    // Some kernels give none for a process that is reaped.
    case "ESRCH":
    case "EINVAL":
    case "ENODATA":
      return null;
    default:
      throw new SystemError("getsockopt(SO_PEERPIDFD)", errno);
  }
}

/** `Pid:` of a pidfd (proc_pid_fdinfo(5)): -1 of a reaped process, 0 of one that we cannot see. */
function pidOf(pidfd: number): number | null {
  const text = readSmallFile(`/proc/self/fdinfo/${pidfd}`) ?? "";
  const pid = Number(/^Pid:\s+(-?\d+)$/m.exec(text)?.[1] ?? -1);
  return pid > 0 ? pid : null;
}
