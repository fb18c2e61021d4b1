/**
 * How much waits in a socket, as the kernel counts it: nothing is read or accepted.
 * Must not know: whose socket it is, what is too much.
 */
import { checked, SystemError } from "./errno.ts";
import { linkTarget } from "./file.ts";
import {
  AF_NETLINK,
  AF_UNIX,
  IPPROTO_TCP,
  libc,
  NETLINK_SOCK_DIAG,
  SOCK_CLOEXEC,
  SOCK_RAW,
  TCP_INFO,
  TIOCOUTQ,
} from "./libc.ts";
import { closeFd, readFd, writeFd } from "./pipe.ts";

/** Connections that nobody has accepted yet. */
export interface AcceptQueue {
  readonly waiting: number;
  /** As the kernel has cut it. */
  readonly waitingMax: number;
}

/** `struct tcp_info`: of a listener these two fields hold the queue (tcp_get_info). */
const TCP_INFO_BYTES = 104;
const TCP_UNACKED_OFFSET = 24;
const TCP_SACKED_OFFSET = 28;

/** `struct nlmsghdr`, `struct unix_diag_req`, `struct unix_diag_msg`, `struct nlattr`. */
const HEADER_BYTES = 16;
const REQUEST_BYTES = HEADER_BYTES + 24;
const ANSWER_BYTES = HEADER_BYTES + 16;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST = 1;
const UDIAG_SHOW_RQLEN = 0x10;
const UNIX_DIAG_RQLEN = 4;

/**
 * What was sent by this side of a Unix socket and not read by the other, with the kernel's
 * bookkeeping: at SO_SNDBUF of it a sender waits.
 *
 * @throws {SystemError} when `fd` is no socket.
 */
export function socketSentBytes(fd: number): number {
  const queued = new Int32Array(1);
  checked(libc().ioctl(fd, TIOCOUTQ, queued), "ioctl(TIOCOUTQ)");
  return queued[0]!;
}

/**
 * The queue of a TCP listener.
 *
 * @throws {SystemError} when `fd` is none.
 */
export function tcpAcceptQueue(fd: number): AcceptQueue {
  const info = new Uint8Array(TCP_INFO_BYTES);
  const size = new Uint32Array([info.length]);
  checked(libc().getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, size), "getsockopt(TCP_INFO)");
  const view = new DataView(info.buffer);
  return {
    waiting: view.getUint32(TCP_UNACKED_OFFSET, true),
    waitingMax: view.getUint32(TCP_SACKED_OFFSET, true),
  };
}

/**
 * The queue of a Unix listener, by sock_diag(7), which has no other way to it.
 *
 * @returns null where the kernel does not have that, or does not tell.
 */
export function unixAcceptQueue(fd: number): AcceptQueue | null {
  const inode = Number(/^socket:\[(\d+)\]$/.exec(linkTarget(`/proc/self/fd/${fd}`) ?? "")?.[1]);
  if (!Number.isSafeInteger(inode)) return null;
  const netlink = libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (netlink < 0) return null;
  try {
    writeFd(netlink, diagRequest(inode));
    const answer = new Uint8Array(512);
    // The kernel answers within the write.
    const count = readFd(netlink, answer);
    return count === "would-block" ? null : queueOf(answer.subarray(0, count));
  } catch (error) {
    if (error instanceof SystemError) return null;
    throw error;
  } finally {
    closeFd(netlink);
  }
}

function diagRequest(inode: number): Uint8Array<ArrayBuffer> {
  const request = new Uint8Array(REQUEST_BYTES);
  const view = new DataView(request.buffer);
  view.setUint32(0, REQUEST_BYTES, true);
  view.setUint16(4, SOCK_DIAG_BY_FAMILY, true);
  view.setUint16(6, NLM_F_REQUEST, true);
  view.setUint8(HEADER_BYTES, AF_UNIX);
  view.setUint32(HEADER_BYTES + 8, inode, true);
  view.setUint32(HEADER_BYTES + 12, UDIAG_SHOW_RQLEN, true);
  // Any cookie.
  view.setUint32(HEADER_BYTES + 16, 0xffff_ffff, true);
  view.setUint32(HEADER_BYTES + 20, 0xffff_ffff, true);
  return request;
}

function queueOf(answer: Uint8Array): AcceptQueue | null {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.length);
  if (answer.length < ANSWER_BYTES || view.getUint16(4, true) !== SOCK_DIAG_BY_FAMILY) return null;
  for (let at = ANSWER_BYTES; at + 4 <= answer.length;) {
    const length = view.getUint16(at, true);
    if (length < 4) return null;
    if (view.getUint16(at + 2, true) === UNIX_DIAG_RQLEN && length >= 12) {
      return {
        waiting: view.getUint32(at + 4, true),
        waitingMax: view.getUint32(at + 8, true),
      };
    }
    // Attributes are aligned to four bytes.
    at += (length + 3) & ~3;
  }
  return null;
}
