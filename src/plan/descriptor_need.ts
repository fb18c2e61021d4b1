/**
 * How many descriptors the supervisor of a plan needs open at a time. Pure.
 * Must not know: what this machine allows.
 */
import type { ChannelPlan, Plan, ProcessPlan } from "./plan.ts";

/** The runtime, epoll, lock, event file and sockets: 32 were seen; the rest is for a spawn. */
const OWN = 96;
/** Both ends of a pipe are held. */
const PIPE = 2;
/** As `LEG_PIPES_MAX` of src/channel/relay/relay_protocol.ts, which the plan does not know. */
const LEG_PIPES = 16;
/** Of contracts: what the monitor's thread is told by, and reports by; the watch over channels. */
const MONITOR = 4;
/** Of a process with contracts: the memory that it stamps, and the monitor's own pidfd. */
const WATCHED = 2;
/** The socket to `@relay`, its other end during a spawn, and the counters. */
const RELAY = 3;

/**
 * The most that the supervisor has open when every process runs, every control connection is
 * taken and `@log`, which is handed each captured stream, is being started.
 *
 * ```
 *  a process: a pidfd, another while its finish program runs, a socket or pipe to hear
 *  readiness by, one to be asked about connections; for each captured stream a pipe and the
 *  copy that `@log` is handed
 *  a process with contracts: its memory, the monitor's pidfd; of each miss that runs a program
 *  one more while it runs; of each relayed pipe with a latency the monitor's own end
 *  an end of a relayed pipe: a pipe of each instance that `@relay` is not done with
 * ```
 */
export function descriptorsNeeded(plan: Plan): number {
  const ofProcesses = plan.processes.reduce((sum, process) => sum + needOf(process), 0);
  const ofChannels = plan.channels.reduce((sum, channel) => sum + needOfChannel(channel), 0);
  const ofRelay = plan.relayed.length > 0 ? RELAY : 0;
  const ofContracts = needOfContracts(plan);
  return OWN + plan.limits.controlConnectionsMax + ofChannels + ofProcesses + ofRelay +
    ofContracts;
}

function needOfContracts({ contracts, channels, supervisor }: Plan): number {
  const watchdog = supervisor.watchdog === null ? 0 : 1;
  if (contracts.length === 0) return watchdog;
  const processes = new Set(contracts.map(({ process }) => process)).size;
  const programs =
    contracts.filter(({ onMiss, onBroken }) =>
      [...onMiss, ...onBroken].some(({ kind }) => kind === "run")
    ).length;
  const read = new Set(
    contracts.flatMap((contract) =>
      contract.kind === "path"
        ? contract.channels
        : contract.kind === "latency"
        ? [contract.channel]
        : []
    ).filter((channel) => channels[channel]?.kind === "leg"),
  ).size;
  return watchdog + MONITOR + processes * WATCHED + programs + read;
}

function needOfChannel(channel: ChannelPlan): number {
  // Held are the samples, and of each consumer a page and a doorbell; what its producer is handed
  // is open once more during a spawn.
  if (channel.kind === "mailbox") return 2 + channel.shape.consumers * (1 + PIPE + 2);
  if (channel.kind !== "leg") return PIPE;
  // Of a producer's pipe the read end alone is held.
  return LEG_PIPES * (channel.direction === "in" ? 1 : PIPE);
}

function needOf(process: ProcessPlan): number {
  const captures = process.descriptors.filter(({ kind }) => kind === "log").length;
  const finish = process.finish === null ? 0 : 1;
  const gate = process.descriptors.some(({ kind }) => kind === "gate") ? 1 : 0;
  return 1 + finish + 1 + gate + captures * (PIPE + 1);
}
