/**
 * Sockets: pairs and listeners, their flags and how full they are. Every descriptor made
 * here is close-on-exec and blocking. Must not know: what flows through, who holds an end.
 *
 * A socket cannot be opened anew through /proc, as a pipe can: all holders of an end share
 * one description and its flags. That is why O_NONBLOCK is cleared here and by hand.
 */
import { cString } from "./c_string.ts";
import { checked, errnoName, lastErrno, SystemError } from "./errno.ts";
import {
  AF_INET6,
  AF_UNIX,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  F_DUPFD_CLOEXEC,
  F_GETFL,
  F_SETFL,
  FIONREAD,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  libc,
  O_NONBLOCK,
  SHUT_RDWR,
  SO_REUSEADDR,
  SO_SNDBUF,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
  STATX_BYTES,
  STATX_IDENTITY,
} from "./libc.ts";
import { closeFd } from "./pipe.ts";
import { tcpAddress, unixAddress } from "./socket_address.ts";
import { bindUnix } from "./unix_socket.ts";

/** What a pair keeps of what is written: nothing but order, or each write as one message. */
export type PairType = "stream" | "seqpacket" | "datagram";

const PAIR_TYPES: Readonly<Record<PairType, number>> = {
  stream: SOCK_STREAM,
  seqpacket: SOCK_SEQPACKET,
  datagram: SOCK_DGRAM,
};
/** 0, 1 and 2 are the standard streams: a duplicate never takes their place. */
const DUPLICATE_FD_MIN = 3;

/**
 * Makes two sockets that are connected to each other.
 *
 * @throws {SystemError} EMFILE, ENFILE.
 */
export function createSocketPair(type: PairType): readonly [number, number] {
  const fds = new Int32Array(2);
  checked(libc().socketpair(AF_UNIX, PAIR_TYPES[type] | SOCK_CLOEXEC, 0, fds), "socketpair");
  return [fds[0]!, fds[1]!];
}

/**
 * Listens on a TCP port. SO_REUSEADDR: connections of an earlier listener that still linger
 * (TIME_WAIT) do not keep the port from us. An IPv6 address takes no IPv4 connections.
 *
 * @throws {SystemError} EADDRINUSE, EACCES (a port below 1024), EADDRNOTAVAIL.
 * @throws {RangeError} when `host` is no address in digits.
 */
export function listenTcp(host: string, port: number, backlog: number): number {
  const address = tcpAddress(host, port);
  const fd = openSocket(address.family, SOCK_STREAM);
  try {
    setOption(fd, SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR");
    if (address.family === AF_INET6) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY");
    const { bytes } = address;
    const shown = `${host}:${port}`;
    checked(libc().bind(fd, bytes, bytes.length), "bind", shown);
    checked(libc().listen(fd, backlog), "listen", shown);
  } catch (error) {
    closeFd(fd);
    throw error;
  }
  return fd;
}

/**
 * Listens on a path. The file is 0600 at first: nobody can connect before its owner and mode
 * are set.
 *
 * @throws {SystemError} EADDRINUSE when the path exists, EACCES, ENOENT.
 * @throws {RangeError} when the path is too long.
 */
export function listenUnix(path: string, backlog: number): number {
  const fd = openSocket(AF_UNIX, SOCK_STREAM);
  try {
    bindUnix(fd, path);
    checked(libc().listen(fd, backlog), "listen", path);
  } catch (error) {
    closeFd(fd);
    throw error;
  }
  return fd;
}

/**
 * Whether somebody listens on a socket file.
 *
 * @throws {SystemError} when the question is refused (EACCES).
 */
export function hasListener(path: string): boolean {
  const { bytes } = unixAddress(path);
  const fd = openSocket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK);
  try {
    if (libc().connect(fd, bytes, bytes.length) === 0) return true;
    const errno = lastErrno();
    const name = errnoName(errno);
    if (name === "ECONNREFUSED" || name === "ENOENT") return false;
    // EAGAIN: its backlog is full. EPROTOTYPE: it takes datagrams.
    if (name === "EAGAIN" || name === "EPROTOTYPE") return true;
    throw new SystemError("connect", errno, path);
  } finally {
    closeFd(fd);
  }
}

/** A second descriptor of the same description, close-on-exec. @throws {SystemError} EMFILE. */
export function duplicateFd(fd: number): number {
  return checked(libc().fcntl(fd, F_DUPFD_CLOEXEC, DUPLICATE_FD_MIN), "fcntl(F_DUPFD_CLOEXEC)");
}

/** Takes O_NONBLOCK off the description, for all that hold it. @throws {SystemError} EBADF. */
export function makeBlocking(fd: number): void {
  const flags = checked(libc().fcntl(fd, F_GETFL, 0), "fcntl(F_GETFL)");
  if ((flags & O_NONBLOCK) === 0) return;
  checked(libc().fcntl(fd, F_SETFL, flags & ~O_NONBLOCK), "fcntl(F_SETFL)");
}

/** Sets O_NONBLOCK on the description. @throws {SystemError} EBADF. */
export function makeNonBlocking(fd: number): void {
  const flags = checked(libc().fcntl(fd, F_GETFL, 0), "fcntl(F_GETFL)");
  checked(libc().fcntl(fd, F_SETFL, flags | O_NONBLOCK), "fcntl(F_SETFL)");
}

/**
 * Ends both directions of one end of a pair. The other end reads what is buffered, then the
 * end; its writes are refused (EPIPE). Unlike a close it loses nothing and resets nothing.
 * Datagrams know no end: there it is without effect on the other side.
 */
export function shutDownSocket(fd: number): void {
  checked(libc().shutdown(fd, SHUT_RDWR), "shutdown");
}

/** Bytes that can be read from a socket: of datagrams and packets, those of the first. */
export function socketFillBytes(fd: number): number {
  const fill = new Int32Array(1);
  checked(libc().ioctl(fd, FIONREAD, fill), "ioctl(FIONREAD)");
  return fill[0]!;
}

/** SO_SNDBUF: what one side may have written and the other not read, bookkeeping included. */
export function socketSendBufferBytes(fd: number): number {
  const value = new Int32Array(1);
  const size = new Uint32Array([value.byteLength]);
  checked(libc().getsockopt(fd, SOL_SOCKET, SO_SNDBUF, value, size), "getsockopt(SO_SNDBUF)");
  return value[0]!;
}

/** Who and what a path is, symbolic links not followed. */
export interface FileIdentity {
  readonly kind: "socket" | "directory" | "symlink" | "other";
  readonly uid: number;
  readonly gid: number;
  /** Permission bits, 0 … 0o7777. */
  readonly mode: number;
  readonly inode: bigint;
}

/** S_IFMT and its values: linux/stat.h. */
const TYPE_MASK = 0o170000;
const TYPES: Readonly<Record<number, FileIdentity["kind"]>> = {
  0o140000: "socket",
  0o120000: "symlink",
  0o040000: "directory",
};

/**
 * Looks at a path.
 *
 * @returns null when there is nothing.
 * @throws {SystemError} for any other refusal.
 */
export function fileIdentity(path: string): FileIdentity | null {
  const bytes = new Uint8Array(STATX_BYTES);
  const result = libc().statx(AT_FDCWD, cString(path), AT_SYMLINK_NOFOLLOW, STATX_IDENTITY, bytes);
  if (result < 0) {
    const errno = lastErrno();
    if (errnoName(errno) === "ENOENT") return null;
    throw new SystemError("statx", errno, path);
  }
  const view = new DataView(bytes.buffer);
  const mode = view.getUint16(28, true);
  return {
    kind: TYPES[mode & TYPE_MASK] ?? "other",
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    mode: mode & 0o7777,
    inode: view.getBigUint64(32, true),
  };
}

/** Sets owner and group (null: as it is), then the mode. @throws {SystemError} EPERM. */
export function setAccess(
  path: string,
  access: { readonly uid: number | null; readonly gid: number | null; readonly mode: number },
): void {
  const { uid, gid, mode } = access;
  if (uid !== null || gid !== null) {
    // -1 leaves a side as it is.
    const owner = [uid ?? 0xffff_ffff, gid ?? 0xffff_ffff] as const;
    checked(libc().chown(cString(path), ...owner), "chown", path);
  }
  checked(libc().chmod(cString(path), mode), "chmod", path);
}

function openSocket(family: number, type: number): number {
  return checked(libc().socket(family, type | SOCK_CLOEXEC, 0), "socket");
}

function setOption(fd: number, level: number, option: number, name: string): void {
  const on = new Int32Array([1]);
  checked(libc().setsockopt(fd, level, option, on, on.byteLength), `setsockopt(${name})`);
}
