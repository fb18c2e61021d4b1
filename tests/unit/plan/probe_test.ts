import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { denoDirectory, isReadableByAll } from "../../../src/plan/probe/deno_dir.ts";
import { readEnvFile } from "../../../src/plan/probe/env_files.ts";
import { cpuList, readRights } from "../../../src/plan/probe/rights.ts";
import { findExecutable } from "../../../src/plan/probe/executables.ts";
import { pathFact } from "../../../src/plan/probe/path_facts.ts";
import { ProjectError } from "../../../src/plan/import_map.ts";
import { readProject } from "../../../src/plan/probe/project.ts";
import { failureText } from "../../../src/plan/probe/runtime_command.ts";
import { parseGroup, parsePasswd, readAccounts } from "../../../src/plan/probe/users.ts";
import { temporaryFolder } from "./temporary_folder.ts";

Deno.test("parsePasswd() and parseGroup() skip malformed lines", () => {
  const passwd = "root:x:0:0:root:/root:/bin/sh\n\n#c\nbad:x::0::/:\nshort:x:1:1\nn:x:a:1:::\n" +
    "www:x:33:34:::/bin/false\n";
  assertEquals(parsePasswd(passwd), [
    { name: "root", uid: 0, gid: 0, home: "/root" },
    { name: "www", uid: 33, gid: 34, home: "" },
  ]);
  assertEquals(parseGroup("root:x:0:\nx\n:x:1:\ndata:x:50:a,b"), [
    { name: "root", gid: 0, members: [] },
    { name: "data", gid: 50, members: ["a", "b"] },
  ]);
});

Deno.test("readAccounts() finds root on this machine", () => {
  assertEquals(readAccounts().users.find((user) => user.uid === 0)?.name, "root");
});

Deno.test("findExecutable() searches PATH in order, and only executable files", async () => {
  await using folder = await temporaryFolder();
  const { dir } = folder;
  for (const part of ["a", "b", "a/tool-as-folder"]) Deno.mkdirSync(`${dir}/${part}`);
  await folder.write("a/plain", "", 0o644);
  await folder.write("b/plain", "", 0o755);
  await folder.write("b/tool-as-folder", "", 0o755);
  await folder.write("here", "", 0o755);
  const find = (command: string, path: string) => findExecutable({ command, cwd: dir, path });
  const path = `/nonexistent:${dir}/a:${dir}/b`;
  assertEquals(find("plain", path), `${dir}/b/plain`);
  assertEquals(find("tool-as-folder", path), `${dir}/b/tool-as-folder`);
  assertEquals(find("ghost", path), null);
  assertEquals(find("here", path), null);
  assertEquals(find("here", `${path}:`), `${dir}/here`);
  assertEquals(find("plain", "b"), `${dir}/b/plain`);
  assertEquals(find("./here", ""), `${dir}/here`);
  assertEquals(find(`${dir}/b/plain`, ""), `${dir}/b/plain`);
  assertEquals(find("a/plain", ""), null);
  assertEquals(find("plain", ""), null);
  assertEquals(find("", path), null);
});

Deno.test("pathFact() follows links, also those above a path that does not exist", async () => {
  await using folder = await temporaryFolder();
  const { dir } = folder;
  await folder.write("file", "");
  await Deno.mkdir(`${dir}/real`);
  await Deno.symlink(`${dir}/real`, `${dir}/link`);
  await Deno.symlink(`${dir}/loop`, `${dir}/loop`);
  assertEquals(pathFact(`${dir}/file`), { kind: "file", realPath: `${dir}/file` });
  assertEquals(pathFact(`${dir}/link`), {
    kind: "directory",
    realPath: `${dir}/real`,
    links: [`${dir}/link`],
  });
  assertEquals(pathFact("/dev/null").kind, "other");
  assertEquals(pathFact(`${dir}/link/new/x`), {
    kind: "missing",
    realPath: `${dir}/real/new/x`,
  });
  assertEquals(pathFact(`${dir}/file/x`), { kind: "missing", realPath: `${dir}/file/x` });
  assertEquals(pathFact(`${dir}/loop`), { kind: "missing", realPath: `${dir}/loop` });
  assertEquals(pathFact("/nonexistent-folder/x").realPath, "/nonexistent-folder/x");
});

Deno.test("pathFact() names every link on the way, where it lies", async () => {
  await using folder = await temporaryFolder();
  const { dir } = folder;
  await Deno.mkdir(`${dir}/store`);
  await folder.write("store/file", "");
  await Deno.mkdir(`${dir}/hop`);
  await Deno.symlink("../store/./file", `${dir}/hop/name`);
  await Deno.symlink(`${dir}/hop`, `${dir}/way`);
  await Deno.symlink("way/name", `${dir}/start`);
  assertEquals(pathFact(`${dir}/start`), {
    kind: "file",
    realPath: `${dir}/store/file`,
    links: [`${dir}/start`, `${dir}/way`, `${dir}/hop/name`],
  });
});

Deno.test("readEnvFile() reads dotenv lines, and says why it cannot", async () => {
  await using folder = await temporaryFolder();
  const { dir } = folder;
  await folder.write("a.env", "# c\nA=1\nB='x y' # z\nexport C=3\n");
  assertEquals(await readEnvFile(`${dir}/a.env`), {
    kind: "read",
    values: { A: "1", B: "x y", C: "3" },
  });
  const reason = async (name: string) => {
    const fact = await readEnvFile(`${dir}/${name}`);
    return fact.kind === "failed" ? fact.reason : fact.kind;
  };
  assertEquals(await reason("none"), "it does not exist");
  assertEquals(await reason("."), "it is not a file");
  await folder.write("nul", "A=\0");
  assertStringIncludes(await reason("nul"), "NUL");
  await folder.write("exact", `A=${"x".repeat(2 * 1024 * 1024 - 2)}`);
  assertEquals(await reason("exact"), "read");
  await folder.write("over", `A=${"x".repeat(2 * 1024 * 1024 - 1)}`);
  assertStringIncludes(await reason("over"), "2 MiB");
});

Deno.test("readProject() finds the nearest deno.json with its tasks and lock file", async () => {
  await using folder = await temporaryFolder();
  const { dir } = folder;
  await Deno.mkdir(`${dir}/sub/deep`, { recursive: true });
  await folder.write("deno.json", '{"imports":{"x":"./x.ts"},"tasks":{"t":"true"}}');
  await folder.write("deno.lock", "{}");
  const found = readProject(`${dir}/sub/deep`);
  assertEquals(found.path, `${dir}/deno.json`);
  assertEquals(found.importMap.imports, { x: `file://${dir}/x.ts` });
  assertEquals(found.tasks, { configPath: `${dir}/deno.json`, names: ["t"] });
  assertEquals(found.lockPath, `${dir}/deno.lock`);
  await folder.write("sub/deno.jsonc", '{ // c\n "importMap": "./m/map.json", "lock": false, }');
  await Deno.mkdir(`${dir}/sub/m`);
  assertThrows(() => readProject(`${dir}/sub`), ProjectError, "does not exist");
  await folder.write("sub/m/map.json", '{"imports":{"y":"./y.ts"}}');
  const nearer = readProject(`${dir}/sub/deep`);
  assertEquals(nearer.importMap.imports, { y: `file://${dir}/sub/m/y.ts` });
  assertEquals([nearer.tasks?.names, nearer.lockPath], [[], null]);
});

Deno.test("readProject() refuses a deno.json that is no JSON object", async () => {
  await using folder = await temporaryFolder();
  for (const text of ["{", "[]", "null", "1"]) {
    await folder.write("deno.json", text);
    assertThrows(() => readProject(folder.dir), ProjectError, `${folder.dir}/deno.json`);
  }
});

Deno.test("denoDirectory() follows DENO_DIR, the cache folder, HOME, then the account", () => {
  const user = { name: "me", uid: 1, gid: 1, home: "/account" };
  assertEquals(denoDirectory({ DENO_DIR: "/d/", XDG_CACHE_HOME: "/x", HOME: "/h" }, user), "/d");
  assertEquals(denoDirectory({ DENO_DIR: "d" }, user), `${Deno.cwd()}/d`);
  assertEquals(denoDirectory({ XDG_CACHE_HOME: "/x", HOME: "/h" }, user), "/x/deno");
  assertEquals(denoDirectory({ XDG_CACHE_HOME: "x", HOME: "/h" }, user), "/h/.cache/deno");
  assertEquals(denoDirectory({}, user), "/account/.cache/deno");
});

Deno.test("denoDirectory() agrees with the runtime", async () => {
  for (const environment of [{ HOME: "/tmp/h" }, { HOME: "/tmp/h", XDG_CACHE_HOME: "/tmp/x" }]) {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json"],
      clearEnv: true,
      env: environment,
      cwd: "/",
    }).output();
    const { denoDir } = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals(denoDirectory(environment, undefined), denoDir);
  }
});

Deno.test("isReadableByAll() looks at the folder and at every folder above it", async () => {
  await using folder = await temporaryFolder();
  const deep = `${folder.dir}/a/b`;
  await Deno.mkdir(deep, { recursive: true });
  for (const path of [folder.dir, `${folder.dir}/a`, deep]) await Deno.chmod(path, 0o755);
  assertEquals(isReadableByAll(deep), true);
  await Deno.chmod(`${folder.dir}/a`, 0o751);
  assertEquals(isReadableByAll(deep), true);
  assertEquals(isReadableByAll(`${folder.dir}/a`), false);
  await Deno.chmod(`${folder.dir}/a`, 0o750);
  assertEquals(isReadableByAll(deep), false);
  assertEquals(isReadableByAll(`${deep}/none`), false);
});

Deno.test("failureText() is the reason on one line", () => {
  const stderr = "Download x\nerror: Module not found.\n    at a.ts:1:1\n\nStack backtrace:\n 0";
  assertEquals(failureText(stderr), "Module not found. at a.ts:1:1");
  assertEquals(failureText("odd\n"), "odd");
  const madeUp =
    'error: Not in cache: "https://x/y.ts"\n    at data:text/javascript,import%20x:1:51\n';
  assertEquals(failureText(madeUp), 'Not in cache: "https://x/y.ts"');
});

Deno.test("cpuList() reads lists as the kernel writes them, and nothing else", () => {
  assertEquals(cpuList("0-2,4\n"), [0, 1, 2, 4]);
  assertEquals(cpuList("0\n"), [0]);
  assertEquals(cpuList("\n"), []);
  assertEquals(cpuList("3-1,x,-1"), []);
  assertEquals(cpuList("0-9999").length, 1024);
});

Deno.test("readRights() reads what /proc says of this process", () => {
  const rights = readRights(Deno.readTextFileSync);
  assert(rights.cpus.includes(0));
  assert(rights.oomScore >= -1000 && rights.oomScore <= 1000);
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(Deno.readTextFileSync("/proc/self/status"))![1]!;
  const bits = rights.capabilities.reduce((sum, bit) => sum | 1n << BigInt(bit), 0n);
  assertEquals(bits, BigInt(`0x${mask}`));
});
