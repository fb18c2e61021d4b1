/**
 * How `@log` shows a line of output and an event. Pure.
 * Must not know: descriptors, when it is written.
 */
import type { EventRecord } from "../audit/event_record.ts";
import { formatEvent } from "../audit/format_event.ts";
import { terminalText } from "./terminal_text.ts";

/** Who speaks when no process does. */
const OWN_NAME = "cox";
/** Told apart on light and dark backgrounds; red is left to errors. */
const NAME_COLORS: readonly number[] = [36, 32, 35, 34, 33, 96, 92, 95, 94, 93];

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

/** Formats lines for one terminal. */
export class LogView {
  readonly #color: boolean;
  readonly #nameWidth: number;
  readonly #prefixes = new Map<string, string>();

  /** @param options of the `hello`. */
  constructor(options: { readonly color: boolean; readonly nameWidth: number }) {
    this.#color = options.color;
    this.#nameWidth = Math.max(options.nameWidth, OWN_NAME.length);
  }

  /** `name | text` for stdout, `name ! text` for stderr; overlong lines are marked with `…`. */
  output(line: OutputLine): string {
    const text = terminalText(line.text, this.#color);
    return this.#prefixOf(line.process, line.stream) + (line.continued ? "… " : "") + text +
      (line.continues ? " …" : "") + "\n";
  }

  /** The event as a dim line, or null for one that only the event log needs. */
  record(record: EventRecord): string | null {
    if (!isShown(record)) return null;
    const text = `${OWN_NAME.padEnd(this.#nameWidth)} | ${
      terminalText(formatEvent(record), false)
    }`;
    if (!this.#color) return text + "\n";
    return isAlarming(record) ? `\x1b[31m${text}\x1b[0m\n` : `\x1b[2m${text}\x1b[0m\n`;
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
    const mark = stream === "stdout" ? "|" : "!";
    if (!this.#color) return `${name} ${mark} `;
    const nameColor = NAME_COLORS[hash(process) % NAME_COLORS.length];
    return `\x1b[${nameColor}m${name}\x1b[0m \x1b[${stream === "stdout" ? 2 : 31}m${mark}\x1b[0m `;
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
    case "request":
    case "notify":
    case "signal":
      return false;
    default:
      return true;
  }
}

function isAlarming(record: EventRecord): boolean {
  switch (record.event) {
    case "spawnFailed":
    case "groupGaveUp":
    case "warning":
    case "strayKilled":
      return true;
    case "state":
      return record.to === "failed";
    default:
      return false;
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
