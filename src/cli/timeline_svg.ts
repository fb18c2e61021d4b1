/**
 * The last seconds of a crew as a picture: a row for each process with its cycles' passes, its
 * steps, its misses and restarts. Pure. Must not know: where the stamps come from.
 */
import type {
  CycleStamps,
  PassStamps,
  ProcessStamps,
  StampMark,
  StampsReport,
} from "../control/deadline_report.ts";

const WIDTH = 1200;
const LEFT = 190;
const RIGHT = 20;
const TOP = 62;
const LANE = 16;
const GAP = 12;
const MARKS_LANE = 16;
const TICKS = 10;

const INK = "#1d2733";
const FAINT = "#e3e8ee";
const SOFT = "#6b7a8c";
const KEPT = "#3f8f6b";
const OVER = "#d64545";
const OPEN = "#e0a030";
const LIVE = "#f3f6f9";
const MARK_COLORS: Readonly<Record<StampMark["kind"], string>> = {
  spawn: "#2f6fb3",
  ready: "#2f6fb3",
  exit: "#444f5c",
  warn: "#e0a030",
  miss: "#d64545",
  excused: "#8a63b8",
  recovered: "#3f8f6b",
};

/** Draws it. @param title of the crew. */
export function timelineSvg(report: StampsReport, title: string): string {
  const { fromMs, toMs, processes } = report;
  const spanMs = Math.max(1, toMs - fromMs);
  const x = (ms: number) =>
    round(LEFT + (Math.min(toMs, Math.max(fromMs, ms)) - fromMs) / spanMs * (WIDTH - LEFT - RIGHT));
  let y = TOP;
  const rows = processes.map((process) => {
    const height = rowHeight(process);
    const row = drawRow(process, { y, height, x, toMs });
    y += height + GAP;
    return row;
  });
  const height = y + 34;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" ` +
    `height="${height}" font-family="system-ui, sans-serif" font-size="12" fill="${INK}">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="16" y="26" font-size="16" font-weight="600">${text(title)}</text>`,
    `<text x="${WIDTH - RIGHT}" y="26" text-anchor="end" fill="${SOFT}">the last ` +
    `${round(spanMs / 1000)} s, until ${round(toMs / 1000)} s after the start</text>`,
    grid(x, fromMs, spanMs, y),
    ...rows,
    legend(height - 14),
    "</svg>\n",
  ].join("\n");
}

interface Row {
  readonly y: number;
  readonly height: number;
  readonly x: (ms: number) => number;
  readonly toMs: number;
}

function rowHeight({ cycles, steps }: ProcessStamps): number {
  return MARKS_LANE + (cycles.length + steps.length) * LANE + 4;
}

function drawRow(process: ProcessStamps, row: Row): string {
  const { y, height, x } = row;
  const parts = [
    `<rect x="${LEFT}" y="${y}" width="${
      WIDTH - LEFT - RIGHT
    }" height="${height}" fill="${LIVE}"/>`,
    `<text x="16" y="${y + 13}" font-weight="600">${text(process.process)}</text>`,
  ];
  let laneY = y + MARKS_LANE;
  for (const cycle of process.cycles) {
    parts.push(label(`${cycle.cycle} (${round(cycle.periodMs)} ms)`, laneY));
    parts.push(...cycle.passes.map((pass) => drawPass(pass, cycle, laneY, row)));
    laneY += LANE;
  }
  for (const { steps, passed } of process.steps) {
    parts.push(label(steps, laneY));
    for (const [atMs, name] of passed) {
      parts.push(
        `<path d="M${x(atMs)} ${laneY + 2}v${LANE - 4}" stroke="${KEPT}" stroke-width="1.5">` +
          `<title>${text(name)}</title></path>`,
      );
    }
    laneY += LANE;
  }
  parts.push(...process.marks.map((mark) => drawMark(mark, row)));
  return parts.join("\n");
}

function drawPass(
  [startMs, endMs, dueMs, isCut = false]: PassStamps,
  { budgetMs }: CycleStamps,
  y: number,
  { x, toMs }: Row,
): string {
  const tookMs = (endMs ?? toMs) - startMs;
  const color = tookMs > budgetMs ? OVER : endMs === null || isCut ? OPEN : KEPT;
  const width = Math.max(0.8, round(x(endMs ?? toMs) - x(startMs)));
  const late = dueMs === null ? "" : `, begun ${round(startMs - dueMs)} ms after its due time`;
  const cut = isCut ? "; the process ended within it" : "";
  return `<rect x="${x(startMs)}" y="${y + 2}" width="${width}" height="${LANE - 4}" ` +
    `fill="${color}"><title>${round(tookMs)} ms of ${round(budgetMs)}${late}${cut}</title></rect>`;
}

function drawMark({ atMs, kind, text: said }: StampMark, { x, y, height }: Row): string {
  const color = MARK_COLORS[kind];
  const at = x(atMs);
  const title = `<title>${text(said)}</title>`;
  switch (kind) {
    case "spawn":
    case "ready":
      return `<path d="M${at} ${y + 3}l8 5l-8 5z" fill="${color}">${title}</path>`;
    case "exit":
      return `<path d="M${at - 4} ${y + 4}l8 8m0-8l-8 8" stroke="${color}" stroke-width="2">` +
        `${title}</path>`;
    case "miss":
      return `<path d="M${at} ${y}v${height}" stroke="${color}" stroke-width="1.2" ` +
        `stroke-opacity="0.55"/><circle cx="${at}" cy="${
          y + 8
        }" r="4.5" fill="${color}">${title}</circle>`;
    default:
      return `<circle cx="${at}" cy="${y + 8}" r="3.5" fill="${color}">${title}</circle>`;
  }
}

function grid(x: (ms: number) => number, fromMs: number, spanMs: number, bottom: number): string {
  return Array.from({ length: TICKS + 1 }, (_, tick) => {
    const ms = fromMs + spanMs * tick / TICKS;
    const ago = round((spanMs * (TICKS - tick) / TICKS) / 1000);
    return `<path d="M${x(ms)} ${TOP - 8}V${bottom}" stroke="${FAINT}"/>` +
      `<text x="${x(ms)}" y="${TOP - 14}" text-anchor="middle" fill="${SOFT}" font-size="11">` +
      `${ago === 0 ? "now" : `-${ago} s`}</text>`;
  }).join("\n");
}

function label(name: string, y: number): string {
  return `<text x="28" y="${y + 12}" fill="${SOFT}" font-size="11">${text(name)}</text>`;
}

function legend(y: number): string {
  const entries: readonly (readonly [string, string])[] = [
    ["pass", KEPT],
    ["over its budget", OVER],
    ["under way, cut", OPEN],
    ["started, ready", MARK_COLORS.spawn],
    ["ended", MARK_COLORS.exit],
    ["missed", MARK_COLORS.miss],
    ["warned", MARK_COLORS.warn],
    ["excused", MARK_COLORS.excused],
    ["recovered", MARK_COLORS.recovered],
  ];
  return entries.map(([name, color], at) => {
    const x = LEFT + at * 108;
    return `<rect x="${x}" y="${y - 9}" width="10" height="10" rx="2" fill="${color}"/>` +
      `<text x="${x + 15}" y="${y}" fill="${SOFT}" font-size="11">${name}</text>`;
  }).join("\n");
}

/** Hundredths. */
function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function text(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    // deno-lint-ignore no-control-regex
    .replaceAll(/[\x00-\x08\x0b-\x1f]/g, "?");
}
