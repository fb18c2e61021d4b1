/**
 * The hands of the supervisor: spawns, signals and buries instances, and posts to the core
 * what became of them. Thin: every decision is the core's. Must not know: policy, requests.
 */
import type { Effect } from "../core/effect.ts";
import type { CoreEvent } from "../core/event.ts";
import type { ExitReason } from "../core/exit_reason.ts";
import { closeFd } from "../os/pipe.ts";
import type { Reactor } from "../os/reactor.ts";
import { sendSignal, signalName } from "../os/signals.ts";
import type { Plan, ProcessIndex, ProcessPlan } from "../plan/plan.ts";
import type { Containment } from "../process/containment.ts";
import { openPidfd } from "../process/pidfd.ts";
import { reap, STATUS_LOST_CODE } from "../process/reap.ts";
import type { EventBody } from "../audit/event_record.ts";
import { type DescriptorSources, openDescriptorTable } from "./descriptor_table.ts";
import { startFinish } from "./finish.ts";
import { watchGate } from "./gate.ts";
import { disposeInstance, type Instance } from "./instance.ts";
import { Launcher } from "./launcher.ts";
import type { MailboxAttendance } from "./mailbox_attendance.ts";
import { notifyPathFor, usesSocket } from "./notify_place.ts";
import {
  type Listening,
  type NotifyContext,
  type Watchdog,
  watchNotifyPipe,
  watchNotifySocket,
} from "./notifications.ts";

/** What the crew needs of the supervisor. */
export interface CrewContext {
  readonly plan: Plan;
  readonly runId: string;
  readonly reactor: Reactor;
  readonly containment: Containment;
  readonly sources: DescriptorSources;
  readonly nowNs: () => number;
  /** Gives an event to the core. */
  readonly post: (event: CoreEvent) => void;
  readonly record: (body: EventBody) => void;
  /** Told of each start before it, and of each end. */
  readonly attendance: Pick<MailboxAttendance, "starts" | "ended" | "look">;
  /** Called before each spawn, whether it succeeds or not. */
  readonly beforeSpawn: (process: ProcessIndex, instance: number) => void;
  /** Called before anything is told of an end. */
  readonly beforeEnd: () => void;
  readonly watchdogOf: (process: ProcessIndex, instance: number) => Watchdog | null;
  /** Called after each successful spawn, before the core hears of it. */
  readonly spawned: (instance: Instance) => void;
}

type Of<K extends Effect["kind"]> = Extract<Effect, { kind: K }>;

/** All live instances. */
export class Crew {
  readonly #context: CrewContext;
  readonly #live = new Map<ProcessIndex, Instance>();
  /** The newest instance of each process: its leftovers are found by its pid. */
  readonly #newestPid: number[] = [];
  readonly #lastRun: { readonly pid: number; readonly ranMs: number }[] = [];
  readonly #finishing = new Map<ProcessIndex, number>();
  readonly #launchers: Launcher[] = [];
  /** CPU time of ended instances, milliseconds, by process. */
  readonly endedCpuMs: number[];

  constructor(context: CrewContext) {
    this.#context = context;
    this.endedCpuMs = context.plan.processes.map(() => 0);
  }

  /** The live instance of a process, or null. */
  liveOf(process: ProcessIndex): Instance | null {
    return this.#live.get(process) ?? null;
  }

  /** The last ended run of a process: its pid and how long it ran. */
  lastRunOf(process: ProcessIndex): { readonly pid: number; readonly ranMs: number } {
    return this.#lastRun[process] ?? { pid: 0, ranMs: 0 };
  }

  /** Carries out `spawn`. Posts `spawned` or `spawnFailed`. */
  spawn({ process: index, instance: number }: Of<"spawn">): void {
    const { post, record } = this.#context;
    const process = this.#plan(index);
    this.#context.beforeSpawn(index, number);
    const outcome = this.#trySpawn(process, index, number);
    if (outcome.kind === "failed") {
      const { errno, path } = outcome;
      record({ event: "spawnFailed", process: process.name, instance: number, errno, path });
      post({ kind: "spawnFailed", process: index, instance: number, errno, path });
      return;
    }
    const { pid } = outcome.instance;
    record({ event: "spawn", process: process.name, instance: number, pid });
    this.#context.spawned(outcome.instance);
    post({ kind: "spawned", process: index, instance: number, pid });
  }

  /** Takes over an instance that runs. `pidfd` becomes readable when it ends; it is ours. */
  take(instance: Instance, pidfd: number): void {
    this.#live.set(instance.process, instance);
    this.#newestPid[instance.process] = instance.pid;
    this.#context.reactor.watch(pidfd, () => this.#ended(instance, pidfd));
  }

  /** Carries out `kill`. A process that is already gone is no error. */
  kill(effect: Of<"kill">, mainPid: number | null): void {
    const { process: index, instance, signal, scope, cause } = effect;
    const name = this.#plan(index).name;
    const live = this.#live.get(index);
    const alive = live?.number === instance;
    if (alive || scope !== "tree") {
      const signalText = signalName(signal);
      this.#context.record({
        event: "signal",
        process: name,
        instance,
        signal: signalText,
        scope,
        cause,
      });
    }
    if (scope === "tree") return this.#killTree(index, instance);
    if (!alive) return;
    if (scope === "group") sendSignal(-live.pid, signal);
    else sendSignal(mainPid ?? live.pid, signal);
  }

  /** Carries out `runFinish`. Posts `finished` when it has ended or cannot run. */
  runFinish({ process: index, instance, reason }: Of<"runFinish">): void {
    const process = this.#plan(index);
    const pid = startFinish(this.#context, process, index, instance, reason, () => {
      this.#finishing.delete(index);
      this.#context.post({ kind: "finished", process: index, instance });
    });
    if (pid !== null) this.#finishing.set(index, pid);
  }

  /** Carries out `killFinish`. */
  killFinish({ process }: Of<"killFinish">): void {
    const pid = this.#finishing.get(process);
    if (pid !== undefined) sendSignal(-pid, 9);
  }

  /** For our bug: KILL to everything that lives, without asking the core. */
  killAll(): void {
    for (const instance of this.#live.values()) sendSignal(-instance.pid, 9);
    for (const pid of this.#finishing.values()) sendSignal(-pid, 9);
  }

  #trySpawn(
    process: ProcessPlan,
    index: ProcessIndex,
    number: number,
  ): { kind: "spawned"; instance: Instance } | { kind: "failed"; errno: string; path: string } {
    const { sources, containment, nowNs } = this.#context;
    const instance: Omit<Instance, "pid" | "mainPid" | "spawnedNs"> = {
      process: index,
      number,
      statusText: null,
      hearings: [],
      cleanups: [],
    };
    // READY may be in the pipe before `posix_spawn` has returned, but it is heard after.
    const notify: NotifyContext = {
      ...this.#context,
      process,
      index,
      number,
      instance: () => this.#live.get(index) ?? null,
      watchdog: this.#context.watchdogOf(index, number),
    };
    const notifyPath = usesSocket(process) ? notifyPathFor(this.#context.plan, process) : null;
    let table;
    try {
      if (notifyPath !== null) listenTo(instance, watchNotifySocket(notify, notifyPath));
      table = openDescriptorTable(process, { index, number }, sources);
    } catch (error) {
      disposeInstance(instance as Instance);
      return failureOf(error);
    }
    if (table.notifyReadFd !== null) {
      listenTo(instance, watchNotifyPipe(notify, table.notifyReadFd));
    }
    if (table.gateFd !== null) {
      const roots = () => this.#live.values();
      listenTo(instance, watchGate({ ...this.#context, index, number, live: roots }, table.gateFd));
    }
    this.#markCaptures(process, index, number);
    this.#context.attendance.starts(index);
    const spawned = this.#launcherOf(index).launch(number, notifyPath, table.entries);
    table.close();
    if (spawned.kind === "failed") {
      this.#context.attendance.ended(index);
      disposeInstance(instance as Instance);
      return spawned;
    }
    const live: Instance = Object.assign(instance, {
      pid: spawned.pid,
      mainPid: spawned.pid,
      spawnedNs: nowNs(),
    });
    this.take(live, spawned.pidfd);
    containment.adopt(process.name, spawned.pid);
    return { kind: "spawned", instance: live };
  }

  /** Before the spawn: what the instance writes comes after its marker. */
  #markCaptures({ name, descriptors }: ProcessPlan, index: ProcessIndex, number: number): void {
    for (const descriptor of descriptors) {
      if (descriptor.kind !== "log") continue;
      const { stream } = descriptor;
      const { marked, droppedBytes } = this.#context.sources.captures.mark(index, stream, number);
      if (marked && droppedBytes === 0) continue;
      const message = `Nobody reads the ${stream} of "${name}", and its pipe is full: ` +
        `${droppedBytes} bytes of it were dropped` +
        (marked ? "" : `, and what instance ${number} writes counts as its predecessor's`);
      this.#context.record({ event: "warning", message });
    }
  }

  #launcherOf(index: ProcessIndex): Launcher {
    return this.#launchers[index] ??= new Launcher(this.#plan(index), this.#context.runId);
  }

  #ended(instance: Instance, pidfd: number): void {
    // What it said came before its end, MAINPID above all; and as long as it is not reaped,
    // its pid is nobody else's.
    for (const hear of instance.hearings) hear();
    this.#context.beforeEnd();
    const result = reap(instance.pid, { oomKilled: () => this.#oomKilled(instance) });
    if (result.kind === "running") return;
    const { process } = instance;
    this.endedCpuMs[process] = (this.endedCpuMs[process] ?? 0) + result.cpuMs;
    try {
      if (!this.#follow(instance)) this.#bury(instance, result.reason);
    } finally {
      // The next instance did not have to wait for this.
      this.#closePidfd(pidfd);
    }
  }

  /**
   * What we spawned has ended, but it had named another main process, as a daemon's first
   * process does: the instance goes on with that one. It is the guard's child and not ours,
   * so how it ends cannot be known: it counts as a bad exit.
   */
  #follow(instance: Instance): boolean {
    const { mainPid } = instance;
    if (mainPid === instance.pid) return false;
    const pidfd = openPidfd(mainPid);
    if (pidfd === null) return false;
    this.#context.reactor.watch(pidfd, () => {
      this.#closePidfd(pidfd);
      this.#bury(instance, { kind: "code", code: STATUS_LOST_CODE, cause: null });
    });
    return true;
  }

  #bury(instance: Instance, reason: ExitReason): void {
    // A READY that is still in the pipe came before the exit: hear it first.
    disposeInstance(instance);
    const { process, number, pid } = instance;
    this.#live.delete(process);
    this.#context.attendance.ended(process);
    this.#lastRun[process] = { pid, ranMs: (this.#context.nowNs() - instance.spawnedNs) / 1e6 };
    this.#context.post({ kind: "exited", process, instance: number, reason });
  }

  #oomKilled(instance: Instance): boolean {
    return this.#context.containment.oomKilled(instance.pid);
  }

  #closePidfd(pidfd: number): void {
    this.#context.reactor.unwatch(pidfd);
    closeFd(pidfd);
  }

  #killTree(index: ProcessIndex, instance: number): void {
    const pid = this.#newestPid[index];
    if (pid === undefined) return;
    const processName = this.#plan(index).name;
    const capturePipeInodes = this.#context.sources.captures.inodesOf(index);
    const request = { processName, pid, instance, capturePipeInodes };
    this.#context.containment.killTree(request).then((strays) => {
      for (const stray of strays) {
        this.#context.record({ event: "strayKilled", process: processName, ...stray });
      }
    });
  }

  #plan(index: ProcessIndex): ProcessPlan {
    const process = this.#context.plan.processes[index];
    if (process === undefined) throw new Error(`No process ${index} in the plan`);
    return process;
  }
}

function listenTo(
  instance: Pick<Instance, "hearings" | "cleanups">,
  listening: Listening,
): void {
  instance.hearings.push(() => listening.hear());
  instance.cleanups.push(() => listening.close());
}

function failureOf(error: unknown): { kind: "failed"; errno: string; path: string } {
  const { errno, path, syscall } = error as { errno?: string; path?: string; syscall?: string };
  if (errno === undefined) throw error;
  return { kind: "failed", errno, path: path ?? syscall ?? "descriptor" };
}
