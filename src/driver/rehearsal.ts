/**
 * The dress rehearsal of a restart: a crew of one process that never was. Its end is heard, the
 * core decides, its successor is laid out and handed to the kernel, which refuses, for there is
 * no such program. Nothing is started, killed, recorded or shown.
 *
 * Code is compiled at its first use and each function of the C library looked up at its first
 * call: 2 ms, as much as a whole restart takes later on, which would fall on the first process
 * that dies. Must not know: the real crew.
 */
import type { EventBody, EventRecord } from "../audit/event_record.ts";
import type { CoreState } from "../core/state.ts";
import { closeFd, createPipe, openNull } from "../os/pipe.ts";
import type { Reactor } from "../os/reactor.ts";
import type { Plan, ProcessPlan } from "../plan/plan.ts";
import type { Containment } from "../process/containment.ts";
import { exitReason } from "../process/reap.ts";
import { spawnProcess } from "../process/spawn.ts";
import { Captures } from "./captures.ts";
import type { Clock } from "./clock.ts";
import { Crew } from "./crew.ts";
import type { Instance } from "./instance.ts";
import { LogLink } from "./log_link.ts";
import { Supervisor } from "./supervisor.ts";

/** What a rehearsal shares with the real crew. */
export interface RehearsalParts {
  readonly plan: Plan;
  readonly clock: Clock;
  readonly reactor: Reactor;
  readonly containment: Containment;
}

/** Above the kernel's PID_MAX_LIMIT (include/linux/threads.h). */
const NEVER_A_PID = 2 ** 22 + 1;
const NEVER_A_PROGRAM = "/proc/self/no-such-program";

/** Resolves when the crew of the rehearsal is gone again. */
export async function rehearseRestart(parts: RehearsalParts): Promise<void> {
  const { clock, reactor, containment } = parts;
  const plan = planOfNobody(parts.plan);
  const over = Promise.withResolvers<number>();
  const nullFd = openNull();
  using captures = new Captures(plan, "");
  using logLink = new LogLink(reactor, () => {});
  const crew: Crew = new Crew({
    plan,
    runId: "",
    reactor,
    containment,
    sources: { nullFd, channels: [], captures, logLink, relay: null, pulses: null },
    nowNs: clock.nowNs,
    post: (event) => supervisor.post(event),
    record: (body) => supervisor.record(body),
    attendance: { starts: () => {}, ended: () => {}, look: () => {} },
    beforeSpawn: () => {},
    beforeEnd: () => {},
    watchdogOf: () => null,
    spawned: () => {},
  });
  const supervisor = new Supervisor({
    plan,
    clock,
    log: { append: (body) => stamped(body, clock), flush: () => null },
    crew: {
      spawn: (effect) => {
        if (effect.instance > 1) return crew.spawn(effect);
        supervisor.post({ kind: "spawned", process: 0, instance: 1, pid: NEVER_A_PID });
      },
      kill: (effect, mainPid) => crew.kill(effect, mainPid),
      runFinish: () => {},
      killFinish: () => {},
      lastRunOf: (process) => crew.lastRunOf(process),
    },
    channels: [],
    seed: 1,
    askToStop: () => false,
    stateChanged: (state) => {
      if (hasBeenRefused(state)) {
        queueMicrotask(() => supervisor.request({ op: "shutdown", exitCode: 0 }));
      }
    },
    beforeSignal: () => {},
    onExit: over.resolve,
  });
  rehearseAside(plan, containment);
  supervisor.post({ kind: "boot" });
  crew.take(instanceOfNobody(clock), endedFd());
  await over.promise;
  closeFd(nullFd);
}

/** What only a real end meets: a wait status, and a spawn that frees what the last one used. */
function rehearseAside({ processes }: Plan, containment: Containment): void {
  exitReason(9);
  containment.oomKilled(NEVER_A_PID);
  spawnProcess({ ...processes[0]!, descriptors: [] });
}

/** The end of a pipe is told as the end of a process is. */
function endedFd(): number {
  const { readFd, writeFd } = createPipe();
  closeFd(writeFd);
  return readFd;
}

function hasBeenRefused(state: CoreState): boolean {
  return state.shutdown === null && state.processes[0]?.status === "backoff";
}

function stamped(body: EventBody, { nowNs, wall }: Clock): EventRecord {
  return { seq: 0, monoNs: nowNs(), wall: wall(), ...body };
}

function instanceOfNobody({ nowNs }: Clock): Instance {
  return {
    process: 0,
    number: 1,
    pid: NEVER_A_PID,
    mainPid: NEVER_A_PID,
    spawnedNs: nowNs(),
    statusText: null,
    hearings: [],
    cleanups: [],
  };
}

/** Nobody's name is empty. */
function planOfNobody(plan: Plan): Plan {
  const process: ProcessPlan = {
    name: "",
    declaredName: "",
    system: false,
    kind: "command",
    argv: [NEVER_A_PROGRAM],
    executable: NEVER_A_PROGRAM,
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
      successCodes: [],
      backoff: { initialNs: 1e9, factor: 1, maxNs: 1e9, jitter: 0, resetAfterNs: 0 },
    },
    stop: { signal: 15, signalName: "SIGTERM", timeoutNs: 0, scope: "process" },
    finish: null,
    critical: false,
    group: 0,
    pulse: null,
    scheduling: null,
  };
  const root = {
    name: "",
    parent: null,
    strategy: "one_for_one",
    intensity: null,
    periodNs: 1e9,
    members: [{ kind: "process", process: 0 }],
  } as const;
  return { ...plan, processes: [process], groups: [root], channels: [], relayed: [] };
}
