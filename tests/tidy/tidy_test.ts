/** Holds the repository to its own rules, and the rules to finding what breaks them. */
import { assert, assertEquals } from "@std/assert";
import { FILE_LINES_MAX, findBreaches, FUNCTION_LINES_MAX } from "./rules.ts";
import { readFacts } from "./source_facts.ts";

const ROOT = new URL("../../", import.meta.url);

/** Every file below `folder`, relative to the root. */
function listFiles(folder: string, extension: string): string[] {
  const found: string[] = [];
  for (const entry of Deno.readDirSync(new URL(folder, ROOT))) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory) found.push(...listFiles(`${path}/`, extension));
    else if (entry.name.endsWith(extension)) found.push(path);
  }
  return found.sort();
}

const readRootFile = (path: string) => Deno.readTextFileSync(new URL(path, ROOT));

async function denoJson<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)) as T;
}

Deno.test("src keeps the arrows, the pure parts pure, and files and functions short", () => {
  const files = listFiles("src/", ".ts");
  assert(files.length > 30);
  const breaches = files.flatMap((path) => findBreaches(readFacts(path, readRootFile(path))));
  assertEquals(breaches.join("\n"), "");
});

Deno.test("files outside of src have snake_case names, examples and benches a header comment", () => {
  const files = ["tests/", "bench/", "examples/"].flatMap((folder) => listFiles(folder, ".ts"));
  const breaches = files.flatMap((path) => {
    const problems: string[] = [];
    const told = path.startsWith("tests/") || /^\s*(\/\*|\/\/)/.test(readRootFile(path));
    if (!told) problems.push(`${path}: no header`);
    const base = path.slice(path.lastIndexOf("/") + 1);
    // `supervisor.config.ts` is a name that users know.
    if (!/^([a-z0-9]+(_[a-z0-9]+)*|supervisor\.config)\.ts$/.test(base)) {
      problems.push(`${path}: not snake_case`);
    }
    return problems;
  });
  assertEquals(breaches, []);
});

interface ModuleGraph {
  readonly roots: readonly string[];
  readonly redirects?: Readonly<Record<string, string>>;
  readonly modules: readonly GraphModule[];
}
interface GraphModule {
  readonly specifier: string;
  readonly error?: string;
  readonly dependencies?: readonly { readonly code?: { readonly specifier?: string } }[];
}

/** What runs when `entry` does: types alone do not count. */
async function loadedModules(entry: string): Promise<GraphModule[]> {
  const graph = await denoJson<ModuleGraph>("info", "--json", entry);
  const modules = new Map(graph.modules.map((module) => [module.specifier, module]));
  const reached = new Map<string, GraphModule>();
  const queue = [...graph.roots];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (reached.has(next)) continue;
    const module = modules.get(graph.redirects?.[next] ?? next) ?? { specifier: next };
    reached.set(next, module);
    for (const { code } of module.dependencies ?? []) {
      if (code?.specifier !== undefined) queue.push(code.specifier);
    }
  }
  return [...reached.values()];
}

for (
  const entry of [
    "src/driver/main.ts",
    "src/system/log.ts",
    "src/system/relay/main.ts",
    "src/system/samples/feed.ts",
    "src/system/samples/tell.ts",
    "src/child/mod.ts",
  ]
) {
  Deno.test(`the module graph of ${entry} has no npm package and no error`, async () => {
    const loaded = await loadedModules(entry);
    assert(loaded.length > 3);
    const foreign = loaded.filter(({ specifier, error }) =>
      error !== undefined || !/^(file|node):/.test(specifier)
    );
    assertEquals(foreign.map(({ specifier, error }) => `${specifier} ${error ?? ""}`), []);
  });
}

Deno.test("loadedModules() sees the npm packages of a part that has some", async () => {
  const loaded = await loadedModules("src/config/schema.ts");
  assert(loaded.some(({ specifier }) => specifier.startsWith("npm:")));
});

interface DocNode {
  readonly name: string;
  readonly declarations?: readonly DocDeclaration[];
}
interface DocDeclaration {
  readonly jsDoc?: { readonly doc?: string };
  readonly kind?: string;
}

for (const entry of ["src/config/mod.ts", "src/child/mod.ts"]) {
  Deno.test(`every export of ${entry} is documented`, async () => {
    const doc = await denoJson<{ nodes: Record<string, { symbols: readonly DocNode[] }> }>(
      "doc",
      "--json",
      entry,
    );
    const symbols = Object.values(doc.nodes).flatMap((node) => node.symbols);
    assert(symbols.length > 5);
    const bare = symbols.filter(({ declarations }) =>
      !declarations?.some(({ jsDoc }) => (jsDoc?.doc ?? "").length > 0)
    );
    assertEquals(bare.map(({ name }) => name), []);
  });
}

/** Facts and breaches of a text that is not in the repository. */
function breachesOf(path: string, text: string): string[] {
  return findBreaches(readFacts(path, `/** Header. */\n${text}`));
}

Deno.test("findBreaches() finds each impurity of a pure part, and no property of that name", () => {
  const impure = [
    "export const a = Deno.pid;",
    "export const a = Date.now();",
    "export type A = Date;",
    "export const a = performance.now();",
    "export const a = Math.random();",
    "setTimeout(() => {}, 1);",
    "export async function f() {}",
    "export const f = async () => {};",
    "export class A { async b() {} }",
    "export const a = globalThis;",
    "export const a = { Deno };",
    'import "node:fs";',
    'import { z } from "zod"; z();',
    'import type { A } from "../driver/clock.ts"; export type B = A;',
    'export * from "../os/pipe.ts";',
    'export type A = import("../driver/clock.ts").Clock;',
    'export const a = import("./plan.ts");',
  ];
  for (const text of impure) {
    const path = text.includes("plan.ts") ? "src/os/x.ts" : "src/core/x.ts";
    const probed = text.includes("plan.ts") ? text.replace("./plan.ts", "../plan/plan.ts") : text;
    assert(breachesOf(path, probed).length > 0, probed);
  }
  const pure = [
    "export const a = { Deno: 1, async: 2 }; export const b = a.Deno;",
    "export interface A { Date: string }",
    'import type { Plan } from "../plan/plan.ts"; export type B = Plan;',
    'import { c } from "./event.ts"; export const process = c; export const d = process.name;',
  ];
  for (const text of pure) assertEquals(breachesOf("src/core/x.ts", text), [], text);
  assertEquals(breachesOf("src/driver/x.ts", impure[0]!), []);
});

Deno.test("findBreaches() takes files and functions at their maximum and not one line more", () => {
  const fn = (lines: number) => `export function f() {\n${"  1;\n".repeat(lines - 2)}}\n`;
  assertEquals(breachesOf("src/cli/x.ts", fn(FUNCTION_LINES_MAX)), []);
  assertEquals(breachesOf("src/cli/x.ts", fn(FUNCTION_LINES_MAX + 1)).length, 1);
  const method = fn(FUNCTION_LINES_MAX + 1).replace("export function f", "m");
  assertEquals(breachesOf("src/cli/x.ts", `export class A {\n${method}}\n`).length, 1);
  const arrow = fn(FUNCTION_LINES_MAX + 1).replace("function f()", "const f = () =>");
  assertEquals(breachesOf("src/cli/x.ts", arrow).length, 1);
  assertEquals(breachesOf("src/cli/x.ts", "1;\n".repeat(FILE_LINES_MAX - 1)), []);
  assertEquals(breachesOf("src/cli/x.ts", "1;\n".repeat(FILE_LINES_MAX)).length, 1);
});

Deno.test("findBreaches() finds a dlopen outside of src/os, a bad name and a missing header", () => {
  const text = 'Deno.dlopen("libc.so.6", {});';
  assertEquals(breachesOf("src/os/x.ts", text), []);
  assertEquals(breachesOf("src/process/x.ts", text).length, 1);
  assertEquals(breachesOf("src/os/badName.ts", "").length, 1);
  assertEquals(findBreaches(readFacts("src/os/x.ts", "export {};\n")).length, 1);
});

Deno.test("findBreaches() keeps src/child to itself and refuses a part without an entry", () => {
  const text = 'import { a } from "../os/pipe.ts"; a();';
  assertEquals(breachesOf("src/child/x.ts", text).length, 1);
  assertEquals(breachesOf("src/child/x.ts", 'import "zod";').length, 1);
  assertEquals(breachesOf("src/novel/x.ts", 'import "./y.ts";').length, 1);
});
