/**
 * Reads one sd_notify message: lines of `NAME=value` (sd_notify(3)). Pure.
 * Must not know: who sent it, or whether the sender may say so.
 */

/** What a message says; null or false for what it does not mention. */
export interface NotifyMessage {
  /** READY=1 */
  readonly ready: boolean;
  /** RELOADING=1 */
  readonly reloading: boolean;
  /** STOPPING=1 */
  readonly stopping: boolean;
  /** STATUS=, without control characters, at most {@link STATUS_CHARACTERS_MAX}. */
  readonly status: string | null;
  /** MAINPID=: to be checked to be a descendant. */
  readonly mainPid: number | null;
  /** MONOTONIC_USEC=: CLOCK_MONOTONIC of the sender, which goes with RELOADING. */
  readonly monotonicUs: number | null;
  /** EXTEND_TIMEOUT_USEC= */
  readonly extendTimeoutUs: number | null;
  /** ERRNO=: an error number of the sender's choice. */
  readonly errno: number | null;
  /** WATCHDOG=1 is a sign of life, WATCHDOG=trigger asks to be treated as hung. */
  readonly watchdog: "alive" | "trigger" | null;
  /** WATCHDOG_USEC= */
  readonly watchdogUs: number | null;
  /** BARRIER=1: answered by closing the descriptor that came with it. */
  readonly barrier: boolean;
  /** One sentence for each assignment that makes no sense; the others count. */
  readonly malformed: readonly string[];
}

/** A longer message is refused as a whole. systemd's own limit is 4096 bytes. */
export const NOTIFY_MESSAGE_BYTES_MAX = 4096;
/** A longer STATUS is cut. */
export const STATUS_CHARACTERS_MAX = 256;
/** More malformed assignments than this are not listed. */
const MALFORMED_MAX = 8;
/** PID_MAX_LIMIT of 64-bit kernels (include/linux/threads.h). */
const PID_MAX = 4_194_304;
const ERRNO_MAX = 4095;

type Writable = { -readonly [K in keyof NotifyMessage]: NotifyMessage[K] };
type Reader = (message: Writable, value: string) => boolean;

/** Names that we know; each reader returns false when the value makes no sense. */
const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["READY", (message, value) => only1(value) && (message.ready = true)],
  ["RELOADING", (message, value) => only1(value) && (message.reloading = true)],
  ["STOPPING", (message, value) => only1(value) && (message.stopping = true)],
  ["BARRIER", (message, value) => only1(value) && (message.barrier = true)],
  ["STATUS", (message, value) => {
    message.status = printable(value);
    return true;
  }],
  ["MAINPID", (message, value) => {
    message.mainPid = integer(value, 1, PID_MAX);
    return message.mainPid !== null;
  }],
  ["ERRNO", (message, value) => {
    message.errno = integer(value, 0, ERRNO_MAX);
    return message.errno !== null;
  }],
  ["MONOTONIC_USEC", (message, value) => {
    message.monotonicUs = integer(value, 0, Number.MAX_SAFE_INTEGER);
    return message.monotonicUs !== null;
  }],
  ["EXTEND_TIMEOUT_USEC", (message, value) => {
    message.extendTimeoutUs = integer(value, 1, Number.MAX_SAFE_INTEGER);
    return message.extendTimeoutUs !== null;
  }],
  ["WATCHDOG_USEC", (message, value) => {
    message.watchdogUs = integer(value, 1, Number.MAX_SAFE_INTEGER);
    return message.watchdogUs !== null;
  }],
  ["WATCHDOG", (message, value) => {
    message.watchdog = value === "1" ? "alive" : value === "trigger" ? "trigger" : null;
    return message.watchdog !== null;
  }],
]);

/**
 * Reads a message. Unknown names are ignored, as the protocol asks; of a name that comes
 * twice the later value counts.
 *
 * @param text lines separated by newlines; a final newline may be missing.
 */
export function parseNotifyMessage(text: string): NotifyMessage {
  const malformed: string[] = [];
  const message: Writable = {
    ready: false,
    reloading: false,
    stopping: false,
    status: null,
    mainPid: null,
    monotonicUs: null,
    extendTimeoutUs: null,
    errno: null,
    watchdog: null,
    watchdogUs: null,
    barrier: false,
    malformed,
  };
  if (text.length > NOTIFY_MESSAGE_BYTES_MAX) {
    malformed.push(`the message is longer than ${NOTIFY_MESSAGE_BYTES_MAX} bytes`);
    return message;
  }
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const equals = line.indexOf("=");
    const name = equals < 0 ? line : line.slice(0, equals);
    const reader = READERS.get(name);
    const good = equals > 0 && (reader === undefined || reader(message, line.slice(equals + 1)));
    if (!good && malformed.length < MALFORMED_MAX) malformed.push(describe(line, equals > 0));
  }
  return message;
}

function describe(line: string, hasName: boolean): string {
  const shown = JSON.stringify(printable(line.slice(0, 80)));
  return hasName ? `${shown} has a value that makes no sense` : `${shown} is no assignment`;
}

function only1(value: string): boolean {
  return value === "1";
}

function integer(value: string, min: number, max: number): number | null {
  if (!/^[0-9]{1,16}$/.test(value)) return null;
  const number = Number(value);
  return number >= min && number <= max ? number : null;
}

/**
 * Text that is safe on a terminal: control characters (C0, DEL, C1, with them every
 * escape sequence) and the marks that reverse the direction of writing become spaces.
 */
function printable(value: string): string {
  const harmless = value.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, " ");
  return Array.from(harmless).slice(0, STATUS_CHARACTERS_MAX).join("").trim();
}
