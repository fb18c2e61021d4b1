/**
 * The mailboxes of a process around a miss: how far each consumer is behind, and who is on the other
 * side. Must not know: contracts, how memory is read.
 */
import type { ChannelEvidence } from "../../audit/deadline_event.ts";
import type { Channel } from "../../channel/channel.ts";
import { MailboxChannel } from "../../channel/mailbox/mailbox_channel.ts";
import { monotonicMs } from "../../os/monotonic.ts";
import type { Plan, ProcessIndex } from "../../plan/plan.ts";

/** The process's end of each of its mailboxes; of one that it writes to, an entry for each consumer. */
export function mailboxEvidence(
  plan: Plan,
  process: ProcessIndex,
  channels: readonly Channel[],
): ChannelEvidence[] {
  const nameOf = (index: ProcessIndex) => plan.processes[index]?.name ?? "?";
  return channels.flatMap((channel): ChannelEvidence[] => {
    if (!(channel instanceof MailboxChannel)) return [];
    const { from, consumers } = channel.plan;
    const writes = from.processes.includes(process);
    return consumers.flatMap(({ port }, at): ChannelEvidence[] => {
      if (!writes && !port.processes.includes(process)) return [];
      const other = writes ? port.processes : from.processes;
      return [{
        channel: channel.name,
        side: writes ? "writes" : "reads",
        ...behind(channel, at),
        unit: "samples",
        other: other.map(nameOf),
      }];
    });
  });
}

function behind(
  mailbox: MailboxChannel,
  at: number,
): Pick<ChannelEvidence, "state" | "fill" | "capacity" | "standsForMs"> {
  const { slots, history } = mailbox.plan.shape;
  const { lastPublishNs } = mailbox.producer();
  const { lag, lastReceiveNs } = mailbox.consumer(at);
  // The one sample that waits may have come just now, however long ago the one before was taken.
  const sinceNs = lag > 1 ? lastReceiveNs : Math.max(lastReceiveNs, lastPublishNs);
  return {
    state: lag === 0 ? "empty" : history === "keepAll" && lag >= slots ? "full" : "flows",
    // One that was not there for long lags by more than there is room for.
    fill: Math.min(lag, slots),
    capacity: slots,
    standsForMs: lag === 0 || sinceNs === 0 ? 0 : Math.round(monotonicMs() - sinceNs / 1e6),
  };
}
