/** Where the modules of sandboxed programs may lie. */
import { assertEquals } from "@std/assert";
import type { ProgramFact } from "../../../src/plan/facts.ts";
import { compiled, crew, denoProcess, machine, onlyError } from "./fixtures.ts";

function importing(...files: string[]) {
  const fact: ProgramFact = { files: ["/project/main.ts", ...files], remote: false, errors: [] };
  return machine({ programs: new Map([["file:///project/main.ts", fact]]) });
}

Deno.test("checkModulePlaces() refuses what lies outside of the project and is not granted to read", () => {
  const facts = importing("/etc/shadow");
  const { path, message } = onlyError(crew({ a: denoProcess() }), facts);
  assertEquals(path, ["processes", "a", "run", "path"]);
  assertEquals(
    message,
    "it imports /etc/shadow, which is outside of the project: what is imported is read without a permission",
  );
  compiled(crew({ a: denoProcess({ permissions: { read: ["/etc"] } }) }), facts);
});

Deno.test("checkModulePlaces() refuses the run directory, whatever is granted", () => {
  const config = crew({ a: denoProcess({ permissions: { read: ["/run"] } }) });
  const { message } = onlyError(config, importing("/run/cox/project-1/plan.json"));
  assertEquals(
    message,
    "it imports /run/cox/project-1/plan.json, which is in the run directory",
  );
});

Deno.test("checkModulePlaces() takes the project, cox, the deno.json's folder, and the program's own", () => {
  compiled(
    crew({ a: denoProcess() }),
    importing("/project/lib/x.json", "/opt/cox/src/child/mod.ts"),
  );
  const programs = new Map([["file:///else/b.ts", {
    files: ["/else/b.ts", "/else/data.json", "/shared/c.ts"],
    remote: false,
    errors: [],
  }]]);
  const tasks = { configPath: "/shared/deno.json", names: [] };
  const paths = machine().paths;
  compiled(
    crew({ a: denoProcess({ path: "/else/b.ts" }) }),
    machine({
      programs,
      tasks,
      paths: new Map([...paths, ["/else/b.ts", { kind: "file", realPath: "/else/b.ts" }]]),
    }),
  );
});
