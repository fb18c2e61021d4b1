/**
 * How `@log` shows a line of output and an event. No I/O and no clock: it remembers which
 * streams there are and the last exit of each process.
 * Must not know: descriptors, when it is written.
 */
import type { EventRecord } from "../audit/event_record.ts";
import { formatEvent, formatMs } from "../audit/format_event.ts";
import type { LogCapture } from "./log_protocol.ts";
import { terminalText } from "./terminal_text.ts";

/** Who speaks when no process does. */
const OWN_NAME = "cox";
/** Told apart on light and dark backgrounds; red is left to errors. */
const NAME_COLORS: readonly number[] = [36, 32, 35, 34, 33, 96, 92, 95, 94, 93];
/** SGR: what one did oneself is dim; what happened by itself is not. */
const TONES = { quiet: 2, back: 32, lost: 33, alarm: 31 } as const;

/** One line of output. */
export interface OutputLine {
  readonly process: string;
  readonly stream: "stdout" | "stderr";
  readonly text: string;
  /** It goes on in the next line. */
  readonly continues: boolean;
  /** It goes on from the line before. */
  readonly continued: boolean;
}

type ExitRecord = Extract<EventRecord, { event: "exit" }>;

/** Formats lines for one terminal. */
export class LogView {
  readonly #color: boolean;
  readonly #nameWidth: number;
  readonly #prefixes = new Map<string, string>();
  /** Processes whose stdout is shown; that of the others goes into a channel. */
  readonly #withStdout: ReadonlySet<string>;
  readonly #lastExits = new Map<string, ExitRecord>();

  /** @param options of the `hello`. */
  constructor(options: {
    readonly color: boolean;
    readonly nameWidth: number;
    readonly captures: readonly Pick<LogCapture, "process" | "stream">[];
  }) {
    this.#color = options.color;
    this.#nameWidth = Math.max(options.nameWidth, OWN_NAME.length);
    this.#withStdout = new Set(
      options.captures.flatMap(({ process, stream }) => stream === "stdout" ? [process] : []),
    );
  }

  /**
   * `name | text` for stdout, `name ! text` for stderr where both are shown; overlong lines
   * are marked with `…`.
   */
  output(line: OutputLine): string {
    const text = terminalText(line.text, this.#color);
    return this.#prefixOf(line.process, line.stream) + (line.continued ? "… " : "") + text +
      (line.continues ? " …" : "") + "\n";
  }

  /**
   * The event as a line, or null for one that only the event log needs. A death that nobody
   * asked for stands out, and so does the start after it, with the time that it took.
   */
  record(record: EventRecord): string | null {
    const before = "process" in record ? this.#lastExits.get(record.process ?? "") : undefined;
    if (record.event === "exit") this.#lastExits.set(record.process, record);
    if (!isShown(record)) return null;
    const since = record.event === "spawn" && before !== undefined
      ? `, ${formatMs((record.monoNs - before.monoNs) / 1e6)} after #${before.instance} ended`
      : "";
    const event = terminalText(formatEvent(record) + since, false);
    const text = `${OWN_NAME.padEnd(this.#nameWidth)} | ${event}`;
    return this.#color ? `\x1b[${TONES[toneOf(record, before)]}m${text}\x1b[0m\n` : `${text}\n`;
  }

  #prefixOf(process: string, stream: "stdout" | "stderr"): string {
    const key = `${process}\n${stream}`;
    let prefix = this.#prefixes.get(key);
    if (prefix === undefined) {
      prefix = this.#makePrefix(process, stream);
      this.#prefixes.set(key, prefix);
    }
    return prefix;
  }

  #makePrefix(process: string, stream: "stdout" | "stderr"): string {
    const name = process.padEnd(this.#nameWidth);
    const plain = stream === "stdout" || !this.#withStdout.has(process);
    const mark = plain ? "|" : "!";
    if (!this.#color) return `${name} ${mark} `;
    const nameColor = NAME_COLORS[hash(process) % NAME_COLORS.length];
    return `\x1b[${nameColor}m${name}\x1b[0m \x1b[${plain ? 2 : 31}m${mark}\x1b[0m `;
  }
}

function isShown(record: EventRecord): boolean {
  switch (record.event) {
    case "state":
      return record.to === "failed" || record.to === "killing";
    case "spawn":
      // That `@log` runs shows by this line's being there; that it runs again is news.
      return !record.process.startsWith("@") || record.instance > 1;
    case "restart":
      // An immediate restart shows by its start.
      return record.delayMs > 0;
    case "stall":
    case "stallEnded":
      return record.actions.some((action) => action !== "event");
    case "deadline":
      // What is only recorded is for whoever asks.
      return record.kind === "warn" || record.did.length > 0;
    case "deadlineRecovered":
    case "deadlineExcused":
      return record.actions.length > 0;
    case "request":
    case "notify":
    case "signal":
    case "traceWritten":
      return false;
    default:
      return true;
  }
}

function toneOf(record: EventRecord, before: ExitRecord | undefined): keyof typeof TONES {
  switch (record.event) {
    case "spawnFailed":
    case "groupGaveUp":
    case "warning":
    case "strayKilled":
    case "stall":
    case "safeMode":
    case "mailboxCorrupt":
      return "alarm";
    case "deadline":
      return record.kind === "miss" ? "alarm" : "lost";
    case "deadlineExcused":
    case "deadlinesExcused":
      return "lost";
    case "deadlineRecovered":
    case "deadlineResumed":
      return "back";
    case "state":
      return record.to === "failed" ? "alarm" : "quiet";
    case "exit":
      return isMishap(record) ? "lost" : "quiet";
    case "spawn":
      return before !== undefined && isMishap(before) ? "back" : "quiet";
    default:
      return "quiet";
  }
}

/** It ended by itself, or had to be killed, and not well. */
function isMishap({ reason }: ExitRecord): boolean {
  switch (reason.kind) {
    case "code":
      return reason.code !== 0 && reason.cause === null;
    case "signal":
      return reason.cause === null || reason.cause === "deadline" ||
        reason.cause.endsWith("-timeout");
    default:
      return true;
  }
}

/** FNV-1a: a process keeps its colour from run to run. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193) >>> 0;
  }
  return value;
}
