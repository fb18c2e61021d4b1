/** Holds the table of guarantees in docs/links.md to the tests that prove it. */
import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, ROOT));
const section = read("docs/links.md").split(/^## /m)
  .find((part) => part.startsWith("What is guaranteed when somebody is killed\n"));

/** Letters in the table, and what they stand for. */
function proofs(): Map<string, { readonly path: string; readonly name: string }> {
  const lines = section!.matchAll(/^- ([A-Z]+): `(tests\/[^`]+)` "(.+)"$/gm);
  return new Map([...lines].map(([, letter, path, name]) => [letter!, {
    path: path!,
    name: name!,
  }]));
}

Deno.test("docs/links.md: every row of the guarantees names a test, and every test has a row", () => {
  const rows = section!.split("\n").filter((line) => line.startsWith("| ")).slice(2);
  assert(rows.length >= 18);
  const named = rows.flatMap((row) => row.split("|").at(-2)!.trim().split(", "));
  assertEquals([...new Set(named)].sort(), [...proofs().keys()].sort());
});

Deno.test("docs/links.md: the tests behind the guarantees exist, and kill as often as it says", () => {
  const counts = /export const KILLS = Number\(Deno\.env\.get\("COX_KILLS"\) \?\? "300"\)/;
  assert(counts.test(read("tests/process/guarantees/kill.ts")));
  for (const { path, name } of proofs().values()) {
    const written = [name, name.replace("300", "${KILLS}"), name.replace("lines", "${framing}")];
    assert(written.some((text) => read(path).includes(text)), `${path} has no test "${name}"`);
  }
});
