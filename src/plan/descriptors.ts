/**
 * The descriptor table of a process, and what a sandboxed program is told of it. Owns what an
 * unwired standard stream becomes. Must not know: how descriptors are made.
 */
import { DEFAULTS } from "../config/defaults.ts";
import { parseSizeBytes } from "../config/units.ts";
import type { Issues } from "./issues.ts";
import type {
  ChannelPlan,
  DescriptorPlan,
  ListenPlan,
  PortPlan,
  ReadyPlan,
  RelayedPlan,
} from "./plan.ts";
import { type MailboxEnd, mailboxEnds } from "./mailbox_ends.ts";
import type { LinkDescription } from "./preload.ts";

/** What a pipe holds that asks for no other capacity. */
const KERNEL_CAPACITY_BYTES = parseSizeBytes(DEFAULTS.pipe.capacity);

/** The wired ends of one process. */
export interface Wiring {
  readonly descriptors: readonly Extract<DescriptorPlan, { kind: "channel" | "mailbox" }>[];
  readonly links: readonly LinkDescription[];
}

/**
 * Collects the ends of all channels by process.
 *
 * @param channels Compiled channels.
 * @param relayed The pipes that legs among them belong to.
 * @param count Number of processes.
 * @returns By process index.
 */
export function wirings(
  channels: readonly ChannelPlan[],
  relayed: readonly RelayedPlan[],
  count: number,
): Wiring[] {
  const descriptors = Array.from({ length: count }, (): Wiring["descriptors"][number][] => []);
  const links = Array.from({ length: count }, (): LinkDescription[] => []);
  for (const [channel, plan] of channels.entries()) {
    for (const { port, descriptors: parts, link } of mailboxEndsOf(plan, channel)) {
      for (const process of port.processes) {
        descriptors[process]!.push(...parts);
        links[process]!.push(link);
      }
    }
    for (const { end, port, link } of endsOf(plan, relayed)) {
      for (const process of port.processes) {
        descriptors[process]!.push({ fd: port.fd, kind: "channel", channel, end });
        links[process]!.push({ name: plan.name, port: port.port, fd: port.fd, ...link });
      }
    }
    if (plan.kind !== "listen") continue;
    for (const process of plan.from.processes) links[process]!.push(...clientLinks(plan));
  }
  return descriptors.map((list, at) => ({ descriptors: list, links: links[at]! }));
}

function mailboxEndsOf(plan: ChannelPlan, channel: number): MailboxEnd[] {
  return plan.kind === "mailbox" ? mailboxEnds(plan, channel) : [];
}

/** A declared client is handed no descriptor: it is told where to connect. */
function clientLinks({ name, address }: ListenPlan): LinkDescription[] {
  if (address.kind !== "unix") return [];
  const limits = { capacityBytes: 0 };
  const { path } = address;
  return [{ name, port: name, kind: "listen", direction: "connect", path, fd: -1, limits }];
}

/** One end of a channel: who holds it, and what its holder is told. */
interface WiredEnd {
  readonly end: Extract<DescriptorPlan, { kind: "channel" }>["end"];
  readonly port: PortPlan;
  readonly link: Omit<LinkDescription, "name" | "port" | "fd">;
}

function endsOf(plan: ChannelPlan, relayed: readonly RelayedPlan[]): WiredEnd[] {
  switch (plan.kind) {
    case "mailbox":
      return [];
    case "pipe": {
      const limits = { capacityBytes: plan.capacityBytes || KERNEL_CAPACITY_BYTES };
      return [
        { end: "write", port: plan.from, link: { kind: "pipe", direction: "write", limits } },
        { end: "read", port: plan.to, link: { kind: "pipe", direction: "read", limits } },
      ];
    }
    case "pair": {
      const { type } = plan;
      const link = { kind: "pair", direction: "both", type, limits: { capacityBytes: 0 } } as const;
      return [{ end: "first", port: plan.from, link }, { end: "second", port: plan.to, link }];
    }
    case "leg": {
      const { framing, maxMessageBytes } = relayed[plan.relayed]!;
      const limits = { capacityBytes: plan.capacityBytes, maxMessageBytes };
      return plan.direction === "in"
        ? [{
          end: "write",
          port: plan.from,
          link: { kind: "pipe", direction: "write", framing, limits },
        }]
        : [{
          end: "read",
          port: plan.to,
          link: { kind: "pipe", direction: "read", framing, limits },
        }];
    }
    case "listen": {
      const { backlog, checked, connectionsMax, connectionsPerSecond } = plan;
      const limits = {
        capacityBytes: 0,
        backlog,
        ...(connectionsMax === 0 ? {} : { connections: connectionsMax }),
        ...(connectionsPerSecond === 0 ? {} : { perSecond: connectionsPerSecond }),
      };
      const link = { kind: "listen", direction: "accept", limits } as const;
      return [
        { end: "accept", port: plan.to, link: checked ? { ...link, checked } : link },
      ];
    }
  }
}

/**
 * Builds a table: wired ends, nothing to read on an unwired stdin, captured output on an
 * unwired stdout or stderr, and one descriptor for readiness where there is one.
 *
 * @param wiring The wired ends.
 * @param ready Readiness; by "fd" it has a descriptor of its own.
 * @param notifyFd A sandboxed program's readiness descriptor, or null.
 * @param gateFd Where a server asks about its connections, or null.
 * @param pulseFd The memory that the program stamps, or null.
 * @returns Sorted by descriptor.
 */
export function descriptorTable(
  wiring: Wiring,
  ready: ReadyPlan,
  notifyFd: number | null,
  gateFd: number | null,
  pulseFd: number | null,
): DescriptorPlan[] {
  const table = new Map<number, DescriptorPlan>([
    [0, { fd: 0, kind: "null" }],
    [1, { fd: 1, kind: "log", stream: "stdout" }],
    [2, { fd: 2, kind: "log", stream: "stderr" }],
  ]);
  for (const descriptor of wiring.descriptors) table.set(descriptor.fd, descriptor);
  const readyFd = ready.by === "fd" ? ready.fd : notifyFd;
  if (readyFd !== null) table.set(readyFd, { fd: readyFd, kind: "notify" });
  if (gateFd !== null) table.set(gateFd, { fd: gateFd, kind: "gate" });
  if (pulseFd !== null) table.set(pulseFd, { fd: pulseFd, kind: "pulse" });
  return [...table.values()].sort((a, b) => a.fd - b.fd);
}

/**
 * Refuses readiness by a line on a stream that nobody but another process reads.
 *
 * @param declaredName Name of the process, for the issue.
 * @param table Its descriptor table.
 * @param ready Its readiness.
 * @param issues Receives the error.
 */
export function checkReadyStream(
  declaredName: string,
  table: readonly DescriptorPlan[],
  ready: ReadyPlan,
  issues: Issues,
): void {
  if (ready.by !== "line") return;
  const captured = table.some((entry) => entry.kind === "log" && entry.stream === ready.stream);
  if (captured) return;
  issues.error(
    ["processes", declaredName, "ready", "stream"],
    `readiness cannot be read from ${ready.stream}: a channel takes it to another process`,
    'use the other stream, or `by: "notify"`',
  );
}
