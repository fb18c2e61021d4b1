import { assertEquals } from "@std/assert";
import { closedTo } from "../../../src/plan/notify_reach.ts";
import { foldersAbove } from "../../../src/plan/probe/path_facts.ts";
import { commandProcess, compiled, crew, denoProcess, machine, onlyError } from "./fixtures.ts";

const folder = (mode: number, uid = 0, gid = 0) => ({ path: "/run/user/0", mode, uid, gid });
const NOTIFY = { ready: { by: "notify" } } as const;

Deno.test("closedTo() asks for the bit of the owner, the group or others", () => {
  const www = { uid: 33, gid: 33, user: null };
  const cases = [
    [folder(0o711), true],
    [folder(0o710), false],
    [folder(0o710, 0, 33), true],
    [folder(0o701, 0, 33), false],
    [folder(0o700, 33), true],
    [folder(0o677, 33), false],
  ] as const;
  for (const [each, open] of cases) {
    assertEquals(closedTo([folder(0o755), each], www), open ? null : each);
  }
  assertEquals(closedTo([folder(0)], { uid: 0, gid: 33, user: null }), null);
});

Deno.test("compile() refuses a process that could never say that it is ready", () => {
  const facts = machine({ runDirAbove: [folder(0o755), folder(0o700)] });
  const issue = onlyError(crew({ a: commandProcess({ user: "www", ...NOTIFY }) }), facts);
  assertEquals(issue, {
    severity: "error",
    path: ["processes", "a", "ready", "by"],
    message: "uid 33 cannot reach its notify socket beside the run directory " +
      "/run/cox/project-1: /run/user/0 is closed to it (mode 700)",
    fix: "chmod o+x /run/user/0, or choose another --run-dir",
  });
  // Neither uses a socket there: one has a descriptor, one is cox's own user.
  compiled(crew({ a: denoProcess({}, { user: "www", ...NOTIFY }) }), facts);
  compiled(crew({ a: commandProcess(NOTIFY) }), facts);
});

Deno.test("foldersAbove() lists what exists, the root first", async () => {
  const dir = await Deno.makeTempDir();
  Deno.chmodSync(dir, 0o711);
  const found = foldersAbove(`${dir}/missing/run`);
  assertEquals(found[0]!.path, "/");
  assertEquals([found.at(-1)!.path, found.at(-1)!.mode & 0o777], [dir, 0o711]);
  await Deno.remove(dir);
});
