/**
 * What a program tells its supervisor, in sd_notify's text format (sd_notify(3)), one
 * message a line, over the inherited notify pipe. Must not know: who reads it.
 *
 * Descriptors are reached through `net.Socket({ fd })`: the one way in Deno to write to
 * an inherited descriptor with no permission under a parent that is not Deno itself
 * (`fs.writeSync` gives EBADF there). node:net costs some 15 ms to load, so it is loaded
 * at the first message and not at import.
 */
import type { Socket } from "node:net";
import { notifyDescriptor } from "./supervision.ts";

/** POSIX's least PIPE_BUF is 512, Linux's is 4096: up to there one write is one piece. */
const MESSAGE_BYTES_MAX = 4096;
/** 10 days: far above any sane timeout, far below what microseconds in a double can hold. */
const EXTEND_MS_MAX = 10 * 24 * 60 * 60 * 1000;

/**
 * Tells the supervisor that this instance can do its work: `READY=1`.
 *
 * What waits with `after: { me: "ready" }` starts now. Further calls are harmless. A
 * process with `ready: { by: "notify", within }` that does not call it in time is killed.
 *
 * @returns when the message is in the supervisor's pipe.
 * @throws {NotSupervisedError} (rejects) when no supervisor started the program.
 * @throws {Error} (rejects) when the pipe is gone, with the system's error as `cause`.
 *
 * @example
 * ```ts
 * import { isSupervised, ready } from "coxswain/child";
 * import { assertRejects } from "@std/assert";
 *
 * // In a program of its own: `await ready()`. By hand there is nobody to tell:
 * if (isSupervised()) await ready();
 * else await assertRejects(() => ready(), Error, "not started by a supervisor");
 * ```
 */
export function ready(): Promise<void> {
  return notify("ready", "READY=1");
}

/**
 * Shows a line of text beside this process in `cox ps`: `STATUS=…`.
 *
 * @param text One line, at most 4088 bytes of UTF-8; it replaces the last one.
 * @returns when the message is in the supervisor's pipe.
 * @throws {TypeError} (rejects) when the text holds a line break, a NUL, or is too long.
 * @throws {NotSupervisedError} (rejects) when no supervisor started the program.
 *
 * @example
 * ```ts
 * import { status } from "coxswain/child";
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(() => status("two\nlines"), TypeError, "one line");
 * ```
 */
export function status(text: string): Promise<void> {
  return notify("status", `STATUS=${text}`);
}

/**
 * Announces an orderly end that this program began by itself: `STOPPING=1`.
 *
 * @returns when the message is in the supervisor's pipe.
 * @throws {NotSupervisedError} (rejects) when no supervisor started the program.
 *
 * @example
 * ```ts
 * import { isSupervised, stopping } from "coxswain/child";
 * import { assert } from "@std/assert";
 *
 * if (isSupervised()) await stopping();
 * assert(!isSupervised());
 * ```
 */
export function stopping(): Promise<void> {
  return notify("stopping", "STOPPING=1");
}

/**
 * Announces that the program reloads its own configuration: `RELOADING=1`. Call
 * {@linkcode ready} when it is done.
 *
 * @returns when the message is in the supervisor's pipe.
 * @throws {NotSupervisedError} (rejects) when no supervisor started the program.
 *
 * @example
 * ```ts
 * import { isSupervised, ready, reloading } from "coxswain/child";
 * import { assert } from "@std/assert";
 *
 * if (isSupervised()) {
 *   await reloading();
 *   await ready();
 * }
 * assert(!isSupervised());
 * ```
 */
export function reloading(): Promise<void> {
  return notify("reloading", "RELOADING=1");
}

/**
 * Asks for more time: the running ready or stop timeout is due `durationMs` from now at
 * the earliest (`EXTEND_TIMEOUT_USEC=…`).
 *
 * @param durationMs Milliseconds, above 0 and at most 864000000 (ten days).
 * @returns when the message is in the supervisor's pipe.
 * @throws {RangeError} (rejects) when `durationMs` is outside of that.
 * @throws {NotSupervisedError} (rejects) when no supervisor started the program.
 *
 * @example
 * ```ts
 * import { extendTimeout } from "coxswain/child";
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(() => extendTimeout(0), RangeError, "above 0");
 * ```
 */
export async function extendTimeout(durationMs: number): Promise<void> {
  if (!(durationMs > 0 && durationMs <= EXTEND_MS_MAX)) {
    throw new RangeError(
      `Cannot extend the timeout: durationMs must be above 0 and at most ${EXTEND_MS_MAX}, ` +
        `is ${durationMs}`,
    );
  }
  await notify("extendTimeout", `EXTEND_TIMEOUT_USEC=${Math.ceil(durationMs * 1000)}`);
}

/**
 * Shows a sign of life: `WATCHDOG=1`. The supervisor stamps it with its time of arrival.
 *
 * @returns when the message is in the supervisor's pipe.
 * @throws {NotSupervisedError} (rejects) when no supervisor started the program.
 *
 * @example
 * ```ts
 * import { isSupervised, watchdog } from "coxswain/child";
 * import { assert } from "@std/assert";
 *
 * if (isSupervised()) await watchdog();
 * assert(!isSupervised());
 * ```
 */
export function watchdog(): Promise<void> {
  return notify("watchdog", "WATCHDOG=1");
}

/** One per program: a descriptor can be adopted once. */
let adopted: Promise<Socket> | null = null;
let pendingCount = 0;

/** Lets the supervisor look for what is in a page of this process; without one, nothing. */
export function tellCorrupt(): void {
  notify("mailboxConsumer", "X_COX_MAILBOX=corrupt").catch(() => {});
}

async function notify(call: string, text: string): Promise<void> {
  const bytes = encodeMessage(call, text);
  const fd = notifyDescriptor(call);
  adopted ??= adopt(fd);
  const socket = await adopted;
  await send(socket, bytes).catch((cause) => {
    throw new Error(`Cannot tell the supervisor "${text}": its pipe is gone`, { cause });
  });
}

/** A line break would begin another message: a status text must not forge `READY=1`. */
function encodeMessage(call: string, text: string): Uint8Array {
  if (/[\n\r\0]/.test(text)) {
    throw new TypeError(`Cannot send ${call}(): the text must be one line without NUL`);
  }
  const bytes = new TextEncoder().encode(text + "\n");
  if (bytes.length > MESSAGE_BYTES_MAX) {
    throw new TypeError(
      `Cannot send ${call}(): a message must be at most ${MESSAGE_BYTES_MAX} bytes, ` +
        `is ${bytes.length}`,
    );
  }
  return bytes;
}

async function adopt(fd: number): Promise<Socket> {
  const net = await import("node:net");
  const socket = new net.Socket({ fd, readable: false, writable: true });
  socket.unref();
  // Each write reports its own failure; without a listener the event would end the program.
  socket.on("error", () => {});
  return socket;
}

/** Keeps the program alive until the message is out, and not a moment longer. */
function send(socket: Socket, bytes: Uint8Array): Promise<void> {
  if (pendingCount++ === 0) socket.ref();
  return new Promise<void>((resolve, reject) => {
    socket.write(bytes, (error) => {
      if (--pendingCount === 0) socket.unref();
      if (error) reject(error);
      else resolve();
    });
  });
}
