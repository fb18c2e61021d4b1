/**
 * Makes the crew's snapshot for `ps --json`, the summary and the page. Reads /proc for
 * CPU time and memory; must not know: who asks, and changes nothing.
 */
import type { Channel } from "../channel/channel.ts";
import { MailboxChannel } from "../channel/mailbox/mailbox_channel.ts";
import type {
  ChannelSnapshot,
  CrewSnapshot,
  ProcessSnapshot,
  StallSnapshot,
} from "../control/protocol.ts";
import type { DeadlineSnapshots } from "../control/deadline_report.ts";
import type { CoreState, ProcessState } from "../core/state.ts";
import { monotonicMs } from "../os/monotonic.ts";
import type { ChannelIndex, ChannelPlan, Plan, PortPlan } from "../plan/plan.ts";
import { cpuMsOf, rssBytes } from "../process/tree.ts";
import type { Clock } from "./clock.ts";
import { mailboxSnapshot } from "./mailbox_figures.ts";
import { relayedSnapshots } from "./relayed_snapshot.ts";

/** What a snapshot is made from. */
export interface SnapshotSources {
  readonly state: CoreState;
  readonly clock: Clock;
  readonly channels: readonly Channel[];
  /** Of relayed pipes; null where there are none. */
  readonly counters: Float64Array | null;
  /** What the `stall` rule of a pipe or leg has seen; null without one. */
  readonly stallOf: (channel: ChannelIndex) => StallSnapshot | null;
  /** CPU time of ended instances, milliseconds, by process. */
  readonly endedCpuMs: readonly number[];
  /** STATUS= of the live instance, by process. */
  readonly statusText: (process: number) => string | null;
  readonly deadlines: DeadlineSnapshots;
  readonly supervisorPid: number;
  readonly guardPid: number;
  readonly events: number;
}

/** The crew now. */
export function takeSnapshot(sources: SnapshotSources): CrewSnapshot {
  const { plan } = sources.state;
  const user: Record<string, ProcessSnapshot> = {};
  const system: Record<string, ProcessSnapshot> = {};
  plan.processes.forEach((process, index) => {
    const state = sources.state.processes[index];
    if (state === undefined) return;
    (process.system ? system : user)[process.name] = processSnapshot(index, state, sources);
  });
  return {
    cox: plan.cox,
    config: plan.name,
    supervisorPid: sources.supervisorPid,
    guardPid: sources.guardPid,
    uptimeMs: Math.round(sources.clock.nowNs() / 1e6),
    processes: user,
    system,
    channels: channelSnapshots(plan, sources),
    deadlines: sources.deadlines,
    events: sources.events,
  };
}

function processSnapshot(
  index: number,
  state: ProcessState,
  sources: SnapshotSources,
): ProcessSnapshot {
  const live = state.pid !== null;
  const liveCpuMs = state.pid === null ? 0 : cpuMsOf(state.pid) ?? 0;
  return {
    state: state.status,
    wanted: state.wanted,
    pid: state.pid,
    instance: state.instance,
    starts: state.starts,
    restarts: state.restarts,
    lastExit: state.lastExit,
    readySince: state.readySinceNs === null ? null : sources.clock.wallOf(state.readySinceNs),
    cpuMs: Math.round((sources.endedCpuMs[index] ?? 0) + liveCpuMs),
    rssBytes: state.pid === null ? 0 : rssBytes(state.pid) ?? 0,
    statusText: live ? sources.statusText(index) : null,
  };
}

function channelSnapshots(
  plan: Plan,
  { channels, counters, stallOf }: Pick<SnapshotSources, "channels" | "counters" | "stallOf">,
): Record<string, ChannelSnapshot> {
  const snapshots: Record<string, ChannelSnapshot> = {};
  plan.channels.forEach((channel: ChannelPlan, index) => {
    const held = channels[index];
    if (held === undefined || channel.kind === "leg") return;
    snapshots[channel.name] = channelSnapshot(plan, channel, held, stallOf(index));
  });
  if (counters === null) return snapshots;
  const sources = { channels, counters, stallOf, nowMs: monotonicMs() };
  return { ...snapshots, ...relayedSnapshots(plan, sources) };
}

function channelSnapshot(
  plan: Plan,
  channel: Exclude<ChannelPlan, { kind: "leg" }>,
  held: Channel,
  stall: StallSnapshot | null,
): ChannelSnapshot {
  const { capacityBytes } = held;
  const [from, to] = [portText(plan, channel.from), portText(plan, channel.to)];
  switch (channel.kind) {
    case "mailbox":
      if (!(held instanceof MailboxChannel)) throw new Error(`"${channel.name}" is no mailbox`);
      return mailboxSnapshot(plan, held);
    case "pipe":
      return { kind: "pipe", from, to, capacityBytes, fillBytes: held.fillBytes(), stall };
    case "pair": {
      const { type } = channel;
      const fillBytes = held.fillBytes();
      return { kind: "pair", type, between: [from, to], capacityBytes, fillBytes };
    }
    case "listen": {
      const { address, backlog, lazy } = channel;
      const unix = address.kind === "unix";
      return {
        kind: "listen",
        server: to,
        path: unix ? address.path : null,
        host: unix ? null : address.host,
        port: unix ? null : address.port,
        clients: channel.clients === "anyone" ? null : declaredNames(plan, channel.from),
        backlog,
        lazy,
        listening: held.isOpen,
      };
    }
  }
}

function declaredNames(plan: Plan, port: PortPlan): string[] {
  return [...new Set(port.processes.map((p) => plan.processes[p]?.declaredName ?? "?"))];
}

function portText(plan: Plan, port: PortPlan): string {
  const first = port.processes[0];
  const name = first === undefined ? "?" : plan.processes[first]?.declaredName ?? "?";
  return `${name}.${port.port}`;
}
