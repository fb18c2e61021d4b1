/**
 * One event in words, for `cox events` and for the terminal. Pure.
 * Must not know: colours, who reads it.
 */
import type { EventRecord } from "./event_record.ts";
import { formatExitReason } from "./format_exit_reason.ts";
import { formatMs } from "./format_ms.ts";
import { formatDeadline } from "./format_deadline.ts";
import { formatStall, formatStallEnded } from "./format_stall.ts";

export { formatMs };

/** The event as one sentence without its number and time. */
export function formatEvent(record: EventRecord): string {
  switch (record.event) {
    case "supervisorStarted":
      return `crew "${record.config}" started by cox ${record.cox}, pid ${record.pid}, ` +
        `containment: ${record.containment}`;
    case "spawn":
      return `${nameOf(record)} started, pid ${record.pid}`;
    case "spawnFailed":
      return `${nameOf(record)} could not be started: ${record.errno} on ${record.path}`;
    case "state":
      return `${nameOf(record)} ${record.from} → ${record.to}` +
        (record.why === "" ? "" : `: ${record.why}`);
    case "exit":
      return `${nameOf(record)} ended after ${formatMs(record.ranMs)}: ` +
        formatExitReason(record.reason);
    case "restart":
      return `${record.process} restarts ` +
        (record.delayMs === 0 ? "at once" : `in ${formatMs(record.delayMs)}`) +
        ` (attempt ${record.attempt})`;
    case "signal":
      return `${nameOf(record)} gets ${record.signal} (${record.scope}, ${record.cause})`;
    case "notify":
      return `${nameOf(record)} says: ${record.text}`;
    case "notifyRefused":
      return `${nameOf(record)}: a notification of pid ${record.peerPid}, uid ${record.peerUid}, ` +
        `was refused: ${record.why}`;
    case "strayKilled":
      return `a stray of ${record.process ?? "an unknown process"} was killed: ` +
        `pid ${record.pid}, ${record.command}`;
    case "messagesDropped":
    case "linkCut":
    case "linkTorn":
    case "pipeAbandoned":
      return formatRelayEvent(record);
    case "deadline":
    case "deadlineRecovered":
    case "deadlineExcused":
    case "deadlinesExcused":
    case "deadlineResumed":
    case "missProgram":
    case "traceWritten":
    case "deadlineFigures":
      return formatDeadline(record);
    case "stall":
      return formatStall(record);
    case "stallEnded":
      return formatStallEnded(record);
    default:
      return formatCrewEvent(record);
  }
}

type CrewEvent = Extract<
  EventRecord,
  {
    event:
      | "groupRestart"
      | "groupGaveUp"
      | "request"
      | "shutdown"
      | "safeMode"
      | "connectionWaits"
      | "clientRefused"
      | "connectionsRefused"
      | "mailboxCorrupt"
      | "hardwareWatchdog"
      | "warning"
      | "supervisorStopped";
  }
>;

function formatCrewEvent(record: CrewEvent): string {
  switch (record.event) {
    case "groupRestart":
      return `group ${record.group} restarts because of ${record.member} (${record.count} so far)`;
    case "groupGaveUp":
      return `group ${record.group} gives up: ${record.member} failed, ` +
        `${record.count} restarts in its period`;
    case "request":
      return `${record.op}${record.name === "" ? "" : ` ${record.name}`} was asked by ` +
        `uid ${record.peerUid}, pid ${record.peerPid}: ${record.outcome}` +
        (record.reason === null ? "" : `, ${record.reason}`);
    case "shutdown":
      return `shutdown${SHUTDOWN_TEXT[record.level]}: ${record.why}`;
    case "safeMode":
      return `safe mode, the fallback set starts and the rest stops: ${record.why}`;
    case "connectionWaits":
      return `a first connection waits on ${record.channel}: its server starts`;
    case "clientRefused":
      return `${record.channel} refused ${record.process ?? "a stranger"}, ` +
        `pid ${record.peerPid}, uid ${record.peerUid}: ${record.why}`;
    case "connectionsRefused":
      return `${nameOf(record)} refused ${record.count} ` +
        `${record.count === 1 ? "connection" : "connections"} to ${record.channel}: ${record.why}`;
    case "mailboxCorrupt":
      return `${record.consumer} found ${record.channel} corrupt, which ${record.process} writes: ` +
        record.fault;
    case "hardwareWatchdog":
      return `the watchdog ${record.device} is ${WATCHDOG_TEXT[record.did]}` +
        (record.detail === "" ? "" : `: ${record.detail}`);
    case "warning":
      return `warning: ${record.message}`;
    case "supervisorStopped":
      return `the crew has ended with exit code ${record.exitCode}`;
  }
}

type RelayEvent = Extract<
  EventRecord,
  { event: "messagesDropped" | "linkCut" | "linkTorn" | "pipeAbandoned" }
>;

function formatRelayEvent(record: RelayEvent): string {
  const name = nameOf(record);
  switch (record.event) {
    case "messagesDropped":
      return `${record.channel} dropped ${record.messages} ` +
        `${record.messages === 1 ? "message" : "messages"} of ${name}: ${record.reason}` +
        (record.detail === null ? "" : ` (${record.detail})`);
    case "linkCut":
      return `${record.channel} takes nothing more from ${name}: ${record.why}`;
    case "linkTorn":
      return `${record.channel} was cut within a message to ${name}, which has to restart`;
    case "pipeAbandoned":
      return `${record.channel} let go of ${record.bytes} bytes of ${name}: ` +
        `too many instances came after it`;
  }
}

const WATCHDOG_TEXT = {
  armed: "armed",
  withheld: "not stroked any more",
  stroked: "stroked again",
  disarmed: "put to rest",
  left: "left running",
} as const;

const SHUTDOWN_TEXT = { 1: "", 2: ", hastened", 3: ", everything is killed" } as const;

/**
 * The event as a line of `cox events`: UTC time of day, number, text.
 *
 * @example `05:17:02.123    17  sampler#1 started, pid 4711`
 */
export function formatEventLine(record: EventRecord): string {
  // RFC 3339: 2025-01-02T05:17:02.123Z.
  const timeOfDay = record.wall.slice(11, 23);
  return `${timeOfDay} ${String(record.seq).padStart(5)}  ${formatEvent(record)}`;
}

function nameOf(record: { readonly process: string; readonly instance: number }): string {
  return `${record.process}#${record.instance}`;
}
