/**
 * Packets with descriptors beside them (SCM_RIGHTS), over a seqpacket socket. Neither side ever
 * waits. Must not know: what a packet says, what the descriptors are.
 *
 * ```
 *  msghdr ──► iovec ──► text, UTF-8
 *     └─────► cmsghdr (16 bytes: length, SOL_SOCKET, SCM_RIGHTS), then descriptors, 4 bytes each
 * ```
 *
 * Everything that points at something is laid out when the object is made, and every function of
 * the C library looked up: a process that has given up its permission for foreign functions can
 * go on sending and receiving.
 */
import { errnoName, lastErrno, SystemError } from "./errno.ts";
import {
  libc,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_TRUNC,
  SCM_RIGHTS,
  SOL_SOCKET,
} from "./libc.ts";
import { closeFd } from "./pipe.ts";

/** `struct msghdr` on 64 bits; glibc and musl agree on the offsets. */
const MSGHDR = { iov: 16, iovCount: 24, control: 32, controlBytes: 40, flags: 48 } as const;
/** `struct cmsghdr`: u64 length (header included), i32 level, i32 type. */
const CMSG_HEADER_BYTES = 16;
/** V8 moves arrays of up to 64 bytes about; a larger one stays where it is. */
const STAYS_BYTES = 128;

/** How large a packet may be. */
export interface PacketLimits {
  /** Text in UTF-8, bytes. */
  readonly bytesMax: number;
  /** Descriptors, at most 253 (SCM_MAX_FD of the kernel). */
  readonly fdsMax: number;
}

/** One packet. */
export interface Packet {
  readonly text: string;
  /** Close-on-exec; the receiver's to close. */
  readonly fds: readonly number[];
}

/** Sends packets, over any socket. */
export class PacketSender {
  readonly #memory: MessageMemory;
  readonly #encoder = new TextEncoder();

  constructor(limits: PacketLimits) {
    this.#memory = new MessageMemory(limits);
    void [libc().sendmsg, lastErrno()];
  }

  /**
   * Sends one packet whole, or not at all. The descriptors stay the sender's to close.
   *
   * @returns "would-block" when there is no room now, also for descriptors on their way
   * (ETOOMANYREFS, unix(7)); "closed" when the other end is.
   * @throws {RangeError} when the packet is above its limits: our bug.
   * @throws {SystemError} for any other refusal: EBADF, ENOTSOCK …
   */
  send(
    socketFd: number,
    text: string,
    fds: readonly number[] = [],
  ): "sent" | "would-block" | "closed" {
    const header = this.#memory.layOut(this.#encode(text), fds);
    for (;;) {
      const count = Number(libc().sendmsg(socketFd, header, MSG_DONTWAIT | MSG_NOSIGNAL));
      if (count >= 0) return "sent";
      const errno = lastErrno();
      switch (errnoName(errno)) {
        case "EINTR":
          continue;
        case "EAGAIN":
        case "ENOBUFS":
        case "ENOMEM":
        case "ETOOMANYREFS":
          return "would-block";
        case "EPIPE":
        case "ECONNRESET":
        case "ECONNREFUSED":
        case "ENOTCONN":
          return "closed";
        default:
          throw new SystemError("sendmsg", errno);
      }
    }
  }

  #encode(text: string): number {
    const { read, written } = this.#encoder.encodeInto(text, this.#memory.data);
    if (read === text.length && written > 0) return written;
    throw new RangeError(
      `Cannot send a packet: it must be 1 to ${this.#memory.data.length} bytes, is ` +
        `${this.#encoder.encode(text).length}`,
    );
  }
}

/** Receives packets, from any socket. */
export class PacketReceiver {
  readonly #memory: MessageMemory;
  readonly #decoder = new TextDecoder();

  constructor(limits: PacketLimits) {
    this.#memory = new MessageMemory(limits);
    void [libc().recvmsg, libc().close, lastErrno()];
  }

  /**
   * Takes the next packet.
   *
   * @returns "would-block" when none is there; "closed" when none will come any more;
   * "truncated" when it was above the limits, or no descriptor was left for what came with it:
   * it is gone, and its descriptors are closed.
   * @throws {SystemError} for any other refusal: EBADF, ENOTSOCK …
   */
  receive(socketFd: number): Packet | "would-block" | "closed" | "truncated" {
    const header = this.#memory.expect();
    for (;;) {
      const flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC;
      const count = Number(libc().recvmsg(socketFd, header, flags));
      if (count > 0) return this.#take(count);
      // A seqpacket socket says its end so; nobody sends an empty packet.
      if (count === 0) return "closed";
      const errno = lastErrno();
      switch (errnoName(errno)) {
        case "EINTR":
        // The other end was closed with something unread in it, which the kernel says once, and
        // before it gives what that end had sent.
        case "ECONNRESET":
          continue;
        case "EAGAIN":
          return "would-block";
        default:
          throw new SystemError("recvmsg", errno);
      }
    }
  }

  #take(count: number): Packet | "truncated" {
    const { fds, truncated } = this.#memory.received();
    if (!truncated) {
      return { text: this.#decoder.decode(this.#memory.data.subarray(0, count)), fds };
    }
    for (const fd of fds) closeFd(fd);
    return "truncated";
  }
}

/** The structures of one message, each pointing at the next; laid out once. */
class MessageMemory {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly #header = new Uint8Array(STAYS_BYTES);
  readonly #headerView = new DataView(this.#header.buffer);
  readonly #iovec = new Uint8Array(STAYS_BYTES);
  readonly #iovecView = new DataView(this.#iovec.buffer);
  readonly #control: Uint8Array<ArrayBuffer>;
  readonly #controlView: DataView;
  readonly #controlAddress: bigint;
  readonly #controlBytes: number;

  constructor({ bytesMax, fdsMax }: PacketLimits) {
    this.data = new Uint8Array(Math.max(STAYS_BYTES, bytesMax));
    this.#controlBytes = aligned(CMSG_HEADER_BYTES + 4 * fdsMax);
    this.#control = new Uint8Array(Math.max(STAYS_BYTES, this.#controlBytes));
    this.#controlView = new DataView(this.#control.buffer);
    this.#controlAddress = addressOf(this.#control);
    this.#iovecView.setBigUint64(0, addressOf(this.data), true);
    this.#headerView.setBigUint64(MSGHDR.iov, addressOf(this.#iovec), true);
    this.#headerView.setBigUint64(MSGHDR.iovCount, 1n, true);
  }

  /** For sending. @returns the `struct msghdr`. */
  layOut(dataBytes: number, fds: readonly number[]): Uint8Array<ArrayBuffer> {
    const length = CMSG_HEADER_BYTES + 4 * fds.length;
    if (aligned(length) > this.#controlBytes) {
      throw new RangeError(`Cannot send ${fds.length} descriptors in one packet`);
    }
    this.#controlView.setBigUint64(0, BigInt(length), true);
    this.#controlView.setInt32(8, SOL_SOCKET, true);
    this.#controlView.setInt32(12, SCM_RIGHTS, true);
    fds.forEach((fd, at) => this.#controlView.setInt32(CMSG_HEADER_BYTES + 4 * at, fd, true));
    return this.#set(dataBytes, fds.length === 0 ? 0 : aligned(length));
  }

  /** For receiving. @returns the `struct msghdr`. */
  expect(): Uint8Array<ArrayBuffer> {
    return this.#set(this.data.length, this.#controlBytes);
  }

  /** What has come beside the text. */
  received(): { readonly fds: readonly number[]; readonly truncated: boolean } {
    const flags = this.#headerView.getInt32(MSGHDR.flags, true);
    const end = Number(this.#headerView.getBigUint64(MSGHDR.controlBytes, true));
    const fds: number[] = [];
    for (let at = 0; at + CMSG_HEADER_BYTES <= end;) {
      const length = Number(this.#controlView.getBigUint64(at, true));
      if (length < CMSG_HEADER_BYTES || at + length > end) break;
      const isRights = this.#controlView.getInt32(at + 8, true) === SOL_SOCKET &&
        this.#controlView.getInt32(at + 12, true) === SCM_RIGHTS;
      for (let fd = at + CMSG_HEADER_BYTES; isRights && fd + 4 <= at + length; fd += 4) {
        fds.push(this.#controlView.getInt32(fd, true));
      }
      at += aligned(length);
    }
    return { fds, truncated: (flags & (MSG_TRUNC | MSG_CTRUNC)) !== 0 };
  }

  #set(dataBytes: number, controlBytes: number): Uint8Array<ArrayBuffer> {
    this.#iovecView.setBigUint64(8, BigInt(dataBytes), true);
    const control = controlBytes === 0 ? 0n : this.#controlAddress;
    this.#headerView.setBigUint64(MSGHDR.control, control, true);
    this.#headerView.setBigUint64(MSGHDR.controlBytes, BigInt(controlBytes), true);
    this.#headerView.setInt32(MSGHDR.flags, 0, true);
    return this.#header;
  }
}

/** CMSG_ALIGN: a header starts at a multiple of 8. */
function aligned(bytes: number): number {
  return (bytes + 7) & ~7;
}

function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
}
