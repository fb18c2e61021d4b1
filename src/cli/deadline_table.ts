/** The table of `cox deadlines`. Pure. Must not know: where the figures come from. */
import { formatFineMs } from "../audit/format_ms.ts";
import type { DeadlineSnapshot, DeadlineSnapshots } from "../control/deadline_report.ts";

const BETWEEN = "  ";
const NONE = "-";
/** SGR codes. */
const RED = 31;
const YELLOW = 33;

/** Signs, passes or steps a second, by contract; null: nobody counts them. */
export type Rates = ReadonlyMap<string, number | null>;

interface Row {
  readonly name: string;
  readonly deadline: DeadlineSnapshot;
  readonly rate: number | null;
}

interface Column {
  readonly head: string;
  readonly align: "left" | "right";
  readonly text: (row: Row) => string;
}

const COLUMNS: readonly Column[] = [
  { head: "CONTRACT", align: "left", text: ({ name }) => name },
  { head: "", align: "left", text: ({ deadline }) => stateText(deadline) },
  { head: "LIMIT", align: "right", text: ({ deadline }) => formatLimit(deadline.limitMs) },
  {
    head: "PER SECOND",
    align: "right",
    text: ({ rate }) => rate === null ? NONE : rate.toFixed(rate < 10 ? 1 : 0),
  },
  {
    head: "AGE",
    align: "right",
    text: ({ deadline: { ageMs } }) => ageMs === null ? NONE : formatFineMs(ageMs),
  },
  { head: "P50", align: "right", text: ({ deadline }) => timeText(deadline, "p50Ms") },
  { head: "P99", align: "right", text: ({ deadline }) => timeText(deadline, "p99Ms") },
  { head: "MAX", align: "right", text: ({ deadline }) => timeText(deadline, "maxMs") },
  {
    head: "WORST LATE",
    align: "right",
    text: ({ deadline: { worstLateMs, missed } }) =>
      missed === 0 ? NONE : formatFineMs(worstLateMs),
  },
  { head: "MISSES", align: "right", text: ({ deadline }) => missesText(deadline) },
  { head: "KEPT", align: "right", text: ({ deadline }) => deadline.kept.toLocaleString("en") },
];

/** How it is shown. */
export interface DeadlineTableOptions {
  readonly rates: Rates;
  readonly color: boolean;
  /** Of the terminal; null: as wide as it takes. */
  readonly columns: number | null;
}

/** Lines of the table, the head first, none with spaces at its end. */
export function deadlineLines(
  deadlines: DeadlineSnapshots,
  { rates, color, columns }: DeadlineTableOptions,
): string[] {
  const rows = Object.entries(deadlines).map(([name, deadline]): Row => ({
    name,
    deadline,
    rate: rates.get(name) ?? null,
  }));
  if (rows.length === 0) return ["no time contracts"];
  const cells = COLUMNS.map(({ head, align, text }) => {
    const texts = [head, ...rows.map(text)];
    const width = Math.max(...texts.map((cell) => cell.length));
    return texts.map((cell) => align === "left" ? cell.padEnd(width) : cell.padStart(width));
  });
  return [-1, ...rows.keys()].map((row) => {
    const line = cells.map((column) => column[row + 1]!).join(BETWEEN).trimEnd();
    const cut = columns === null || line.length <= columns
      ? line
      : `${line.slice(0, columns - 1)}…`;
    return color && row >= 0 ? tint(cut, rows[row]!.deadline) : cut;
  });
}

/** Rates between two looks. */
export function ratesOf(before: DeadlineSnapshots, now: DeadlineSnapshots, tookMs: number): Rates {
  return new Map(
    Object.entries(now).map(([name, { count }]) => {
      const earlier = before[name]?.count ?? null;
      if (count === null || earlier === null || tookMs <= 0) return [name, null];
      // A new instance counts from the beginning.
      return [name, Math.max(0, count - (count < earlier ? 0 : earlier)) * 1000 / tookMs];
    }),
  );
}

function stateText({ holds, missed }: DeadlineSnapshot): string {
  if (!holds) return "broken";
  return missed === 0 ? "holds" : "holds again";
}

function missesText({ missed, missedInWindow, window }: DeadlineSnapshot): string {
  const inWindow = window > 1 && missedInWindow > 0 ? ` (${missedInWindow} of ${window})` : "";
  return missed.toLocaleString("en") + inWindow;
}

/** Of a cycle how long passes took, else what there is. */
function timeText(
  { times }: DeadlineSnapshot,
  of: "p50Ms" | "p99Ms" | "maxMs",
): string {
  const found = times.pass ?? times.gap ?? times.step ?? times.span ?? times.age;
  return found === undefined || found.count === 0 ? NONE : formatFineMs(found[of]);
}

function formatLimit(ms: number): string {
  return ms === 0 ? NONE : formatFineMs(ms);
}

function tint(line: string, { holds, missed }: DeadlineSnapshot): string {
  if (holds && missed === 0) return line;
  return `\x1b[${holds ? YELLOW : RED}m${line}\x1b[0m`;
}
