/**
 * What a link is to the program that holds it: the interface, its outcomes and its errors.
 * Must not know: descriptors, how bytes become messages.
 */

import type { MailboxLink } from "../channel/mailbox/mailbox_link.ts";

/** One end of a channel, as the supervisor described it. */
export interface LinkInfo {
  /** Name of the channel. */
  readonly name: string;
  /** This process's name for its end: `stdin`, `stdout`, `stderr`, `frames` … */
  readonly port: string;
  /** The mechanism: `"pipe"`, `"pair"`, `"listen"`, `"mailbox"`. */
  readonly kind: string;
  /** Of a pair: whether the kernel keeps messages whole. */
  readonly type?: "stream" | "seqpacket" | "datagram";
  /** What this process does with it. */
  readonly direction: "read" | "write" | "both" | "accept" | "connect";
  /** Of a listener: each connection is let in by the supervisor. */
  readonly checked?: true;
  /** To a declared client of a listener: the path to connect to. */
  readonly path?: string;
  /** Of a relayed pipe: what a message is. */
  readonly framing?: "lines" | "ndjson" | "frames";
  /** Of a mailbox: what it is, how it is used, and its descriptors. */
  readonly mailbox?: MailboxLink;
  /** The inherited descriptor; -1: none, a client connects by itself, or the memory was mapped. */
  readonly fd: number;
  readonly limits: {
    /** Bytes that the kernel was asked to hold; it rounds up to a power of two of pages. 0: its own. */
    readonly capacityBytes: number;
    /** With `framing`: the largest message, bytes without its line feed or length. */
    readonly maxMessageBytes?: number;
    /** Of a listener: connections that may wait; the kernel cuts it to net.core.somaxconn. */
    readonly backlog?: number;
    /** Of a listener: how many may be open at once. */
    readonly connections?: number;
    /** Of a listener: how many the program is given a second. */
    readonly perSecond?: number;
  };
}

/**
 * What became of a message. `sent`: it was taken, and is written in its turn. `full`: it was
 * not taken, because the buffer holds as much as it may: `drained()` tells when to try again.
 * `closed`: it was not taken, and none will be. What was not taken comes back as `value`.
 */
export type SendOutcome<T> =
  | { readonly kind: "sent" }
  | { readonly kind: "full"; readonly value: T }
  | { readonly kind: "closed"; readonly value: T };

/**
 * A connected link that carries messages of type `T`; made by {@linkcode connect}.
 *
 * Order is kept. A link that is not being read or written does not keep the program alive.
 *
 * Disposing (`using`, `await using`) a link that is written writes what was taken and then
 * closes; a link that is read closes at once. The streams `stdin`, `stdout` and `stderr` stay
 * open until the program ends, because the runtime holds them as well: the other side sees
 * their end then.
 */
export interface Link<T> extends Disposable, AsyncDisposable, AsyncIterable<T> {
  /** What the supervisor said of it. */
  readonly info: LinkInfo;
  /**
   * Reads messages until the other side has ended. Leaving the loop, or the `signal`, ends the
   * iteration and keeps the link: what was not taken is there for the next call. One iteration
   * at a time.
   *
   * @throws {MessageError} at a message that is malformed, unless `onBadMessage` was given.
   * @throws {TypeError} when this process does not read the link, or another iteration runs.
   */
  receive(options?: { readonly signal?: AbortSignal }): AsyncGenerator<T, void, undefined>;
  /**
   * Takes a message for writing, without waiting. It is copied: the caller may reuse it.
   *
   * @throws {RangeError} when the message is larger than the link's largest.
   * @throws {TypeError} when it cannot be framed (a line break in a line, a value that JSON
   *   does not have), or this process does not write the link.
   */
  send(value: T): SendOutcome<T>;
  /**
   * Waits until all that was taken is in the kernel's hands.
   *
   * @throws {LinkClosedError} (rejects) when the other side has gone before that.
   */
  drained(): Promise<void>;
  /**
   * Takes no more messages, writes what was taken, and closes the writing half.
   *
   * @throws {LinkClosedError} (rejects) when the other side has gone before that.
   */
  end(): Promise<void>;
  /** Closes at once and drops what was taken and not yet written. */
  abort(): void;
  /** The messages as a stream; canceling it leaves the link open. */
  readonly readable: ReadableStream<T>;
  /** A sink that waits where {@linkcode Link.send} says `full`; closing it is `end()`. */
  readonly writable: WritableStream<T>;
}

/** What is wrong with a message; `unfinished`: the input ended in the middle of it. */
export type MessageFault = "too-long" | "not-utf8" | "not-json" | "refused" | "unfinished";

/**
 * A message that is not what it should be, and where it is.
 *
 * The caller's move: a line or frame that is too long, or a line that is no JSON, concerns that
 * message alone and `onBadMessage` skips it. `unfinished` is the last thing of an input.
 *
 * @example
 * ```ts
 * import { MessageError } from "coxswain/child";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new MessageError("not-json", { index: 2, byteOffset: 8, rule: "must be JSON" });
 * assertEquals(error.message, "Message 2 (byte 8) must be JSON");
 * ```
 */
export class MessageError extends Error {
  override readonly name = "MessageError";
  /** What is wrong. */
  readonly fault: MessageFault;
  /** 1 for the first message of this process's link. */
  readonly index: number;
  /** Of the message's first byte; 0 for the first message. */
  readonly byteOffset: number;

  /**
   * Made by the link; public so that callers can tell it with `instanceof`.
   *
   * @param fault What is wrong.
   * @param where The message's number and offset, and the rule that it breaks.
   * @param options `cause`: what the JSON parser or `parse` threw.
   */
  constructor(
    fault: MessageFault,
    where: { index: number; byteOffset: number; rule: string },
    options?: ErrorOptions,
  ) {
    super(`Message ${where.index} (byte ${where.byteOffset}) ${where.rule}`, options);
    this.fault = fault;
    this.index = where.index;
    this.byteOffset = where.byteOffset;
  }
}

/**
 * The other side has gone, or this one has closed the link, before all was written.
 *
 * @example
 * ```ts
 * import { LinkClosedError } from "coxswain/child";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new LinkClosedError("poses", 12).unwrittenBytes, 12);
 * ```
 */
export class LinkClosedError extends Error {
  override readonly name = "LinkClosedError";
  /** Bytes that were taken and never written. */
  readonly unwrittenBytes: number;

  /**
   * Made by the link; public so that callers can tell it with `instanceof`.
   *
   * @param channel Name of the channel.
   * @param unwrittenBytes Bytes that were taken and never written.
   * @param options `cause`: the system's error.
   */
  constructor(channel: string, unwrittenBytes: number, options?: ErrorOptions) {
    super(
      `Channel "${channel}" is closed: ${unwrittenBytes} bytes that were taken were not written`,
      options,
    );
    this.unwrittenBytes = unwrittenBytes;
  }
}
