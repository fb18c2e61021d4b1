/** What loads what: zod only where a configuration is checked, and nothing in the sandbox. */
import { assert, assertEquals } from "@std/assert";

interface Graph {
  readonly modules: {
    readonly specifier: string;
    readonly dependencies?: {
      readonly isDynamic?: boolean;
      readonly code?: { specifier?: string };
    }[];
  }[];
  readonly redirects?: Record<string, string>;
}

const SOURCE = new URL("../../../src/config/", import.meta.url);

/** Everything that a module loads at its start: dynamic imports and types are not. */
async function loadedBy(name: string): Promise<string[]> {
  const root = new URL(name, SOURCE).href;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", root],
    stderr: "inherit",
  }).output();
  const graph = JSON.parse(new TextDecoder().decode(stdout)) as Graph;
  const seen = new Set([root]);
  for (const specifier of seen) {
    const module = graph.modules.find((each) => each.specifier === specifier);
    for (const { isDynamic, code } of module?.dependencies ?? []) {
      if (code?.specifier !== undefined && !isDynamic) {
        seen.add(graph.redirects?.[code.specifier] ?? code.specifier);
      }
    }
  }
  return [...seen].map((each) => each.replace(SOURCE.href, ""));
}

Deno.test("mod.ts loads the constructors and nothing else", async () => {
  const schema = new URL("../channel/mailbox/schema.ts", SOURCE).href;
  assertEquals(await loadedBy("mod.ts"), ["mod.ts", "define.ts", schema]);
});

Deno.test("evaluated.ts loads nothing", async () => {
  assertEquals(await loadedBy("evaluated.ts"), ["evaluated.ts"]);
});

Deno.test("load.ts leaves zod until a configuration is checked", async () => {
  const loaded = await loadedBy("load.ts");
  assert(loaded.includes("sandbox.ts"));
  assertEquals(loaded.filter((each) => each.includes("zod") || each.includes("schema")), []);
  assert((await loadedBy("validate.ts")).some((each) => each.includes("zod")));
});
