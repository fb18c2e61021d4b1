import { assertEquals } from "@std/assert";
import { executableKey, programSpecifier } from "../../../src/plan/facts.ts";
import { type ModuleGraphJson, programFact } from "../../../src/plan/module_graph.ts";
import { fileUrl, isWithin, parentDirectory, resolvePath } from "../../../src/plan/paths.ts";
import { signalNumber } from "../../../src/plan/signals.ts";
import { SIGNAL_NAMES } from "../../../src/config/signals.ts";
import { programPath } from "../../../src/plan/wanted_facts.ts";
import { fromFileUrlByNode } from "./node_url.ts";

Deno.test("resolvePath() normalises without leaving the root", () => {
  for (
    const [path, expected] of [
      [".", "/a/b"],
      ["", "/a/b"],
      ["./c/", "/a/b/c"],
      ["../c//d/.", "/a/c/d"],
      ["../../../../x", "/x"],
      ["/x/../y", "/y"],
      ["/", "/"],
    ] as const
  ) assertEquals(resolvePath("/a/b", path), expected, path);
});

Deno.test("isWithin() compares whole names", () => {
  assertEquals(isWithin("/a/b", "/a"), true);
  assertEquals(isWithin("/a", "/a"), true);
  assertEquals(isWithin("/anything", "/"), true);
  assertEquals(isWithin("/ab", "/a"), false);
  assertEquals(isWithin("/a", "/a/b"), false);
});

Deno.test("parentDirectory() ends at the root", () => {
  assertEquals(["/a/b", "/a", "/"].map(parentDirectory), ["/a", "/", "/"]);
});

Deno.test("fileUrl() writes any path so that it reads back", () => {
  for (
    const path of ["/", "/a b", "/a%41", "/a?b#c", "/a\\b", "/é/😀", "/a\tb\nc", "/@x", "/a;b"]
  ) {
    assertEquals(fromFileUrlByNode(fileUrl(path)), path);
  }
});

Deno.test("programSpecifier() and programPath() agree on local programs", () => {
  const run = (path: string) => ({ kind: "deno", path } as const);
  for (const path of ["./a b.ts", "../x%.ts", "/abs/y.ts", "z.ts"]) {
    const file = programPath(run(path), "/p/q")!;
    assertEquals(programSpecifier(run(path), "/p/q"), fileUrl(file));
  }
  assertEquals(programPath(run("file:///a%20b.ts"), "/p"), "/a b.ts");
  assertEquals(programPath(run("file:///a%zz"), "/p"), "/a%zz");
  assertEquals(programPath(run("npm:x"), "/p"), null);
});

Deno.test("executableKey() tells apart what is looked up in different places", () => {
  const key = (command: string, cwd: string, path: string) => executableKey({ command, cwd, path });
  assertEquals(key("/bin/x", "/a", "/p"), key("/bin/x", "/b", "/q"));
  assertEquals(key("x", "/a", "/p") === key("x", "/a", "/q"), false);
  assertEquals(key("./x", "/a", "/p") === key("./x", "/b", "/p"), false);
});

Deno.test("signalNumber() knows every name that a configuration may use", () => {
  const numbers = SIGNAL_NAMES.map(signalNumber);
  assertEquals(new Set(numbers).size, 31);
  assertEquals(numbers.includes(null), false);
  assertEquals([signalNumber("SIGTERM"), signalNumber("SIGKILL")], [15, 9]);
  assertEquals([signalNumber("SIGNOPE"), signalNumber("toString")], [null, null]);
});

const GRAPH: ModuleGraphJson = {
  modules: [
    {
      specifier: "file:///a.ts",
      local: "/a.ts",
      dependencies: [
        { specifier: "./b.ts", code: { specifier: "file:///b.ts" } },
        { specifier: "./lazy.ts", code: { specifier: "file:///lazy.ts" }, isDynamic: true },
        { specifier: "maybe", code: { error: "dynamic and unknown" }, isDynamic: true },
        { specifier: "./types.ts" },
      ],
    },
    {
      specifier: "file:///b.ts",
      local: "/b.ts",
      dependencies: [
        { specifier: "./a.ts", code: { specifier: "file:///a.ts" } },
        { specifier: "./gone.ts", code: { specifier: "file:///gone.ts" } },
        { specifier: "bare", code: { error: "not in import map" } },
      ],
    },
    { specifier: "file:///gone.ts", error: 'Module not found "file:///gone.ts".' },
    {
      specifier: "file:///lazy.ts",
      local: "/lazy.ts",
      dependencies: [{ specifier: "./never.ts", code: { specifier: "file:///never.ts" } }],
    },
    { specifier: "file:///never.ts", error: "Module not found" },
    { specifier: "file:///other.ts", local: "/other.ts", dependencies: [] },
    {
      specifier: "file:///bad.ts",
      error: "SyntaxError: Unexpected\n  |\n1 | x\n  | ~\n    at file:///bad.ts:1:1",
    },
    {
      specifier: "file:///r.ts",
      local: "/r.ts",
      dependencies: [{ specifier: "z", code: { specifier: "npm:z@1" } }],
    },
    { specifier: "npm:z@1", error: "npm specifiers were requested; but --no-npm is specified" },
    { specifier: "file:///new.ts", local: "/new.ts" },
  ],
  redirects: { "file:///old.ts": "file:///new.ts" },
};

Deno.test("programFact() collects a program's files and what fails on the static way", () => {
  const fact = programFact(GRAPH, "file:///a.ts");
  assertEquals(fact.files, ["/a.ts", "/b.ts", "/gone.ts", "/lazy.ts", "/never.ts"]);
  assertEquals(fact.remote, false);
  assertEquals([...fact.errors].sort(), [
    'Module not found "file:///gone.ts" (imported by file:///b.ts)',
    "not in import map (imported by file:///b.ts)",
  ]);
});

Deno.test("programFact() puts a syntax error on one line with its position", () => {
  assertEquals(programFact(GRAPH, "file:///bad.ts").errors, [
    "SyntaxError: Unexpected (at file:///bad.ts:1:1)",
  ]);
});

Deno.test("programFact() notices remote modules without looking into them", () => {
  assertEquals(programFact(GRAPH, "file:///r.ts"), { files: ["/r.ts"], remote: true, errors: [] });
  assertEquals(programFact(GRAPH, "npm:z@1"), { files: [], remote: true, errors: [] });
});

Deno.test("programFact() follows redirects", () => {
  assertEquals(programFact(GRAPH, "file:///old.ts").files, ["/new.ts"]);
});
