/**
 * What `cox check` says of each mailbox: its size, who is on it, and whether the kernel keeps its
 * consumers from writing. Read from the plan. Must not know: the configuration.
 *
 * A sandboxed program cannot open its descriptor for writing: it has none. Another program can
 * when it may trace a process that holds the memory for writing, or owns the memory: when it runs
 * as cox's user, as root, or as the producer's.
 */
import { formatSize, roundedSize } from "../config/units.ts";
import { mailboxBytes } from "./mailbox.ts";
import type { MailboxPlan, Plan, ProcessPlan } from "./plan.ts";

/** One mailbox's place in the report; `cox check --json` prints these. */
export interface MailboxReport {
  readonly channel: string;
  /** `camera.frames` */
  readonly from: string;
  readonly to: readonly string[];
  readonly slots: number;
  readonly sampleBytes: number;
  /** How many of the newest are kept; null: all until every consumer has given them back. */
  readonly keepLast: number | null;
  readonly memoryBytes: number;
  /** kernel: no consumer can write samples. trusted: those of `trusted` could. */
  readonly access: "kernel" | "trusted";
  readonly trusted: readonly string[];
}

/** Collects the mailboxes of a plan, in the order of their declaration. */
export function mailboxReports(plan: Plan): MailboxReport[] {
  return plan.channels.flatMap((channel) =>
    channel.kind === "mailbox" ? [report(plan, channel)] : []
  );
}

/** A mailbox in a sentence. */
export function formatMailbox(report: MailboxReport): string {
  const { channel, from, to, slots, sampleBytes, keepLast, memoryBytes, trusted } = report;
  const history = keepLast === null ? "keeps all" : `keeps the newest ${keepLast}`;
  const memory = roundedSize(memoryBytes, "up");
  const size = `${slots} samples of up to ${formatSize(sampleBytes)}, ${memory}`;
  const access = trusted.length === 0
    ? "read-only to its consumers by the kernel"
    : `trusted: ${trusted.join(", ")} could write to it (a command: give it a user of its own)`;
  return `${channel}: ${from} to ${to.join(", ")}; ${size}, ${history}; ${access}`;
}

function report(plan: Plan, channel: MailboxPlan): MailboxReport {
  const { shape, from, consumers, name } = channel;
  const processOf = (index: number | undefined) => plan.processes[index ?? -1]!;
  const producer = processOf(from.processes[0]);
  const ends = consumers.map(({ port }) => ({
    process: processOf(port.processes[0]),
    port: port.port,
  }));
  const trusted = ends.filter(({ process }) => couldWrite(process, producer))
    .map(({ process }) => process.name);
  return {
    channel: name,
    from: `${producer.name}.${from.port}`,
    to: ends.map(({ process, port }) => `${process.name}.${port}`),
    slots: shape.slots,
    sampleBytes: shape.sampleBytes,
    keepLast: shape.history === "keepAll" ? null : shape.keep,
    memoryBytes: mailboxBytes(channel),
    access: trusted.length === 0 ? "kernel" : "trusted",
    trusted: [...new Set(trusted)],
  };
}

/** Whether a consumer that is confined by its user alone is not by it. */
function couldWrite(consumer: ProcessPlan, producer: ProcessPlan): boolean {
  if (consumer.kind === "deno") return false;
  return consumer.uid === null || consumer.uid === 0 || consumer.uid === producer.uid;
}
