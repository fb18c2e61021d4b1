/**
 * The descriptor table of a process, and what a sandboxed program is told of it. Owns what an
 * unwired standard stream becomes. Must not know: how descriptors are made.
 */
import { DEFAULTS } from "../config/defaults.ts";
import { parseSizeBytes } from "../config/units.ts";
import type { Issues } from "./issues.ts";
import type { ChannelPlan, DescriptorPlan, ReadyPlan } from "./plan.ts";
import type { LinkDescription } from "./preload.ts";

/** What a pipe holds that asks for no other capacity. */
const KERNEL_CAPACITY_BYTES = parseSizeBytes(DEFAULTS.pipe.capacity);

/** The wired ends of one process. */
export interface Wiring {
  readonly descriptors: readonly Extract<DescriptorPlan, { kind: "channel" }>[];
  readonly links: readonly LinkDescription[];
}

/**
 * Collects the ends of all channels by process.
 *
 * @param channels Compiled channels.
 * @param count Number of processes.
 * @returns By process index.
 */
export function wirings(channels: readonly ChannelPlan[], count: number): Wiring[] {
  const descriptors = Array.from({ length: count }, (): Wiring["descriptors"][number][] => []);
  const links = Array.from({ length: count }, (): LinkDescription[] => []);
  for (const [channel, plan] of channels.entries()) {
    for (const end of ["write", "read"] as const) {
      const { processes, port, fd } = end === "write" ? plan.from : plan.to;
      const { name, kind } = plan;
      const limits = { capacityBytes: plan.capacityBytes || KERNEL_CAPACITY_BYTES };
      for (const process of processes) {
        descriptors[process]!.push({ fd, kind: "channel", channel, end });
        links[process]!.push({ name, port, kind, direction: end, fd, limits });
      }
    }
  }
  return descriptors.map((list, at) => ({ descriptors: list, links: links[at]! }));
}

/**
 * Builds a table: wired ends, nothing to read on an unwired stdin, captured output on an
 * unwired stdout or stderr, and one descriptor for readiness where there is one.
 *
 * @param wiring The wired ends.
 * @param ready Readiness; by "fd" it has a descriptor of its own.
 * @param notifyFd A sandboxed program's readiness descriptor, or null.
 * @returns Sorted by descriptor.
 */
export function descriptorTable(
  wiring: Wiring,
  ready: ReadyPlan,
  notifyFd: number | null,
): DescriptorPlan[] {
  const table = new Map<number, DescriptorPlan>([
    [0, { fd: 0, kind: "null" }],
    [1, { fd: 1, kind: "log", stream: "stdout" }],
    [2, { fd: 2, kind: "log", stream: "stderr" }],
  ]);
  for (const descriptor of wiring.descriptors) table.set(descriptor.fd, descriptor);
  const readyFd = ready.by === "fd" ? ready.fd : notifyFd;
  if (readyFd !== null) table.set(readyFd, { fd: readyFd, kind: "notify" });
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
