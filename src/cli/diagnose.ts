/**
 * Tries what cox needs of the machine. Each probe leaves nothing behind.
 * Must not know: how the findings are shown.
 */
import { SystemError } from "../os/errno.ts";
import { readSmallFile } from "../os/file.ts";
import { createCrewCgroup, findCgroup, removeCgroup } from "../process/crew_cgroup.ts";
import { peerOfForeign } from "../process/peer.ts";
import { pidNamespaceProblem } from "../process/pid_namespace.ts";
import { childrenOf } from "../process/tree.ts";
import { hasSeccomp } from "../plan/probe/seccomp.ts";
import type { CommandContext } from "./command.ts";
import { diagnoseTime } from "./diagnose_time.ts";
import { DENO_VERSION_MIN, isOlder } from "./deno_version.ts";
import { denoPath } from "./deno_path.ts";
import { SystemRefusal, UserError } from "./exit_codes.ts";
import { broken, type Finding, lost, ok } from "./finding.ts";
import { locateRunDir } from "./locate.ts";

/** Programs of util-linux and coreutils that exec chains use, and what for. */
const TOOLS: readonly (readonly [name: string, use: string])[] = [
  ["setpriv", "processes cannot run as another `user` or `group`"],
  ["prlimit", "`limits` of processes cannot be set"],
  ["nice", "`nice` of processes cannot be set"],
  ["choom", "`scheduling.oomScore` cannot be set"],
  ["ionice", "`scheduling.io` cannot be set"],
  ["taskset", "`scheduling.cpus` cannot be set"],
  ["chrt", "`scheduling.policy` cannot be set"],
  ["unshare", "no PID namespaces"],
];

/** Runs every probe. */
export async function diagnose(context: CommandContext): Promise<readonly Finding[]> {
  return [
    runtime(),
    cgroup(),
    await pidNamespace(),
    await guard(),
    await peers(),
    seccomp(),
    ...TOOLS.map(([name, use]) => tool(context, name, use)),
    await runDir(context),
    user(),
    ...limits(),
    ...await diagnoseTime(context),
  ];
}

function runtime(): Finding {
  const { deno } = Deno.version;
  if (isOlder(deno, DENO_VERSION_MIN)) {
    return broken("deno", `${deno}, needs ${DENO_VERSION_MIN}`, "its sandbox has known holes");
  }
  try {
    denoPath();
    return ok("deno", deno);
  } catch (error) {
    if (!(error instanceof SystemRefusal)) throw error;
    return broken("deno", error.message, "no process can be started from there");
  }
}

function cgroup(): Finding {
  const name = "cgroup.kill";
  const made = createCrewCgroup("doctor", Deno.pid);
  if (made.kind === "unavailable") {
    return lost(name, made.why, "a crew is held by the guard alone");
  }
  const errno = removeCgroup(made.dir);
  if (errno !== null) return lost(name, `${made.dir} cannot be removed: ${errno}`, "it is left");
  const place = findCgroup();
  return ok(name, place.kind === "v2" ? `made and removed one in ${place.ownDir}` : "made one");
}

async function pidNamespace(): Promise<Finding> {
  const name = "pid namespace";
  const problem = await pidNamespaceProblem();
  return problem === null
    ? ok(name, "started and ended one: `cox up --contain pidns` works")
    : lost(name, problem, "`cox up --contain pidns` is refused");
}

/** A child that lives until its input is closed. */
function waitingChild(): Deno.ChildProcess {
  return new Deno.Command("/bin/sh", {
    args: ["-c", "read -r line"],
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

/** The guard finds orphans as its own children: the kernel has to list them. */
async function guard(): Promise<Finding> {
  const name = "guard";
  const child = waitingChild();
  try {
    return childrenOf(Deno.pid).includes(child.pid)
      ? ok(name, "/bin/sh starts, /proc lists the children of a process")
      : broken(
        name,
        "/proc/PID/task/TID/children is missing (CONFIG_PROC_CHILDREN)",
        "orphans cannot be found: they survive",
      );
  } finally {
    await child.stdin.close();
    await child.status;
  }
}

/** What the seal takes from a program that may both read and write a folder. */
function seccomp(): Finding {
  const name = "seccomp";
  return hasSeccomp(readSmallFile) ? ok(name, "filters of system calls refuse") : lost(
    name,
    "no filters of system calls that this machine and cox both know",
    "a program that may read and write a folder can leave its sandbox by symbolic links",
  );
}

/** As a server's connection is looked at: with something of a child's that is no socket. */
async function peers(): Promise<Finding> {
  const name = "peer credentials";
  const child = waitingChild();
  try {
    peerOfForeign(child.pid, 1).pid();
    throw new Error("/dev/null has a peer");
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return error.errno === "ENOTSOCK"
      ? ok(name, "the descriptors of a child can be looked at (pidfd_getfd)")
      : lost(
        name,
        error.message,
        'listeners refuse all declared clients, but for those with access: "directory"',
      );
  } finally {
    await child.stdin.close();
    await child.status;
  }
}

function tool({ io }: CommandContext, name: string, use: string): Finding {
  for (const folder of (io.env("PATH") ?? "").split(":")) {
    if (!folder.startsWith("/")) continue;
    try {
      const info = Deno.statSync(`${folder}/${name}`);
      if (info.isFile && ((info.mode ?? 0) & 0o111) !== 0) return ok(name, `${folder}/${name}`);
    } catch {
      // Not in this folder.
    }
  }
  return lost(name, "not on the PATH", use);
}

async function runDir(context: CommandContext): Promise<Finding> {
  const name = "run directory";
  let path: string;
  try {
    path = await locateRunDir(context);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return ok(name, "not tried: there is no configuration here to derive it from");
  }
  const { claimRunDir } = await import("../process/run_dir.ts");
  const { closeFd } = await import("../os/pipe.ts");
  try {
    const claim = claimRunDir(path);
    if (claim.kind === "held") return ok(name, `${path}, in use by pid ${claim.pid ?? "?"}`);
    closeFd(claim.lockFd);
    return ok(name, path);
  } catch (error) {
    return broken(name, error instanceof Error ? error.message : String(error), "no crew can run");
  }
}

function user(): Finding {
  const uid = Deno.uid() ?? 0;
  return uid === 0
    ? ok("user", "root: processes may have users of their own")
    : lost("user", `uid ${uid}`, "processes cannot run as another `user`");
}

function limits(): Finding[] {
  // Not Deno.readTextFile: it wants every permission for a path in /proc.
  const own = readSmallFile("/proc/self/limits") ?? "";
  const soft = (label: string) =>
    new RegExp(`^${label}\\s+(\\S+)\\s+(\\S+)`, "m").exec(own)?.slice(1) ?? ["?", "?"];
  const [filesSoft = "?", filesHard = "?"] = soft("Max open files");
  const [processesSoft = "?"] = soft("Max processes");
  const pipePages = systemSetting("/proc/sys/fs/pipe-user-pages-soft");
  const pipeMax = systemSetting("/proc/sys/fs/pipe-max-size");
  // Two captures, a channel end and a pidfd for each process, and the supervisor's own.
  const roomy = filesHard === "unlimited" || Number(filesHard) >= 1024;
  return [
    roomy
      ? ok("open files", `${filesSoft} soft, ${filesHard} hard`)
      : lost("open files", `${filesHard} hard`, "room for about 150 processes, or fewer"),
    ok("processes", `${processesSoft} for this user`),
    ok("pipes", `at most ${pipeMax} bytes each; ${pipePages} pages a user before they shrink`),
  ];
}

function systemSetting(path: string): string {
  return readSmallFile(path)?.trim() ?? "?";
}
