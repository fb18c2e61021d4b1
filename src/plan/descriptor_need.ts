/**
 * How many descriptors the supervisor of a plan needs open at a time. Pure.
 * Must not know: what this machine allows.
 */
import type { Plan, ProcessPlan } from "./plan.ts";

/** The runtime, epoll, lock, event file and sockets: 32 were seen; the rest is for a spawn. */
const OWN = 96;
/** Both ends of a pipe are held. */
const PIPE = 2;

/**
 * The most that the supervisor has open when every process runs, every control connection is
 * taken and `@log`, which is handed each captured stream, is being started.
 *
 * ```
 *  a process: a pidfd, another while its finish program runs, a socket or pipe to hear
 *  readiness by, one to be asked about connections; for each captured stream a pipe and the copy that `@log` is handed
 * ```
 */
export function descriptorsNeeded(plan: Plan): number {
  const ofProcesses = plan.processes.reduce((sum, process) => sum + needOf(process), 0);
  return OWN + plan.limits.controlConnectionsMax + PIPE * plan.channels.length + ofProcesses;
}

function needOf(process: ProcessPlan): number {
  const captures = process.descriptors.filter(({ kind }) => kind === "log").length;
  const finish = process.finish === null ? 0 : 1;
  const gate = process.descriptors.some(({ kind }) => kind === "gate") ? 1 : 0;
  return 1 + finish + 1 + gate + captures * (PIPE + 1);
}
