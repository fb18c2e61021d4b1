/** Holds the README to the code: its programs compile, its table comes from a run. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { formatMarkdown, formatText, replaceSection } from "../../bench/readme_table.ts";
import { makeRow } from "../../bench/row.ts";
import { readResults } from "../../bench/support/results.ts";

const ROOT = new URL("../../", import.meta.url);
const README = Deno.readTextFileSync(new URL("README.md", ROOT));

Deno.test("README.md: its TypeScript compiles against this version", async () => {
  const blocks = [...README.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);
  assert(blocks.length >= 2);
  const folder = await Deno.makeTempDir();
  try {
    const paths = blocks.map((block, index) => {
      const path = `${folder}/readme_${index}.ts`;
      Deno.writeTextFileSync(path, block);
      return path;
    });
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--config", new URL("deno.json", ROOT).pathname, ...paths],
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("README.md: every file that it links to exists, every task that it names too", () => {
  const links = [...README.matchAll(/\]\(([^)#:]+)\)/g)].map((match) => match[1]!);
  assert(links.length >= 3);
  for (const link of links) Deno.statSync(new URL(link, ROOT));
  const { tasks } = JSON.parse(Deno.readTextFileSync(new URL("deno.json", ROOT)));
  const named = [...README.matchAll(/(?:deno(?:@[\d.]+)?) task (\w+)/g)].map((match) => match[1]!);
  assert(named.length >= 4);
  for (const name of named) assert(name in tasks, name);
});

Deno.test("README.md: the benchmark table is what bench/results.json says", () => {
  const results = readResults();
  const expected = results === null
    ? replaceSection(README, "Not measured yet.")
    : replaceSection(README, formatMarkdown(results));
  assertEquals(README, expected);
});

const row = {
  claim: "speed",
  measured: 3,
  unit: "ms",
  baseline: { name: "raw", value: 2 },
  target: { of: "ratio", rule: "at most", value: 1.5 },
  spread: { p95: 1234.5 },
  runs: 7,
} as const;
const machine = { cpu: "c", cores: 2, memoryBytes: 2 ** 30, kernel: "6", deno: "2.9.6" };

Deno.test("makeRow() passes a row at its target and fails one just beyond it, either way", () => {
  assertEquals(makeRow(row).ok, true);
  assertEquals(makeRow({ ...row, measured: 3.01 }).ok, false);
  const least = { of: "measured", rule: "at least", value: 3 } as const;
  assertEquals(makeRow({ ...row, target: least }).ok, true);
  assertEquals(makeRow({ ...row, measured: 2.99, target: least }).ok, false);
});

Deno.test("makeRow() refuses a figure that was not measured", () => {
  assertThrows(() => makeRow({ ...row, measured: NaN }), RangeError);
  assertThrows(() => makeRow({ ...row, runs: 0 }), RangeError);
  assertThrows(() => makeRow({ ...row, baseline: { name: "raw", value: 0 } }), RangeError);
  assertThrows(() => makeRow({ ...row, baseline: null }), RangeError, "needs a baseline");
});

Deno.test("formatMarkdown() and formatText() show value, baseline, ratio, verdict and spread", () => {
  const missed = makeRow({ ...row, claim: "a|b", measured: 4 });
  const results = { machine, at: "2026-01-02T03:04:05Z", benches: { one: [makeRow(row), missed] } };
  const text = formatMarkdown(results);
  assertStringIncludes(
    text,
    "| speed | 3 ms | raw: 2 ms | 1.50x | at most 1.5x ✓ | p95 1,235 | 7 |",
  );
  assertStringIncludes(text, "| a\\|b | 4 ms | raw: 2 ms | 2.00x | at most 1.5x **missed** |");
  assertStringIncludes(text, "c, 2 cores, 1 GiB, Linux 6, Deno 2.9.6, 2026-01-02");
  assertStringIncludes(formatText(results), "ok   speed\n     3 ms against raw: 2 ms: 1.50x");
  assertStringIncludes(formatText(results), "MISS a|b\n");
});

Deno.test("replaceSection() wants both markers, once each and in order", () => {
  const [begin, end] = ["<!-- bench:begin -->", "<!-- bench:end -->"];
  assertEquals(replaceSection(`a${begin}old${end}b`, "new"), `a${begin}\nnew\n${end}b`);
  for (const text of ["", begin, end, `${end}${begin}`, `${begin}${begin}${end}`]) {
    assertThrows(() => replaceSection(text, "new"), Error, "README.md must hold");
  }
});
