/**
 * Keeps hold of everything that an instance starts, and kills all of it on demand: its
 * group, its descendants, its cgroup, and the orphans of it that landed under the guard.
 * Must not know: why a tree is killed, restarts, readiness.
 */
import { SystemError } from "../os/errno.ts";
import { KernelFile, listDirectory, writeSmallFileInBackground } from "../os/file.ts";
import { sendSignal } from "../os/signals.ts";
import { cgroupMembers, isPopulated, killCgroup, SUPERVISOR_CGROUP } from "./crew_cgroup.ts";
import { InstanceCgroups } from "./instance_cgroups.ts";
import { markWithinRun } from "./lineage.ts";
import { INIT_PID } from "./pid_namespace.ts";
import { belongsTo, type StrayMarks } from "./stray.ts";
import { childrenOf, descendantsOf, isAlive, processStat, ticksSinceBoot } from "./tree.ts";

/** What keeps hold of a crew. */
export type ContainmentLevel = "cgroup" | "pidns" | "guard";

/** Where the supervisor stands. */
export interface ContainmentOptions {
  /** The crew's cgroup; null where none can be made. */
  readonly cgroupDir: string | null;
  /** The subreaper above the supervisor: orphans become its children. */
  readonly guardPid: number;
  readonly supervisorPid: number;
  /** COX_RUN in the environment of everything that this run starts. */
  readonly runId: string;
  /** Told what went wrong without ending anything: a refused move, a survivor. */
  readonly onWarning?: (message: string) => void;
}

/** Whose tree to kill. */
export interface KillTreeRequest {
  readonly processName: string;
  /** Of the instance's main process; it may have ended. */
  readonly pid: number;
  readonly instance: number;
  /** Sessions that its descendants are known to have had, besides those seen here. */
  readonly sessionIds?: readonly number[];
  /** Inodes of the pipes that capture this process's output and no other's. */
  readonly capturePipeInodes?: readonly number[];
}

/** An orphan that was killed. */
export interface Stray {
  readonly pid: number;
  /** Its file name, as the kernel keeps it: at most 15 bytes. */
  readonly command: string;
}

const SIGKILL = 9;
/** From one pass to the next: time for the killed to be gone and orphans to be handed up. */
const PASS_INTERVAL_MS = 2;
/** Something in uninterruptible sleep cannot be killed; then this is reported and left. */
const PASSES_MAX = 1000;

/** One per supervisor. */
export class Containment implements Disposable {
  readonly #options: ContainmentOptions;
  readonly #cgroups: InstanceCgroups | null;
  /** The guard is a shell, of one thread; null when it is gone. */
  readonly #guardsChildren: KernelFile | null;
  /** What it said when there was no orphan. */
  #childrenWithoutOrphan: string | null = null;
  #joined = false;

  constructor(options: ContainmentOptions) {
    this.#options = options;
    const { cgroupDir, guardPid } = options;
    this.#guardsChildren = KernelFile.open(`/proc/${guardPid}/task/${guardPid}/children`);
    this.#cgroups = cgroupDir === null
      ? null
      : new InstanceCgroups(cgroupDir, (message) => this.#warn(message));
  }

  /** What holds: a cgroup for the crew, a PID namespace, or the guard's descent alone. */
  get level(): ContainmentLevel {
    if (this.#joined) return "cgroup";
    // With its init the kernel ends a whole namespace, a container's too.
    return this.#options.guardPid === INIT_PID ? "pidns" : "guard";
  }

  /**
   * Moves the supervisor into the crew's cgroup, where what it starts from then on begins
   * its life. May take 20 ms, on another thread: start it early, await it before a spawn.
   *
   * @returns {@link level}, once and for all.
   */
  async joinSupervisor(): Promise<ContainmentLevel> {
    const { cgroupDir, supervisorPid } = this.#options;
    if (cgroupDir === null) return this.level;
    try {
      const file = `${cgroupDir}/${SUPERVISOR_CGROUP}/cgroup.procs`;
      this.#joined = await writeSmallFileInBackground(file, String(supervisorPid));
      if (!this.#joined) this.#warn(`Cannot join cgroup ${cgroupDir}: the kernel refused`);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#warn(`Cannot join cgroup ${cgroupDir}: ${error.message}`);
    }
    return this.level;
  }

  /**
   * Gives a new instance a cgroup of its own, in a quarter of a second and on another
   * thread: the move waits for the kernel, and a spawn must not.
   */
  adopt(processName: string, pid: number): void {
    if (this.#joined) this.#cgroups?.adopt(processName, pid);
  }

  /**
   * Whether the out-of-memory killer struck in the instance's cgroup. False where the
   * kernel does not count that per instance. For `reap`, before the instance is forgotten.
   */
  oomKilled(pid: number): boolean {
    return this.#cgroups?.oomKilled(pid) ?? false;
  }

  /**
   * Kills an instance and everything it started, daemons included: in passes, until two in
   * a row find nothing alive. The first is over when this returns: what it kills is on its
   * way out before the next instance starts. The later ones may come after that.
   *
   * @returns the orphans among what was killed; what was still in the instance's own
   * line of descent is not listed.
   */
  async killTree(request: KillTreeRequest): Promise<readonly Stray[]> {
    const strays = new Map<number, Stray>();
    const sessions = new Set(request.sessionIds);
    for (const session of this.#cgroups?.sessionsOf(request.pid) ?? []) sessions.add(session);
    const beganMs = performance.now();
    let cleanPasses = 0;
    for (let pass = 0; cleanPasses < 2; pass++) {
      if (pass === PASSES_MAX) {
        this.#warn(`Something of "${request.processName}" survives KILL (pid ${request.pid})`);
        break;
      }
      if (pass > 0) await passInterval();
      // What is in its cgroup and no orphan was put there by others: it can wait for a moment.
      const clean = this.#hasLeftNothing(request.pid) && (pass === 0 || this.#isEmpty(request.pid));
      const found = !clean && this.#killPass(request, beganMs, sessions, strays);
      cleanPasses = found ? 0 : cleanPasses + 1;
    }
    this.#cgroups?.forget(request.pid);
    return [...strays.values()];
  }

  /**
   * Kills whatever this run has started and is alive anywhere, but for the supervisor
   * itself: for the end of a crew whose guard has died, since orphans go to init then.
   *
   * @returns what was killed.
   */
  async killRest(): Promise<readonly Stray[]> {
    const strays = new Map<number, Stray>();
    let cleanPasses = 0;
    for (let pass = 0; cleanPasses < 2; pass++) {
      if (pass === PASSES_MAX) {
        this.#warn("Something of this run survives KILL");
        break;
      }
      if (pass > 0) await passInterval();
      let found = false;
      for (const pid of this.#rest()) found = this.#killStray(pid, strays) || found;
      cleanPasses = found ? 0 : cleanPasses + 1;
    }
    return [...strays.values()];
  }

  /** Stops moving instances. Leaves cgroups to the guard, which outlives us. */
  [Symbol.dispose](): void {
    this.#cgroups?.[Symbol.dispose]();
    this.#guardsChildren?.[Symbol.dispose]();
  }

  /**
   * Whether nothing of it is alive, by two short questions: its group is gone, and with it
   * the process itself, and no orphan of anybody's lies under the guard. So it is after nearly
   * every exit, and the next instance waits for the answer.
   */
  #hasLeftNothing(pid: number): boolean {
    return !groupExists(pid) && this.#seesNoOrphan();
  }

  /**
   * Whether the guard's children are the supervisor and what belongs to the guard itself:
   * that is in the guard's session, where nothing can go that was begun in another.
   */
  #seesNoOrphan(): boolean {
    const text = this.#guardsChildren?.read()?.trimEnd() ?? null;
    if (text === null || text === this.#childrenWithoutOrphan) return text !== null;
    const { guardPid, supervisorPid } = this.#options;
    const own = processStat(guardPid)?.session;
    if (own === undefined) return false;
    const orphaned = text.split(" ").map(Number).some((pid) =>
      pid !== supervisorPid && processStat(pid)?.session !== own
    );
    if (!orphaned) this.#childrenWithoutOrphan = text;
    return !orphaned;
  }

  /** Whether its cgroup is empty, or it has none. */
  #isEmpty(pid: number): boolean {
    const cgroupDir = this.#cgroups?.dirOf(pid) ?? null;
    return cgroupDir === null || !isPopulated(cgroupDir);
  }

  /** One pass. @returns whether anything of it was still alive. */
  #killPass(
    request: KillTreeRequest,
    beganMs: number,
    sessions: Set<number>,
    strays: Map<number, Stray>,
  ): boolean {
    const { pid } = request;
    // Downwards first, while the line of descent still stands.
    const line = [pid, ...descendantsOf(pid)];
    let found = false;
    for (const member of line) {
      const stat = processStat(member);
      if (stat !== null && stat.session > 1) sessions.add(stat.session);
    }
    const cgroupDir = this.#cgroups?.dirOf(pid) ?? null;
    const endedTicks = ticksSinceBoot(performance.now() - beganMs);
    const { runId } = this.#options;
    const marks: StrayMarks = { ...request, runId, sessions, cgroupDir, endedTicks };
    const orphans = this.#orphans().filter((orphan) => belongsTo(orphan, marks));
    this.#kill(-pid);
    for (const member of line) found = this.#killIfAlive(member) || found;
    if (cgroupDir !== null && isPopulated(cgroupDir)) {
      killCgroup(cgroupDir);
      found = true;
    }
    for (const orphan of orphans) {
      for (const member of [orphan, ...descendantsOf(orphan)]) {
        found = this.#killStray(member, strays) || found;
      }
    }
    return found;
  }

  #orphans(): number[] {
    const { guardPid, supervisorPid } = this.#options;
    return childrenOf(guardPid).filter((pid) => pid !== supervisorPid && isAlive(pid));
  }

  /** What lives of this run: below the supervisor, in the crew's cgroup, or marked. */
  #rest(): Set<number> {
    const { cgroupDir, runId, supervisorPid } = this.#options;
    const found = new Set(descendantsOf(supervisorPid));
    for (const pid of cgroupDir === null ? [] : cgroupMembers(cgroupDir)) found.add(pid);
    for (const { name } of listDirectory("/proc") ?? []) {
      if (/^[0-9]+$/.test(name) && markWithinRun(Number(name), runId) !== null) {
        found.add(Number(name));
      }
    }
    found.delete(supervisorPid);
    return found;
  }

  #killStray(pid: number, strays: Map<number, Stray>): boolean {
    const command = processStat(pid)?.command ?? "?";
    if (!this.#killIfAlive(pid)) return false;
    strays.set(pid, { pid, command });
    return true;
  }

  #killIfAlive(pid: number): boolean {
    return isAlive(pid) && this.#kill(pid);
  }

  #kill(pid: number): boolean {
    try {
      return sendSignal(pid, SIGKILL) === "sent";
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      // EPERM: it became another user's. Without root there is nothing left to try.
      this.#warn(`Cannot kill ${pid}: ${error.errno}`);
      return false;
    }
  }

  #warn(message: string): void {
    this.#options.onWarning?.(message);
  }
}

/** From the end of this turn on: not even the timer is set while a spawn waits. */
async function passInterval(): Promise<void> {
  await null;
  await new Promise((resolve) => setTimeout(resolve, PASS_INTERVAL_MS));
}

function groupExists(pid: number): boolean {
  try {
    return sendSignal(-pid, 0) === "sent";
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    // EPERM: it is there.
    return true;
  }
}
