/**
 * The supervisor's entry: reads the plan, takes its place under the guard, opens what it
 * owns and hands over to the control loop. Started by the guard alone, never by hand.
 * Must not know: the configuration, the command line.
 */
import { EventLog } from "../audit/event_log.ts";
import type { Channel } from "../channel/channel.ts";
import { PipeChannel } from "../channel/pipe/pipe_channel.ts";
import type { ControlServer } from "../control/server.ts";
import { openNull } from "../os/pipe.ts";
import { Reactor } from "../os/reactor.ts";
import type { Plan, ProcessPlan } from "../plan/plan.ts";
import { Containment } from "../process/containment.ts";
import { peerCredentials } from "../process/credentials.ts";
import { armParentDeath, becomeSessionLeader } from "../process/guard.ts";
import type { LogReport } from "../system/log_protocol.ts";
import { Captures } from "./captures.ts";
import { startClock } from "./clock.ts";
import { SupervisorControl } from "./control_handler.ts";
import { Crew } from "./crew.ts";
import type { Instance } from "./instance.ts";
import { LogLink } from "./log_link.ts";
import { prepareNotifyPlaces, removeNotifyPlaces } from "./notify_place.ts";
import { parseSupervisorOptions, type SupervisorOptions } from "./options.ts";
import { listenForShutdown } from "./shutdown_signals.ts";
import { takeSnapshot } from "./snapshot.ts";
import { writeSummary } from "./summary.ts";
import { Supervisor } from "./supervisor.ts";

/** Exit code of our own bug. */
const BUG_EXIT_CODE = 101;

if (import.meta.main) {
  const options = parseSupervisorOptions(Deno.args[0] ?? "");
  // Away from the terminal's foreground group: Ctrl-C reaches the guard alone, and once.
  becomeSessionLeader();
  Deno.umask(0o077);
  await runSupervisor(options);
}

/** Runs the crew until the core says `exit`; then ends the process. */
async function runSupervisor(options: SupervisorOptions): Promise<void> {
  const clock = startClock();
  const plan = JSON.parse(Deno.readTextFileSync(`${options.runDir}/plan.json`)) as Plan;
  const runId = crypto.randomUUID();
  const containment = new Containment({
    cgroupDir: options.cgroupDir,
    guardPid: options.guardPid,
    supervisorPid: Deno.pid,
    runId,
  });
  // Children inherit the cgroup at fork, so the first spawn waits for this.
  const joined = containment.joinSupervisor();
  const reactor = new Reactor();
  const log = new EventLog({
    path: `${options.runDir}/events.jsonl`,
    keptMax: plan.limits.eventsKeptMax,
    fileBytesMax: plan.limits.eventFileBytesMax,
    nowNs: clock.nowNs,
    wall: clock.wall,
  });
  prepareNotifyPlaces(plan);
  const token = crypto.randomUUID();
  const captures = new Captures(plan, token);
  const channels: Channel[] = plan.channels.map((channel) => new PipeChannel(channel));
  const logLink = new LogLink(reactor, (report) => hearLog(report));
  log.follow((record) => logLink.show(record));

  const crew = new Crew({
    plan,
    runId,
    reactor,
    containment,
    sources: { nullFd: openNull(), channels, captures, logLink },
    nowNs: clock.nowNs,
    post: (event) => supervisor.post(event),
    record: (body) => supervisor.record(body),
    spawned: (instance) => tellLog(instance),
  });
  const supervisor = new Supervisor({
    plan,
    clock,
    log,
    crew,
    channels,
    seed: crypto.getRandomValues(new Uint32Array(1))[0] ?? 1,
    beforeSystemStop: () => {
      // With our write ends gone `@log` sees the end of each stream and need not guess.
      captures[Symbol.dispose]();
      logLink.send({ kind: "drain" });
    },
    onExit: (code) => void leave(code),
  });
  endOnBug(crew);

  const snapshot = () =>
    takeSnapshot({
      state: supervisor.state,
      clock,
      channels,
      endedCpuMs: crew.endedCpuMs,
      statusText: (process) => crew.liveOf(process)?.statusText ?? null,
      supervisorPid: Deno.pid,
      guardPid: options.guardPid,
      events: log.seq,
    });

  // Its module costs 20 ms to load, for which the crew need not wait.
  const serverStarted = Promise.withResolvers<ControlServer | null>();

  async function leave(code: number): Promise<void> {
    supervisor.record({ event: "supervisorStopped", exitCode: code });
    log.flush();
    let exit = code;
    if (options.summaryPath !== null) {
      try {
        writeSummary(options.summaryPath, snapshot(), code);
      } catch (error) {
        console.error(`cox: the summary was not written: ${(error as Error).message}`);
        exit = code === 0 ? 111 : code;
      }
    }
    await (await serverStarted.promise)?.close();
    removeNotifyPlaces(plan);
    Deno.exit(exit);
  }

  function tellLog(instance: Instance): void {
    const process = plan.processes[instance.process];
    if (process === undefined) return;
    if (process.system) return helloLog(plan, process, logLink, token, options.color, crew);
    watchLine(process, instance, logLink);
  }

  function hearLog(report: LogReport): void {
    const process = plan.processes.findIndex(({ name }) => name === report.process);
    supervisor.post({ kind: "becameReady", process, instance: report.instance });
  }

  const containmentLevel = await joined;
  supervisor.record({
    event: "supervisorStarted",
    cox: plan.cox,
    pid: Deno.pid,
    config: plan.name,
    containment: containmentLevel,
  });
  listenForShutdown(clock.nowNs, () => supervisor.request({ op: "shutdown", exitCode: 0 }));
  armParentDeath(options.guardPid, () => supervisor.post({ kind: "guardLost" }));
  if (options.forNs !== null) {
    setTimeout(
      () => supervisor.request({ op: "shutdown", exitCode: 0 }),
      Math.ceil(options.forNs / 1e6),
    );
  }
  supervisor.post({ kind: "boot" });
  const handler = new SupervisorControl({
    supervisor,
    log,
    cox: plan.cox,
    pid: Deno.pid,
    snapshot,
  });
  serverStarted.resolve(await openControl(options, plan, handler, supervisor));
}

/**
 * Opens the control socket.
 *
 * @returns null when it cannot be opened: then the crew is ended with 111, because a crew
 * that nobody can speak to is not what was asked for.
 */
async function openControl(
  options: SupervisorOptions,
  plan: Plan,
  handler: SupervisorControl,
  supervisor: Supervisor,
): Promise<ControlServer | null> {
  try {
    const { startControlServer } = await import("../control/server.ts");
    return await startControlServer({
      path: `${options.runDir}/control.sock`,
      limits: plan.limits,
      ownUid: Deno.uid() ?? 0,
      peerOf: peerCredentials,
      handler,
      onBug: (error) => reportError(error),
    });
  } catch (error) {
    const message = `The control socket cannot be opened: ${(error as Error).message}`;
    supervisor.record({ event: "warning", message });
    supervisor.request({ op: "shutdown", exitCode: 111 });
    return null;
  }
}

/** `@log` runs anew: tells it what it reads, and which lines we wait for. */
function helloLog(
  plan: Plan,
  log: ProcessPlan,
  logLink: LogLink,
  token: string,
  color: boolean,
  crew: Crew,
): void {
  const nameOf = (index: number) => plan.processes[index]?.name ?? `#${index}`;
  const captures = log.descriptors.flatMap((entry) =>
    entry.kind === "log-capture"
      ? [{ fd: entry.fd, process: nameOf(entry.process), stream: entry.stream }]
      : []
  );
  const nameWidth = Math.max(0, ...captures.map(({ process }) => process.length));
  logLink.send({ kind: "hello", color, token, captures, nameWidth });
  plan.processes.forEach((process, index) => {
    const instance = crew.liveOf(index);
    if (instance !== null && !process.system) watchLine(process, instance, logLink);
  });
}

/** Asks `@log` to look for the line that makes this instance ready. */
function watchLine(process: ProcessPlan, instance: Instance, logLink: LogLink): void {
  if (process.ready.by !== "line") return;
  const { stream, pattern } = process.ready;
  logLink.send({
    kind: "watch",
    process: process.name,
    instance: instance.number,
    stream,
    pattern,
  });
}

/** Our bug: no decision of ours can be trusted any more; end what we started, and say so. */
function endOnBug(crew: Crew): void {
  const end = (error: unknown) => {
    console.error("cox: this is a bug in cox; the crew is ended.");
    console.error(error instanceof Error ? error.stack : error);
    crew.killAll();
    Deno.exit(BUG_EXIT_CODE);
  };
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    end(event.error);
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    end(event.reason);
  });
}
