/**
 * The crew's cgroup: finding the v2 hierarchy, making, killing and removing a tree in it.
 *
 * ```
 *  <our own cgroup>/              the guard stays here
 *    cox-<run>-<pid>/             no process of its own: it may hand down controllers
 *      supervisor/                the supervisor, and its children until they are moved
 *      p-<process>-<pid>/         one instance and all that it starts
 * ```
 *
 * cgroup.kill (Linux 5.14) ends a whole tree at once, whatever it forks meanwhile.
 * Must not know: instances, restarts, who decides to kill.
 */
import {
  listDirectory,
  makeDirectory,
  readSmallFile,
  removeDirectory,
  writeSmallFile,
} from "../os/file.ts";

/** Our place in the v2 hierarchy. */
export type CgroupPlace =
  | { readonly kind: "v2"; readonly ownDir: string }
  | { readonly kind: "none"; readonly why: string };

/** A crew's cgroup, or why there is none. */
export type CrewCgroup =
  | { readonly kind: "made"; readonly dir: string }
  | { readonly kind: "unavailable"; readonly why: string };

/** The supervisor's own part. */
export const SUPERVISOR_CGROUP = "supervisor";

const NAME_PREFIX = "cox-";
const NAMES_TRIED_MAX = 16;

/**
 * Finds our own cgroup in the v2 hierarchy: the only one, or the one beside v1 controllers
 * on a hybrid machine.
 */
export function findCgroup(): CgroupPlace {
  return placeOf(
    readSmallFile("/proc/self/mountinfo") ?? "",
    readSmallFile("/proc/self/cgroup") ?? "",
  );
}

/** The pure half of {@link findCgroup}: the texts of `mountinfo` and `cgroup`. */
export function placeOf(mountinfo: string, cgroup: string): CgroupPlace {
  const path = /^0::(\/.*)$/m.exec(cgroup)?.[1];
  if (path === undefined) return { kind: "none", why: "the kernel has no cgroup v2" };
  for (const line of mountinfo.split("\n")) {
    // 31 23 0:27 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw
    const [mount = "", kind = ""] = line.split(" - ");
    if (!kind.startsWith("cgroup2 ")) continue;
    const [, , , root = "", point = ""] = mount.split(" ");
    const under = root === "/" ? path : path === root ? "/" : path.slice(root.length);
    if (root !== "/" && path !== root && !path.startsWith(root + "/")) continue;
    if (under.startsWith("/..")) continue;
    return {
      kind: "v2",
      ownDir: under === "/" ? unescapeMount(point) : unescapeMount(point) + under,
    };
  }
  return { kind: "none", why: "no cgroup v2 hierarchy is mounted here" };
}

/**
 * Makes the crew's cgroup under our own.
 *
 * @param name part of the directory's name, for people.
 * @param pid makes it unique.
 */
export function createCrewCgroup(name: string, pid: number): CrewCgroup {
  const place = findCgroup();
  if (place.kind === "none") return { kind: "unavailable", why: place.why };
  const base = `${place.ownDir}/${NAME_PREFIX}${name.replaceAll("/", "_").slice(0, 100)}-${pid}`;
  for (let attempt = 0; attempt < NAMES_TRIED_MAX; attempt++) {
    const dir = attempt === 0 ? base : `${base}.${attempt}`;
    const errno = makeDirectory(dir, 0o755);
    if (errno === "EEXIST") continue;
    if (errno !== null) return { kind: "unavailable", why: `mkdir ${dir}: ${errno}` };
    return furnish(dir);
  }
  return { kind: "unavailable", why: `${base} exists, and ${NAMES_TRIED_MAX - 1} others like it` };
}

function furnish(dir: string): CrewCgroup {
  if (readSmallFile(`${dir}/cgroup.events`) === null || !hasFile(dir, "cgroup.kill")) {
    removeDirectory(dir);
    return { kind: "unavailable", why: "the kernel has no cgroup.kill (Linux 5.14)" };
  }
  const errno = makeDirectory(`${dir}/${SUPERVISOR_CGROUP}`, 0o755);
  if (errno !== null) {
    removeDirectory(dir);
    return { kind: "unavailable", why: `mkdir ${dir}/${SUPERVISOR_CGROUP}: ${errno}` };
  }
  // With the memory controller each instance has its own count of out-of-memory kills.
  // Where the parent does not hand it down (a hybrid machine, no delegation) the count is
  // missing and such an end is reported as the plain SIGKILL that it is.
  if ((readSmallFile(`${dir}/cgroup.controllers`) ?? "").split(/\s/).includes("memory")) {
    writeSmallFile(`${dir}/cgroup.subtree_control`, "+memory");
  }
  return { kind: "made", dir };
}

/**
 * Whether a path can be a crew's cgroup: what is read back from a file of an earlier run
 * is not believed blindly.
 */
export function isCrewCgroup(dir: string): boolean {
  const name = dir.slice(dir.lastIndexOf("/") + 1);
  return dir.startsWith("/sys/fs/cgroup/") && !dir.includes("/../") &&
    name.startsWith(NAME_PREFIX) && hasFile(dir, "cgroup.kill");
}

/** Kills all that is in it. @returns null, or the name of the error: `ENOENT` … */
export function killCgroup(dir: string): string | null {
  return writeSmallFile(`${dir}/cgroup.kill`, "1");
}

/** Whether anything lives in it or below. Zombies do not count. */
export function isPopulated(dir: string): boolean {
  return /^populated 1$/m.test(readSmallFile(`${dir}/cgroup.events`) ?? "");
}

/** The pids of all processes in it and below; `[]` when it does not exist. */
export function cgroupMembers(dir: string): number[] {
  const own = (readSmallFile(`${dir}/cgroup.procs`) ?? "").split("\n").filter((text) =>
    text !== ""
  );
  const below = (listDirectory(dir) ?? []).filter(({ isDirectory }) => isDirectory);
  return own.map(Number).concat(below.flatMap(({ name }) => cgroupMembers(`${dir}/${name}`)));
}

/**
 * Removes it with everything below.
 *
 * @returns null, or the name of the error: `EBUSY` while something lives in it.
 */
export function removeCgroup(dir: string): string | null {
  const entries = listDirectory(dir);
  if (entries === null) return null;
  for (const { name, isDirectory } of entries) {
    if (isDirectory) removeCgroup(`${dir}/${name}`);
  }
  const errno = removeDirectory(dir);
  return errno === "ENOENT" ? null : errno;
}

/** How often the kernel has killed for lack of memory in it; null where it does not count. */
export function oomKillCount(dir: string): number | null {
  const text = readSmallFile(`${dir}/memory.events`);
  const count = /^oom_kill (\d+)$/m.exec(text ?? "")?.[1];
  return count === undefined ? null : Number(count);
}

function hasFile(dir: string, name: string): boolean {
  return listDirectory(dir)?.some((entry) => entry.name === name) ?? false;
}

/** mountinfo writes spaces and the like as octal escapes. */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)));
}
