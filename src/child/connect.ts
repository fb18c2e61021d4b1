/**
 * `connect()`: from the name of a port or a channel to a typed link. Owns the options, their
 * limits, and that each descriptor has one owner. Must not know: how bytes move.
 */
import { ConnectedLink } from "./connected_link.ts";
import {
  bytesFraming,
  framesFraming,
  type Framing,
  linesFraming,
  ndjsonFraming,
} from "./framing.ts";
import { findLink, ownLink } from "./find_link.ts";
import type { Link, LinkInfo, MessageError } from "./link.ts";
import { linksOf } from "./supervision.ts";

const MESSAGE_BYTES_DEFAULT = 1 << 20;
const MESSAGE_BYTES_MAX = 2 ** 30;
const BUFFER_BYTES_DEFAULT = 4 << 20;
const BUFFER_BYTES_MAX = 2 ** 31;

/** What all formats share. */
export interface ConnectOptions {
  /**
   * Most bytes that are taken by `send()` and not yet written, framing included; at least one
   * largest message, at most 2^31. @default {4194304, or one largest message if that is more}
   */
  readonly bufferBytesMax?: number;
  /**
   * Told of each malformed message, which is then skipped. Without it the error is thrown. A
   * producer that is killed may leave one message unfinished: see docs/links.md.
   */
  readonly onBadMessage?: (error: MessageError) => void;
}

/** Bytes as they come, without boundaries. */
export interface BytesOptions extends ConnectOptions {
  /** @default {"bytes"} */
  readonly as?: "bytes";
}

/** UTF-8 text, each line ended by a line feed. */
export interface LinesOptions extends ConnectOptions {
  readonly as: "lines";
  /** Longest line, bytes without its line feed; 1 … 2^30. @default {see connect()} */
  readonly maxLineBytes?: number;
}

/** One JSON value a line. */
export interface NdjsonOptions<T> extends ConnectOptions {
  readonly as: "ndjson";
  /** Longest line, bytes without its line feed; 1 … 2^30. @default {see connect()} */
  readonly maxLineBytes?: number;
  /** Makes a `T` of what JSON held; what it throws makes the message `refused`. */
  readonly parse?: (value: unknown) => T;
}

/** Messages after their length: u32, big-endian. */
export interface FramesOptions extends ConnectOptions {
  readonly as: "frames";
  /** Largest message, bytes without its length; 1 … 2^30. @default {see connect()} */
  readonly maxFrameBytes?: number;
}

/**
 * Connects to a link of this process, by the name of its port or of its channel (a port of that
 * name wins). Needs no permission and opens nothing: the supervisor handed the descriptor over.
 *
 * `as` says what a message is: `bytes` (default), `lines`, `ndjson` or `frames`. Both sides of a
 * channel have to say the same. Where the channel has a `framing`, `as` must be that; frames are
 * its default there. The largest message is the channel's `maxMessage`, else 1 MiB; a smaller
 * one may be asked for, a larger one is cut to the channel's. A link is connected once and has
 * one owner.
 *
 * @param name `"frames"`.
 * @param options The format, its largest message, and how much `send()` may buffer.
 * @returns The link; reading or writing begins with its first use.
 * @throws {NotSupervisedError} when no supervisor started the program, or of another version.
 * @throws {RangeError} when no link has that name, or a limit is out of range.
 * @throws {TypeError} when it was connected before, is no link for messages, or its channel has
 *   another framing.
 *
 * @example A stage of a pipeline (alone it says how to run it)
 * ```ts
 * import { connect, isSupervised, NotSupervisedError } from "coxswain/child";
 * import { assertThrows } from "@std/assert";
 *
 * if (isSupervised()) {
 *   const frames = connect("frames", { as: "frames" });
 *   using sizes = connect("sizes", { as: "ndjson" });
 *   for await (const frame of frames) {
 *     while (sizes.send({ bytes: frame.length }).kind === "full") await sizes.drained();
 *   }
 * } else assertThrows(() => connect("frames"), NotSupervisedError, "cox up");
 * ```
 */
export function connect(name: string, options?: BytesOptions): Link<Uint8Array>;
export function connect(name: string, options: LinesOptions): Link<string>;
export function connect(name: string, options: FramesOptions): Link<Uint8Array>;
export function connect<T = unknown>(name: string, options: NdjsonOptions<T>): Link<T>;
export function connect(
  name: string,
  options: BytesOptions | LinesOptions | FramesOptions | NdjsonOptions<unknown> = {},
): Link<never> {
  const request = {
    call: "connect",
    refuse: (link: LinkInfo) => refuseOthers(link) ?? refuseFraming(link, options.as),
  };
  const info = findLink(name, request);
  const framing = framingOf(options, info) as Framing<never>;
  const { onBadMessage } = options;
  const bufferBytesMax = bufferLimit(options.bufferBytesMax, framing.encodedBytesMax);
  ownLink(name, request, info);
  return new ConnectedLink({ info, framing, bufferBytesMax, onBadMessage });
}

/**
 * The links of this process, in the order of their declaration.
 *
 * @returns What the supervisor said of each.
 * @throws {NotSupervisedError} when no supervisor started the program, or of another version.
 *
 * @example
 * ```ts
 * import { isSupervised, links } from "coxswain/child";
 * import { assertEquals } from "@std/assert";
 *
 * const names = isSupervised() ? links().map((link) => link.name) : [];
 * assertEquals(names, []);
 * ```
 */
export function links(): readonly LinkInfo[] {
  return linksOf("links");
}

function refuseOthers({ direction, kind, type, mailbox }: LinkInfo): string | null {
  if (mailbox !== undefined) {
    return `it is a mailbox; use ${
      mailbox.role === "producer" ? "mailboxProducer()" : "mailboxConsumer()"
    }`;
  }
  if (type !== undefined && type !== "stream") {
    return `its messages are whole already (${type}); use packets()`;
  }
  if (["read", "write", "both"].includes(direction)) return null;
  if (direction === "connect") return "it is a client's; use dial()";
  return `it takes connections (${kind})`;
}

/** On a relayed pipe both sides speak what the channel says, or `@relay` would drop it. */
function refuseFraming({ framing }: LinkInfo, as: string | undefined): string | null {
  if (framing === undefined || as === framing) return null;
  if (as === undefined) {
    // What `connect()` returns without `as` is a link of bytes: a frame is that, a line is not.
    return framing === "frames" ? null : `its messages are ${framing}; write { as: "${framing}" }`;
  }
  return `its messages are ${framing} (the channel's framing), and not ${as}`;
}

function framingOf(
  options: BytesOptions | LinesOptions | FramesOptions | NdjsonOptions<unknown>,
  { framing, limits }: LinkInfo,
): Framing<Uint8Array> | Framing<string> | Framing<unknown> {
  const limit = (key: string, value: number | undefined) =>
    messageLimit(key, value, limits.maxMessageBytes);
  switch (options.as) {
    case undefined:
    case "bytes":
      if (framing === "frames") return framesFraming(limit("maxFrameBytes", undefined));
      return bytesFraming(options.bufferBytesMax ?? BUFFER_BYTES_DEFAULT);
    case "lines":
      return linesFraming(limit("maxLineBytes", options.maxLineBytes));
    case "ndjson":
      return ndjsonFraming(limit("maxLineBytes", options.maxLineBytes), options.parse);
    case "frames":
      return framesFraming(limit("maxFrameBytes", options.maxFrameBytes));
    default:
      throw new RangeError(
        `as must be "bytes", "lines", "ndjson" or "frames", is ${
          JSON.stringify((options as { as: unknown }).as)
        }`,
      );
  }
}

/** The channel's largest message counts where it has one: what is larger would not arrive. */
function messageLimit(
  key: string,
  value: number | undefined,
  channelBytesMax: number | undefined,
): number {
  const asked = value ?? channelBytesMax ?? MESSAGE_BYTES_DEFAULT;
  if (Number.isSafeInteger(asked) && asked >= 1 && asked <= MESSAGE_BYTES_MAX) {
    return Math.min(asked, channelBytesMax ?? asked);
  }
  throw new RangeError(`${key} must be a whole number from 1 to 2^30, is ${value}`);
}

function bufferLimit(value: number | undefined, encodedBytesMax: number): number {
  if (value === undefined) return Math.max(BUFFER_BYTES_DEFAULT, encodedBytesMax);
  const min = Math.max(1, encodedBytesMax);
  if (Number.isSafeInteger(value) && value >= min && value <= BUFFER_BYTES_MAX) return value;
  throw new RangeError(
    `bufferBytesMax must be a whole number from ${min} (one largest message) to 2^31, is ${value}`,
  );
}
