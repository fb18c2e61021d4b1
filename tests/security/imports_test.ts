/**
 * What a sandboxed program reads by importing it: the runtime asks for no permission where the path
 * stands in the text, in whole or in its beginning. What `cox check` sees of that it refuses
 * (tests/unit/plan/module_places_test.ts); what nobody can see beforehand must not be there.
 */
import { assert, assertStringIncludes } from "@std/assert";
import { startCrew } from "../support/crew.ts";

Deno.test("a program reads no neighbour's environment by an import whose path it makes up when it runs", async () => {
  const secret = "a-secret-of-a-neighbour";
  await using crew = await startCrew(
    `
import { command, defineConfig, deno } from "coxswain";
export default defineConfig({
  name: "readers",
  processes: {
    secretive: { run: command(["sleep", "1000"]), env: { TOKEN: ${JSON.stringify(secret)} } },
    reader: { run: deno("./reader.ts"), after: { secretive: "started" } },
  },
});`,
    {
      files: {
        // The folder is read when the program begins: this path is in no module graph before.
        "reader.ts": `
const name = "plan";
try {
  const { default: plan } = await import(\`./run/\${name}.json\`, { with: { type: "json" } });
  console.log("read", JSON.stringify(plan));
} catch (error) {
  console.log("refused", error.message.split("\\n")[0]);
}
setInterval(() => {}, 1000);`,
      },
    },
  );
  await crew.until("it has tried", () => /reader +\| (?:read|refused)/.test(crew.output()));
  assert(!crew.output().includes(secret), crew.output());
  assertStringIncludes(crew.output(), "refused");
});
