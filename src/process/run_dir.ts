/**
 * The run directory: where it is, who may use it, and what an earlier run left in it.
 * Owns the lock. Must not know: what the other files in it mean.
 *
 * The lock is a `flock` on an open description that guard and supervisor share: the
 * kernel lets go of it when the last of them has ended, however that came about.
 */
import { cString } from "../os/c_string.ts";
import { checked, errnoName, lastErrno, SystemError } from "../os/errno.ts";
import { readSmallFile } from "../os/file.ts";
import {
  F_DUPFD_CLOEXEC,
  libc,
  LOCK_EX,
  LOCK_NB,
  O_CLOEXEC,
  O_CREAT,
  O_NOFOLLOW,
  O_RDWR,
} from "../os/libc.ts";
import { closeFd, writeFd } from "../os/pipe.ts";
import { isCrewCgroup, isPopulated, killCgroup, removeCgroup } from "./crew_cgroup.ts";
import { LOCK_FD_MIN } from "./guard.ts";

/** The directory is ours, or somebody else's. */
export type RunDirClaim =
  /** `reclaimed` names what a dead run had left. */
  | { readonly kind: "claimed"; readonly lockFd: number; readonly reclaimed: readonly string[] }
  /** `pid` is the guard that runs there; null when it has not written it yet. */
  | { readonly kind: "held"; readonly pid: number | null };

/** The directory cannot be used safely. */
export class RunDirError extends Error {
  readonly path: string;
  constructor(path: string, problem: string, options?: ErrorOptions) {
    super(`Cannot use run directory "${path}": ${problem}`, options);
    this.name = "RunDirError";
    this.path = path;
  }
}

const RECLAIM_WAIT_MS = 2000;
/** Files that are written to or read, by whichever name they are reached. */
const FILES = ["lock", "plan.json", "import_map.json", "events.jsonl", "events.jsonl.1", "cgroup"];

/**
 * Where the crew of a configuration runs unless told otherwise: the same answer for every
 * command, without evaluating the configuration.
 *
 * @param configPath absolute path of the configuration file, symbolic links resolved.
 * @param env of which XDG_RUNTIME_DIR counts, if absolute.
 * @returns an absolute path.
 */
export async function defaultRunDir(
  configPath: string,
  env: { readonly XDG_RUNTIME_DIR?: string | undefined },
  uid: number,
): Promise<string> {
  const xdg = env.XDG_RUNTIME_DIR;
  const base = xdg !== undefined && xdg.startsWith("/")
    ? `${xdg.replace(/\/+$/, "")}/cox`
    : uid === 0
    ? "/run/cox"
    : `/tmp/cox-${uid}`;
  const folder = configPath.split("/").at(-2) ?? "";
  // Socket paths have 108 bytes in all; the hash tells folders of the same head apart.
  const head = folder.replace(/[^A-Za-z0-9._-]/g, "_").slice(0, 24) || "root";
  // WebCrypto and not node:crypto, whose loading alone costs more than all else here.
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(configPath));
  return `${base}/${head}-${new Uint8Array(hash).toHex().slice(0, 8)}`;
}

/**
 * Makes the run directory if need be and takes its lock; clears away what a dead run left
 * there: sockets, and a cgroup with everything in it.
 *
 * @param path absolute.
 * @throws {RunDirError} for a symbolic link in its place or a file's, another owner, or
 * permissions that let others write.
 * @throws {SystemError} when the lock file cannot be opened or locked.
 */
export function claimRunDir(path: string): RunDirClaim {
  const uid = Deno.uid() ?? 0;
  const base = path.slice(0, path.lastIndexOf("/")) || "/";
  if (!path.startsWith("/")) throw new RunDirError(path, "the path must be absolute");
  makePrivate(base, false, uid);
  makePrivate(path, true, uid);
  checkFiles(path);
  const lockPath = `${path}/lock`;
  const flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
  const lockFd = openHigh(lockPath, flags);
  if (libc().flock(lockFd, LOCK_EX | LOCK_NB) < 0) {
    const errno = lastErrno();
    closeFd(lockFd);
    if (errnoName(errno) === "EAGAIN") return { kind: "held", pid: holderOf(lockPath) };
    throw new SystemError("flock", errno, lockPath);
  }
  // Cut only now: while another holds the lock, its pid is to stay readable.
  Deno.truncateSync(lockPath, 0);
  writeFd(lockFd, new TextEncoder().encode(`${Deno.pid}\n`));
  return { kind: "claimed", lockFd, reclaimed: reclaim(path) };
}

/**
 * The pid of the guard that runs in a directory.
 *
 * @returns null when nothing runs there.
 */
export function runDirHolder(path: string): number | null {
  const lockPath = `${path}/lock`;
  const fd = libc().open(cString(lockPath), O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0);
  if (fd < 0) return null;
  const free = libc().flock(fd, LOCK_EX | LOCK_NB) === 0;
  closeFd(fd);
  return free ? null : holderOf(lockPath);
}

/** Notes the crew's cgroup, so that the next run finds it if this one cannot remove it. */
export function noteCgroup(runDir: string, cgroupDir: string): void {
  Deno.writeTextFileSync(`${runDir}/cgroup`, cgroupDir, { mode: 0o600 });
}

/**
 * Makes a directory (the run directory 0700), or checks the one that is there. The directory itself must be
 * ours; the one above may also be root's, and shared if its sticky bit keeps others from
 * renaming what is not theirs (/tmp).
 */
function makePrivate(path: string, isRunDir: boolean, uid: number): void {
  try {
    if (isRunDir) Deno.mkdirSync(path, { mode: 0o700 });
    else makeBase(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) {
      throw new RunDirError(path, error instanceof Error ? error.message : String(error), {
        cause: error,
      });
    }
  }
  const link = Deno.lstatSync(path);
  // Above the run directory a link of our own or of root is followed (/var/run), and what
  // it leads to is checked; anybody else's was planted.
  const planted = link.uid !== uid && link.uid !== 0;
  if (link.isSymlink && (isRunDir || planted)) {
    throw new RunDirError(path, `"${path}" is a symbolic link; remove it`);
  }
  const info = Deno.statSync(path);
  if (!info.isDirectory) throw new RunDirError(path, "it is not a directory");
  const mode = info.mode ?? 0;
  const sticky = (mode & 0o1000) !== 0;
  if (info.uid !== uid && !(!isRunDir && info.uid === 0)) {
    throw new RunDirError(path, `it belongs to uid ${info.uid}, not to ${uid}`);
  }
  if ((mode & 0o022) !== 0 && (isRunDir || !sticky)) {
    const octal = (mode & 0o7777).toString(8);
    throw new RunDirError(path, `others may write to "${path}" (mode ${octal}); chmod go-w`);
  }
  if (isRunDir && (mode & 0o077) !== 0) Deno.chmodSync(path, 0o700);
}

/** A symbolic link would have us write somewhere else, a pipe would have us wait for ever. */
function checkFiles(runDir: string): void {
  const check = (name: string, isRight: (info: Deno.FileInfo) => boolean, kind: string) => {
    try {
      if (isRight(Deno.lstatSync(`${runDir}/${name}`))) return;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw error;
    }
    throw new RunDirError(runDir, `"${name}" in it is no ${kind}; remove it`);
  };
  for (const name of FILES) check(name, (info) => info.isFile, "regular file");
  check("notify", (info) => info.isDirectory, "directory");
}

/** To be passed, not listed: beside run directories lie the notify sockets of other users. */
function makeBase(path: string): void {
  if (path === "/") return;
  makeBase(path.slice(0, path.lastIndexOf("/")) || "/");
  try {
    Deno.mkdirSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    throw error;
  }
  // mkdir's mode is cut by our umask.
  Deno.chmodSync(path, 0o711);
}

function openHigh(path: string, flags: number): number {
  const fd = checked(libc().open(cString(path), flags, 0o600), "open", path);
  const high = libc().fcntl(fd, F_DUPFD_CLOEXEC, LOCK_FD_MIN);
  const errno = high < 0 ? lastErrno() : 0;
  closeFd(fd);
  if (high < 0) throw new SystemError("fcntl(F_DUPFD_CLOEXEC)", errno, path);
  return high;
}

function holderOf(lockPath: string): number | null {
  const pid = Number((readSmallFile(lockPath) ?? "").trim());
  return Number.isInteger(pid) && pid > 0 ? pid : null;
}

function reclaim(runDir: string): string[] {
  const stale = [`${runDir}/control.sock`];
  try {
    for (const { name } of Deno.readDirSync(`${runDir}/notify`)) {
      stale.push(`${runDir}/notify/${name}`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const reclaimed: string[] = [];
  for (const path of stale) {
    try {
      Deno.removeSync(path);
      reclaimed.push(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  const cgroupDir = readSmallFile(`${runDir}/cgroup`)?.trim();
  if (cgroupDir !== undefined && isCrewCgroup(cgroupDir)) {
    reclaimCgroup(cgroupDir);
    reclaimed.push(cgroupDir);
  }
  if (cgroupDir !== undefined) Deno.removeSync(`${runDir}/cgroup`);
  return reclaimed;
}

/** Kills what a dead run left: its guard was killed too, or the machine is being unkind. */
function reclaimCgroup(dir: string): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let waitedMs = 0; isPopulated(dir) && waitedMs < RECLAIM_WAIT_MS; waitedMs += 5) {
    killCgroup(dir);
    Atomics.wait(pause, 0, 0, 5);
  }
  const errno = removeCgroup(dir);
  if (errno !== null) throw new SystemError("rmdir of an earlier run's cgroup: " + errno, 0, dir);
}
