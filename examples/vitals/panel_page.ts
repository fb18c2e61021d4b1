/** The panel's page: HTML around the newest sample. Pure text. */
import type { Judged } from "./sample.ts";

const GIB = 2 ** 30;

/** The sample that came last out of the mailbox. */
export interface Newest {
  readonly seq: number;
  /** From its stamp to its receipt. */
  readonly ageMs: number;
}

/**
 * The page as HTML; a browser loads it anew every 2 s, script or no script.
 *
 * @param last The newest that was judged; null before the first.
 * @param newest The newest at all; null before the first.
 */
export function formatPage(last: Judged | null, newest: Newest | null): string {
  const rows = [
    ...last === null ? [["state", "waiting for the first sample"]] : rowsOf(last),
    ...newest === null
      ? []
      : [["newest", `sample ${newest.seq}, ${newest.ageMs.toFixed(2)} ms old at receipt`]],
  ];
  const table = rows.map(([name, value]) => `<tr><th>${name}</th><td>${escape(value!)}</td></tr>`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="2">
<title>vitals</title>
<style>body{font:1.1rem system-ui;margin:2rem}th{text-align:left;padding-right:2rem}</style>
<h1>vitals</h1>
<table>
${table.join("\n")}
</table>
<p><a href="/vitals.json">vitals.json</a></p>
</html>
`;
}

function rowsOf(last: Judged): [name: string, value: string][] {
  const usedBytes = last.memoryTotalBytes - last.memoryAvailableBytes;
  const unusual = last.unusual.length === 0 ? "nothing" : last.unusual.join(", ");
  return [
    ["at", last.at],
    ["sample", String(last.seq)],
    ["cpu", `${(last.cpu * 100).toFixed(1)}%`],
    [
      "memory",
      `${(usedBytes / GIB).toFixed(1)} of ${(last.memoryTotalBytes / GIB).toFixed(1)} GiB`,
    ],
    ["load", last.load.toFixed(2)],
    ["unusual", unusual],
  ];
}

/** The text comes through a pipe: it may hold anything. */
function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
