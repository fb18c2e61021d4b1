/**
 * `deno task bench`: runs every bench beside this file, prints a table, keeps the results in
 * bench/results.json and writes the README's table from them. `--check` fails on a missed
 * target, `--only NAME` (repeatable) runs some and leaves the other results as they are.
 */
import { parseArgs } from "@std/cli/parse-args";
import { readResults, type Results, writeResults } from "./support/results.ts";
import { describeMachine } from "./support/machine.ts";
import { formatText, updateReadme } from "./readme_table.ts";
import type { Bench, Row } from "./row.ts";

const NOT_BENCHES = new Set(["main.ts", "row.ts", "readme_table.ts"]);

const args = parseArgs(Deno.args, {
  boolean: ["check"],
  string: ["only"],
  collect: ["only"],
  unknown: (arg) => {
    console.error(`Unknown argument ${arg}. Usage: deno task bench [--check] [--only NAME]…`);
    Deno.exit(100);
  },
});
const wanted = (args["only"] ?? []) as string[];

const benches = await loadBenches();
for (const name of wanted) {
  if (benches.some((bench) => bench.name === name)) continue;
  console.error(`No bench "${name}". There are: ${benches.map((bench) => bench.name).join(", ")}`);
  Deno.exit(100);
}

const measured: Record<string, Row[]> = {};
let failures = 0;
for (const bench of benches) {
  if (wanted.length > 0 && !wanted.includes(bench.name)) continue;
  console.error(`${bench.name} …`);
  try {
    measured[bench.name] = await bench.run();
    for (const row of measured[bench.name]!) if (!row.ok) failures++;
  } catch (error) {
    failures++;
    console.error(`${bench.name} failed:`, error);
  }
}

const results: Results = {
  machine: describeMachine(),
  at: new Date().toISOString(),
  // A partial run replaces what it measured and nothing else.
  benches: wanted.length > 0 ? { ...readResults()?.benches, ...measured } : measured,
};
writeResults(results);
updateReadme(results);
console.log(formatText({ ...results, benches: measured }));
if (failures > 0) console.error(`${failures} missed or failed`);
if (args["check"] === true && failures > 0) Deno.exit(1);

async function loadBenches(): Promise<Bench[]> {
  const found: Bench[] = [];
  for (const { name, isFile } of Deno.readDirSync(new URL("./", import.meta.url))) {
    if (!isFile || !name.endsWith(".ts") || NOT_BENCHES.has(name)) continue;
    const bench: Partial<Bench> = await import(new URL(name, import.meta.url).href);
    if (typeof bench.name !== "string" || typeof bench.run !== "function") {
      throw new TypeError(`bench/${name} must export name and run()`);
    }
    found.push(bench as Bench);
  }
  return found.sort((a, b) => a.name.localeCompare(b.name));
}
