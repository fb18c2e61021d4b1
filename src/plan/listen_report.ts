/**
 * What `cox check` says of each listener: where it is, who may connect and how that is known,
 * how many. Read from the plan, so that it cannot say anything else than what runs.
 * Must not know: the configuration.
 */
import type { ListenPlan, Plan } from "./plan.ts";

/** One listener's place in the report; `cox check --json` prints these. */
export interface ListenerReport {
  readonly channel: string;
  readonly server: string;
  readonly address: string;
  /** anyone: whoever reaches the address. credentials: by directory and by credentials. */
  readonly access: "anyone" | "directory" | "credentials";
  /** Declared clients; empty with `anyone`. */
  readonly clients: readonly string[];
  /** Of each instance; null: none but the backlog, which the kernel keeps. */
  readonly connections: number | null;
  readonly perSecond: number | null;
  readonly backlog: number;
}

/**
 * Collects the listeners of a plan, in the order of their declaration.
 *
 * @param plan The plan.
 */
export function listenerReports(plan: Plan): ListenerReport[] {
  return plan.channels.flatMap((channel) =>
    channel.kind === "listen" ? [report(plan, channel)] : []
  );
}

/**
 * A listener in a sentence.
 *
 * @param report What is known of it.
 */
export function formatListener(report: ListenerReport): string {
  const { channel, address, server, access, backlog, connections, perSecond } = report;
  const clients = report.clients.join(", ");
  const who = access === "anyone"
    ? "anyone who can reach it"
    : access === "directory"
    ? `${clients}, by directory and group`
    : `${clients}, by directory and credentials`;
  const limits = [
    ...(connections === null ? [] : [`${connections} connections at once`]),
    ...(perSecond === null ? [] : [`${perSecond} a second`]),
  ];
  const limit = limits.length > 0
    ? `at most ${limits.join(", ")} in each instance`
    : `no limit but the backlog of ${backlog}`;
  return `${channel}: ${server} on ${address}; clients: ${who}; ${limit}`;
}

function report(plan: Plan, channel: ListenPlan): ListenerReport {
  const { address, backlog, checked, clients, connectionsMax, connectionsPerSecond } = channel;
  const names = (indices: readonly number[]) => [
    ...new Set(indices.map((index) => plan.processes[index]!.declaredName)),
  ];
  return {
    channel: channel.name,
    server: names(channel.to.processes).join(", "),
    address: address.kind === "unix" ? address.path : `${address.host}:${address.port}`,
    access: clients === "anyone" ? "anyone" : checked ? "credentials" : "directory",
    clients: clients === "anyone" ? [] : names(channel.from.processes),
    connections: connectionsMax === 0 ? null : connectionsMax,
    perSecond: connectionsPerSecond === 0 ? null : connectionsPerSecond,
    backlog,
  };
}
