/** The detector's words for people: the live line and the alerts. Pure text. */
import type { Alert, Judged, MetricName } from "./sample.ts";

const BARS = "▁▂▃▄▅▆▇█";
const GIB = 2 ** 30;

/**
 * One line of vitals.
 *
 * @param last The newest sample.
 * @param cpuHistory CPU shares, oldest first; one bar each.
 * @param ageMs From the sample's stamp to its receipt; null: not known.
 */
export function formatVitals(
  last: Judged,
  cpuHistory: readonly number[],
  ageMs: number | null = null,
): string {
  const used = last.memoryTotalBytes - last.memoryAvailableBytes;
  return `cpu ${percent(last.cpu)} ${cpuHistory.map(bar).join("")}` +
    `  mem ${(used / GIB).toFixed(1)}/${(last.memoryTotalBytes / GIB).toFixed(1)} GiB` +
    `  load ${last.load.toFixed(2)}` +
    (ageMs === null ? "" : `  age ${ageMs.toFixed(2)} ms`) +
    (last.unusual.length > 0 ? `  unusual: ${last.unusual.join(", ")}` : "");
}

/** One line for an alert. */
export function formatAlert(alert: Alert): string {
  const value = withUnit(alert.metric, alert.value);
  const usual = withUnit(alert.metric, alert.usual);
  return alert.kind === "raised"
    ? `ALERT ${alert.metric} ${value}, usually ${usual} (${alert.score} sigma)`
    // Also when the value stayed and the baseline has come to it.
    : `clear ${alert.metric} ${value}, usually ${usual} by now (${alert.score} sigma)`;
}

function withUnit(metric: MetricName, value: number): string {
  if (metric === "cpu" || metric === "memory") return percent(value).trim();
  return metric === "late" ? `${value.toFixed(1)} ms` : value.toFixed(2);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1).padStart(5)}%`;
}

function bar(share: number): string {
  return BARS[Math.min(BARS.length - 1, Math.floor(share * BARS.length))]!;
}
