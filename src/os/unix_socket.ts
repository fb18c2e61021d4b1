/**
 * Unix sockets as descriptors: addresses, binding, listening, accepting. Every descriptor made
 * here is close-on-exec and non-blocking. Must not know: who connects, what is said.
 */
import { checked, errnoName, lastErrno, SystemError } from "./errno.ts";
import { AF_UNIX, libc, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from "./libc.ts";
import { closeFd } from "./pipe.ts";
import { unixAddress } from "./socket_address.ts";
import { setUmask } from "./umask.ts";

/** Connections that wait to be accepted; the kernel takes the lesser of it and somaxconn. */
const BACKLOG = 1024;
/** Mask that leaves a socket file mode 0600. */
const PRIVATE_UMASK = 0o177;

/** What {@link acceptUnix} met instead of a connection. */
export type NotAccepted =
  /** None waits. */
  | "would-block"
  /** No descriptor or memory is left; the connection goes on waiting. */
  | "exhausted";

/**
 * Makes a Unix socket that has no address yet.
 *
 * @param type SOCK_STREAM or SOCK_DGRAM.
 * @throws {SystemError} EMFILE, ENFILE …
 */
export function openUnix(type: number): number {
  return checked(libc().socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
}

/**
 * Gives a socket its address: a new file of mode 0600, and there is no moment in which others may
 * connect or send.
 *
 * @throws {RangeError} when the path is too long for a socket's address.
 * @throws {SystemError} EADDRINUSE when the file exists; EACCES …
 */
export function bindUnix(fd: number, path: string): void {
  const { bytes } = unixAddress(path);
  // In one turn with the bind: files that others make meanwhile do not exist.
  const umask = setUmask(PRIVATE_UMASK);
  const result = libc().bind(fd, bytes, bytes.length);
  const errno = result < 0 ? lastErrno() : 0;
  setUmask(umask);
  if (result < 0) throw new SystemError("bind", errno, path);
}

/**
 * Makes a listening stream socket at a new file of mode 0600.
 *
 * @throws As {@link openUnix} and {@link bindUnix}.
 */
export function listenUnix(path: string): number {
  const fd = openUnix(SOCK_STREAM);
  try {
    bindUnix(fd, path);
    checked(libc().listen(fd, BACKLOG), "listen", path);
  } catch (error) {
    closeFd(fd);
    throw error;
  }
  return fd;
}

/**
 * Takes the connection that has waited longest.
 *
 * @returns its descriptor, or why there is none.
 * @throws {SystemError} for what accept4(2) says of a descriptor that is no listening socket.
 */
export function acceptUnix(fd: number): number | NotAccepted {
  for (;;) {
    const accepted = libc().accept4(fd, null, null, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (accepted >= 0) return accepted;
    const errno = lastErrno();
    switch (errnoName(errno)) {
      case "EINTR":
      // That one is gone; the next may be there.
      case "ECONNABORTED":
        continue;
      case "EAGAIN":
        return "would-block";
      case "EMFILE":
      case "ENFILE":
      case "ENOBUFS":
      case "ENOMEM":
        return "exhausted";
      default:
        throw new SystemError("accept4", errno);
    }
  }
}
