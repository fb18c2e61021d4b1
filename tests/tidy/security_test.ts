/** Holds docs/security.md to the code: every claim has a test that is there. */
import { assert } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, ROOT));

Deno.test("docs/security.md pins every claim to a test that is there", () => {
  const rows = read("docs/security.md").split("\n")
    .filter((line) => line.startsWith("| ") && !/^\| (?:Claim|---) \|/.test(line));
  assert(rows.length > 20);
  for (const row of rows) {
    const [, path = "", name = ""] = /\| `(tests\/[^`]+)` "(.+)" \|$/.exec(row) ?? [];
    assert(path !== "", `no test: ${row}`);
    assert(read(path).includes(`"${name}"`), `${path} has no test "${name}"`);
  }
});
