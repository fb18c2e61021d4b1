/**
 * Runs a process's finish program after one of its instances has ended, and tells it the
 * reason in its environment. Must not know: when to run it, how long it may take.
 */
import type { ExitReason } from "../core/exit_reason.ts";
import { closeFd } from "../os/pipe.ts";
import type { Reactor } from "../os/reactor.ts";
import type { ProcessIndex, ProcessPlan } from "../plan/plan.ts";
import type { Containment } from "../process/containment.ts";
import { reap } from "../process/reap.ts";
import { spawnProcess } from "../process/spawn.ts";
import type { EventBody } from "../audit/event_record.ts";
import type { DescriptorSources } from "./descriptor_table.ts";

/** What running a finish program needs. */
export interface FinishContext {
  readonly runId: string;
  readonly containment: Containment;
  readonly reactor: Reactor;
  readonly sources: DescriptorSources;
  readonly record: (body: EventBody) => void;
}

/**
 * Starts the finish program; its output goes where the process's captured output goes.
 *
 * @param onEnd called once: when it and all it started have ended, or at once when it cannot run.
 * @returns its pid, or null when it cannot run (recorded as a warning).
 */
export function startFinish(
  context: FinishContext,
  process: ProcessPlan,
  index: ProcessIndex,
  instance: number,
  reason: ExitReason,
  onEnd: () => void,
): number | null {
  const { finish } = process;
  if (finish === null) throw new Error(`Process "${process.name}" has no finish program`);
  const { sources, reactor, record } = context;
  const capture = (stream: "stdout" | "stderr") =>
    process.descriptors.some((entry) => entry.kind === "log" && entry.stream === stream)
      ? sources.captures.openWriteEnd(index, stream)
      : null;
  const out = capture("stdout");
  const err = capture("stderr");
  const spawned = spawnProcess({
    executable: finish.executable,
    argv: finish.argv,
    cwd: process.cwd,
    env: [
      // It has no links: the variable would name descriptors that are not there.
      ...process.env.filter(([name]) => name !== "COX_LINKS" && !name.startsWith("LISTEN_FD")),
      ...ownEnvironment(context, process, instance),
      ...exitEnvironment(reason),
    ],
    umask: process.umask,
    descriptors: [
      { fd: 0, source: sources.nullFd },
      { fd: 1, source: out ?? err ?? sources.nullFd },
      { fd: 2, source: err ?? out ?? sources.nullFd },
    ],
  });
  if (out !== null) closeFd(out);
  if (err !== null) closeFd(err);
  if (spawned.kind === "failed") {
    const message =
      `The finish program of "${process.name}" did not start: ${spawned.errno} ${spawned.path}`;
    record({ event: "warning", message });
    queueMicrotask(onEnd);
    return null;
  }
  const { pid, pidfd } = spawned;
  reactor.watch(pidfd, () => {
    if (reap(pid).kind === "running") return;
    reactor.unwatch(pidfd);
    closeFd(pidfd);
    // What it has left behind had its time.
    context.containment.killTree({ processName: process.name, pid, instance }).then(onEnd);
  });
  return pid;
}

/** By COX_RUN and COX_INSTANCE what it starts is known as the ended instance's. */
function ownEnvironment(
  { runId }: FinishContext,
  { name }: ProcessPlan,
  instance: number,
): [string, string][] {
  return [
    ["COX_RUN", runId],
    ["COX_PROCESS", name],
    ["COX_INSTANCE", `${name}#${instance}`],
    ["COX_INSTANCE_ENDED", `${instance}`],
  ];
}

/** COX_EXIT_KIND, _CODE, _SIGNAL, _CAUSE, _ERRNO: what is known of the exit. Pure. */
export function exitEnvironment(reason: ExitReason): [string, string][] {
  const env: [string, string][] = [["COX_EXIT_KIND", reason.kind]];
  if (reason.kind === "code") env.push(["COX_EXIT_CODE", `${reason.code}`]);
  if (reason.kind === "signal" || reason.kind === "outOfMemory") {
    env.push(["COX_EXIT_SIGNAL", reason.signal]);
  }
  if (reason.kind === "spawnFailed") env.push(["COX_EXIT_ERRNO", reason.errno]);
  if ("cause" in reason && reason.cause !== null) env.push(["COX_EXIT_CAUSE", reason.cause]);
  return env;
}
