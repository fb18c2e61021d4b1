/**
 * A second, naive account of what supervision means, written from its rules and not from
 * the core: who restarts, at whose expense, after which delay, and where it ends.
 *
 * It follows events and effects alone (and `wanted`, which is public), and says before each
 * step what must become of a process whose instance has ended.
 * Must not know: how the core represents any of it.
 */
import type {
  CoreEvent,
  CoreState,
  Dependency,
  ExitReason,
  GroupIndex,
  KillCause,
  Plan,
  ProcessIndex,
  ProcessStatus,
} from "./core_types.ts";
import { must } from "./world.ts";

const LIVE = new Set<ProcessStatus>([
  "spawning",
  "starting",
  "running",
  "stopping",
  "killing",
  "finishing",
]);

/** Processes that stop and start together. */
export interface Together {
  readonly members: ReadonlySet<ProcessIndex>;
  readonly number: number;
}

/** What must become of a process that has just ended. */
export interface Verdict {
  readonly process: ProcessIndex;
  readonly to: ProcessStatus;
  /** `restart`, `groupRestart g n` and `groupGaveUp g n`, in order. */
  readonly records: readonly string[];
  readonly crewEnds: boolean;
}

/** One process, as the reference follows it. */
export class Followed {
  status: ProcessStatus = "idle";
  wanted: "up" | "down" = "up";
  /** An operator asked for a new instance after this one. */
  again = false;
  /** Why it was sent a signal. */
  signalled: KillCause | null = null;
  together: Together | null = null;
  /** Whose starts it awaits: everybody's, or those of who restarts with it. */
  awaits: "all" | Together = "all";
  attempt = 0;
  beenReady = false;
  readySinceNs: number | null = null;
  lastExit: ExitReason | null = null;
  /** A missed contract asks that its group gives up when it has ended. */
  failsGroup = false;
  /** Down for a final reason that its group gave. */
  doomed = false;

  get live(): boolean {
    return LIVE.has(this.status);
  }
  get final(): boolean {
    return this.status === "completed" || this.status === "failed";
  }
}

/** The reference's account of one crew. */
export class Reference {
  readonly plan: Plan;
  readonly processes: Followed[];
  shutdown: { level: number; exitCode: number } | null = null;
  #restarts = 0;
  /** Every restart charged to a group since it was started, never pruned. */
  readonly #chargedNs: number[][];

  constructor(plan: Plan) {
    this.plan = plan;
    this.processes = plan.processes.map(() => new Followed());
    this.#chargedNs = plan.groups.map(() => []);
  }

  /** Says what must follow when the event ends an instance for good; null: it does not. */
  foresee(event: CoreEvent, state: CoreState, nowNs: number): Verdict | null {
    if (event.kind !== "exited" && event.kind !== "finished" && event.kind !== "spawnFailed") {
      return null;
    }
    const { process: p } = event;
    const process = this.processes[p];
    if (process === undefined || state.processes[p]!.instance !== event.instance) return null;
    const { status } = process;
    if (event.kind === "spawnFailed") {
      if (status !== "spawning") return null;
      process.lastExit = { kind: "spawnFailed", errno: event.errno, path: event.path };
    } else if (event.kind === "exited") {
      if (!process.live || status === "spawning" || status === "finishing") return null;
      process.lastExit = event.reason;
      const { resetAfterNs } = this.plan.processes[p]!.restart.backoff;
      const healthyNs = process.readySinceNs === null ? -1 : nowNs - process.readySinceNs;
      if (healthyNs >= resetAfterNs) process.attempt = 0;
      process.readySinceNs = null;
      if (this.plan.processes[p]!.finish !== null && this.shutdown?.level !== 3) return null;
    } else if (status !== "finishing") {
      return null;
    }
    return this.#judge(p, nowNs);
  }

  #judge(p: ProcessIndex, nowNs: number): Verdict {
    const process = this.processes[p]!;
    const { restart, system } = this.plan.processes[p]!;
    const becomes = (to: ProcessStatus): Verdict => ({
      process: p,
      to,
      records: [],
      crewEnds: false,
    });
    const ownFault = process.signalled === "ready-timeout" || process.signalled === "deadline";
    const ours = process.signalled !== null && !ownFault;
    const last = process.lastExit!;
    const good = process.signalled === null && last.kind === "code" &&
      [0, ...restart.successCodes].includes(last.code);
    const policy = system ? "permanent" : restart.policy;
    const endsByPolicy = (good && policy !== "permanent") || (!good && policy === "temporary");
    if (this.shutdown !== null) {
      if (process.doomed) return becomes("failed");
      if (ours || !endsByPolicy) return becomes("idle");
      return becomes(good ? "completed" : "failed");
    }
    if (process.wanted === "down") return becomes("idle");
    if (process.again) return becomes(process.together !== null ? "waiting" : "spawning");
    if (process.together !== null) {
      if (endsByPolicy) return becomes(good ? "completed" : "failed");
      return becomes("waiting");
    }
    if (ours) return becomes("spawning");
    if (process.failsGroup && !system) return this.#fail(p, nowNs, endsByPolicy);
    if (endsByPolicy) return becomes(good ? "completed" : "failed");
    return this.#fail(p, nowNs);
  }

  /** @param stays It does not come back itself, whatever becomes of its group. */
  #fail(p: ProcessIndex, nowNs: number, stays = false): Verdict {
    const { group, name, system } = this.plan.processes[p]!;
    const records: string[] = [];
    const found = system ? new Set([p]) : this.#climb(group, name, p, null, nowNs, records);
    if (found === null) return { process: p, to: "failed", records, crewEnds: true };
    const process = this.processes[p]!;
    if (stays) {
      this.#hold(found);
      return { process: p, to: "failed", records, crewEnds: false };
    }
    records.push("restart");
    const failedToSpawn = process.lastExit!.kind === "spawnFailed" && !process.beenReady;
    if (process.attempt === 0 && failedToSpawn) process.attempt = 1;
    const delayed = process.attempt > 0 &&
      this.plan.processes[p]!.restart.backoff.initialNs > 0;
    process.attempt += 1;
    const alone = found.size === 1 && !this.#groupRestarts(records);
    if (!alone) this.#hold(found);
    // A delay that jitter has drawn down to nothing is none: the caller tells which it was.
    return {
      process: p,
      to: delayed ? "backoff" : alone ? "spawning" : "waiting",
      records,
      crewEnds: false,
    };
  }

  #groupRestarts(records: readonly string[]): boolean {
    return records.some((record) => record.startsWith("groupRestart"));
  }

  /** Who restarts; null: nobody, the crew ends. */
  #climb(
    g: GroupIndex,
    name: string,
    p: ProcessIndex,
    child: GroupIndex | null,
    nowNs: number,
    records: string[],
  ): Set<ProcessIndex> | null {
    const { strategy, intensity, periodNs, parent, members } = this.plan.groups[g]!;
    let count = 0;
    const givesUp = child === null && this.processes[p]!.failsGroup;
    if (intensity === null && !givesUp) {
      if (child !== null) return this.#doom(child);
    } else {
      if (intensity !== null) {
        this.#chargedNs[g]!.push(nowNs);
        count = this.#chargedNs[g]!.filter((atNs) => nowNs - atNs <= periodNs).length;
      }
      if (givesUp || count > intensity!) {
        records.push(`groupGaveUp ${g} ${name} ${count}`);
        if (parent === null) return this.#doom(g);
        return this.#climb(parent, this.plan.groups[g]!.name, p, g, nowNs, records);
      }
    }
    if (child !== null || strategy !== "one_for_one") {
      records.push(`groupRestart ${g} ${name} ${count}`);
    }
    const at = members.findIndex((member) =>
      child === null
        ? member.kind === "process" && member.process === p
        : member.kind === "group" && member.group === child
    );
    const chosen = members.filter((_, m) =>
      strategy === "one_for_all" || m === at || (strategy === "rest_for_one" && m > at)
    );
    for (const member of chosen) if (member.kind === "group") this.#forgive(member.group);
    return new Set(chosen.flatMap((member) => this.#inside(member)));
  }

  #inside(member: Plan["groups"][number]["members"][number]): ProcessIndex[] {
    if (member.kind === "process") return [member.process];
    return this.plan.groups[member.group]!.members.flatMap((inner) => this.#inside(inner));
  }

  #forgive(g: GroupIndex): void {
    this.#chargedNs[g] = [];
    for (const member of this.plan.groups[g]!.members) {
      if (member.kind === "group") this.#forgive(member.group);
    }
  }

  #doom(g: GroupIndex): null {
    for (const p of this.#inside({ kind: "group", group: g })) {
      const process = this.processes[p]!;
      process.doomed = !process.final && process.status !== "idle";
    }
    return null;
  }

  #hold(members: Set<ProcessIndex>): void {
    const together = { members, number: ++this.#restarts };
    for (const p of members) {
      const process = this.processes[p]!;
      process.together = together;
      const restarts = process.live || process.status === "backoff" ||
        (process.status === "waiting" && process.awaits !== "all");
      if (restarts) process.awaits = together;
    }
  }

  /** A held process starts: its companions must be down, and then all are free. */
  release(p: ProcessIndex): void {
    const { together } = this.processes[p]!;
    if (together === null) return;
    const busy = this.#busy(together);
    must(busy === null, () => `p${p} starts while p${busy}, which restarts with it, is not down`);
    this.#free(together);
  }

  /** Frees whoever is held and has nobody left to wait for. */
  releaseAll(): void {
    for (const { together } of this.processes) {
      if (together !== null && this.#busy(together) === null) this.#free(together);
    }
  }

  #busy(together: Together): ProcessIndex | null {
    for (const p of together.members) {
      const process = this.processes[p]!;
      if (process.together !== together) continue;
      if (process.live || process.status === "backoff") return p;
    }
    return null;
  }

  #free(together: Together): void {
    for (const process of this.processes) {
      if (process.together === together) process.together = null;
    }
  }

  /** Follows a status change. */
  follow(p: ProcessIndex, to: ProcessStatus): void {
    const process = this.processes[p]!;
    const fresh = process.final || process.status === "idle";
    if (fresh && (to === "waiting" || to === "spawning")) {
      process.awaits = "all";
      process.attempt = 0;
      process.beenReady = false;
      process.wanted = "up";
    }
    if (to === "spawning") {
      process.signalled = null;
      process.failsGroup = false;
      process.again = false;
    }
    if (!LIVE.has(to)) process.signalled = null;
    process.status = to;
  }

  /**
   * It misses a contract that asks for its end.
   *
   * @returns false when it is on its way to its end anyway.
   */
  miss(event: Extract<CoreEvent, { kind: "deadlineMissed" }>): boolean {
    const process = this.processes[event.process];
    if (process === undefined) return false;
    const up = process.status === "starting" || process.status === "running";
    if (!up || this.shutdown !== null || process.together !== null) return false;
    if (event.act === "fail-group") process.failsGroup = true;
    return true;
  }

  /** Everyone who is to be up in the safe mode: the declared set, and all that it builds on. */
  fallback(): ReadonlySet<ProcessIndex> {
    const found = new Set<ProcessIndex>();
    const add = (p: ProcessIndex) => {
      if (found.has(p)) return;
      found.add(p);
      for (const { process } of this.plan.processes[p]!.after) add(process);
    };
    for (const p of this.plan.safeMode?.processes ?? []) add(p);
    return found;
  }

  /** Follows what `wanted` has become in this step. */
  followWanted(state: CoreState): void {
    state.processes.forEach(({ wanted }, p) => {
      const process = this.processes[p]!;
      if (wanted === process.wanted) return;
      if (wanted === "down") {
        process.again = false;
      } else if (process.live) {
        process.attempt = 0;
        process.again = process.status !== "spawning";
      }
      process.wanted = wanted;
    });
  }

  /** True when the dependency lets `p` start now. */
  holds(p: ProcessIndex, dependency: Dependency): boolean {
    const { awaits } = this.processes[p]!;
    const on = this.processes[dependency.process]!;
    if (awaits !== "all") {
      const earlier = on.awaits === "all" || on.awaits.number < awaits.number;
      if (earlier || on.status === "idle") return true;
    }
    if (dependency.condition === "completed") return on.status === "completed";
    if (on.status === "running") return true;
    if (dependency.condition === "ready") return false;
    return on.status === "starting" || on.status === "completed";
  }
}
