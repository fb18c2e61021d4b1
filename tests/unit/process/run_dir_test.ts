import { assert, assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { closeFd } from "../../../src/os/pipe.ts";
import { createCrewCgroup } from "../../../src/process/crew_cgroup.ts";
import {
  claimRunDir,
  defaultRunDir,
  noteCgroup,
  RunDirError,
  runDirHolder,
} from "../../../src/process/run_dir.ts";
import {
  ended,
  mustSpawn,
  shellRequest,
  temporaryDirectory,
} from "../../process/support/harness.ts";

const CONFIG = "/home/me/my project/supervisor.config.ts";

Deno.test("defaultRunDir() depends on the user, the session and the configuration alone", async () => {
  const tail = /\/my_project-[0-9a-f]{8}$/;
  for (
    const [env, uid, base] of [
      [{ XDG_RUNTIME_DIR: "/run/user/7/" }, 7, "/run/user/7/cox/"],
      [{ XDG_RUNTIME_DIR: "relative" }, 7, "/tmp/cox-7/"],
      [{ XDG_RUNTIME_DIR: "" }, 7, "/tmp/cox-7/"],
      [{}, 0, "/run/cox/"],
    ] as const
  ) {
    const dir = await defaultRunDir(CONFIG, env, uid);
    assert(dir.startsWith(base), dir);
    assertMatch(dir, tail);
    assertEquals(await defaultRunDir(CONFIG, env, uid), dir);
  }
  assertNotEquals(await defaultRunDir(CONFIG, {}, 7), await defaultRunDir(CONFIG + "x", {}, 7));
});

Deno.test("defaultRunDir() leaves room for a socket's path", async () => {
  const dir = await defaultRunDir(
    `/${"x".repeat(200)}/c.ts`,
    { XDG_RUNTIME_DIR: "/run/user/1000" },
    0,
  );
  assert(`${dir}/notify/${crypto.randomUUID()}.sock`.length <= 107, dir);
});

Deno.test("claimRunDir() makes a private directory and holds it until its lock is closed", () => {
  using dir = temporaryDirectory();
  const path = `${dir.path}/base/run`;
  const claim = claimRunDir(path);
  assert(claim.kind === "claimed" && claim.lockFd >= 10);
  assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o700);
  assertEquals((Deno.statSync(`${dir.path}/base`).mode ?? 0) & 0o777, 0o711);
  assertEquals(claimRunDir(path), { kind: "held", pid: Deno.pid });
  assertEquals(runDirHolder(path), Deno.pid);
  closeFd(claim.lockFd);
  assertEquals(runDirHolder(path), null);
  const again = claimRunDir(path);
  assert(again.kind === "claimed");
  closeFd(again.lockFd);
});

Deno.test("claimRunDir() refuses what others could have planted", () => {
  using dir = temporaryDirectory();
  const refused = (path: string, why: string) =>
    assertThrows(() => claimRunDir(path), RunDirError, why);
  Deno.mkdirSync(`${dir.path}/real`, { mode: 0o700 });
  Deno.symlinkSync(`${dir.path}/real`, `${dir.path}/link`);
  refused(`${dir.path}/link`, "symbolic link");
  Deno.symlinkSync(`${dir.path}/nowhere`, `${dir.path}/dangling`);
  refused(`${dir.path}/dangling`, "symbolic link");
  Deno.mkdirSync(`${dir.path}/shared`);
  Deno.chmodSync(`${dir.path}/shared`, 0o770);
  refused(`${dir.path}/shared`, "others may write");
  refused(`${dir.path}/shared/run`, "others may write");
  Deno.writeTextFileSync(`${dir.path}/file`, "");
  refused(`${dir.path}/file`, "not a directory");
  refused("relative/run", "must be absolute");
});

Deno.test({
  name: "claimRunDir() refuses another user's directory",
  ignore: Deno.uid() !== 0,
  fn: () => {
    using dir = temporaryDirectory();
    Deno.mkdirSync(`${dir.path}/theirs`, { mode: 0o700 });
    Deno.chownSync(`${dir.path}/theirs`, 65534, 65534);
    const refused = (path: string) =>
      assertThrows(() => claimRunDir(path), RunDirError, "belongs to uid 65534");
    refused(`${dir.path}/theirs`);
    refused(`${dir.path}/theirs/run`);
  },
});

for (const name of ["lock", "plan.json", "import_map.json", "events.jsonl", "cgroup", "notify"]) {
  Deno.test(`claimRunDir() refuses a symbolic link for ${name}, and does not touch its target`, () => {
    using dir = temporaryDirectory();
    Deno.mkdirSync(`${dir.path}/run`, { mode: 0o700 });
    Deno.writeTextFileSync(`${dir.path}/precious`, "kept");
    Deno.symlinkSync(`${dir.path}/precious`, `${dir.path}/run/${name}`);
    assertThrows(() => claimRunDir(`${dir.path}/run`), RunDirError, `"${name}" in it is no `);
    assertEquals(Deno.readTextFileSync(`${dir.path}/precious`), "kept");
  });
}

Deno.test("claimRunDir() refuses a link to nowhere, and a folder in the place of a file", () => {
  using dir = temporaryDirectory();
  Deno.mkdirSync(`${dir.path}/run/plan.json`, { recursive: true, mode: 0o700 });
  assertThrows(() => claimRunDir(`${dir.path}/run`), RunDirError, '"plan.json" in it is no');
  Deno.removeSync(`${dir.path}/run/plan.json`);
  Deno.symlinkSync(`${dir.path}/nowhere`, `${dir.path}/run/lock`);
  assertThrows(() => claimRunDir(`${dir.path}/run`), RunDirError, '"lock" in it is no');
});

Deno.test("claimRunDir() takes a world-readable directory and makes it private", () => {
  using dir = temporaryDirectory();
  Deno.mkdirSync(`${dir.path}/run`, { mode: 0o755 });
  const claim = claimRunDir(`${dir.path}/run`);
  assert(claim.kind === "claimed");
  assertEquals((Deno.statSync(`${dir.path}/run`).mode ?? 0) & 0o777, 0o700);
  closeFd(claim.lockFd);
});

Deno.test("claimRunDir() clears away the sockets of a dead run and nothing else", () => {
  using dir = temporaryDirectory();
  const path = `${dir.path}/run`;
  Deno.mkdirSync(`${path}/notify`, { recursive: true, mode: 0o700 });
  for (const name of ["control.sock", "notify/a.sock", "notify/b.sock", "events.jsonl"]) {
    Deno.writeTextFileSync(`${path}/${name}`, "");
  }
  const claim = claimRunDir(path);
  assert(claim.kind === "claimed");
  assertEquals(claim.reclaimed.length, 3);
  assertEquals([...Deno.readDirSync(`${path}/notify`)], []);
  const left = [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  assertEquals(left, ["events.jsonl", "lock", "notify"]);
  closeFd(claim.lockFd);
});

Deno.test("claimRunDir() kills what lives in the cgroup of a dead run", async () => {
  const cgroup = createCrewCgroup("test", Deno.pid);
  if (cgroup.kind === "unavailable") return console.warn(`Skipped, no cgroup: ${cgroup.why}`);
  using dir = temporaryDirectory();
  const path = `${dir.path}/run`;
  Deno.mkdirSync(path, { mode: 0o700 });
  noteCgroup(path, cgroup.dir);
  const child = mustSpawn(shellRequest("sleep 30"));
  Deno.writeTextFileSync(`${cgroup.dir}/supervisor/cgroup.procs`, String(child.pid));
  const claim = claimRunDir(path);
  assert(claim.kind === "claimed");
  assertEquals(claim.reclaimed, [cgroup.dir]);
  const { reason } = await ended(child);
  assertEquals(reason, { kind: "signal", signal: "SIGKILL", coreDumped: false, cause: null });
  assertThrows(() => Deno.statSync(cgroup.dir), Deno.errors.NotFound);
  closeFd(claim.lockFd);
});

Deno.test("claimRunDir() does not believe a note that names no cgroup of ours", () => {
  using dir = temporaryDirectory();
  const path = `${dir.path}/run`;
  Deno.mkdirSync(`${dir.path}/cox-victim`, { recursive: true });
  Deno.mkdirSync(path, { mode: 0o700 });
  for (const note of [`${dir.path}/cox-victim`, "/sys/fs/cgroup/../../../tmp/cox-x", "/", ""]) {
    noteCgroup(path, note);
    const claim = claimRunDir(path);
    assert(claim.kind === "claimed");
    assertEquals(claim.reclaimed, []);
    closeFd(claim.lockFd);
  }
  assert(Deno.statSync(`${dir.path}/cox-victim`).isDirectory);
});
