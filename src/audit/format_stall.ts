/** A stall in words. Pure. Must not know: where it is shown. */
import { formatMs } from "./format_ms.ts";
import type { SlowSide, StallEndedEvent, StallEvent } from "./stall_event.ts";

/** As in `x (a.stdout → b.stdin): nothing taken for 512 ms, 64 of 64 KiB wait: c is suspended`. */
export function formatStall(event: StallEvent): string {
  const { forMs, fill, capacity, unit, unreadBytes, slow, cycle, actions } = event;
  const unread = unreadBytes === null ? "" : ` and ${unreadBytes} bytes in its pipe`;
  const waiting = `${fill} of ${capacity} ${unit}${unread} wait`;
  const why = slow.length === 0
    ? `${cycle.join(", ")} wait for each other`
    : slow.map((side) => formatSlowSide(side, event.channel)).join("; ");
  const done = actions.filter((action) => action !== "event" && action !== "warn");
  return `${nameOf(event)} stalls: nothing was taken for ${formatMs(forMs)}, ${waiting}; ${why}` +
    (done.length === 0 ? "" : `; action: ${done.join(", ")}`);
}

/** As in `x (a.stdout → b.stdin) flows again after 3.2 s; c was slow`. */
export function formatStallEnded(event: StallEndedEvent): string {
  const slow = event.slow.length === 0 ? "" : `; ${event.slow.join(", ")} was slow`;
  return `${nameOf(event)} flows again after ${formatMs(event.forMs)}${slow}`;
}

const CONDITION_TEXT: Readonly<Record<SlowSide["condition"], string>> = {
  running: "does not keep up",
  suspended: "is suspended by a signal",
  restarting: "is not up yet",
  down: "is down",
  rated: "sends faster than it may",
};

function formatSlowSide({ process, condition, through }: SlowSide, channel: string): string {
  const others = through.filter((name) => name !== channel);
  const by = others.length === 0 ? "" : `, by way of ${others.join(", ")}`;
  return `${process} ${CONDITION_TEXT[condition]}${by}`;
}

function nameOf({ channel, from, to }: StallEvent | StallEndedEvent): string {
  return `${channel} (${from} → ${to})`;
}
