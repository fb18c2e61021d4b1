/**
 * The last miss of a process as a story in ten lines: who, how late, what it was waiting for, what
 * was done and what came of it. Pure. Must not know: where the events come from.
 */
import type { ChannelEvidence, DeadlineEvent, MissEvidence } from "../audit/deadline_event.ts";
import type { EventRecord } from "../audit/event_record.ts";
import { formatExitReason } from "../audit/format_exit_reason.ts";
import { whatHappened } from "../audit/format_deadline.ts";
import { formatFineMs } from "../audit/format_ms.ts";

type Miss = EventRecord & DeadlineEvent;

const EARLIER_MAX = 3;
/** As far as evidence is held back: so often is it gathered in a second. */
const WITNESS_NS_MAX = 1e9;

/**
 * Tells it.
 *
 * @param events in order.
 * @param name as it was asked for: the process, or one of its contracts.
 */
export function whyLines(
  events: readonly EventRecord[],
  process: string,
  name: string,
): string[] {
  const misses = events.filter((event): event is Miss =>
    event.event === "deadline" && event.kind === "miss" && event.process === process &&
    (name === process || event.contract === name)
  );
  const excuses = events.filter((event) =>
    event.event === "deadlineExcused" && event.process === process
  );
  const last = misses.at(-1);
  if (last === undefined) {
    const excused = excuses.at(-1);
    if (excused === undefined) return [`${name} has missed nothing that is still remembered`];
    const text = excused.event === "deadlineExcused" ? excused.why : "";
    return [
      `${name} has missed nothing that it is blamed for; at ${
        timeOf(excused)
      } it was ${text} from outside`,
    ];
  }
  const witness = witnessOf(misses, last);
  const { evidence } = witness;
  return [
    `${name} missed ${countOf(misses)}; the last at ${timeOf(last)}`,
    line("what", `${last.contract}: ${whatHappened(last)}`),
    line("noticed", noticedText(last)),
    ...(evidence === null ? [] : [
      line("process", processText(evidence)),
      line("channels", channelsText(evidence.channels)),
      line("machine", machineText(evidence)),
    ]),
    line("so", verdictOf(evidence, witness)),
    line("done", last.did.length === 0 ? "recorded, and nothing else" : last.did.join(", ")),
    line("after", afterText(events, last)),
    ...earlierLines(misses),
  ];
}

/**
 * The miss that has seen what the last one was about: itself, or where it was one of many the one
 * before it, of the same contract and then of any. What was seen earlier is another story.
 */
function witnessOf(misses: readonly Miss[], last: Miss): Miss {
  const near = misses.filter(({ evidence, instance, monoNs }) =>
    evidence !== null && instance === last.instance && last.monoNs - monoNs <= WITNESS_NS_MAX
  );
  return near.findLast(({ seq }) => seq === last.seq) ??
    near.findLast(({ contract }) => contract === last.contract) ?? near.at(-1) ?? last;
}

function line(head: string, text: string): string {
  return `  ${head.padEnd(9)} ${text}`;
}

function countOf(misses: readonly Miss[]): string {
  const count = misses.reduce((sum, miss) => sum + miss.count, 0);
  const contracts = new Set(misses.map(({ contract }) => contract)).size;
  return `${count === 1 ? "once" : `${count} times`}` +
    (contracts > 1 ? `, ${contracts} contracts` : "");
}

function noticedText({ came, lateMs, lastAgoMs, missed, window, tolerated }: Miss): string {
  const when = came
    ? `when it came, ${formatFineMs(lateMs)} late`
    : `${formatFineMs(lateMs)} after it was due`;
  const last = lastAgoMs === null
    ? ""
    : `; the last thing that it did was ${formatFineMs(lastAgoMs)} ago`;
  return when + last + (window > 1 ? `; ${missed} of the last ${window}, ${tolerated} may be` : "");
}

const STATES: Readonly<Record<string, string>> = {
  R: "ran or wanted to",
  S: "slept",
  D: "waited for a device",
  T: "was stopped by a signal",
  t: "was held by a debugger",
  Z: "had ended",
  "": "had ended",
};

function processText(evidence: MissEvidence): string {
  const { state, call, callOn, overMs, ranMs, waitedMs } = evidence;
  const where = call === null ? "" : ` in ${call}${callOn === null ? "" : ` on ${callOn}`}`;
  const over = overMs === null ? "of its life" : `of the last ${formatFineMs(overMs)}`;
  const cpu = ranMs === null || waitedMs === null
    ? "the kernel does not tell of its CPU time"
    : `${over} it ran ${formatFineMs(ranMs)} and waited ${formatFineMs(waitedMs)} for a CPU`;
  const { voluntarySwitches, forcedSwitches, majorFaults, minorFaults } = evidence;
  return `${STATES[state] ?? state}${where}; ${cpu}; ${voluntarySwitches} switches of its own, ` +
    `${forcedSwitches} forced, ${minorFaults} faults, ${majorFaults} from disk`;
}

function channelsText(channels: readonly ChannelEvidence[]): string {
  if (channels.length === 0) return "none";
  return channels.map(({ channel, side, state, fill, capacity, unit, standsForMs, other }) => {
    const stands = standsForMs > 0 ? `, nothing taken for ${formatFineMs(standsForMs)}` : "";
    const filled = capacity === 0 ? `${fill} ${unit}` : `${fill} of ${capacity} ${unit}`;
    const with_ = `${side === "reads" ? "from" : "to"} ${other.join(", ")}`;
    return `${channel} (${side}, ${with_}) ${state === "flows" ? "holds" : `is ${state},`} ` +
      `${filled}${stands}`;
  }).join("; ");
}

function machineText({ pressure }: MissEvidence): string {
  if (pressure === null) return "does not tell how pressed it is (PSI)";
  const { cpu, memory, io } = pressure;
  return `in the last 10 s something waited for a CPU ${cpu} % of the time, ` +
    `for memory ${memory} %, for a disk ${io} %`;
}

/** The likeliest reason, from what was seen. */
function verdictOf(
  evidence: MissEvidence | null,
  { reason, came, lastAgoMs }: Miss,
): string {
  if (evidence === null) return "nothing was seen of the process itself";
  const { state, call, callOn, overMs, ranMs, waitedMs, channels } = evidence;
  if (state === "T") return "it was stopped by a signal";
  if (state === "D") return "it waited for a device: a disk, or memory that was swapped out";
  const full = channels.find((channel) => channel.side === "writes" && channel.state === "full");
  const noRoom = full === undefined
    ? ""
    : `it waited for room in ${full.channel}, which ${full.other.join(", ")} does not drain`;
  // Whatever it waited for a CPU before: more of that would not have let it go on.
  if (state === "S" && callOn !== null && callOn === full?.channel) return noRoom;
  // What takes too long from its start on has lived that long.
  const over = overMs ?? (reason === "too-long" ? lastAgoMs : null) ?? Infinity;
  // Of its whole life, which was mostly sleep: what it waited is held against what it ran.
  const waitedTooLong = over === Infinity ? ranMs ?? Infinity : over * 0.2;
  const starved = "others had the CPU: it wanted to run and could not";
  if ((waitedMs ?? 0) > waitedTooLong) return starved;
  if (full !== undefined) return noRoom;
  if (reason === "overrun" || (ranMs ?? 0) > over * 0.8) return "it was busy: it computed";
  // It has come: what it waits in now is not what it was at until then.
  const until = came ? Math.min(over, lastAgoMs ?? Infinity) : Infinity;
  if ((ranMs ?? 0) > until * 0.7) return "it was busy: it computed";
  if (came && call !== null) return "it came late, and what kept it was over when it was looked at";
  if (reason === "gap" && call === null) return "it went on, and sent nothing";
  const empty = channels.filter((channel) => channel.side === "reads" && channel.state === "empty");
  const onChannel = channels.find(({ channel }) => channel === callOn);
  if (onChannel !== undefined && call !== null) {
    return `it waited in ${call} for ${onChannel.channel}, ${
      onChannel.side === "reads" ? "from" : "to"
    } ` +
      onChannel.other.join(", ");
  }
  if (empty.length > 0) {
    const names = empty.map(({ channel, other }) => `${channel} from ${other.join(", ")}`);
    return `it had nothing to do: ${names.join(" and ")} brought nothing`;
  }
  if (state === "R" && !came) {
    return (waitedMs ?? 0) > (ranMs ?? 0) ? starved : "it was busy: it computed";
  }
  return call === null ? "it did something else" : `it slept in ${call}, and nothing woke it`;
}

/** What became of it within the events. */
function afterText(events: readonly EventRecord[], miss: Miss): string {
  const later = events.filter(({ seq }) => seq > miss.seq);
  const of = <K extends EventRecord["event"]>(kind: K) =>
    later.find((event): event is Extract<EventRecord, { event: K }> =>
      event.event === kind && "process" in event && event.process === miss.process
    );
  const exit = of("exit");
  const sinceMs = (event: EventRecord) => formatFineMs((event.monoNs - miss.monoNs) / 1e6);
  const recovered = later.find((event) =>
    event.event === "deadlineRecovered" && event.contract === miss.contract
  );
  if (exit !== undefined && miss.did.length > 0) {
    const spawn = of("spawn");
    const kept = recovered === undefined ? "" : `, and kept it again after ${sinceMs(recovered)}`;
    const again = spawn === undefined
      ? "; it has not been started again"
      : `; #${spawn.instance} started ${sinceMs(spawn)} after the miss${kept}`;
    return `#${exit.instance} ended ${sinceMs(exit)} later: ${
      formatExitReason(exit.reason)
    }${again}`;
  }
  if (recovered === undefined && miss.window > 1 && !miss.broke) {
    return "the contract holds all the same: so many misses are tolerated";
  }
  return recovered === undefined
    ? "it has not recovered since"
    : `it kept the contract again ${sinceMs(recovered)} later`;
}

function earlierLines(misses: readonly Miss[]): string[] {
  const earlier = misses.slice(0, -1).slice(-EARLIER_MAX);
  if (earlier.length === 0) return [];
  const told = earlier.toReversed().map((miss) =>
    `${timeOf(miss)} ${miss.contract} ${miss.reason} by ${formatFineMs(miss.lateMs)}`
  );
  return [line("earlier", told.join("; "))];
}

/** UTC time of day: RFC 3339 is 2025-01-02T05:17:02.123Z. */
function timeOf({ wall }: EventRecord): string {
  return wall.slice(11, 23);
}
