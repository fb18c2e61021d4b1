import { assertEquals, assertStringIncludes, fail } from "@std/assert";
import type { Config } from "../../../src/config/config.ts";
import type { Plan } from "../../../src/plan/plan.ts";
import { coxInstallation } from "../../../src/plan/probe/cox_installation.ts";
import { prepare, type Prepared, type PrepareOptions } from "../../../src/plan/probe/prepare.ts";
import { commandProcess, crew, denoProcess, processNamed } from "./fixtures.ts";
import { type TemporaryFolder, temporaryFolder } from "./temporary_folder.ts";

const prepareIn = (
  folder: TemporaryFolder,
  config: Config,
  options: Partial<PrepareOptions> = {},
): Promise<Prepared> =>
  prepare(config, {
    configPath: `${folder.dir}/supervisor.config.ts`,
    runDir: `${folder.dir}/run`,
    mode: "check",
    ...options,
  });

function ready(prepared: Prepared): Extract<Prepared, { kind: "ready" }> {
  return prepared.kind === "ready" ? prepared : fail(JSON.stringify(prepared.issues, null, 1));
}

/** Runs a process as planned, without descriptors of ours. */
async function run(plan: Plan, name: string): Promise<{ code: number; out: string; err: string }> {
  const { executable, argv, cwd, env } = processNamed(plan, name);
  const output = await new Deno.Command(executable, {
    args: argv.slice(1),
    cwd,
    clearEnv: true,
    env: Object.fromEntries(env),
  }).output();
  const decoder = new TextDecoder();
  return {
    code: output.code,
    out: decoder.decode(output.stdout),
    err: decoder.decode(output.stderr),
  };
}

async function writeImportMap(folder: TemporaryFolder, text: string): Promise<void> {
  await Deno.mkdir(`${folder.dir}/run`, { recursive: true });
  await folder.write("run/import_map.json", text);
}

Deno.test("prepare() starts no runtime for a crew of commands", async () => {
  await using folder = await temporaryFolder();
  const config = crew({ a: commandProcess({ replicas: 10 }) });
  // A runtime that does not exist: to start it would fail.
  const prepared = await prepareIn(folder, config, { denoPath: "/nonexistent/deno", mode: "up" });
  assertEquals(ready(prepared).plan.processes.length, 11);
});

Deno.test("prepare() knows the running cox", async () => {
  await using folder = await temporaryFolder();
  const { plan } = ready(await prepareIn(folder, crew({ a: commandProcess() })));
  const cox = coxInstallation();
  assertEquals(plan.cox, cox.version);
  assertEquals(plan.processes[0]!.argv.at(-1), `${cox.dir}/src/system/log.ts`);
});

Deno.test("prepare() plans command lines that run, with limits and another niceness", async () => {
  await using folder = await temporaryFolder();
  const script = 'ulimit -n; nice; echo "$1"; pwd; env | grep -c .';
  const config = crew({
    a: {
      run: { kind: "command", argv: ["sh", "-c", script, "sh", "a b;$(c)"] },
      limits: { nofile: 77 },
      nice: 4,
      env: { PATH: "/usr/bin:/bin", HOME: false, LANG: false, TZ: false, X: "1" },
    },
  });
  const { plan } = ready(await prepareIn(folder, config));
  const { out, code } = await run(plan, "a");
  const [nofile, nice, argument, cwd] = out.split("\n");
  assertEquals(code, 0);
  // nice(1) adds to what the suite itself runs at.
  const own = new Deno.Command("nice").outputSync().stdout;
  const niceness = Math.min(19, 4 + Number(new TextDecoder().decode(own)));
  assertEquals([nofile, nice, argument, cwd], ["77", `${niceness}`, "a b;$(c)", folder.dir]);
});

Deno.test({
  name: "prepare() plans command lines that run as another user",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    await using folder = await temporaryFolder();
    await Deno.chmod(folder.dir, 0o755);
    await folder.write("main.ts", "console.log(globalThis[Symbol.for('coxswain.links')].process)");
    const config = crew({
      a: {
        run: { kind: "command", argv: ["sh", "-c", "id -u; id -g; id -G; echo $HOME $USER"] },
        user: "nobody",
      },
      b: denoProcess({}, { user: "nobody" }),
    });
    const { plan } = ready(await prepareIn(folder, config));
    const { uid, gid } = processNamed(plan, "a");
    const [user, group, groups, names] = (await run(plan, "a")).out.split("\n");
    assertEquals([user, group, groups], [String(uid), String(gid), String(gid)]);
    assertStringIncludes(names!, " nobody");
    // The run directory, and the import map in it, are closed to this user.
    assertEquals((await run(plan, "b")).out, "b\n");
  },
});

Deno.test("prepare() plans sandboxed programs that resolve the project's names", async () => {
  await using folder = await temporaryFolder();
  await folder.write("deno.jsonc", '{ "imports": { "lib": "./lib.ts", } } // names');
  await folder.write("lib.ts", "export const word: string = 'found';");
  await folder.write(
    "main.ts",
    `import { word } from "lib";
     import { ready } from "coxswain/child";
     const links = globalThis[Symbol.for("coxswain.links")];
     let refused = "granted";
     try { Deno.env.get("HOME"); } catch (error) { refused = error.name; }
     console.log(word, links.process, typeof ready, Deno.args.join(), refused);`,
  );
  const config = crew({ a: denoProcess({ args: ["--x", "y z"] }, { replicas: 2 }) });
  const { plan, importMap } = ready(await prepareIn(folder, config));
  await writeImportMap(folder, importMap);
  const result = await run(plan, "a-2");
  assertEquals(result.out, "found a-2 function --x,y z NotCapable\n", result.err);
});

Deno.test("prepare() reports everything that is missing at once, before anything runs", async () => {
  await using folder = await temporaryFolder();
  await folder.write("main.ts", `import "./gone.ts"; import "nowhere"; import("./optional.ts");`);
  const config = crew({
    a: denoProcess(),
    b: denoProcess({ path: "./none.ts" }),
    c: commandProcess({ cwd: "./none", envFiles: [".env"] }),
    d: { run: { kind: "command", argv: ["no-such-program"] } },
    e: commandProcess({ user: "no-such-user" }),
    f: { run: { kind: "task", name: "build" } },
  });
  const prepared = await prepareIn(folder, config, { mode: "up" });
  const errors = prepared.issues.filter((issue) => issue.severity === "error");
  assertEquals(errors.map((issue) => issue.path.join(".")).sort(), [
    "processes.a.run.path",
    "processes.a.run.path",
    "processes.b.run.path",
    "processes.c.cwd",
    "processes.c.envFiles.0",
    "processes.d.run.argv.0",
    "processes.e.user",
    "processes.f.run.name",
  ]);
});

Deno.test("prepare() reports a syntax error in a program's module with its place", async () => {
  await using folder = await temporaryFolder();
  await folder.write("main.ts", 'import "./bad.ts";');
  await folder.write("bad.ts", "const x: = 1;");
  const { issues } = await prepareIn(folder, crew({ a: denoProcess() }));
  assertEquals(issues.length, 1);
  assertStringIncludes(issues[0]!.message, `${folder.dir}/bad.ts:1:`);
  assertEquals(issues[0]!.message.includes("\n"), false);
});

Deno.test("prepare() refuses a write grant that reaches a program's module by a link", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(`${folder.dir}/lib`);
  await folder.write("lib/deep.ts", "export {};");
  await folder.write("main.ts", 'import "./lib/deep.ts";');
  await Deno.symlink("lib", `${folder.dir}/data`);
  const grant = (write: string[]) =>
    prepareIn(folder, crew({ a: denoProcess({ permissions: { write } }) }));
  const refused = await grant(["./data"]);
  assertEquals(refused.kind, "refused");
  assertStringIncludes(refused.issues[0]!.message, `${folder.dir}/lib/deep.ts`);
  assertEquals((await grant(["./data2"])).kind, "ready");
  assertEquals((await grant(["./data/new/x"])).kind, "ready");
});

Deno.test("prepare() protects the runtime, the module cache and the run directory", async () => {
  await using folder = await temporaryFolder();
  await folder.write("main.ts", "");
  const environment = { ...Deno.env.toObject(), DENO_DIR: `${folder.dir}/cache` };
  for (const grant of [Deno.realPathSync(Deno.execPath()), "./cache", "./run/x"]) {
    const config = crew({ a: denoProcess({ permissions: { write: [grant] } }) });
    const prepared = await prepareIn(folder, config, { environment });
    assertEquals(prepared.kind, "refused", grant);
  }
});

Deno.test("prepare() protects what another program may run", async () => {
  await using folder = await temporaryFolder();
  await folder.write("main.ts", "");
  await Deno.mkdir(`${folder.dir}/tools`);
  await folder.write("tools/tool", "#!/bin/sh\n", 0o755);
  const config = (run: string) =>
    crew({
      a: denoProcess({ permissions: { write: ["./tools"] } }),
      b: denoProcess({ permissions: { run: [run] } }, { env: { PATH: `${folder.dir}/tools` } }),
    });
  assertEquals((await prepareIn(folder, config("tool"))).kind, "refused");
  assertEquals((await prepareIn(folder, config("./tools/tool"))).kind, "refused");
  assertEquals((await prepareIn(folder, config("sh"))).kind, "ready");
});

Deno.test("prepare() refuses a deno.json that is not JSON", async () => {
  await using folder = await temporaryFolder();
  await folder.write("deno.json", "{");
  const prepared = await prepareIn(folder, crew({ a: commandProcess() }));
  assertEquals(prepared.kind, "refused");
  assertStringIncludes(prepared.issues[0]!.message, "deno.json");
});

Deno.test("prepare() checks remote modules without the network, and up fetches them", async () => {
  await using folder = await temporaryFolder();
  let requests = 0;
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => {
    requests += 1;
    return new Response("export const word = 'remote';", {
      headers: { "content-type": "application/javascript" },
    });
  });
  const host = `127.0.0.1:${server.addr.port}`;
  // Its exit code tells whether it ran: a check must not run it.
  await folder.write(
    "main.ts",
    `import { word } from "http://${host}/word.js"; console.log(word); Deno.exit(7);`,
  );
  const config = crew({ a: denoProcess({ permissions: { import: [host] } }) });
  const environment = { ...Deno.env.toObject(), DENO_DIR: `${folder.dir}/cache` };
  const missing = await prepareIn(folder, config, { environment });
  assertEquals([missing.kind, requests], ["refused", 0]);
  assertEquals(missing.issues[0]!.path, ["processes", "a", "run", "path"]);
  assertStringIncludes(missing.issues[0]!.message, "/word.js");

  const { plan, importMap } = ready(await prepareIn(folder, config, { environment, mode: "up" }));
  assertEquals(requests, 1);
  await server.shutdown();
  ready(await prepareIn(folder, config, { environment }));
  ready(await prepareIn(folder, config, { environment, mode: "up" }));
  await writeImportMap(folder, importMap);
  const result = await run(plan, "a");
  assertEquals([result.code, result.out], [7, "remote\n"], result.err);
});

Deno.test("prepare() obeys the project's lock file", async () => {
  await using folder = await temporaryFolder();
  let body = "export const word = 'first';";
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => new Response(body, { headers: { "content-type": "application/javascript" } }),
  );
  const host = `127.0.0.1:${server.addr.port}`;
  await folder.write("main.ts", `import { word } from "http://${host}/x.js"; console.log(word);`);
  await folder.write("deno.json", "{}");
  await folder.write("deno.lock", '{"version":"5"}');
  const config = crew({ a: denoProcess({ permissions: { import: [host] } }) });
  const up = (cache: string) => {
    const environment = { ...Deno.env.toObject(), DENO_DIR: `${folder.dir}/${cache}` };
    return prepareIn(folder, config, { environment, mode: "up" });
  };
  const unlocked = await up("cache");
  assertEquals(unlocked.kind, "refused");
  assertStringIncludes(unlocked.issues[0]!.message, "lockfile is out of date");

  const locked = await new Deno.Command(Deno.execPath(), {
    args: ["cache", `--lock=${folder.dir}/deno.lock`, `--allow-import=${host}`, "main.ts"],
    cwd: folder.dir,
    env: { DENO_DIR: `${folder.dir}/cache` },
    stderr: "null",
  }).output();
  assertEquals(locked.code, 0);
  const lock = await Deno.readTextFile(`${folder.dir}/deno.lock`);
  const { plan, importMap } = ready(await up("cache"));
  await writeImportMap(folder, importMap);
  assertEquals((await run(plan, "a")).out, "first\n");
  assertEquals(await Deno.readTextFile(`${folder.dir}/deno.lock`), lock);

  body = "export const word = 'swapped';";
  assertEquals((await up("other_cache")).kind, "refused");
});

Deno.test("prepare() names the module that cannot be fetched", async () => {
  await using folder = await temporaryFolder();
  // A port that was free a moment ago, and that nobody listens on.
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const host = `127.0.0.1:${listener.addr.port}`;
  listener.close();
  const environment = { ...Deno.env.toObject(), DENO_DIR: `${folder.dir}/cache` };
  const config = crew({
    a: denoProcess({ path: `http://${host}/gone.ts`, permissions: { import: [host] } }),
  });
  const prepared = await prepareIn(folder, config, { environment, mode: "up" });
  assertEquals(prepared.kind, "refused");
  assertStringIncludes(prepared.issues[0]!.message, "gone.ts");
});

Deno.test("prepare() asks about two hundred programs in a few questions", async () => {
  await using folder = await temporaryFolder();
  const names = Array.from({ length: 200 }, (_, at) => `program_with_a_long_name_${at}.ts`);
  await Promise.all(names.map((name) => folder.write(name, 'import "./shared.ts";')));
  await folder.write("shared.ts", "export {};");
  const config = crew(
    Object.fromEntries(names.map((name, at) => [`p${at}`, denoProcess({ path: name })])),
  );
  const { plan } = ready(await prepareIn(folder, config));
  assertEquals(plan.processes.length, 201);
  const guarded = crew({
    ...config.processes,
    p0: denoProcess({ path: names[0]!, permissions: { write: [`./${names[199]}`] } }),
  });
  assertEquals((await prepareIn(folder, guarded)).kind, "refused");
});
