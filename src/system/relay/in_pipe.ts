/**
 * One pipe of a producer's, for one instance of it. Takes whole messages out of it and nothing
 * else: what is there is looked at first, then exactly the messages are read. So, whenever this
 * process is killed, the next finds the pipe at the beginning of a message.
 *
 * ```
 *             ┌──────────── whole messages: taken ◄──────────────┐
 *             ▼                                                  │
 *  ─────► messages ──too large──► skip ──its end──► messages     │
 *             └──longer than the pipe──► parts ──whole──► held ──┘
 * ```
 *
 * In `skip` and `parts` a piece of a message is out of the pipe: {@link InPipe.isPartial}.
 * Must not know: where the messages go, whether there is room.
 */
import { closeFd, pipeCapacityBytes, pipeFillBytes, readFd } from "../../os/pipe.ts";
import type { WriterSignal } from "../../os/writer_signal.ts";
import type { LookBuffer } from "./look_buffer.ts";
import type { MessageBatch } from "./message_batch.ts";
import type { MessageScanner } from "./message_scanner.ts";
import { END, NOTHING, type PeekPipe } from "./peek_pipe.ts";
import { FRAME_HEADER_BYTES, frameLength } from "./scan_frames.ts";

/** Bytes that are taken at a time, so that others get their turn; a larger message at once. */
export const QUANTUM_BYTES = 65_536;
/** A message that has begun is not looked at again from its beginning, from this size on. */
const SEEN_BYTES_MIN = 16_384;
const LINE_FEED = 10;

/** What {@link InPipe.find} has found. */
export type Found =
  /** Whole messages: they are in the batch. */
  | "messages"
  /** A message has begun that is too large, however it goes on. */
  | "oversized"
  /** Something was thrown away or put aside; there may be more. */
  | "again"
  /** Nothing more until there is news of the pipe. */
  | "nothing"
  /** Its end, within a message. */
  | "unfinished"
  /** Its end. */
  | "end";

/** What all pipes share. */
export interface LookTools {
  /** Tells of writers that wait, and wake nobody. */
  readonly writers: WriterSignal;
  readonly buffer: LookBuffer;
  readonly batch: MessageBatch;
}

/** One pipe. */
export class InPipe {
  readonly fd: number;
  readonly number: number;
  readonly instance: number;
  /** There is news of it that was not followed up. */
  isReady = false;
  /** Nobody can write into it any more. */
  isHungUp = false;
  /** The signal tells of its writers. */
  isSignalled = false;
  readonly #capacityBytes: number;
  readonly #peek: PeekPipe;
  readonly #scanner: MessageScanner;
  readonly #tools: LookTools;
  readonly #onHold: () => void;
  #mode: "messages" | "skip" | "parts" | "held" = "messages";
  /** A message that has begun is at least so long and was looked at: no need to do so again. */
  #seenBytes = 0;
  /** A frame that has begun has so many bytes in all. */
  #neededBytes = 0;
  /** The message of the batch was found by its end alone, and not copied. */
  #isUnseen = false;
  /** In `skip`: of a frame so many bytes are still to come. */
  #skipBytes = 0;
  /** In `parts` and `held`: what was taken of the message. */
  #held: Uint8Array<ArrayBuffer> | null = null;
  #heldBytes = 0;

  /** @param onHold a message is out of the pipe as a whole, and waits here. */
  constructor(
    id: { readonly fd: number; readonly number: number; readonly instance: number },
    peekOf: (capacityBytes: number) => PeekPipe,
    scanner: MessageScanner,
    tools: LookTools,
    onHold: () => void,
  ) {
    this.fd = id.fd;
    this.number = id.number;
    this.instance = id.instance;
    this.#capacityBytes = pipeCapacityBytes(id.fd);
    this.#peek = peekOf(this.#capacityBytes);
    this.#scanner = scanner;
    this.#tools = tools;
    this.#onHold = onHold;
  }

  /** A piece of a message is out of the pipe, and the rest in it. */
  get isPartial(): boolean {
    return this.#mode === "skip" || this.#mode === "parts";
  }

  /** A message longer than the pipe is out of it as a whole, and waits to be taken. */
  get isHolding(): boolean {
    return this.#mode === "held";
  }

  /** The messages of the batch, before they are taken from an unseen one: see {@link take}. */
  get source(): Uint8Array<ArrayBuffer> {
    return this.#mode === "held" ? this.#held! : this.#tools.buffer.bytes;
  }

  /** Looks for messages. */
  find(): Found {
    switch (this.#mode) {
      case "messages":
        return this.#findMessages();
      case "skip":
        return this.#skip();
      case "parts":
        return this.#gather();
      case "held":
        this.#tools.batch.setOne(this.#heldBytes);
        this.#scanner.judge(this.#held!, this.#tools.batch);
        return "messages";
    }
  }

  /**
   * Takes the first messages of the batch that was just found out of the pipe; from then on they
   * are in {@link source}.
   *
   * @param bytes up to the end of one of them.
   */
  take(bytes: number): void {
    if (this.#mode === "held") return;
    const { buffer, batch } = this.#tools;
    buffer.reserve(bytes);
    // The same bytes again, into the place where they are. Of all ways to consume them it is the
    // one that no signal can cut short.
    const count = readFd(this.fd, buffer.bytes.subarray(0, bytes));
    if (count !== bytes) throw new Error(`A pipe gave ${count} bytes of ${bytes} that it had`);
    if (this.#isUnseen) this.#scanner.judge(buffer.bytes, batch);
    this.#forget();
  }

  /** What was taken last has gone where it should. */
  settle(): void {
    if (this.#mode !== "held") return;
    this.#mode = "messages";
    this.#held = null;
  }

  /** The message that has begun, which is too large, is to be thrown away as it comes. */
  beginSkip(): void {
    this.#skipBytes = this.#tools.batch.tailBytes;
    this.#mode = "skip";
    this.#held = null;
    this.#forget();
  }

  /** The process before this one was killed within a line: what is left of it is thrown away. */
  resumeWithinLine(): void {
    this.#mode = "skip";
  }

  /** Lets go of it. */
  close(): void {
    closeFd(this.fd);
  }

  #findMessages(): Found {
    const { buffer, batch } = this.#tools;
    if (this.#seenBytes > 0) return this.#findEnd();
    if (this.#isShort()) return this.#incomplete();
    let limit = Math.max(QUANTUM_BYTES, this.#neededBytes);
    for (;;) {
      const count = this.#peek.look(this.fd, limit, 0, buffer);
      if (count === NOTHING) return this.#rest();
      if (count === END) return "end";
      this.#scanner.scan(buffer, count, batch);
      if (batch.count > 0) return "messages";
      if (batch.tailOversized) return "oversized";
      if (count === limit && limit < this.#capacityBytes) {
        limit = this.#capacityBytes;
        continue;
      }
      this.#neededBytes = batch.tailBytes;
      if (this.#scanner.framing !== "frames" && count >= SEEN_BYTES_MIN) this.#seenBytes = count;
      return this.#incomplete();
    }
  }

  /** A frame that has begun is not whole yet: found without a copy of what is there. */
  #isShort(): boolean {
    if (this.#neededBytes === 0 || this.isHungUp) return false;
    if (pipeFillBytes(this.fd) >= this.#neededBytes) return false;
    const { buffer } = this.#tools;
    return this.#peek.look(this.fd, this.#capacityBytes, Infinity, buffer) < this.#neededBytes;
  }

  /** The end of a long line whose beginning was looked at before. */
  #findEnd(): Found {
    const { buffer, batch } = this.#tools;
    const seen = this.#seenBytes;
    const count = this.#peek.look(this.fd, this.#capacityBytes, seen, buffer);
    if (count < seen) throw new Error("A pipe has lost what was in it");
    const at = buffer.bytes.subarray(0, count - seen).indexOf(LINE_FEED);
    const bytes = at === -1 ? count + 1 : seen + at + 1;
    if (bytes > this.#scanner.wholeBytesMax) {
      batch.clear();
      return "oversized";
    }
    if (at === -1) {
      this.#seenBytes = count;
      return this.#incomplete();
    }
    batch.setOne(bytes);
    this.#isUnseen = true;
    return "messages";
  }

  /** All that is there was looked at: a message that is not whole. */
  #incomplete(): Found {
    if (this.isHungUp) return "unfinished";
    if (!this.#peek.isFull) return this.#leave();
    this.#beginParts();
    return "again";
  }

  /** Something stays in the pipe: who fills it up from now on, and waits, makes no edge. */
  #leave(): Found {
    if (this.isSignalled) return this.#rest();
    this.#tools.writers.watch(this.fd);
    this.isSignalled = true;
    // What came before that was not told.
    return "again";
  }

  #rest(): Found {
    this.isReady = false;
    return "nothing";
  }

  #forget(): void {
    this.#seenBytes = 0;
    this.#neededBytes = 0;
    this.#isUnseen = false;
  }

  #beginParts(): void {
    this.#mode = "parts";
    // One message at most, however long it claims to be.
    this.#held = new Uint8Array(this.#scanner.wholeBytesMax);
    this.#heldBytes = 0;
    this.#forget();
  }

  #skip(): Found {
    const { buffer } = this.#tools;
    if (this.#scanner.framing !== "frames") {
      const count = this.#peek.look(this.fd, QUANTUM_BYTES, 0, buffer);
      if (count === NOTHING) return this.#rest();
      if (count === END) return "end";
      const at = buffer.bytes.subarray(0, count).indexOf(LINE_FEED);
      if (at !== -1) this.#mode = "messages";
      this.#read(buffer.bytes, 0, at === -1 ? count : at + 1);
      return "again";
    }
    const count = this.#read(buffer.bytes, 0, Math.min(this.#skipBytes, QUANTUM_BYTES));
    if (count <= 0) return count === END ? "end" : this.#rest();
    this.#skipBytes -= count;
    if (this.#skipBytes === 0) this.#mode = "messages";
    return "again";
  }

  #gather(): Found {
    const held = this.#held!;
    const room = held.length - this.#heldBytes;
    if (this.#scanner.framing !== "frames") return this.#gatherLine(held, room);
    const needed = this.#heldBytes < FRAME_HEADER_BYTES
      ? FRAME_HEADER_BYTES
      : FRAME_HEADER_BYTES + frameLength(held, 0);
    if (needed > held.length) {
      this.#tools.batch.clear();
      this.#tools.batch.tailBytes = needed - this.#heldBytes;
      return "oversized";
    }
    const count = this.#read(held, this.#heldBytes, needed - this.#heldBytes);
    if (count <= 0) return count === END ? "unfinished" : this.#rest();
    this.#heldBytes += count;
    const isWhole = this.#heldBytes === needed &&
      needed === FRAME_HEADER_BYTES + frameLength(held, 0);
    if (isWhole) this.#hold();
    return "again";
  }

  #gatherLine(held: Uint8Array<ArrayBuffer>, room: number): Found {
    const { buffer, batch } = this.#tools;
    const count = this.#peek.look(this.fd, QUANTUM_BYTES, 0, buffer);
    if (count === NOTHING) return this.#rest();
    if (count === END) return "unfinished";
    const at = buffer.bytes.subarray(0, count).indexOf(LINE_FEED);
    const bytes = at === -1 ? count : at + 1;
    if (bytes > room || (at === -1 && bytes === room)) {
      batch.clear();
      return "oversized";
    }
    // Counted before its end is out of the pipe: killed right after that, the next process would
    // still believe a part of it to be there, and throw the next line away as well.
    if (at !== -1) this.#hold();
    this.#read(held, this.#heldBytes, bytes);
    this.#heldBytes += bytes;
    return "again";
  }

  #hold(): void {
    this.#mode = "held";
    this.#onHold();
  }

  /** @returns how many bytes; {@link NOTHING}, {@link END}. */
  #read(into: Uint8Array<ArrayBuffer>, at: number, bytes: number): number {
    const count = readFd(this.fd, into.subarray(at, at + bytes));
    return count === "would-block" ? NOTHING : count;
  }
}
