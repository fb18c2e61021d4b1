/**
 * One cgroup per instance, inside the crew's. Owns the delay: a first move into a cgroup
 * may wait 20 ms for the kernel's grace period, so instances are moved in batches a while
 * after their spawn, on another thread; one that ends sooner never gets a cgroup.
 * Must not know: when to kill.
 */
import { SystemError } from "../os/errno.ts";
import { makeDirectory, readSmallFile, writeSmallFileInBackground } from "../os/file.ts";
import { oomKillCount, removeCgroup } from "./crew_cgroup.ts";
import { descendantsOf, isAlive, processStat } from "./tree.ts";

const DELAY_MS = 250;
/** A program may fork while its family is moved; those born after are born inside. */
const MOVE_PASSES_MAX = 4;

/** The instances of one supervisor. */
export class InstanceCgroups implements Disposable {
  readonly #crewDir: string;
  readonly #warn: (message: string) => void;
  readonly #waiting = new Map<number, string>();
  readonly #dirs = new Map<number, string>();
  readonly #sessions = new Map<number, Set<number>>();
  /** Of instances that have ended, until something in them has ended too. */
  readonly #leftovers = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #flushing = false;
  /** Whether the kernel counts kills for lack of memory here; null before the first cgroup. */
  #countsOomKills: boolean | null = null;

  constructor(crewDir: string, warn: (message: string) => void) {
    this.#crewDir = crewDir;
    this.#warn = warn;
  }

  /** Moves the instance soon. */
  adopt(processName: string, pid: number): void {
    this.#waiting.set(pid, processName);
    this.#arm();
  }

  /** The cgroup of the instance; null while it has none. */
  dirOf(pid: number): string | null {
    return this.#dirs.get(pid) ?? null;
  }

  /** Sessions that the descendants of the instance had when they were looked at. */
  sessionsOf(pid: number): ReadonlySet<number> {
    return this.#sessions.get(pid) ?? new Set();
  }

  /** Whether the kernel killed for lack of memory in the instance's cgroup. */
  oomKilled(pid: number): boolean {
    const dir = this.#dirs.get(pid);
    return dir !== undefined && this.#countsOomKills === true && (oomKillCount(dir) ?? 0) > 0;
  }

  /** The instance has ended and its tree was killed. */
  forget(pid: number): void {
    this.#waiting.delete(pid);
    this.#sessions.delete(pid);
    const dir = this.#dirs.get(pid);
    if (dir === undefined) return;
    this.#dirs.delete(pid);
    if (removeCgroup(dir) !== null) this.#leftovers.add(dir);
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#waiting.clear();
  }

  #arm(): void {
    if (this.#timer !== null || this.#flushing) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#flush();
    }, DELAY_MS);
  }

  async #flush(): Promise<void> {
    this.#flushing = true;
    const batch = [...this.#waiting];
    try {
      this.#tidy();
      for (const [pid, processName] of batch) {
        if (!this.#waiting.delete(pid) || !isAlive(pid)) continue;
        await this.#move(processName, pid);
      }
    } finally {
      this.#flushing = false;
      if (this.#waiting.size > 0) this.#arm();
    }
  }

  async #move(processName: string, pid: number): Promise<void> {
    // The pid keeps two instances of a process apart; the escape keeps "a/b" one name.
    const dir = `${this.#crewDir}/p-${encodeURIComponent(processName)}-${pid}`;
    const errno = makeDirectory(dir, 0o755);
    if (errno !== null && errno !== "EEXIST") {
      return this.#warn(`Cannot make cgroup ${dir}: ${errno}`);
    }
    this.#dirs.set(pid, dir);
    this.#countsOomKills ??= oomKillCount(dir) !== null;
    const moved = new Set<number>();
    for (let pass = 0; pass < MOVE_PASSES_MAX; pass++) {
      const family = [pid, ...descendantsOf(pid)];
      this.#noteSessions(pid, family);
      const next = family.filter((member) => !moved.has(member));
      if (next.length === 0) return;
      for (const member of next) {
        moved.add(member);
        await this.#moveOne(dir, member);
      }
    }
  }

  async #moveOne(dir: string, pid: number): Promise<void> {
    try {
      if (await writeSmallFileInBackground(`${dir}/cgroup.procs`, String(pid))) return;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      // The directory was removed because the instance has ended meanwhile.
      if (error.errno === "ENOENT" || error.errno === "ENODEV") return;
      return this.#warn(`Cannot move ${pid} into cgroup ${dir}: ${error.message}`);
    }
    // A zombie or a process that has gone cannot be moved, and needs not be.
    if (!isAlive(pid)) return;
    const where = readSmallFile(`/proc/${pid}/cgroup`)?.trim().split("\n").at(-1);
    this.#warn(`Cannot move ${pid} into cgroup ${dir}: the kernel refused; it is in ${where}`);
  }

  #noteSessions(pid: number, family: readonly number[]): void {
    const seen = this.#sessions.get(pid) ?? new Set<number>();
    for (const member of family) {
      const session = processStat(member)?.session ?? 0;
      if (session > 1) seen.add(session);
    }
    this.#sessions.set(pid, seen);
  }

  /** Removes the cgroups of instances that ended without anybody killing their tree. */
  #tidy(): void {
    for (const [pid, dir] of this.#dirs) {
      // A zombie still is to be asked for its out-of-memory count.
      if (processStat(pid) !== null) continue;
      // Something may live on in it that its owner is to be found by.
      if (removeCgroup(dir) === null) {
        this.#dirs.delete(pid);
        this.#sessions.delete(pid);
      }
    }
    for (const dir of this.#leftovers) {
      if (removeCgroup(dir) === null) this.#leftovers.delete(dir);
    }
  }
}
