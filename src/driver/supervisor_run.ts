/**
 * One run of the supervisor: opens what it owns, hands over to the control loop, and leaves
 * when the core says `exit`. Must not know: decisions, which are the core's; the guard's work.
 */
import { EventLog } from "../audit/event_log.ts";
import type { Channel } from "../channel/channel.ts";
import { openChannel } from "../channel/open_channel.ts";
import type { CrewSnapshot } from "../control/protocol.ts";
import { type ControlServer, startControlServer } from "../control/server.ts";
import { giveMemoryBack } from "../os/memory.ts";
import { SystemError } from "../os/errno.ts";
import { openNull } from "../os/pipe.ts";
import { Reactor } from "../os/reactor.ts";
import type { Plan, ProcessIndex } from "../plan/plan.ts";
import { Containment } from "../process/containment.ts";
import { peerCredentials } from "../process/credentials.ts";
import { armParentDeath } from "../process/guard.ts";
import { exitWith } from "./ahead.ts";
import { Captures } from "./captures.ts";
import { ChannelReporter } from "./channel_report.ts";
import { ChannelWatch } from "./channel_watch.ts";
import { startClock } from "./clock.ts";
import { SupervisorControl } from "./control_handler.ts";
import { Crew } from "./crew.ts";
import { MailboxAttendance } from "./mailbox_attendance.ts";
import { Deadlines } from "./monitor/deadlines.ts";
import { PulseMemories } from "./monitor/pulse_memories.ts";
import type { Instance } from "./instance.ts";
import { LazyStarts } from "./lazy_starts.ts";
import { LogDialogue } from "./log_dialogue.ts";
import { LogLink } from "./log_link.ts";
import { RelayDialogue } from "./relay_dialogue.ts";
import { takePlan } from "./plan_file.ts";
import { prepareNotifyPlaces, removeNotifyPlaces } from "./notify_place.ts";
import type { SupervisorOptions } from "./options.ts";
import { rehearseRestart } from "./rehearsal.ts";
import { HardwareWatchdog } from "./hardware_watchdog.ts";
import { listenForShutdown } from "./shutdown_signals.ts";
import { takeSnapshot } from "./snapshot.ts";
import { StallRules } from "./stall_rules.ts";
import { summarise } from "./summary.ts";
import { Supervisor } from "./supervisor.ts";
import { whenQuiet } from "./when_quiet.ts";

/** The system's refusal. */
const REFUSED_EXIT_CODE = 111;

/** See the file's header; one per process. */
export class SupervisorRun {
  readonly #options: SupervisorOptions;
  readonly #clock = startClock();
  readonly #plan: Plan;
  readonly #containment: Containment;
  /** Children inherit the cgroup at fork, so the first spawn waits for this. */
  readonly #joined: Promise<string>;
  readonly #reactor = new Reactor();
  readonly #nullFd = openNull();
  readonly #log: EventLog;
  readonly #channels: readonly Channel[];
  readonly #captures: Captures;
  readonly #logLink: LogLink;
  /** null in a crew without relayed pipes. */
  readonly #relay: RelayDialogue | null;
  readonly #attendance: MailboxAttendance;
  readonly #crew: Crew;
  readonly #lazy: LazyStarts;
  readonly #watch: ChannelWatch;
  readonly #stalls: StallRules;
  /** null in a crew without contracts, as is the next. */
  readonly #pulses: PulseMemories | null;
  readonly #deadlines: Deadlines | null;
  /** null: none is declared. */
  readonly #hardwareWatchdog: HardwareWatchdog | null;
  readonly #supervisor: Supervisor;
  #control: ControlServer | null = null;
  #guardIsLost = false;

  /** @throws {Error} when something that the plan needs cannot be opened. */
  constructor(options: SupervisorOptions) {
    this.#options = options;
    const { runDir, guardPid, cgroupDir } = options;
    this.#plan = takePlan(`${runDir}/plan.json`);
    const runId = crypto.randomUUID();
    this.#containment = new Containment({
      cgroupDir,
      guardPid,
      supervisorPid: Deno.pid,
      runId,
      onWarning: (message) => this.#supervisor.record({ event: "warning", message }),
    });
    this.#joined = this.#containment.joinSupervisor();
    this.#log = this.#openLog();
    prepareNotifyPlaces(this.#plan);
    const reactor = this.#reactor;
    const token = crypto.randomUUID();
    this.#captures = new Captures(this.#plan, token);
    this.#relay = this.#makeRelay(reactor);
    const relayLink = this.#relay?.link ?? null;
    this.#channels = this.#plan.channels.map((channel) => openChannel(channel, relayLink));
    this.#pulses = this.#plan.contracts.length === 0 ? null : new PulseMemories(this.#plan);
    this.#logLink = new LogLink(reactor, (report) => dialogue.hear(report));
    this.#log.follow((_, line) => this.#logLink.show(line));
    this.#attendance = new MailboxAttendance(
      this.#plan,
      this.#channels,
      (body) => this.#supervisor.record(body),
    );
    this.#crew = this.#makeCrew(runId, (instance) => dialogue.tell(instance));
    const dialogue = new LogDialogue({
      plan: this.#plan,
      link: this.#logLink,
      crew: this.#crew,
      token,
      color: options.color,
      post: (event) => this.#supervisor.post(event),
    });
    this.#lazy = this.#makeLazyStarts(reactor);
    this.#watch = new ChannelWatch({
      plan: this.#plan,
      channels: this.#channels,
      counters: this.#relay?.counters ?? null,
      state: () => this.#supervisor.state,
    });
    this.#stalls = this.#makeStallRules(reactor);
    this.#deadlines = this.#makeDeadlines(runId);
    this.#hardwareWatchdog = this.#makeHardwareWatchdog();
    this.#supervisor = this.#makeSupervisor();
  }

  /** Starts the crew, then opens the control socket. */
  async start(): Promise<void> {
    const { guardPid, forNs, cgroupProblem } = this.#options;
    const supervisor = this.#supervisor;
    const containment = await this.#joined;
    const { cox, name: config } = this.#plan;
    supervisor.record({ event: "supervisorStarted", cox, pid: Deno.pid, config, containment });
    if (cgroupProblem !== null) {
      const message = `The guard alone holds the crew, no cgroup can be made: ${cgroupProblem}`;
      supervisor.record({ event: "warning", message });
    }
    this.#attendance.tellWarnings();
    const shutDown = () => void supervisor.request({ op: "shutdown", exitCode: 0 });
    listenForShutdown(this.#clock.nowNs, shutDown);
    armParentDeath(guardPid, () => {
      this.#guardIsLost = true;
      supervisor.post({ kind: "guardLost" });
    });
    if (forNs !== null) setTimeout(shutDown, Math.ceil(forNs / 1e6));
    this.#deadlines?.start(this.#options.liveNs);
    this.#hardwareWatchdog?.start();
    supervisor.post({ kind: "boot" });
    this.#stalls.start();
    this.#control = this.#openControl();
    // When what is under way has been done.
    setTimeout(() => void this.#rehearse());
    const code = this.#deadlines === null;
    whenQuiet(() => this.#log.seq, () => giveMemoryBack({ code }));
  }

  async #rehearse(): Promise<void> {
    const parts = { plan: this.#plan, clock: this.#clock, reactor: this.#reactor };
    try {
      await rehearseRestart({ ...parts, containment: this.#containment });
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      // No descriptor left, say: the first restart will be slower, and none worse.
      const message = `The first restart could not be rehearsed: ${error.message}`;
      this.#supervisor.record({ event: "warning", message });
    }
  }

  /** For our bug: KILL to everything that lives, without asking the core. */
  killAll(): void {
    this.#crew.killAll();
  }

  #openLog(): EventLog {
    const { eventsKeptMax, eventFileBytesMax } = this.#plan.limits;
    return new EventLog({
      path: `${this.#options.runDir}/events.jsonl`,
      keptMax: eventsKeptMax,
      fileBytesMax: eventFileBytesMax,
      nowNs: this.#clock.nowNs,
      wall: this.#clock.wall,
    });
  }

  #makeCrew(runId: string, spawned: (instance: Instance) => void): Crew {
    return new Crew({
      plan: this.#plan,
      runId,
      reactor: this.#reactor,
      containment: this.#containment,
      sources: {
        nullFd: this.#nullFd,
        channels: this.#channels,
        captures: this.#captures,
        logLink: this.#logLink,
        relay: this.#relay,
        pulses: this.#pulses,
      },
      nowNs: this.#clock.nowNs,
      post: (event) => this.#supervisor.post(event),
      record: (body) => this.#supervisor.record(body),
      attendance: this.#attendance,
      beforeSpawn: (process, instance) => this.#deadlines?.beforeSpawn(process, instance),
      beforeEnd: () => this.#deadlines?.hear(),
      watchdogOf: (process, instance) => this.#deadlines?.watchdogOf(process, instance) ?? null,
      spawned: (instance) => {
        this.#deadlines?.spawned(instance);
        this.#relay?.tell(instance);
        spawned(instance);
      },
    });
  }

  #makeLazyStarts(reactor: Reactor): LazyStarts {
    return new LazyStarts({
      plan: this.#plan,
      channels: this.#channels,
      reactor,
      nowNs: this.#clock.nowNs,
      state: () => this.#supervisor.state,
      connected: (channel) => this.#supervisor.record({ event: "connectionWaits", channel }),
      request: (request) => void this.#supervisor.request(request),
    });
  }

  #makeStallRules(reactor: Reactor): StallRules {
    return new StallRules({
      plan: this.#plan,
      channels: this.#channels,
      watch: this.#watch,
      reactor,
      state: () => this.#supervisor.state,
      record: (body) => this.#supervisor.record(body),
      request: (request) => this.#supervisor.request(request),
      setOverflow: (slot, overflow) => this.#relay?.link.setOverflow(slot, overflow),
    });
  }

  #makeDeadlines(runId: string): Deadlines | null {
    if (this.#pulses === null) return null;
    return new Deadlines({
      plan: this.#plan,
      runId,
      clock: this.#clock,
      reactor: this.#reactor,
      memories: this.#pulses,
      watch: this.#watch,
      channels: this.#channels,
      captures: this.#captures,
      counters: this.#relay?.counters ?? null,
      nullFd: this.#nullFd,
      state: () => this.#supervisor.state,
      record: (body) => this.#supervisor.record(body),
      post: (event) => this.#supervisor.post(event),
      onBug: (error) => reportError(error),
      events: () => this.#log.since(1),
    });
  }

  #makeHardwareWatchdog(): HardwareWatchdog | null {
    const { watchdog } = this.#plan.supervisor;
    if (watchdog === null) return null;
    return new HardwareWatchdog({
      plan: watchdog,
      broken: () => this.#deadlines?.criticalBroken ?? 0,
      record: (body) => this.#supervisor.record(body),
    });
  }

  #openReporter(): ChannelReporter {
    return new ChannelReporter({
      plan: this.#plan,
      channels: this.#channels,
      watch: this.#watch,
      stallOf: (channel) => this.#stalls.figuresOf(channel),
    });
  }

  #makeRelay(reactor: Reactor): RelayDialogue | null {
    if (this.#plan.relayed.length === 0) return null;
    return new RelayDialogue({
      plan: this.#plan,
      reactor,
      liveOf: (process) => this.#crew.liveOf(process),
      record: (body) => this.#supervisor.record(body),
      request: (request) => void this.#supervisor.request(request),
    });
  }

  #askToStop(process: ProcessIndex, leaving: boolean): boolean {
    if (process === this.#relay?.process) {
      this.#relay.link.drain();
      return true;
    }
    if (!leaving) return false;
    // With our write ends gone `@log` sees the end of each stream and need not guess.
    this.#captures[Symbol.dispose]();
    this.#logLink.send({ kind: "drain" });
    return true;
  }

  #makeSupervisor(): Supervisor {
    return new Supervisor({
      plan: this.#plan,
      clock: this.#clock,
      log: this.#log,
      crew: this.#crew,
      channels: this.#channels,
      seed: crypto.getRandomValues(new Uint32Array(1))[0] ?? 1,
      askToStop: (process, leaving) => this.#askToStop(process, leaving),
      stateChanged: (state) => {
        this.#lazy.look(state);
        this.#stalls.changed();
        this.#deadlines?.changed(state);
      },
      beforeSignal: (process, state) => this.#deadlines?.signalled(process, state),
      onExit: (code) => void this.#leave(code),
    });
  }

  /**
   * Opens the control socket.
   *
   * @returns null when it cannot be opened: then the crew is ended with 111, because a crew
   * that nobody can speak to is not what was asked for.
   */
  #openControl(): ControlServer | null {
    const supervisor = this.#supervisor;
    try {
      return startControlServer({
        path: `${this.#options.runDir}/control.sock`,
        reactor: this.#reactor,
        limits: this.#plan.limits,
        ownUid: Deno.uid() ?? 0,
        peerOf: peerCredentials,
        handler: new SupervisorControl({
          supervisor,
          log: this.#log,
          cox: this.#plan.cox,
          pid: Deno.pid,
          snapshot: () => this.#snapshot(),
          deadlines: this.#deadlines,
          watchChannels: () => this.#openReporter(),
        }),
        onBug: (error) => reportError(error),
      });
    } catch (error) {
      const message = `The control socket cannot be opened: ${(error as Error).message}`;
      supervisor.record({ event: "warning", message });
      supervisor.request({ op: "shutdown", exitCode: REFUSED_EXIT_CODE });
      return null;
    }
  }

  async #snapshot(): Promise<CrewSnapshot> {
    const deadlines = await this.#deadlines?.snapshots() ?? {};
    this.#attendance.look();
    return takeSnapshot({
      deadlines,
      state: this.#supervisor.state,
      clock: this.#clock,
      channels: this.#channels,
      counters: this.#relay?.counters ?? null,
      stallOf: (channel) => this.#stalls.figuresOf(channel),
      endedCpuMs: this.#crew.endedCpuMs,
      statusText: (process) => this.#crew.liveOf(process)?.statusText ?? null,
      supervisorPid: Deno.pid,
      guardPid: this.#options.guardPid,
      events: this.#log.seq,
    });
  }

  async #leave(code: number): Promise<void> {
    // What was orphaned would have landed under the guard; without one it is ours to end.
    if (this.#guardIsLost) await this.#containment.killRest();
    this.#stalls.stop();
    await this.#deadlines?.stop();
    this.#hardwareWatchdog?.stop(code === 0);
    this.#supervisor.record({ event: "supervisorStopped", exitCode: code });
    this.#log.flush();
    const { summaryPath } = this.#options;
    const exit = summaryPath === null ? code : summarise(summaryPath, await this.#snapshot(), code);
    await this.#control?.close();
    removeNotifyPlaces(this.#plan);
    // Also removes the paths that were listened on.
    for (const channel of this.#channels) channel[Symbol.dispose]();
    exitWith(exit);
  }
}
