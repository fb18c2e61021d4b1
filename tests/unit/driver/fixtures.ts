/** Small plans for the driver's tests. */
import type { Plan, ProcessPlan } from "../../../src/plan/plan.ts";

/** A process that needs nothing, overridden by `fields`. */
export function processPlan(name: string, fields: Partial<ProcessPlan> = {}): ProcessPlan {
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
    descriptors: [
      { fd: 0, kind: "null" },
      { fd: 1, kind: "log", stream: "stdout" },
      { fd: 2, kind: "log", stream: "stderr" },
    ],
    after: [],
    ready: { by: "started" },
    restart: {
      policy: "permanent",
      successCodes: [0],
      backoff: { initialNs: 1e8, factor: 2, maxNs: 5e9, jitter: 0, resetAfterNs: 1e10 },
    },
    stop: { signal: 15, signalName: "SIGTERM", timeoutNs: 5e9, scope: "process" },
    finish: null,
    critical: false,
    group: 0,
    pulse: null,
    scheduling: null,
    ...fields,
  };
}

/** A plan of these processes, all in the root group unless `groups` is given. */
export function planOf(processes: readonly ProcessPlan[], fields: Partial<Plan> = {}): Plan {
  return {
    planVersion: 1,
    cox: "0.0.0",
    name: "test",
    configPath: "/nowhere/supervisor.config.ts",
    projectDir: "/nowhere",
    runDir: "/nowhere/run",
    processes,
    groups: [{
      name: "",
      parent: null,
      strategy: "one_for_one",
      intensity: null,
      periodNs: 1e10,
      members: processes.map((_, process) => ({ kind: "process" as const, process })),
    }],
    channels: [],
    relayed: [],
    contracts: [],
    safeMode: null,
    supervisor: { scheduling: null, watchdog: null },
    limits: {
      eventsKeptMax: 100,
      requestBytesMax: 65536,
      requestTimeoutNs: 5e9,
      controlConnectionsMax: 64,
      notifyMessageBytesMax: 4096,
      eventFileBytesMax: 1 << 20,
    },
    ...fields,
  };
}
