import { assertEquals, assertStringIncludes } from "@std/assert";
import { buildEnvironment, changesCode } from "../../../src/plan/environment.ts";
import type { EnvFileFact } from "../../../src/plan/facts.ts";
import {
  commandProcess,
  compiled,
  crew,
  denoProcess,
  machine,
  onlyError,
  PATH,
  processNamed,
  warnings,
} from "./fixtures.ts";

const own = { PATH, HOME: "/home/me", TZ: "UTC", SECRET: "s", NO_COLOR: "1", LD_PRELOAD: "x.so" };
const build = (changes: Partial<Parameters<typeof buildEnvironment>[0]> = {}) =>
  Object.fromEntries(
    buildEnvironment({ own, declared: undefined, files: [], user: null, denoDir: null, ...changes })
      .entries,
  );

Deno.test("buildEnvironment() passes PATH, HOME, LANG and TZ where they are set, nothing else", () => {
  assertEquals(build(), { PATH, HOME: "/home/me", TZ: "UTC" });
});

Deno.test("buildEnvironment() sets by value, passes by true, withholds by false", () => {
  assertEquals(
    build({
      declared: { A: "1", SECRET: true, UNSET: true, TZ: false, EMPTY: "", toString: true },
    }),
    { PATH, HOME: "/home/me", A: "1", SECRET: "s", EMPTY: "" },
  );
});

Deno.test("buildEnvironment() sorts by name", () => {
  const names = buildEnvironment({
    own,
    declared: { b: "1", a: "2", _: "3", Z: "4" },
    files: [],
    user: null,
    denoDir: null,
  }).entries.map(([name]) => name);
  assertEquals(names, ["HOME", "PATH", "TZ", "Z", "_", "a", "b"]);
});

Deno.test("buildEnvironment() lets later files win over earlier ones, and env over files", () => {
  const files = [{ A: "1", B: "1", C: "1", HOME: "/f" }, { B: "2", C: "2" }];
  const result = build({ files, declared: { C: "3" } });
  assertEquals([result.A, result.B, result.C, result.HOME], ["1", "2", "3", "/f"]);
});

Deno.test("buildEnvironment() gives another user's HOME, USER and LOGNAME unless told otherwise", () => {
  const user = { name: "www", home: "/var/www" };
  assertEquals(build({ user, declared: { LOGNAME: "x" } }), {
    PATH,
    TZ: "UTC",
    HOME: "/var/www",
    USER: "www",
    LOGNAME: "x",
  });
});

Deno.test("buildEnvironment() gives the runtime its cache, NO_COLOR if set, and no update check", () => {
  const result = build({ denoDir: "/cache" });
  assertEquals(result, {
    PATH,
    HOME: "/home/me",
    TZ: "UTC",
    DENO_DIR: "/cache",
    DENO_NO_UPDATE_CHECK: "1",
    NO_COLOR: "1",
  });
  assertEquals(build({ denoDir: "/cache", own: {} }), {
    DENO_DIR: "/cache",
    DENO_NO_UPDATE_CHECK: "1",
  });
});

Deno.test("changesCode() knows the variables that load other code", () => {
  for (const name of ["NODE_OPTIONS", "DENO_V8_FLAGS", "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_X"]) {
    assertEquals(changesCode(name), true, name);
  }
  for (const name of ["NODE_ENV", "OLD_PATH", "LD", "PATH"]) {
    assertEquals(changesCode(name), false, name);
  }
});

Deno.test("compile() takes LD_* by value with a warning, never by name", () => {
  const env = (value: string | boolean) => ({ LD_PRELOAD: value });
  const facts = machine({ environment: own });
  const warned = warnings(crew({ a: commandProcess({ env: env("y.so") }) }), facts);
  assertEquals(warned.map((issue) => [issue.severity, issue.path]), [
    ["warning", ["processes", "a", "env", "LD_PRELOAD"]],
  ]);
  const issue = onlyError(crew({ a: commandProcess({ env: env(true) }) }), facts);
  assertEquals(issue.path, ["processes", "a", "env", "LD_PRELOAD"]);
  assertEquals(warnings(crew({ a: commandProcess({ env: env(false) }) }), facts), []);
});

Deno.test("compile() reads env files relative to the configuration", () => {
  const envFiles = new Map<string, EnvFileFact>([
    ["/project/sub/a.env", { kind: "read", values: { A: "1" } }],
    ["/etc/b.env", { kind: "read", values: { B: "2" } }],
  ]);
  const config = crew({ a: commandProcess({ envFiles: ["./sub/a.env", "/etc/b.env"] }) });
  const plan = compiled(config, machine({ envFiles }));
  assertEquals(processNamed(plan, "a").env.filter(([name]) => name.length === 1), [
    ["A", "1"],
    ["B", "2"],
  ]);
});

Deno.test("compile() refuses an env file that cannot be read, or that changes code", () => {
  const config = crew({ a: commandProcess({ envFiles: ["ok.env", "bad.env"] }) });
  const ok: [string, EnvFileFact] = ["/project/ok.env", { kind: "read", values: {} }];
  const failed = onlyError(
    config,
    machine({ envFiles: new Map([ok, ["/project/bad.env", { kind: "failed", reason: "why" }]]) }),
  );
  assertEquals(failed.path, ["processes", "a", "envFiles", 1]);
  assertStringIncludes(failed.message, "why");
  const values = { NODE_OPTIONS: "--import=./x.mjs" };
  const hidden = onlyError(
    config,
    machine({ envFiles: new Map([ok, ["/project/bad.env", { kind: "read", values }]]) }),
  );
  assertEquals(hidden.path, ["processes", "a", "envFiles", 1]);
  assertStringIncludes(hidden.message, "NODE_OPTIONS");
});

Deno.test("compile() gives sandboxed programs the module cache, commands not", () => {
  const plan = compiled(crew({ a: denoProcess(), b: commandProcess() }));
  const has = (name: string) => processNamed(plan, name).env.some(([key]) => key === "DENO_DIR");
  assertEquals([has("a"), has("b"), has("@log")], [true, false, true]);
});

Deno.test("compile() lets no sandboxed program have a module cache of its own", () => {
  const envFiles = new Map<string, EnvFileFact>([
    ["/project/cache.env", { kind: "read", values: { DENO_DIR: "/project/data" } }],
  ]);
  const given = machine({ envFiles });
  for (
    const keys of [
      { env: { DENO_DIR: "/project/data" } },
      { env: { DENO_DIR: false } },
      { envFiles: ["./cache.env"] },
    ] as const
  ) {
    const { path, message } = onlyError(crew({ a: denoProcess({}, keys) }), given);
    assertEquals(path, ["processes", "a", "env", "DENO_DIR"]);
    assertStringIncludes(message, "DENO_DIR is refused to a sandboxed program");
    assertEquals(warnings(crew({ a: commandProcess(keys) }), given), []);
  }
});
