/**
 * Plans for tests of the core: a builder with defaults, and random plans.
 * Owns what a plan may look like; must not know the core.
 */
import type {
  ChannelPlan,
  Dependency,
  GroupPlan,
  Plan,
  ProcessIndex,
  ProcessPlan,
  ReadyPlan,
} from "../../src/plan/plan.ts";
import type { Random } from "./random.ts";

const MS = 1_000_000;
const SECOND = 1000 * MS;

/** A process named `p<index>`: permanent, ready when started, in the root group. */
export function processPlan(name: string, overrides: Partial<ProcessPlan> = {}): ProcessPlan {
  return {
    name,
    declaredName: name,
    system: false,
    kind: "command",
    argv: ["/bin/true"],
    executable: "/bin/true",
    cwd: "/",
    env: [],
    umask: 0o022,
    uid: null,
    gid: null,
    descriptors: [],
    after: [],
    ready: { by: "started" },
    restart: {
      policy: "permanent",
      successCodes: [],
      backoff: {
        initialNs: 100 * MS,
        factor: 2,
        maxNs: 5 * SECOND,
        jitter: 0,
        resetAfterNs: 10 * SECOND,
      },
    },
    stop: { signal: 15, signalName: "SIGTERM", timeoutNs: 3 * SECOND, scope: "process" },
    finish: null,
    critical: false,
    group: 0,
    pulse: null,
    scheduling: null,
    ...overrides,
  };
}

/** A whole plan; without `groups`, one root over every process without a budget. */
export function crewPlan(
  processes: readonly ProcessPlan[],
  options: { groups?: readonly GroupPlan[]; channels?: readonly ChannelPlan[] } = {},
): Plan {
  const members = processes.flatMap((process, index) =>
    process.system ? [] : [{ kind: "process", process: index } as const]
  );
  return {
    planVersion: 1,
    cox: "0.0.0",
    name: "crew",
    configPath: "/crew/supervisor.config.ts",
    projectDir: "/crew",
    runDir: "/run/cox/crew",
    processes,
    groups: options.groups ?? [{
      name: "",
      parent: null,
      strategy: "one_for_one",
      intensity: null,
      periodNs: 5 * SECOND,
      members,
    }],
    channels: options.channels ?? [],
    relayed: [],
    contracts: [],
    safeMode: null,
    supervisor: { scheduling: null, watchdog: null },
    limits: {
      eventsKeptMax: 1000,
      requestBytesMax: 65536,
      requestTimeoutNs: SECOND,
      controlConnectionsMax: 16,
      notifyMessageBytesMax: 4096,
      eventFileBytesMax: 1 << 20,
    },
  };
}

/** A pipe from the stdout of some to the stdin of others. */
export function pipePlan(
  name: string,
  from: readonly ProcessIndex[],
  to: readonly ProcessIndex[],
): ChannelPlan {
  return {
    kind: "pipe",
    name,
    from: { processes: from, port: "stdout", fd: 1 },
    to: { processes: to, port: "stdin", fd: 0 },
    capacityBytes: 0,
    producerEnds: "eof",
    consumerEnds: "epipe",
    stall: null,
  };
}

/** A random crew: dependency graph, nested groups, policies, finish programs, channels. */
export function randomPlan(random: Random): Plan {
  const systemCount = random.pick([0, 1, 2]);
  const count = systemCount + random.integer(1, 9);
  const groups = randomGroups(random);
  const processes: ProcessPlan[] = [];
  const density = random.pick([0, 0.15, 0.4]);
  for (let p = 0; p < count; p++) {
    const system = p < systemCount;
    processes.push(processPlan(system ? ["@log", "@relay"][p]! : `p${p}`, {
      system,
      group: system ? 0 : random.integer(0, groups.length - 1),
      after: system ? [] : randomAfter(random, p, systemCount, density),
      ready: randomReady(random),
      restart: {
        policy: system
          ? "permanent"
          : random.pick(["permanent", "permanent", "transient", "temporary"]),
        successCodes: random.chance(0.3) ? [3] : [],
        backoff: {
          initialNs: random.pick([0, 50 * MS, SECOND]),
          factor: random.pick([1, 2, 3.5]),
          maxNs: random.pick([SECOND, 5 * SECOND]),
          jitter: random.pick([0, 0.2, 1]),
          resetAfterNs: random.pick([SECOND, 4 * SECOND]),
        },
      },
      stop: {
        signal: 15,
        signalName: "SIGTERM",
        timeoutNs: random.pick([0, 100 * MS, SECOND, 3 * SECOND]),
        scope: random.pick(["process", "group", "process-then-group"]),
      },
      finish: random.chance(0.25)
        ? { argv: ["/bin/true"], executable: "/bin/true", timeoutNs: 500 * MS }
        : null,
      critical: !system && random.chance(0.08),
    }));
  }
  fillMembers(random, groups, processes);
  const channels: ChannelPlan[] = [];
  for (let c = random.integer(0, 3); c > 0; c--) {
    channels.push(
      pipePlan(`c${c}`, randomPort(random, count), randomPort(random, count)),
    );
  }
  const fallback = randomPort(random, count).filter((p) => p >= systemCount);
  const safeMode = random.chance(0.5) ? null : { processes: fallback };
  return { ...crewPlan(processes, { groups, channels }), safeMode };
}

type Draft = { -readonly [K in keyof GroupPlan]: GroupPlan[K] };

function randomGroups(random: Random): Draft[] {
  const groups: Draft[] = [];
  const count = random.pick([1, 1, 2, 3, 5]);
  for (let g = 0; g < count; g++) {
    groups.push({
      name: g === 0 ? "" : `g${g}`,
      parent: g === 0 ? null : random.integer(0, g - 1),
      strategy: random.pick(["one_for_one", "one_for_all", "rest_for_one"]),
      intensity: g === 0 && random.chance(0.6) ? null : random.integer(0, 4),
      periodNs: random.pick([SECOND, 5 * SECOND, 30 * SECOND]),
      members: [],
    });
  }
  return groups;
}

function fillMembers(random: Random, groups: Draft[], processes: readonly ProcessPlan[]): void {
  const members: GroupPlan["members"][number][][] = groups.map(() => []);
  processes.forEach(({ group, system }, p) => {
    if (!system) members[group]!.push({ kind: "process", process: p });
  });
  groups.forEach(({ parent }, g) => {
    if (parent === null) return;
    const list = members[parent]!;
    list.splice(random.integer(0, list.length), 0, { kind: "group", group: g });
  });
  groups.forEach((group, g) => {
    const list = members[g]!;
    // A member order that contradicts the dependencies is allowed and must not deadlock.
    if (random.chance(0.2)) list.reverse();
    group.members = list;
  });
}

function randomAfter(
  random: Random,
  p: ProcessIndex,
  first: ProcessIndex,
  density: number,
): Dependency[] {
  const after: Dependency[] = [];
  for (let on = first; on < p; on++) {
    if (!random.chance(density)) continue;
    after.push({ process: on, condition: random.pick(["started", "ready", "completed"]) });
  }
  return after;
}

function randomReady(random: Random): ReadyPlan {
  if (random.chance(0.5)) return { by: "started" };
  return { by: "notify", withinNs: random.pick([0, 200 * MS, 2 * SECOND]) };
}

function randomPort(random: Random, count: number): ProcessIndex[] {
  const one = random.integer(0, count - 1);
  if (random.chance(0.7)) return [one];
  return [...new Set([one, random.integer(0, count - 1)])];
}
