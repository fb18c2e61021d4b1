/**
 * Facts of kernel, C library and Deno that the code relies on, each on its own, so that an
 * upgrade that changes one fails here and says which.
 */
import { assert, assertEquals } from "@std/assert";
import { cString } from "../../../src/os/c_string.ts";
import { lastErrno } from "../../../src/os/errno.ts";
import { F_GETFL, libc, O_NONBLOCK } from "../../../src/os/libc.ts";
import { closeFd, createPipe, readFd, reopenPipe } from "../../../src/os/pipe.ts";
import { createCrewCgroup, isPopulated, removeCgroup } from "../../../src/process/crew_cgroup.ts";
import { pidNamespaceProblem } from "../../../src/process/pid_namespace.ts";
import {
  ended,
  livingWith,
  mustSpawn,
  outputOf,
  shellRequest,
  uniqueSeconds,
  until,
} from "../../process/support/harness.ts";

const DENO = Deno.execPath();
const modulePath = (path: string) => new URL(`../../../src/${path}`, import.meta.url).href;

/** Runs TypeScript in a Deno of its own. */
async function inDeno(script: string, shellPrefix = ""): Promise<string> {
  const output = await new Deno.Command("/bin/sh", {
    args: ["-c", `${shellPrefix} exec "$@"`, "sh", DENO, "eval", script],
    stderr: "inherit",
  }).output();
  return new TextDecoder().decode(output.stdout).trim();
}

Deno.test("platform: opening /proc/self/fd/N of a pipe gives a description of its own", () => {
  const pipe = createPipe();
  const fresh = reopenPipe(pipe.readFd, "read", { nonBlocking: true });
  assertEquals(libc().fcntl(pipe.readFd, F_GETFL, 0) & O_NONBLOCK, 0);
  assertEquals(
    Deno.readLinkSync(`/proc/self/fd/${fresh}`),
    Deno.readLinkSync(`/proc/self/fd/${pipe.readFd}`),
  );
  for (const fd of [pipe.readFd, pipe.writeFd, fresh]) closeFd(fd);
});

Deno.test("platform: EOF on a pipe comes with the last writer's end, reopened ones included", () => {
  const pipe = createPipe();
  const second = reopenPipe(pipe.readFd, "write");
  const reader = reopenPipe(pipe.readFd, "read", { nonBlocking: true });
  closeFd(pipe.writeFd);
  assertEquals(readFd(reader, new Uint8Array(1)), "would-block");
  closeFd(second);
  assertEquals(readFd(reader, new Uint8Array(1)), 0);
  closeFd(reader);
  closeFd(pipe.readFd);
});

Deno.test("platform: posix_spawn closes everything from a number up", async () => {
  assert(libc().posix_spawn_file_actions_addclosefrom_np !== null, "no addclosefrom_np");
  // 200 has no close-on-exec flag.
  const pipe = createPipe();
  assertEquals(libc().fcntl(pipe.readFd, 0, 200), 200);
  const { text } = await outputOf(shellRequest("ls /proc/$$/fd"));
  assertEquals(text.trim().split("\n"), ["0", "1", "2"]);
  for (const fd of [pipe.readFd, pipe.writeFd, 200]) closeFd(fd);
});

Deno.test("platform: a dup2 onto itself in posix_spawn clears close-on-exec", async () => {
  const pipe = createPipe();
  const { text } = await outputOf(shellRequest("ls /proc/$$/fd", {
    descriptors: [{ fd: pipe.writeFd, source: pipe.writeFd }],
  }));
  assert(text.split("\n").includes(String(pipe.writeFd)), text);
  closeFd(pipe.readFd);
  closeFd(pipe.writeFd);
});

Deno.test("platform: the subreaper flag survives execve, and orphans land under it", async () => {
  // It is an orphan when the shell between has ended; the one above reads until it has told.
  const orphan =
    "looks=0; while [ $looks -lt 1000 ] && ! grep -q '^PPid:.*[^0-9]'$1'$' /proc/$$/status; " +
    "do looks=$((looks + 1)); sleep 0.01; done; grep ^PPid /proc/$$/status";
  const script = `echo me $$; echo "$( (setsid sh -c "$ORPHAN" sh $$ &) )"`;
  const text = await inDeno(`
    import { libc, PR_SET_CHILD_SUBREAPER } from "${modulePath("os/libc.ts")}";
    import { cString, stringTables } from "${modulePath("os/c_string.ts")}";
    libc().prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n);
    const argv = ["sh", "-c", ${JSON.stringify(script)}];
    const env = ["PATH=/usr/bin:/bin", ${JSON.stringify(`ORPHAN=${orphan}`)}];
    const { tables } = stringTables(argv, env);
    libc().execve(cString("/bin/sh"), tables[0], tables[1]);
  `);
  const me = /me (\d+)/.exec(text)?.[1];
  const parent = /PPid:\s+(\d+)/.exec(text)?.[1];
  assert(me !== undefined && me === parent, text);
});

Deno.test("platform: the parent-death signal arrives, and Deno can listen to SIGPWR", async () => {
  const script = `
    import { armParentDeath } from "${modulePath("process/guard.ts")}";
    armParentDeath(Number(Deno.args[0]), () => { console.log("lost"); Deno.exit(0); });
    console.log("armed");
    setTimeout(() => Deno.exit(1), 15000);
  `;
  // The shell that starts Deno is the parent, and kills itself once Deno has spoken.
  const output = await new Deno.Command("/bin/sh", {
    args: [
      "-c",
      `f=$(mktemp -u); mkfifo $f; "$@" $$ >$f & read -r line <$f; echo $line; ` +
      `exec 5<$f; rm $f; (cat <&5) & kill -9 $$`,
      "sh",
      DENO,
      "eval",
      script,
    ],
    stderr: "inherit",
  }).output();
  const text = new TextDecoder().decode(output.stdout);
  assertEquals(text.split("\n").filter((line) => line !== ""), ["armed", "lost"]);
});

Deno.test("platform: cgroup.kill ends setsid and double-forked processes alike", async () => {
  const cgroup = createCrewCgroup("platform", Deno.pid);
  if (cgroup.kind === "unavailable") return console.warn(`Skipped, no cgroup: ${cgroup.why}`);
  const marker = uniqueSeconds();
  const joined = mustSpawn(shellRequest(
    `echo $$ > ${cgroup.dir}/supervisor/cgroup.procs
     (setsid sh -c 'sleep ${marker} & sleep ${marker}' &); exec sleep ${marker}`,
  ));
  await until("three sleepers", () => livingWith(`sleep\0${marker}`).length === 3);
  Deno.writeTextFileSync(`${cgroup.dir}/cgroup.kill`, "1");
  await ended(joined);
  await until("all gone", () => livingWith(marker).length === 0);
  await until("unpopulated", () => !isPopulated(cgroup.dir));
  assertEquals(removeCgroup(cgroup.dir), null);
});

Deno.test("platform: a child is born in its parent's cgroup", async () => {
  const own = Deno.readTextFileSync("/proc/self/cgroup");
  const { text } = await outputOf(shellRequest("cat /proc/self/cgroup"));
  assertEquals(text, own);
});

Deno.test("platform: the soft limit on file locks passes over fork and exec and setsid", async () => {
  // dash has no option for this limit.
  const { text } = await outputOf({
    ...shellRequest(""),
    executable: "/bin/bash",
    argv: [
      "bash",
      "-c",
      "ulimit -S -x 123456789; exec setsid -w env -i /bin/grep locks /proc/self/limits",
    ],
  });
  assert(/^Max file locks\s+123456789\s/.test(text), text);
});

Deno.test("platform: flock stays while any copy of its description is open", () => {
  const path = Deno.makeTempFileSync();
  const open = () => libc().open(cString(path), 2, 0);
  const [first, other] = [open(), open()];
  assertEquals(libc().flock(first, 2 | 4), 0);
  const copy = libc().fcntl(first, 0, 0);
  closeFd(first);
  assertEquals(libc().flock(other, 2 | 4), -1);
  assertEquals(lastErrno(), 11);
  closeFd(copy);
  assertEquals(libc().flock(other, 2 | 4), 0);
  closeFd(other);
  Deno.removeSync(path);
});

Deno.test("platform: Deno replaces the SIGINT that a shell's background job ignores", async () => {
  const text = await inDeno(
    `Deno.addSignalListener("SIGINT", () => { console.log("heard"); Deno.exit(0); });
     setTimeout(() => Deno.exit(1), 15000);
     Deno.kill(Deno.pid, "SIGINT");`,
    "trap '' INT;",
  );
  assertEquals(text, "heard");
});

Deno.test("platform: Deno raises its soft limit on open files to the hard one", async () => {
  const text = await inDeno(
    `console.log(new TextDecoder().decode(
       new Deno.Command("sh", { args: ["-c", "ulimit -Sn; ulimit -Hn"] }).outputSync().stdout))`,
    "ulimit -Sn 200; ulimit -Hn 900;",
  );
  assertEquals(text.split("\n"), ["900", "900"]);
});

Deno.test("platform: an init does not hear a signal that it has no trap for", async () => {
  const problem = await pidNamespaceProblem();
  if (problem !== null) return console.warn(`Skipped, no PID namespace: ${problem}`);
  const script = "kill -TERM $$; echo deaf; trap 'echo heard; exit' TERM; kill -TERM $$";
  const { stdout } = await new Deno.Command("unshare", {
    args: ["--pid", "--fork", "--mount-proc", "sh", "-c", script],
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "deaf\nheard\n");
});

Deno.test("platform: the shell tells a child's status once, also when it has reaped it before", async () => {
  const script =
    "(exit 7) & child=$!; sleep 0.05; :; :; wait $child; echo $?; wait $child; echo $?";
  const { text } = await outputOf(shellRequest(script));
  // bash goes on telling it, dash and busybox say that they know no such child.
  assert(["7\n127\n", "7\n7\n"].includes(text), text);
});
