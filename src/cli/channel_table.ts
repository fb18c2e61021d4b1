/** The table of `cox channels`. Pure. Must not know: where the figures come from. */
import { formatMs } from "../audit/format_ms.ts";
import type { ChannelFigures, ChannelWaits } from "../control/channels_report.ts";
import { formatBytes } from "./process_table.ts";

const BETWEEN = "  ";
/** SGR codes. */
const RED = 31;
const YELLOW = 33;

interface Column {
  readonly head: string;
  readonly align: "left" | "right";
  readonly text: (figures: ChannelFigures) => string;
  /** Goes when the terminal is too narrow, the lowest first; null: stays. */
  readonly rank: number | null;
  /** It is there where somebody has a figure. */
  readonly onDemand?: boolean;
}

/** Nothing to say. */
const NONE = "-";

const COLUMNS: readonly Column[] = [
  { head: "CHANNEL", align: "left", rank: null, text: ({ channel }) => channel },
  { head: "KIND", align: "left", rank: 1, text: ({ kind }) => kind },
  { head: "FROM → TO", align: "left", rank: 5, text: ({ from, to }) => `${from} → ${to}` },
  { head: "FULL", align: "right", rank: null, text: fullText },
  {
    head: "OLDEST",
    align: "right",
    rank: 2,
    text: ({ oldestMs }) => oldestMs === null ? NONE : formatMs(oldestMs),
  },
  { head: "PER SECOND", align: "right", rank: 3, text: rateText },
  {
    head: "SO FAR",
    align: "right",
    rank: 0,
    onDemand: true,
    text: ({ total }) => total === null ? NONE : amountText(total),
  },
  {
    head: "LAST",
    align: "right",
    rank: 0,
    onDemand: true,
    text: ({ lastMs }) => lastMs === null ? NONE : formatMs(lastMs),
  },
  {
    head: "DROPS",
    align: "right",
    rank: 4,
    text: ({ dropped }) => dropped === null ? NONE : dropped.toLocaleString("en"),
  },
  { head: "STALLED FOR", align: "right", rank: null, text: stalledText },
  { head: "WAITS", align: "left", rank: null, text: ({ waits }) => waitsText(waits) },
];

/** How it is shown. */
export interface ChannelTableOptions {
  readonly color: boolean;
  /** Of the terminal; null: as wide as it takes. */
  readonly columns: number | null;
}

/**
 * Formats channels.
 *
 * @returns lines, the head first, none with spaces at its end. Where the terminal is too narrow
 * what matters least is left out, and what is still too long is cut and ends in `…`.
 */
export function channelLines(
  channels: readonly ChannelFigures[],
  { color, columns }: ChannelTableOptions,
): string[] {
  if (channels.length === 0) return ["no channels"];
  const cells = COLUMNS.map((column) => ({ column, texts: channels.map(column.text) }));
  const shown = fitColumns(cells, columns);
  const lines = [-1, ...channels.keys()].map((row) => {
    const line = shown.map(({ column, texts, width }) => {
      const text = row < 0 ? column.head : texts[row]!;
      return column.align === "left" ? text.padEnd(width) : text.padStart(width);
    }).join(BETWEEN).trimEnd();
    return columns === null || line.length <= columns ? line : `${line.slice(0, columns - 1)}…`;
  });
  if (!color) return lines;
  return lines.map((line, row) => row === 0 ? line : tint(line, channels[row - 1]!));
}

function fitColumns(
  cells: readonly { readonly column: Column; readonly texts: readonly string[] }[],
  columnsMax: number | null,
) {
  let shown = cells.map(({ column, texts }) => ({
    column,
    texts,
    width: Math.max(column.head.length, ...texts.map((text) => text.length)),
  }));
  const tooWide = () => {
    const width = shown.reduce((sum, each) => sum + each.width + BETWEEN.length, -BETWEEN.length);
    return columnsMax !== null && width > columnsMax;
  };
  // What says nothing about anybody goes first.
  const idle = ({ column, texts }: { column: Column; texts: readonly string[] }) =>
    column.rank !== null && texts.every((text) => text === NONE);
  shown = shown.filter((each) => each.column.onDemand !== true || !idle(each));
  if (tooWide()) shown = shown.filter((each) => !idle(each));
  while (tooWide()) {
    const ranks = shown.flatMap(({ column }) => column.rank ?? []);
    if (ranks.length === 0) return shown;
    const lowest = Math.min(...ranks);
    shown = shown.filter(({ column }) => column.rank !== lowest);
  }
  return shown;
}

/** Of a queue also what has left it and was not read: `12 of 100 + 3.1 KiB`. */
function fullText({ unit, fill, capacity, unreadBytes }: ChannelFigures): string {
  if (fill === null) return NONE;
  const show = unit === "bytes" ? formatBytes : (count: number) => count.toLocaleString("en");
  const unread = unreadBytes === null || unreadBytes === 0 ? "" : ` + ${formatBytes(unreadBytes)}`;
  if (capacity === null || capacity === 0) return show(fill) + unread;
  return `${show(fill)} of ${show(capacity)}${unread}`;
}

function rateText({ perSecond }: ChannelFigures): string {
  if (perSecond === null) return NONE;
  return amountText(perSecond);
}

function amountText({ messages, bytes }: { readonly messages: number; readonly bytes: number }) {
  const count = messages < 10 && messages % 1 !== 0 ? messages.toFixed(1) : Math.round(messages);
  return `${count.toLocaleString("en")}, ${formatBytes(bytes)}`;
}

function stalledText({ standsForMs, standsLonger }: ChannelFigures): string {
  if (standsForMs === 0) return NONE;
  return `${standsLonger ? ">" : ""}${formatMs(standsForMs)}`;
}

/** As in `sampler for parser (suspended)`. */
function waitsText(waits: ChannelWaits | null): string {
  if (waits === null) return NONE;
  const whom = waits.for.map(({ process, condition }) =>
    condition === "running" ? process : `${process} (${CONDITION_TEXT[condition]})`
  );
  return `${waits.who.join(", ")} for ${whom.join(", ")}`;
}

const CONDITION_TEXT = {
  suspended: "suspended",
  restarting: "not up yet",
  down: "down",
  rated: "sends too fast",
} as const;

/** Red: nothing moves. Yellow: somebody waits for room. */
function tint(line: string, { standsForMs, waits, stall }: ChannelFigures): string {
  const stalled = stall !== null && stall.forMs !== null;
  const waiting = waits?.side === "producer";
  const code = stalled || (waiting && standsForMs > 0) ? RED : waiting ? YELLOW : null;
  return code === null ? line : `\x1b[${code}m${line}\x1b[0m`;
}
