import { assertEquals, assertRejects } from "@std/assert";
import { findDenoJson, ImportMapError, resolveImportMap } from "../../../src/config/import_map.ts";
import { Project } from "./project.ts";

const COX = {
  "coxswain": "file:///opt/cox/src/config/mod.ts",
  "coxswain/child": "file:///opt/cox/src/child/mod.ts",
};

Deno.test("resolveImportMap() maps coxswain alone where there is no deno.json", async () => {
  await using project = await Project.make({ "a.txt": "" });
  // Parents of a temporary folder have no deno.json, or the test says nothing.
  assertEquals(await findDenoJson(project.path), null);
  assertEquals(await resolveImportMap(project.path, "/opt/cox"), { imports: COX, scopes: {} });
});

Deno.test("resolveImportMap() makes the project's map absolute, from the nearest deno.jsonc upwards", async () => {
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
  assertEquals(await resolveImportMap(`${project.path}/deep/er`, "/opt/cox"), {
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

Deno.test("resolveImportMap() lets no project take the name of coxswain", async () => {
  await using project = await Project.make({
    "deno.json": `{
      "imports": { "coxswain": "npm:evil", "coxswain/child": "./evil.ts", "coxswain/": "./" },
      "scopes": { "./": { "coxswain": "./evil.ts" } }
    }`,
  });
  assertEquals(await resolveImportMap(project.path, "/opt/cox"), {
    imports: COX,
    scopes: { [`file://${project.path}/`]: {} },
  });
});

Deno.test("resolveImportMap() reads the file that importMap names, relative to itself", async () => {
  await using project = await Project.make({
    "deno.json": '{ "importMap": "./maps/map.json" }',
    "maps/map.json": '{ "imports": { "x": "./x.ts" } }',
  });
  const { imports } = await resolveImportMap(project.path, "/opt/cox");
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
  Deno.test(`resolveImportMap() refuses a deno.json that ${what}`, async () => {
    await using project = await Project.make(files);
    await assertRejects(() => resolveImportMap(project.path, "/opt/cox"), ImportMapError);
  });
}
