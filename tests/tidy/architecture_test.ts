/** Holds ARCHITECTURE.md to the code: the map, the arrows, and the tests that pin facts. */
import { assert, assertEquals } from "@std/assert";
import { ARROWS } from "./rules.ts";

const ROOT = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, ROOT));
const text = read("ARCHITECTURE.md");

/** From a heading to the next. */
function section(heading: string): string {
  const found = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  assert(found !== undefined, `no section "${heading}"`);
  return found;
}

Deno.test("ARCHITECTURE.md maps every folder of src, and no other", () => {
  const folders = [...Deno.readDirSync(new URL("src/", ROOT))].filter((entry) => entry.isDirectory)
    .map(({ name }) => `src/${name}`).concat("src/plan/probe");
  const mapped = [...section("Map").matchAll(/^\| `(src\/[^`]+)` \|/gm)].map(([, path]) => path!);
  assertEquals(mapped.sort(), folders.sort());
});

Deno.test("ARCHITECTURE.md draws the arrows that the rules enforce", () => {
  const drawn = [...section("Arrows").matchAll(/^(\w+) *─► (.*)$/gm)].map(([, part, targets]) =>
    [part!, targets === "nothing" ? [] : targets!.split(" ")] as const
  );
  assertEquals(Object.fromEntries(drawn), ARROWS);
});

Deno.test("ARCHITECTURE.md pins every platform fact to a test that is there", () => {
  const rows = section("Platform facts").split("\n").filter((line) => line.startsWith("| "))
    .slice(2);
  assert(rows.length > 20);
  for (const row of rows) {
    const [, path = "", name = ""] = /\| `(tests\/[^`]+)` "(.+)" \|$/.exec(row) ?? [];
    assert(path !== "", `no test: ${row}`);
    assert(read(path).includes(`"${name}"`), `${path} has no test "${name}"`);
  }
});

Deno.test("ARCHITECTURE.md names files that exist", () => {
  const paths = new Set(
    [...text.matchAll(/`((?:src|tests|bench)\/[\w/.]+)`/g)].map(([, path]) => path!),
  );
  assert(paths.size > 10);
  for (const path of paths) Deno.statSync(new URL(path, ROOT));
});
