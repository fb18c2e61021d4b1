import { assertEquals, assertStringIncludes } from "@std/assert";
import type { DenoPermissions } from "../../../src/config/config.ts";
import {
  compiled,
  crew,
  denoProcess,
  machine,
  onlyError,
  paths,
  processNamed,
  refused,
  warnings,
} from "./fixtures.ts";

const CONFIGURATION = ["processes", "a", "run", "permissions"];
const crewWith = (permissions: DenoPermissions) => crew({ a: denoProcess({ permissions }) });
const flags = (permissions: DenoPermissions) =>
  processNamed(compiled(crewWith(permissions)), "a").argv
    .filter((argument) => argument.startsWith("--allow-"));

Deno.test("compile() starts a program with exactly these arguments", () => {
  const plan = compiled(crew({ a: denoProcess({ args: ["--allow-all", "x"] }) }));
  const { argv } = processNamed(plan, "a");
  assertEquals(argv.filter((argument) => !argument.startsWith("--preload=")), [
    "/usr/bin/deno",
    "run",
    "--no-prompt",
    "--no-config",
    "--cached-only",
    "--no-lock",
    "--import-map=/run/cox/project-1/import_map.json",
    "/project/main.ts",
    "--allow-all",
    "x",
  ]);
  assertEquals(argv.findIndex((argument) => argument.startsWith("--preload=data:")), 7);
});

Deno.test("compile() grants nothing by default, and nothing for an empty list", () => {
  assertEquals(flags({}), []);
  assertEquals(flags({ read: [], net: [], ffi: [] }), []);
});

Deno.test("compile() grants scoped lists, paths absolute", () => {
  assertEquals(
    flags({
      import: ["example.com"],
      sys: ["loadavg", "cpus"],
      env: ["HOME"],
      net: ["127.0.0.1:80", "unix:./s.sock", "unix:/run/x"],
      write: ["./data/../out", "/var/tmp/x/"],
      read: [".", "sub//x"],
      ffi: ["lib.so"],
      run: ["git", "./tool"],
    }),
    [
      "--allow-read=/project,/project/sub/x",
      "--allow-write=/project/out,/var/tmp/x",
      "--allow-net=127.0.0.1:80,unix:/project/s.sock,unix:/run/x",
      "--allow-env=HOME",
      "--allow-sys=loadavg,cpus",
      "--allow-run=git,/project/tool",
      "--allow-ffi=/project/lib.so",
      "--allow-import=example.com",
    ],
  );
});

Deno.test("compile() refuses empty grants, commas and the inspector", () => {
  const refusedAt = (permissions: DenoPermissions) => onlyError(crewWith(permissions)).path;
  assertEquals(refusedAt({ read: ["x", ""] }), [...CONFIGURATION, "read", 1]);
  assertEquals(refusedAt({ net: [" "] }), [...CONFIGURATION, "net", 0]);
  assertEquals(refusedAt({ write: ["./a,/etc"] }), [...CONFIGURATION, "write", 0]);
  assertEquals(refusedAt({ env: ["A,B"] }), [...CONFIGURATION, "env", 0]);
  assertEquals(refusedAt({ sys: ["inspector"] }), [...CONFIGURATION, "sys", 0]);
});

Deno.test("compile() refuses a relative grant in a project whose own path has a comma", () => {
  const facts = machine({
    projectDir: "/a,b",
    paths: paths({ "/a,b": "directory", "/a,b/main.ts": "file" }),
  });
  const issue = onlyError(crewWith({ read: ["/x", "./data"] }), facts);
  assertEquals(issue.path, [...CONFIGURATION, "read", 1]);
  assertEquals(onlyError(crewWith({}), machine({ runDir: "/run/a,b" })).path, []);
});

Deno.test("compile() warns that run and ffi amount to full trust", () => {
  const paths = warnings(crewWith({ run: ["git"], ffi: ["./x.so"], read: ["."] }))
    .map((issue) => [issue.severity, issue.path.at(-1)]);
  assertEquals(paths, [["warning", "run"], ["warning", "ffi"]]);
});

/** A machine with two programs, a tool and a link. */
const guarded = machine({
  executables: new Map([["cat\0/usr/bin:/bin", "/usr/bin/cat"], [
    "./tool\0/project",
    "/project/bin/tool",
  ]]),
  programs: new Map([
    ["file:///project/main.ts", {
      files: ["/project/main.ts", "/project/lib/a.ts"],
      remote: false,
      errors: [],
    }],
    ["file:///else/b.ts", { files: ["/else/b.ts"], remote: false, errors: [] }],
  ]),
  envFiles: new Map([["/project/secret/.env", { kind: "read", values: {} }]]),
  tasks: { configPath: "/project/conf/deno.json", names: [] },
  lockPath: "/project/conf/deno.lock",
  paths: paths({
    "/project": "directory",
    "/project/main.ts": "file",
    "/project/innocent": { kind: "directory", realPath: "/opt/cox/src/core" },
    "/usr/bin/deno": {
      kind: "file",
      realPath: "/store/deno-2/deno",
      links: ["/usr/bin/deno", "/choices/deno"],
    },
    "/lib": { kind: "directory", realPath: "/usr/lib" },
  }),
});

Deno.test("compile() refuses write grants that cover what decides which code runs", () => {
  const cases: [grant: string, covered: string][] = [
    ["/", "cox's own code"],
    ["/opt/cox", "cox's own code"],
    ["/opt/cox/src", "cox's own code"],
    ["/opt/cox/src/core/step.ts", "cox's own code"],
    ["/opt/cox/main.ts", "cox's own code"],
    ["/opt/cox/deno.json", "cox's own configuration"],
    ["/etc", "what is loaded into every program"],
    ["/etc/ld.so.preload", "what is loaded into every program"],
    ["/lib", "the system's libraries"],
    ["/usr/lib/here/libc.so.6", "the system's libraries"],
    ["/run", "the run directory"],
    ["/run/cox/project-1/plan.json", "the run directory"],
    ["/run/cox/project-1.notify", "the notify sockets"],
    ["/home/me", "the module cache"],
    ["/home/me/.cache/deno/npm", "the module cache"],
    ["/usr/bin/deno", "an executable"],
    ["/usr/bin", "an executable"],
    ["/store", "an executable"],
    ["/choices", "an executable"],
    [".", "the configuration"],
    ["./supervisor.config.ts", "the configuration"],
    ["./conf", "the project's deno.json"],
    ["./deno.jsonc", "the project's deno.json"],
    ["./conf/deno.lock", "the project's lock file"],
    ["./secret", "an environment file"],
    ["./bin", "an executable"],
    ["./lib", "a module of a program"],
    ["./lib/a.ts", "a module of a program"],
    ["/else", "a module of a program"],
    ["./innocent", "cox's own code"],
    ["./data/../lib", "a module of a program"],
  ];
  for (const [grant, covered] of cases) {
    const issue = onlyError(crewWith({ write: ["./data", grant] }), guarded);
    assertEquals(issue.path, [...CONFIGURATION, "write", 1], grant);
    assertStringIncludes(issue.message, `covers ${covered}: /`, grant);
    assertEquals(typeof issue.fix, "string");
  }
});

Deno.test("compile() refuses write grants that cover a library another program loads", () => {
  const config = crew({
    a: denoProcess({ permissions: { write: ["./native"] } }),
    b: denoProcess({ permissions: { ffi: ["./native/x.so"] } }),
  });
  assertStringIncludes(onlyError(config).message, "covers a native library");
});

Deno.test("compile() refuses write grants over folders of PATH that exist", () => {
  const facts = machine({
    environment: { PATH: "/opt/tools:/gone/bin:relative" },
    paths: paths({
      "/project": "directory",
      "/project/main.ts": "file",
      "/opt/tools": "directory",
    }),
  });
  for (const grant of ["/opt/tools", "/opt/tools/sort"]) {
    const { message } = onlyError(crewWith({ write: [grant] }), facts);
    assertStringIncludes(message, "a folder of PATH: /opt/tools", grant);
  }
  assertEquals(warnings(crewWith({ write: ["/gone", "./relative"] }), facts), []);
});

Deno.test("compile() allows write grants beside what is protected", () => {
  const grants = ["./data", "./library", "./lib/a.ts.bak", "/opt/cox/data", "/run/other", "/tmp/x"];
  assertEquals(warnings(crewWith({ write: grants }), guarded), []);
});

Deno.test("compile() reports each bad write grant, and none twice", () => {
  const issues = refused(crewWith({ write: ["/", "", "./data", "/opt/cox"] }), guarded);
  assertEquals(issues.map((issue) => issue.path.at(-1)), [1, 0, 3]);
});

Deno.test("compile() refuses a program whose file is missing or whose graph has errors", () => {
  const missing = onlyError(crew({ a: denoProcess({ path: "./none.ts" }) }));
  assertEquals(missing.path, ["processes", "a", "run", "path"]);
  assertStringIncludes(missing.message, "/project/none.ts");
  const programs = new Map([
    ["file:///project/main.ts", { files: [], remote: false, errors: ["first", "second"] }],
  ]);
  const issues = refused(crew({ a: denoProcess({}, { replicas: 2 }) }), machine({ programs }));
  assertEquals(issues.map((issue) => issue.message), ["first", "second"]);
});

Deno.test("compile() accepts file:, npm:, jsr: and https: programs", () => {
  const main = (path: string) =>
    processNamed(compiled(crew({ a: denoProcess({ path }) })), "a").argv.at(-1);
  assertEquals(main("file:///project/main.ts"), "/project/main.ts");
  for (const path of ["npm:left-pad@1.1.0", "jsr:@a/b", "https://example.com/x.ts"]) {
    assertEquals(main(path), path);
  }
});

Deno.test("compile() freezes the lock file for programs with remote modules alone", () => {
  const programs = new Map([
    ["file:///project/main.ts", { files: ["/project/main.ts"], remote: false, errors: [] }],
    ["npm:x@1", { files: [], remote: true, errors: [] }],
  ]);
  const facts = machine({ programs, lockPath: "/project/deno.lock" });
  const plan = compiled(crew({ a: denoProcess(), b: denoProcess({ path: "npm:x@1" }) }), facts);
  assertEquals(processNamed(plan, "a").argv.includes("--no-lock"), true);
  assertEquals(
    processNamed(plan, "b").argv.filter((argument) => /lock|frozen/.test(argument)),
    ["--lock=/project/deno.lock", "--frozen"],
  );
});

Deno.test("compile() refuses remote modules for a user who cannot read the cache", () => {
  const programs = new Map([["npm:x@1", { files: [], remote: true, errors: [] }]]);
  const config = crew({ a: denoProcess({ path: "npm:x@1" }, { user: "www" }) });
  assertEquals(onlyError(config, machine({ programs })).path, ["processes", "a", "user"]);
  compiled(config, machine({ programs, denoDirShared: true }));
});

Deno.test("compile() runs a declared task, unsandboxed, with a warning", () => {
  const config = crew({ a: { run: { kind: "task", name: "build", args: ["x y"] } } });
  const tasks = { configPath: "/project/deno.json", names: ["build", "test"] };
  assertEquals(processNamed(compiled(config, machine({ tasks })), "a").argv, [
    "/usr/bin/deno",
    "task",
    "--quiet",
    "--config=/project/deno.json",
    "--cwd=/project",
    "build",
    "x y",
  ]);
  const warned = warnings(config, machine({ tasks }));
  assertEquals(warned.map((issue) => issue.severity), ["warning"]);
  assertStringIncludes(warned[0]!.message, "without a sandbox");
  const unknown = onlyError(config, machine({ tasks: { ...tasks, names: ["test"] } }));
  assertStringIncludes(unknown.fix ?? "", "test");
  assertEquals(onlyError(config).path, ["processes", "a", "run", "name"]);
});

Deno.test("compile() refuses a working directory that is missing or no directory", () => {
  const at = (cwd: string) => onlyError(crew({ a: denoProcess({}, { cwd }) }));
  assertStringIncludes(at("./none").message, "/project/none does not exist");
  assertStringIncludes(at("./main.ts").message, "is not a directory");
});

Deno.test("compile() warns of a folder that a program may read and write, unless it has a user of its own", () => {
  const warned = (permissions: DenoPermissions, user?: string) =>
    warnings(
      crew({ a: denoProcess({ permissions }, user === undefined ? {} : { user }) }),
      guarded,
    ).filter(({ message }) => message.includes("node:wasi")).map(({ message }) =>
      message.replace(/:.*/, "")
    );
  assertEquals(warned({ read: ["./data"], write: ["./data"] }), [
    "it may read and write /project/data",
  ]);
  assertEquals(warned({ read: ["."], write: ["./data", "./log"] }), [
    "it may read and write /project/data",
  ]);
  assertEquals(warned({ read: ["./data/in"], write: ["./data"] }), [
    "it may read and write /project/data/in",
  ]);
  assertEquals(warned({ read: ["./in"], write: ["./out"] }), []);
  assertEquals(warned({ read: ["./data"], write: ["./data"] }, "www"), []);
});

Deno.test("compile() seals a program that may read and write a folder, where the kernel can hold it there", () => {
  const seccomp = machine({ seccomp: true });
  const flags = (permissions: DenoPermissions, process = {}) => {
    const config = crew({ a: denoProcess({ permissions }, process) });
    const { argv } = compiled(config, seccomp).processes.find(({ name }) => name === "a")!;
    const sealed = argv.includes("--allow-ffi") &&
      argv.some((text) => text.includes(encodeURIComponent('\\"refusesSymlinks\\":true')));
    const told = warnings(config, seccomp).some(({ message }) => message.includes("node:wasi"));
    return { sealed, told };
  };
  const both = { read: ["./data"], write: ["./data"] };
  assertEquals(flags(both), { sealed: true, told: false });
  assertEquals(flags({ read: ["."], write: ["./data/in"] }), { sealed: true, told: false });
  assertEquals(flags({ read: ["./in"], write: ["./out"] }), { sealed: false, told: false });
  assertEquals(flags({ write: ["./out"] }), { sealed: false, told: false });
  // These can leave by other doors, or have code that runs before the seal.
  assertEquals(flags({ ...both, run: ["sh"] }), { sealed: false, told: true });
  assertEquals(flags({ ...both, ffi: ["./a.so"] }), { sealed: false, told: true });
  assertEquals(flags(both, { env: { LD_DEBUG: "all" } }), { sealed: false, told: true });
});
