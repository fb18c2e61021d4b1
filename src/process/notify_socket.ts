/**
 * The socket that NOTIFY_SOCKET names: receives sd_notify datagrams with the sender's
 * credentials as the kernel vouches for them. Owns the socket file.
 * Must not know: what a message means, or who may send it.
 */
import { cString } from "../os/c_string.ts";
import { checked, errnoName, lastErrno, SystemError } from "../os/errno.ts";
import { removeFile } from "../os/file.ts";
import {
  libc,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_TRUNC,
  SCM_CREDENTIALS,
  SCM_RIGHTS,
  SO_PASSCRED,
  SOCK_DGRAM,
  SOL_SOCKET,
} from "../os/libc.ts";
import { closeFd } from "../os/pipe.ts";
import { bindUnix, openUnix } from "../os/unix_socket.ts";
import { NOTIFY_MESSAGE_BYTES_MAX } from "./notify_message.ts";

/** One datagram. */
export interface ReceivedNotify {
  /** Its text; `""` when it was refused. */
  readonly message: string;
  /** Why it was refused as a whole; null when it was not. */
  readonly refused: string | null;
  /** 0 when the sender is in another PID namespace. */
  readonly pid: number;
  readonly uid: number;
}

/** 253 descriptors at most (SCM_MAX_FD) and the credentials, each with a header. */
const CONTROL_BYTES = 2048;
/** `struct msghdr` on 64 bits; glibc and musl agree on the offsets. */
const MSGHDR = {
  bytes: 56,
  iov: 16,
  iovCount: 24,
  control: 32,
  controlBytes: 40,
  flags: 48,
} as const;
/** `struct cmsghdr`: u64 length (header included), i32 level, i32 type. */
const CMSG_HEADER_BYTES = 16;

/** One per instance that is told NOTIFY_SOCKET. */
export class NotifySocket {
  /** Readable when a message waits. Unwatch it before `close`. */
  readonly fd: number;
  readonly #path: string;
  readonly #memory = new ReceiveMemory();
  #open = true;

  /**
   * Makes the socket; its file is mode 0600.
   *
   * @param path absolute, at most 107 bytes.
   * @param options.uid owner of the file: who may send, besides root. @default ours
   * @throws {RangeError} when the path is too long for a socket address.
   * @throws {SystemError} EADDRINUSE when the file exists; EACCES, EMFILE …
   */
  constructor(path: string, options: { readonly uid?: number; readonly gid?: number } = {}) {
    this.#path = path;
    this.fd = openUnix(SOCK_DGRAM);
    try {
      const on = new Int32Array([1]);
      checked(
        libc().setsockopt(this.fd, SOL_SOCKET, SO_PASSCRED, on, on.byteLength),
        "setsockopt(SO_PASSCRED)",
      );
      bindUnix(this.fd, path);
      const { uid, gid } = options;
      if (uid !== undefined || gid !== undefined) {
        // -1 leaves a side as it is.
        const owner = [uid ?? 0xffffffff, gid ?? 0xffffffff] as const;
        checked(libc().chown(cString(path), ...owner), "chown", path);
      }
    } catch (error) {
      closeFd(this.fd);
      throw error;
    }
  }

  /**
   * Takes the next message. Descriptors that came with it are closed at once, which is
   * the whole answer to BARRIER=1: messages arrive in order, so all before it were taken.
   *
   * @returns null when none waits.
   * @throws {SystemError} when the kernel refuses.
   */
  receive(): ReceivedNotify | null {
    const { header, data, control } = this.#memory.prepare();
    const flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC;
    const count = Number(libc().recvmsg(this.fd, header, flags));
    if (count < 0) {
      const errno = lastErrno();
      if (["EAGAIN", "EINTR"].includes(errnoName(errno))) return null;
      throw new SystemError("recvmsg", errno);
    }
    const view = new DataView(header.buffer);
    const controlBytes = Number(view.getBigUint64(MSGHDR.controlBytes, true));
    const { pid, uid } = readControl(control, controlBytes);
    const outFlags = view.getInt32(MSGHDR.flags, true);
    if ((outFlags & MSG_TRUNC) !== 0) {
      const refused = `the message is longer than ${NOTIFY_MESSAGE_BYTES_MAX} bytes`;
      return { message: "", refused, pid, uid };
    }
    if ((outFlags & MSG_CTRUNC) !== 0) {
      return { message: "", refused: "too many descriptors came with it", pid, uid };
    }
    return { message: new TextDecoder().decode(data.subarray(0, count)), refused: null, pid, uid };
  }

  /** Closes the socket and removes its file. Idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeFd(this.fd);
    removeFile(this.#path);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The structures of one `recvmsg`, each pointing at the next; made once. */
class ReceiveMemory {
  // All arrays are larger than 64 bytes, so V8 leaves them where they are. A message of
  // exactly the maximum fits; the kernel marks a longer one with MSG_TRUNC.
  readonly data = new Uint8Array(NOTIFY_MESSAGE_BYTES_MAX);
  readonly control = new Uint8Array(CONTROL_BYTES);
  readonly header = new Uint8Array(128);
  readonly #iovec = new Uint8Array(128);

  prepare(): { header: Uint8Array<ArrayBuffer>; data: Uint8Array; control: Uint8Array } {
    const iovec = new DataView(this.#iovec.buffer);
    iovec.setBigUint64(0, addressOf(this.data), true);
    iovec.setBigUint64(8, BigInt(this.data.length), true);
    const header = new DataView(this.header.buffer);
    this.header.fill(0);
    header.setBigUint64(MSGHDR.iov, addressOf(this.#iovec), true);
    header.setBigUint64(MSGHDR.iovCount, 1n, true);
    header.setBigUint64(MSGHDR.control, addressOf(this.control), true);
    header.setBigUint64(MSGHDR.controlBytes, BigInt(this.control.length), true);
    return { header: this.header, data: this.data, control: this.control };
  }
}

function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
}

/** Reads the credentials and closes every descriptor that came along. */
function readControl(control: Uint8Array, sizeBytes: number): { pid: number; uid: number } {
  const view = new DataView(control.buffer, control.byteOffset, control.byteLength);
  let sender = { pid: 0, uid: 0xffffffff };
  for (let at = 0; at + CMSG_HEADER_BYTES <= sizeBytes;) {
    const length = Number(view.getBigUint64(at, true));
    if (length < CMSG_HEADER_BYTES || at + length > sizeBytes) break;
    const isSocketLevel = view.getInt32(at + 8, true) === SOL_SOCKET;
    const type = view.getInt32(at + 12, true);
    if (isSocketLevel && type === SCM_CREDENTIALS) {
      const body = at + CMSG_HEADER_BYTES;
      sender = { pid: view.getInt32(body, true), uid: view.getUint32(body + 4, true) };
    }
    if (isSocketLevel && type === SCM_RIGHTS) {
      for (let fd = at + CMSG_HEADER_BYTES; fd + 4 <= at + length; fd += 4) {
        closeFd(view.getInt32(fd, true));
      }
    }
    // CMSG_ALIGN: the next header starts at a multiple of 8.
    at += (length + 7) & ~7;
  }
  return sender;
}
