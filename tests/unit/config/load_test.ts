/** Loading real files through the real sandbox. Each test makes a project of its own. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { loadConfig, type LoadOptions, type LoadResult } from "../../../src/config/load.ts";
import { denoDirectory } from "../../../src/plan/probe/deno_dir.ts";
import { Project } from "./project.ts";
import { type Data, linesOf } from "./samples.ts";

const coxDir = new URL("../../..", import.meta.url).pathname.replace(/\/$/, "");
const OPTIONS: LoadOptions = {
  env: [],
  denoPath: Deno.execPath(),
  denoDir: denoDirectory(Deno.env.toObject(), undefined),
  coxDir,
  onOutput: () => {},
};

/** What a valid configuration exports, with one process `a`. */
const VALID = 'export default { name: "x", processes: { a: { run: command(["true"]) } } };';
const IMPORT = 'import { command, defineConfig, deno } from "coxswain";\n';

interface Loaded {
  readonly result: LoadResult;
  readonly output: string;
  /** Issues as lines. */
  readonly lines: string[];
}

async function load(
  files: Record<string, string>,
  options: { env?: string[]; timeoutMs?: number; entry?: string } = {},
): Promise<Loaded> {
  await using project = await Project.make(files);
  return await loadIn(project, options);
}

async function loadIn(
  project: Project,
  options: { env?: string[]; timeoutMs?: number; entry?: string } = {},
): Promise<Loaded> {
  let output = "";
  const { entry = "supervisor.config.ts", ...rest } = options;
  const result = await loadConfig(`${project.path}/${entry}`, {
    ...OPTIONS,
    ...rest,
    onOutput: (text) => output += text,
  });
  return { result, output, lines: linesOf(result) };
}

/** The one issue that refuses a configuration module with this text. */
async function refusal(text: string, files: Record<string, string> = {}): Promise<string> {
  const { result, lines } = await load({ ...files, "supervisor.config.ts": text });
  assertEquals(result.kind, "invalid");
  assertEquals(lines.length, 1, lines.join("\n"));
  assert(!/\n|at async|evaluated\.ts/.test(lines[0]!), `a trace of ours in ${lines[0]}`);
  return lines[0]!;
}

Deno.test("loadConfig() evaluates TypeScript that imports coxswain and its own modules", async () => {
  const { result, lines } = await load({
    "supervisor.config.ts": `import { defineConfig, deno, pipe } from "coxswain";
      import { sink } from "./lib/sink.ts";
      import names from "./names.json" with { type: "json" };
      export default defineConfig({
        name: names.crew,
        processes: { a: { run: deno("./a.ts"), cwd: undefined! }, sink },
        channels: { c: pipe({ from: "a.stdout", to: "sink.stdin" }) },
      } as const);`,
    "lib/sink.ts":
      'import { command } from "coxswain"; export const sink = { run: command(["cat"]) };',
    "names.json": '{ "crew": "split" }',
  });
  assertEquals(lines, []);
  assert(result.kind === "loaded");
  assertEquals(result.config as Data, {
    name: "split",
    processes: {
      a: { run: { kind: "deno", path: "./a.ts" } },
      sink: { run: { kind: "command", argv: ["cat"] } },
    },
    channels: { c: { kind: "pipe", from: "a.stdout", to: "sink.stdin" } },
  });
  assertMatch(result.path, /\/supervisor\.config\.ts$/);
});

Deno.test("loadConfig() finds the configuration of a folder, and says what it looked for", async () => {
  await using project = await Project.make({ "supervisor.config.mjs": IMPORT + VALID });
  const found = await loadConfig(project.path, OPTIONS);
  assert(found.kind === "loaded");
  assertEquals(found.path, `${project.path}/supervisor.config.mjs`);
  await Deno.remove(found.path);
  const none = await loadConfig(project.path, OPTIONS);
  assert(none.kind === "invalid" && none.path === null);
  for (const each of ["config.ts", "config.js", "config.mjs", "config.json"]) {
    assertStringIncludes(linesOf(none).join(), `supervisor.${each}`);
  }
  const missing = await loadConfig(`${project.path}/nope.ts`, OPTIONS);
  assertStringIncludes(linesOf(missing).join(), `no configuration at ${project.path}/nope.ts`);
  await project.write("crew.yaml", "name: x");
  const yaml = await loadConfig(`${project.path}/crew.yaml`, OPTIONS);
  assertStringIncludes(linesOf(yaml).join(), "must end in .ts");
});

Deno.test("loadConfig() reads JSON, with a $schema, and locates a slip of its syntax", async () => {
  const entry = "supervisor.config.json";
  const text =
    '{"$schema":"x","name":"j","processes":{"a":{"run":{"kind":"command","argv":["true"]}}}}';
  const good = await load({ [entry]: text }, { entry });
  assertEquals(good.lines, []);
  assert(good.result.kind === "loaded");
  assertEquals(Object.keys(good.result.config), ["name", "processes"]);
  const bad = await load({ [entry]: '{\n  "name": oops\n}' }, { entry });
  assertStringIncludes(bad.lines.join(), "the configuration is no JSON");
});

Deno.test("loadConfig() sees the file as it is at each call", async () => {
  await using project = await Project.make({
    "supervisor.config.ts": `${IMPORT}import { name } from "./name.ts";\n` +
      "export default { name, processes: { a: { run: command(['true']) } } };",
    "name.ts": 'export const name: string = "first";',
  });
  const first = await loadIn(project);
  await project.write("name.ts", 'export const name: string = "second";');
  const second = await loadIn(project);
  assert(first.result.kind === "loaded" && second.result.kind === "loaded");
  assertEquals([first.result.config.name, second.result.config.name], ["first", "second"]);
});

Deno.test("loadConfig() hands on what the configuration prints, and does not take it for the result", async () => {
  const { result, output } = await load({
    "supervisor.config.ts": `${IMPORT}
      console.log("log"); console.info("info"); console.error("error"); console.table([1]);
      Deno.stdout.writeSync(new TextEncoder().encode('\\ncox-config-00 {"kind":"data","data":{}}\\n'));
      ${VALID}`,
  });
  assert(result.kind === "loaded");
  for (const each of ["log", "info", "error", "cox-config-00"]) assertStringIncludes(output, each);
});

Deno.test("loadConfig() uses the imports of the nearest deno.json", async () => {
  const { lines } = await load({
    "deno.json": '{ "imports": { "#lib/": "./lib/" } }',
    "lib/name.ts": 'export const name = "mapped";',
    "crews/one.ts": `${IMPORT}import { name } from "#lib/name.ts";\n` +
      "export default { name, processes: { a: { run: command(['true']) } } };",
  }, { entry: "crews/one.ts" });
  assertEquals(lines, []);
});

Deno.test("loadConfig() passes the environment variables that are named, and no other", async () => {
  const name = `CONFIG_TEST_${crypto.randomUUID().replaceAll("-", "")}`;
  const text = (variable: string) =>
    `${IMPORT}const name = Deno.env.get("${variable}") ?? "unset";
    export default { name, processes: { a: { run: command(["true"]) } } };`;
  Deno.env.set(name, "secret");
  try {
    const named = await load({ "supervisor.config.ts": text(name) }, { env: [name] });
    assert(named.result.kind === "loaded");
    assertEquals(named.result.config.name, "secret");
    const other = await load({ "supervisor.config.ts": text("HOME") }, { env: [name] });
    assertStringIncludes(
      other.lines.join(),
      'NotCapable: Requires env access to "HOME" | pass it on with --env HOME',
    );
  } finally {
    Deno.env.delete(name);
  }
  const unset = await load({ "supervisor.config.ts": text(name) }, { env: [name] });
  assert(unset.result.kind === "loaded");
  assertEquals(unset.lines, [` | the variable ${name} is not set`]);
  for (const refused of ["NODE_OPTIONS", "LD_PRELOAD", "DENO_V8_FLAGS", "A=B", "A,HOME", "*"]) {
    const { result } = await load({ "supervisor.config.ts": IMPORT + VALID }, { env: [refused] });
    assertEquals(result.kind, "invalid", refused);
  }
});

const SECRETS = { ".env": "A=1", ".env.json": "{}", "data.txt": "x", "key": "x" };

for (
  const [what, text, expected] of [
    ["reads a file", 'Deno.readTextFileSync("/etc/passwd");', 'read access to "/etc/passwd"'],
    ["writes a file", 'Deno.writeTextFileSync("/tmp/x", "");', "write access"],
    ["runs a program", 'new Deno.Command("/bin/true").outputSync();', "run access"],
    ["uses the network", 'await fetch("http://127.0.0.1:8080/");', "net access"],
    ["loads a library", 'Deno.dlopen("libc.so.6", {});', "ffi access"],
    ["asks for the host", "Deno.hostname();", "sys access"],
    [
      "reads through node:fs",
      'import { readFileSync } from "node:fs"; readFileSync("/etc/passwd");',
      "read",
    ],
    ["imports a computed path", 'const p = "/etc/passwd"; await import(p);', "read access"],
    [
      "hides an import in a data: module",
      `await import("data:text/javascript," + "import x from 'file:///etc/passwd' with {type:'text'}");`,
      "read access",
    ],
    ["keeps storage on disk", 'localStorage.setItem("a", "b");', "localStorage is not defined"],
    ["floods the cache", 'await caches.open("x");', "caches is not defined"],
  ] as const
) {
  Deno.test(`loadConfig() refuses a configuration that ${what}, and names the line`, async () => {
    const line = await refusal(`\n${text}\nexport default {};`);
    assertStringIncludes(line, expected);
    assertMatch(line, /supervisor\.config\.ts:2:\d+: /);
  });
}

for (
  const [what, text, expected] of [
    ["text outside", 'import x from "/etc/passwd" with { type: "text" };', "outside the project"],
    ["bytes outside", 'import x from "/etc/passwd" with { type: "bytes" };', "outside the project"],
    [
      "JSON outside",
      'import x from "/tmp/nope.json" with { type: "json" };',
      "outside the project",
    ],
    ["code outside", 'import "/tmp/nope.ts";', "outside the project"],
    [".env as text", 'import x from "./.env" with { type: "text" };', "may not read"],
    [".env as code", 'import "./.env";', "may not read"],
    [".env.json", 'import x from "./.env.json" with { type: "json" };', "may not read"],
    ["text inside", 'import x from "./data.txt" with { type: "text" };', "neither code nor JSON"],
    ["a file without an extension", 'import x from "./key" with { type: "text" };', "neither"],
    ["a literal import()", 'await import("/etc/passwd", { with: { type: "text" } });', "outside"],
    ["an escape through a module", 'import "./inner.ts";', "outside the project"],
  ] as const
) {
  Deno.test(`loadConfig() refuses to import ${what}, whatever the configuration exports`, async () => {
    const files = { ...SECRETS, "inner.ts": 'import x from "/etc/group" with { type: "text" };' };
    const line = await refusal(`${IMPORT}${text}\n${VALID}`, files);
    assertStringIncludes(line, expected);
    assertMatch(line, /(supervisor\.config|inner)\.ts:\d+:\d+ imports /);
  });
}

Deno.test("loadConfig() lets a worker of Node's store nothing", async () => {
  const { output } = await load({
    "supervisor.config.ts": `${IMPORT}
      import { Worker } from "node:worker_threads";
      const code = 'caches.open("x").then(() => console.log("opened"), (error) => console.log(error.message))';
      const worker = new Worker(code, { eval: true });
      await new Promise((resolve) => worker.on("exit", resolve));
      ${VALID}`,
  });
  assertStringIncludes(output, "Failed to create cache storage directory");
});

for (
  const [what, report] of [
    ["is no JSON", "garbage"],
    ["is no report", '{"kind":"toString"}'],
    ["lacks a field", '{"kind":"threw","name":"x"}'],
    ["has no path", '{"kind":"notData","problems":[{"what":"x"}]}'],
  ] as const
) {
  Deno.test(`loadConfig() refuses a configuration that writes a report which ${what}`, async () => {
    const text = `const [marker] = /cox-config-[0-9a-f-]+/.exec(Deno.mainModule);
      const report = \`\\n\${marker} \${${JSON.stringify(report)}}\\n\`;
      Deno.stdout.writeSync(new TextEncoder().encode(report));
      Deno.exit(0);`;
    assertStringIncludes(await refusal(text), "wrote over the report");
  });
}

Deno.test("loadConfig() follows links out of the project and refuses them", async () => {
  await using project = await Project.make({
    "supervisor.config.ts": `${IMPORT}import x from "./x.json" with { type: "json" };\n${VALID}`,
  });
  await using outside = await Project.make({ "secret.json": "{}" });
  await Deno.symlink(`${outside.path}/secret.json`, `${project.path}/x.json`);
  const { lines, output } = await loadIn(project);
  assertEquals(output, "");
  assertStringIncludes(lines.join(), `imports ${outside.path}/secret.json, which is outside`);
});

Deno.test("loadConfig() lets types come from outside the project: they are not loaded", async () => {
  await using outside = await Project.make({ "types.ts": "export type Name = string;" });
  const { lines } = await load({
    "supervisor.config.ts":
      `${IMPORT}import type { Name } from "${outside.path}/types.ts";\nconst n: Name = "x";\n${VALID}`,
  });
  assertEquals(lines, []);
});

Deno.test("loadConfig() shows nothing that a refused configuration prints", async () => {
  const { output, result } = await load({
    "supervisor.config.ts":
      `import x from "/etc/hostname" with { type: "text" };\nconsole.log("leak", x);\nexport default {};`,
  });
  assertEquals(result.kind, "invalid");
  assertEquals(output, "");
});

for (
  const [what, text, expected] of [
    [
      "throws",
      "\nthrow new RangeError('bad thing');",
      "supervisor.config.ts:2:7: RangeError: bad thing",
    ],
    ["throws no error", "throw 'text';", "supervisor.config.ts: text"],
    ["throws something hostile", "throw { toString() { throw 1 } };", "cannot be shown"],
    [
      "has a slip of syntax",
      "export default {\n  name:\n};",
      "supervisor.config.ts:3:1: SyntaxError",
    ],
    ["imports what is not there", 'import "./nope.ts";', "Module not found"],
    ["imports a bare name", 'import "nope";', 'map "nope" in imports'],
    ["imports what is not in the cache", 'import "https://example.invalid/x.ts";', "deno cache"],
    [
      "rejects a promise",
      "Promise.reject(new Error('late')); await new Promise((r) => setTimeout(r, 5000));",
      "1:16: Error: late",
    ],
    ["waits for ever", "await new Promise(() => {});", "a promise that never resolves"],
    ["ends the program", "Deno.exit(0);", "must not call Deno.exit()"],
    ["exports nothing", "", "no default export: it exports nothing"],
    ["exports something else", "export const a = 1, b = 2;", 'it exports "a", "b"'],
    ["exports a function", "export default () => ({});", "must be an object, is a function"],
    ["exports a class", "export default class {}", "is a class"],
    ["exports a promise", "export default Promise.resolve({});", "is a promise"],
    ["exports a text", "export default 'x';", 'must be an object, is "x"'],
    ["exports a circle", "const a: any = {}; a.me = a; export default a;", "me |"],
  ] as const
) {
  Deno.test(`loadConfig() says what is wrong with a configuration that ${what}`, async () => {
    assertStringIncludes(await refusal(text), expected);
  });
}

Deno.test("loadConfig() kills a configuration that loops, after its time", async () => {
  const { lines } = await load(
    { "supervisor.config.ts": "while (true);" },
    { timeoutMs: 500 },
  );
  assertEquals(lines.length, 1);
  assertStringIncludes(lines[0]!, "took longer than 0.5 s");
});

Deno.test("loadConfig() does not wait for timers that a configuration leaves behind", async () => {
  const started = performance.now();
  const { lines } = await load({
    "supervisor.config.ts": `${IMPORT}setInterval(() => {}, 60_000);\n${VALID}`,
  });
  assertEquals(lines, []);
  assert(performance.now() - started < 10_000, "it was killed by its timeout");
});

Deno.test("loadConfig() stops a configuration that prints without end", async () => {
  const { lines } = await load({
    "supervisor.config.ts":
      "const x = new Uint8Array(65536).fill(65); while (true) Deno.stdout.writeSync(x);",
  });
  assertStringIncludes(lines.join(), "must be at most 16777216 bytes");
});

Deno.test("loadConfig() reports a deno.json that cannot be used, and a deno that cannot be started", async () => {
  const broken = await load({ "deno.json": "{", "supervisor.config.ts": IMPORT + VALID });
  assertMatch(broken.lines.join(), /Cannot use .*deno\.json/);
  await using project = await Project.make({ "supervisor.config.ts": IMPORT + VALID });
  const result = await loadConfig(`${project.path}/supervisor.config.ts`, {
    ...OPTIONS,
    denoPath: "/nonexistent/deno",
  });
  assertStringIncludes(linesOf(result).join(), "Cannot start /nonexistent/deno");
});

Deno.test("loadConfig() says once where a module lacks what is imported from it", async () => {
  const line = await refusal('import { comand } from "coxswain";\nexport default comand([]);');
  assertEquals(line.split("supervisor.config.ts:1:10").length, 2, line);
  assertStringIncludes(line, "does not provide an export named 'comand'");
  assert(!line.includes("file://"), line);
});
