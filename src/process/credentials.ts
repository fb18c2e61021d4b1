/** Who is at the other end of a Unix socket. Must not know: what it may do. */
import { checked } from "../os/errno.ts";
import { libc, SO_PEERCRED, SOL_SOCKET } from "../os/libc.ts";

/** `struct ucred`: the peer as it was when it connected. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Asks the kernel who connected.
 *
 * @param fd a connected Unix stream socket.
 * @throws {SystemError} ENOTSOCK, EBADF; ENOPROTOOPT for another kind of socket.
 */
export function peerCredentials(fd: number): PeerCredentials {
  const ucred = new Int32Array(3);
  const length = new Uint32Array([ucred.byteLength]);
  checked(libc().getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ucred, length), "getsockopt(SO_PEERCRED)");
  const [pid, uid, gid] = ucred;
  return { pid: pid!, uid: uid! >>> 0, gid: gid! >>> 0 };
}
