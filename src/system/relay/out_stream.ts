/**
 * What is between us and one consumer: the bytes that were written to it, in one pipe for each
 * instance, of which all but the newest only hold what is left over. Knows where messages end in
 * them, and which write will be taken whole. Must not know: queues, policies.
 *
 * ```
 *   earlier pipe                newest pipe
 *  ┌──────────┐ splice(2)     ┌────────────────┐
 *  │ ##|##|## │ ─────────────►│                │ ◄── write
 *  └──────────┘               └────────────────┘
 *    ▲ begun by an instance that is dead: thrown away up to the next message
 * ```
 */
import {
  closeFd,
  movePipe,
  pipeCapacityBytes,
  pipeFillBytes,
  readFd,
  writeFd,
} from "../../os/pipe.ts";
import { Boundaries } from "./boundaries.ts";
import type { LookBuffer } from "./look_buffer.ts";
import type { MessageScanner } from "./message_scanner.ts";
import type { PeekPipes } from "./peek_pipe.ts";
import { PipePages } from "./pipe_pages.ts";
import type { RoomWatch } from "./room_watch.ts";

/** A pipe of the consumer's. */
export interface OutPipe {
  readonly number: number;
  readonly instance: number;
  readonly readFd: number;
  /** -1: it was let go of, and the pipe is only to be read from. */
  writeFd: number;
}

/** What all streams share. */
export interface StreamTools {
  readonly scanner: MessageScanner;
  readonly peeks: PeekPipes;
  readonly rooms: RoomWatch;
  readonly buffer: LookBuffer;
  readonly pageBytes: number;
}

/** What has become of what was left in the earlier pipe. */
export interface Adopted {
  /** Messages that were left and whose beginning could not be found. */
  readonly lost: number;
  /** The message that is written in parts was begun to be read: the rest is not to follow. */
  readonly dropRest: boolean;
}

const LINE_FEED = 10;
const MOVE_BYTES = 1 << 30;

/** One per consumer. */
export class OutStream {
  readonly #tools: StreamTools;
  #newest: OutPipe | null = null;
  /** Earlier pipes with something in them, in the order in which it is to be read. */
  readonly #earlier: OutPipe[] = [];
  /** Bytes that were ever written: the position of the end. */
  #written = 0;
  /** Up to here an earlier process wrote, and only the end is known to be a boundary. */
  #unknownTo = 0;
  #pages: PipePages;
  #boundaries: Boundaries;
  #capacityBytes = 0;
  /** Of the read that is waited for. */
  #watch: number | null = null;

  constructor(tools: StreamTools) {
    this.#tools = tools;
    this.#pages = new PipePages(tools.pageBytes, tools.pageBytes, 0);
    this.#boundaries = new Boundaries(tools.pageBytes, 0);
  }

  /** The pipe that the consumer reads from. */
  get newest(): OutPipe | null {
    return this.#newest;
  }

  /** What was left over is on its way, and has to be before anything else. */
  get isCarrying(): boolean {
    return this.#earlier.length > 0;
  }

  /** Earlier pipes that are still held. */
  get earlierCount(): number {
    return this.#earlier.length;
  }

  /** A write of up to so many bytes is known to be taken whole. Ask {@link look} first. */
  get wholeBytesMax(): number {
    return this.#pages.wholeBytesMax;
  }

  /**
   * Goes on in a new pipe. What is left in the pipe before goes first: see {@link carry}. Of the
   * message that its reader had begun, the rest is thrown away.
   *
   * @param pipe may have something in it when an earlier process wrote it.
   */
  adopt(pipe: OutPipe): Adopted {
    if (this.#newest !== null) {
      this.finish();
      this.#earlier.unshift(this.#newest);
    }
    this.#stopWaiting();
    const fill = pipeFillBytes(pipe.readFd);
    if (fill > 0) {
      this.#written += fill;
      this.#unknownTo = this.#written;
    }
    const left = this.#fillBytes();
    this.#newest = pipe;
    this.#fit(pipeCapacityBytes(pipe.readFd), fill > 0);
    const adopted = this.#align(this.#written - fill - left, left);
    // Whatever is written next begins anew.
    if (adopted.dropRest) this.#boundaries.mark(this.#written);
    return adopted;
  }

  /**
   * Moves what is left over into the newest pipe.
   *
   * @param onDone of each earlier pipe that is empty then; its ends are closed.
   * @returns false when there was no room for all.
   */
  carry(onDone: (pipe: OutPipe) => void): boolean {
    const target = this.#newest;
    if (target === null || target.writeFd < 0) return this.#earlier.length === 0;
    while (this.#earlier.length > 0) {
      const source = this.#earlier[0]!;
      while (pipeFillBytes(source.readFd) > 0) {
        const moved = movePipe(source.readFd, target.writeFd, MOVE_BYTES);
        // Nothing is there any more: a stray of the dead reader has read it.
        if (moved === "would-block" && pipeFillBytes(source.readFd) > 0) return false;
      }
      this.#earlier.shift();
      closePipe(source);
      onDone(source);
    }
    this.#pages.seal();
    return true;
  }

  /** Bytes that were written: the position of the end. */
  get written(): number {
    return this.#written;
  }

  /** Everything up to this position was read, and perhaps more. */
  get readTo(): number {
    return this.#written - this.#fillBytes(true);
  }

  /** Looks how much was read. */
  look(): void {
    if (this.#newest !== null) this.#pages.consumedTo(this.readTo);
  }

  /**
   * Whether to wait until so many bytes are taken whole; if so, there will be news of it.
   *
   * @returns false: they are now, or never, or nobody would tell.
   */
  isToAwait(bytes: number, onNews: () => void): boolean {
    const fd = this.#newest?.readFd ?? -1;
    if (bytes > this.#pages.capacityBytes) return false;
    this.#watch = this.#tools.rooms.await(fd, onNews);
    if (this.#watch === null) return false;
    this.look();
    return this.wholeBytesMax < bytes;
  }

  /**
   * Writes what fits.
   *
   * @returns how many bytes; 0: there is no room, and there will be an edge when there is.
   */
  write(bytes: Uint8Array<ArrayBuffer>): number {
    const fd = this.#newest?.writeFd ?? -1;
    const count = writeFd(fd, bytes);
    if (count === "would-block") return 0;
    if (count === "closed") throw new Error("A pipe whose read end we hold is said to be closed");
    this.#written += count;
    this.#pages.wrote(count, this.#written);
    this.#boundaries.extend(count);
    return count;
  }

  /** A message ends so many bytes before the end of what was written. */
  markEnd(bytesBefore: number): void {
    this.#boundaries.mark(this.#written - bytesBefore);
  }

  /** The consumer sees the end once it has read everything; what it leaves can still be had. */
  finish(): void {
    this.#stopWaiting();
    if (this.#newest === null || this.#newest.writeFd < 0) return;
    closeFd(this.#newest.writeFd);
    this.#newest.writeFd = -1;
  }

  /** Lets go of all pipes and of what is in them. */
  close(): void {
    this.#stopWaiting();
    if (this.#newest !== null) closePipe(this.#newest);
    this.#newest = null;
    for (const pipe of this.#earlier.splice(0)) closePipe(pipe);
  }

  /** Lets go of the pipe whose content is the oldest of the earlier ones. */
  closeOldest(): void {
    const oldest = this.#earlier.reduce<OutPipe | null>(
      (found, pipe) => found === null || pipe.number < found.number ? pipe : found,
      null,
    );
    if (oldest === null) return;
    this.#earlier.splice(this.#earlier.indexOf(oldest), 1);
    closePipe(oldest);
  }

  #stopWaiting(): void {
    if (this.#watch !== null) this.#tools.rooms.giveUp(this.#watch);
    this.#watch = null;
  }

  #fillBytes(withNewest = false): number {
    let bytes = 0;
    for (const pipe of this.#earlier) bytes += pipeFillBytes(pipe.readFd);
    if (withNewest && this.#newest !== null) bytes += pipeFillBytes(this.#newest.readFd);
    return bytes;
  }

  /** Makes the books fit a pipe of this capacity. */
  #fit(capacityBytes: number, isUnknown: boolean): void {
    if (capacityBytes > this.#capacityBytes) {
      this.#boundaries = this.#capacityBytes === 0
        ? new Boundaries(capacityBytes, this.#written)
        : this.#boundaries.resized(capacityBytes);
    }
    if (isUnknown) this.#boundaries = new Boundaries(capacityBytes, this.#written);
    if (isUnknown || capacityBytes !== this.#capacityBytes) {
      this.#pages = new PipePages(capacityBytes, this.#tools.pageBytes, this.#written);
    }
    this.#capacityBytes = capacityBytes;
  }

  /** Throws away what is left of the message that the dead reader had begun. */
  #align(consumed: number, left: number): Adopted {
    if (left > 0 && consumed < this.#unknownTo) return this.#alignUnknown(consumed, left);
    const boundary = this.#boundaries.atOrAfter(consumed);
    this.#discard(boundary === -1 ? left : Math.min(left, boundary - consumed));
    return { lost: 0, dropRest: boundary === -1 };
  }

  /**
   * An earlier process wrote it. A line may have been begun to be read or not: the first is
   * given up, so that no half of one is delivered. Among frames nothing can be found again.
   */
  #alignUnknown(consumed: number, left: number): Adopted {
    const { scanner, buffer, peeks } = this.#tools;
    const unknown = Math.min(left, this.#unknownTo - consumed);
    if (scanner.framing === "frames") {
      this.#discard(unknown);
      return { lost: 1, dropRest: false };
    }
    let discarded = 0;
    for (const pipe of [...this.#earlier]) {
      const capacityBytes = pipeCapacityBytes(pipe.readFd);
      const count = peeks.of(capacityBytes).look(pipe.readFd, capacityBytes, 0, buffer);
      if (count <= 0) continue;
      const at = buffer.bytes.subarray(0, count).indexOf(LINE_FEED);
      discarded += at === -1 ? count : at + 1;
      if (at !== -1) break;
    }
    this.#discard(discarded);
    return { lost: 1, dropRest: discarded === left };
  }

  #discard(bytes: number): void {
    const { buffer } = this.#tools;
    let left = bytes;
    for (const pipe of this.#earlier) {
      while (left > 0) {
        const part = Math.min(left, buffer.bytes.length);
        const count = readFd(pipe.readFd, buffer.bytes.subarray(0, part));
        if (count === "would-block" || count === 0) break;
        left -= count;
      }
    }
  }
}

function closePipe(pipe: OutPipe): void {
  if (pipe.writeFd >= 0) closeFd(pipe.writeFd);
  closeFd(pipe.readFd);
}
