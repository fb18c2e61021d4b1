import { assertEquals, assertThrows } from "@std/assert";
import { type ImportMap, ProjectError, withCoxNames } from "../../../src/plan/import_map.ts";
import { readProject } from "../../../src/plan/probe/project.ts";
import { Project } from "../config/project.ts";

/** What a program of a project gets, without the names of cox's own code. */
function resolveImportMap(dir: string): ImportMap {
  const cox = { dir: "/opt/cox", imports: {} };
  const { imports, scopes } = withCoxNames(readProject(dir).importMap, cox);
  const { ["file:///opt/cox/src/"]: own, ...others } = scopes;
  assertEquals(own, {});
  return { imports, scopes: others };
}

const COX = {
  "coxswain": "file:///opt/cox/src/config/mod.ts",
  "coxswain/child": "file:///opt/cox/src/child/mod.ts",
};

Deno.test("withCoxNames() maps coxswain alone where there is no deno.json", async () => {
  await using project = await Project.make({ "a.txt": "" });
  // Parents of a temporary folder have no deno.json, or the test says nothing.
  assertEquals(readProject(project.path).path, null);
  assertEquals(resolveImportMap(project.path), { imports: COX, scopes: {} });
});

Deno.test("readProject() makes the project's map absolute, from the nearest deno.jsonc upwards", async () => {
  await using project = await Project.make({
    "deno.jsonc": `{
      // comments and trailing commas are fine
      "imports": {
        "util/": "./src/util/",
        "./local.ts": "../other.ts",
        "zod": "npm:zod@4",
        "@std/path": "jsr:@std/path@1",
        "full": "https://example.org/mod.ts",
        "sub/": "npm:/sub@1/",
      },
      "scopes": { "./vendor/": { "dep": "/abs/dep.ts" }, "https://x.org/": { "dep": "npm:dep@2" } },
    }`,
    "deep/er/x.ts": "",
  });
  const root = `file://${project.path}`;
  assertEquals(resolveImportMap(`${project.path}/deep/er`), {
    imports: {
      "zod/": "npm:/zod@4/",
      "@std/path/": "jsr:/@std/path@1/",
      "util/": `${root}/src/util/`,
      [`${root}/local.ts`]: new URL("../other.ts", `${root}/deno.jsonc`).href,
      "zod": "npm:zod@4",
      "@std/path": "jsr:@std/path@1",
      "full": "https://example.org/mod.ts",
      "sub/": "npm:/sub@1/",
      ...COX,
    },
    scopes: {
      [`${root}/vendor/`]: { "dep": "file:///abs/dep.ts" },
      "https://x.org/": { "dep/": "npm:/dep@2/", "dep": "npm:dep@2" },
    },
  });
});

Deno.test("withCoxNames() lets no project take the name of coxswain", async () => {
  await using project = await Project.make({
    "deno.json": `{
      "imports": { "coxswain": "npm:evil", "coxswain/child": "./evil.ts", "coxswain/": "./" },
      "scopes": { "./": { "coxswain": "./evil.ts" } }
    }`,
  });
  assertEquals(resolveImportMap(project.path), {
    imports: COX,
    scopes: { [`file://${project.path}/`]: {} },
  });
});

Deno.test("readProject() reads the file that importMap names, relative to itself", async () => {
  await using project = await Project.make({
    "deno.json": '{ "importMap": "./maps/map.json" }',
    "maps/map.json": '{ "imports": { "x": "./x.ts" } }',
  });
  const { imports } = resolveImportMap(project.path);
  assertEquals(imports["x"], `file://${project.path}/maps/x.ts`);
});

for (
  const [what, files] of [
    ["is no JSON", { "deno.json": "{" }],
    ["is no object", { "deno.json": "[]" }],
    ["has imports that are a list", { "deno.json": '{ "imports": [] }' }],
    ["maps a name to a number", { "deno.json": '{ "imports": { "x": 1 } }' }],
    ["has a scope that is a text", { "deno.json": '{ "scopes": { "./": "x" } }' }],
    ["names an import map that is missing", { "deno.json": '{ "importMap": "./no.json" }' }],
    ["names an import map elsewhere", { "deno.json": '{ "importMap": "https://x/m.json" }' }],
  ] as [string, Record<string, string>][]
) {
  Deno.test(`readProject() refuses a deno.json that ${what}`, async () => {
    await using project = await Project.make(files);
    assertThrows(() => resolveImportMap(project.path), ProjectError);
  });
}

Deno.test("withCoxNames() keeps the names of cox's own code in its own folder", () => {
  const project = { imports: { "@std/x": "npm:other@1" }, scopes: {} };
  const map = withCoxNames(project, { dir: "/opt/cox", imports: { "@std/x": "npm:s@1/x.js" } });
  assertEquals(map.imports["@std/x"], "npm:other@1");
  assertEquals(map.scopes["file:///opt/cox/src/"]?.["@std/x"], "npm:s@1/x.js");
});

Deno.test("readProject() prefers a name's own subpath mapping to the package's", async () => {
  await using project = await Project.make({
    "deno.json": '{ "imports": { "y": "jsr:@a/y@^2", "y/": "./own/" } }',
  });
  assertEquals(readProject(project.path).importMap.imports, {
    "y/": `file://${project.path}/own/`,
    "y": "jsr:@a/y@^2",
  });
});

Deno.test("readProject() refuses a map that redirects a data: URL, as the preload is one", async () => {
  const keys = ["data:text/javascript,1", " DATA:text/javascript,1", "da\tta:text/javascript,1"];
  for (const key of keys) {
    const map = { [key]: "./evil.ts" };
    for (const json of [{ imports: map }, { scopes: { "./": map } }]) {
      await using project = await Project.make({ "deno.json": JSON.stringify(json) });
      assertThrows(() => readProject(project.path), ProjectError, "must not redirect a data: URL");
    }
  }
});
