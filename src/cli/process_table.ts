/** The table of `cox ps`. Pure. Must not know: where the snapshot comes from. */
import Table from "cli-table3";
import { formatMs } from "../audit/format_event.ts";
import { formatExitReason } from "../audit/format_exit_reason.ts";
import type { ProcessSnapshot } from "../control/protocol.ts";
import type { ProcessStatus } from "../core/effect.ts";
import { terminalText } from "../system/terminal_text.ts";

const HEAD = ["NAME", "STATE", "PID", "UPTIME", "RESTARTS", "CPU", "RSS", "LAST EXIT"];

/** SGR codes. */
const STATE_COLORS: Readonly<Partial<Record<ProcessStatus, number>>> = {
  running: 32,
  completed: 32,
  starting: 33,
  spawning: 33,
  waiting: 33,
  backoff: 33,
  stopping: 33,
  killing: 31,
  failed: 31,
};

const NO_BORDERS = {
  "top": "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  "bottom": "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  "left": "",
  "left-mid": "",
  "mid": "",
  "mid-mid": "",
  "right": "",
  "right-mid": "",
  "middle": "  ",
};

/**
 * Formats processes.
 *
 * @param options.nowMs wall-clock time, milliseconds since the epoch, for the uptime.
 * @returns lines without a newline at the end; no line ends with spaces.
 */
export function formatProcessTable(
  processes: Readonly<Record<string, ProcessSnapshot>>,
  options: { readonly color: boolean; readonly nowMs: number },
): string {
  const table = new Table({
    head: HEAD,
    chars: NO_BORDERS,
    colAligns: ["left", "left", "right", "right", "right", "right", "right", "left"],
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [], compact: true },
  });
  for (const [name, process] of Object.entries(processes)) {
    table.push(row(name, process, options));
  }
  return table.toString().split("\n").map((line) => line.trimEnd()).join("\n");
}

function row(
  name: string,
  process: ProcessSnapshot,
  { color, nowMs }: { readonly color: boolean; readonly nowMs: number },
): string[] {
  const { state, pid, readySince, restarts, cpuMs, rssBytes, lastExit, statusText } = process;
  const code = color ? STATE_COLORS[state] : undefined;
  const last = lastExit === null ? "" : formatExitReason(lastExit);
  // STATUS= is the program's own text.
  const status = statusText === null ? "" : `“${terminalText(statusText, false)}”`;
  return [
    name,
    code === undefined ? state : `\x1b[${code}m${state}\x1b[0m`,
    pid === null ? "-" : String(pid),
    readySince === null ? "-" : formatMs(Math.max(0, nowMs - Date.parse(readySince))),
    String(restarts),
    formatMs(cpuMs),
    rssBytes === 0 ? "-" : formatBytes(rssBytes),
    [last, status].filter((text) => text !== "").join(" "),
  ];
}

/** `512 B`, `1.5 MiB`, `12 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit > 0 && value < 10 ? 1 : 0;
  return `${value.toFixed(digits)} ${units[unit]}`;
}
