/**
 * The benchmark table, as Markdown between two markers of the README and as text for the
 * terminal. Made from results alone: nobody types a figure.
 */
import type { Row, Target } from "./row.ts";
import type { Results } from "./support/results.ts";

const README = new URL("../README.md", import.meta.url);
const BEGIN = "<!-- bench:begin -->";
const END = "<!-- bench:end -->";

/**
 * Replaces what is between the markers.
 *
 * @throws {Error} when the markers are not there, once each and in order.
 */
export function replaceSection(text: string, section: string): string {
  const [before, rest, ...more] = text.split(BEGIN);
  const [, after, ...evenMore] = (rest ?? "").split(END);
  if (before === undefined || after === undefined || more.length + evenMore.length > 0) {
    throw new Error(`README.md must hold ${BEGIN} and ${END} once, in that order`);
  }
  return `${before}${BEGIN}\n${section.trim()}\n${END}${after}`;
}

/** Writes the table into README.md. */
export function updateReadme(results: Results): void {
  const text = Deno.readTextFileSync(README);
  Deno.writeTextFileSync(README, replaceSection(text, formatMarkdown(results)));
}

/** The README's section. */
export function formatMarkdown(results: Results): string {
  const { machine } = results;
  const rows = Object.values(results.benches).flat();
  const lines = [
    `Measured on ${machine.cpu}, ${machine.cores} cores, ` +
    `${Math.round(machine.memoryBytes / 2 ** 30)} GiB, Linux ${machine.kernel}, ` +
    `Deno ${machine.deno}, ${results.at.slice(0, 10)}; each baseline in the same run.`,
    "",
    "| Claim | Measured | Baseline | Ratio | Target | Spread | Runs |",
    "|---|---|---|---|---|---|---|",
    ...rows.map((row) => `| ${cellsOf(row).map(escapeCell).join(" | ")} |`),
  ];
  return lines.join("\n") + "\n";
}

/** The same for a terminal, one row a paragraph. */
export function formatText(results: Results): string {
  return Object.values(results.benches).flat().map((row) => {
    const [claim, measured, baseline, ratio, target, spread, runs] = cellsOf(row);
    return `${row.ok ? "ok  " : "MISS"} ${claim}\n     ${measured}` +
      (row.baseline === null ? "" : ` against ${baseline}: ${ratio}`) +
      `; target ${target}; ${spread}; ${runs} runs`;
  }).join("\n");
}

function cellsOf(row: Row): string[] {
  return [
    row.claim,
    `${formatNumber(row.measured)} ${row.unit}`,
    row.baseline === null
      ? "–"
      : `${row.baseline.name}: ${formatNumber(row.baseline.value)} ${row.unit}`,
    row.ratio === null ? "–" : `${row.ratio.toFixed(2)}x`,
    row.target === null
      ? "–"
      : formatTarget(row.target, row.unit) + (row.ok ? " ✓" : " **missed**"),
    Object.entries(row.spread).map(([key, value]) => `${key} ${formatNumber(value)}`).join(", "),
    String(row.runs),
  ];
}

function formatTarget(target: Target, unit: string): string {
  return `${target.rule} ${formatNumber(target.value)}${target.of === "ratio" ? "x" : ` ${unit}`}`;
}

/** Three significant digits, thousands in groups. */
function formatNumber(value: number): string {
  if (value === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString("en-US", {
    minimumFractionDigits: 0,
    maximumFractionDigits: Math.min(digits, 6),
  });
}

function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|");
}
