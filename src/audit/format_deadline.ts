/** What was found of a time contract, in words. Pure. Must not know: where it is shown. */
import type { DeadlineEvent, LiveContract } from "./deadline_event.ts";
import type { EventRecord } from "./event_record.ts";
import { formatFineMs } from "./format_ms.ts";

type DeadlineRecord = Extract<
  EventRecord,
  {
    event:
      | "deadline"
      | "deadlineRecovered"
      | "deadlineExcused"
      | "deadlinesExcused"
      | "deadlineResumed"
      | "missProgram"
      | "deadlineFigures"
      | "traceWritten";
  }
>;

/** As in `det.heartbeat missed: det#2 was silent for 105 ms of 100 ms; restart`. */
export function formatDeadline(record: DeadlineRecord): string {
  switch (record.event) {
    case "deadline":
      return formatMiss(record);
    case "deadlineRecovered":
      return `${record.contract} holds again after ${formatFineMs(record.afterMs)}: ${
        nameOf(record)
      }`;
    case "deadlineExcused":
      return `${record.contract} missed, and nobody is to blame: ${nameOf(record)} ` +
        (record.why === "stopped"
          ? "is stopped by a signal (SIGSTOP)"
          : `is held by its debugger, pid ${record.tracer}`) +
        "; nothing is done";
    case "deadlinesExcused":
      return record.why === "stopped"
        ? `the supervisor was stopped for ${formatFineMs(record.forMs)}: nobody is blamed`
        : `the machine was suspended for ${formatFineMs(record.forMs)}: nobody is blamed`;
    case "deadlineResumed":
      return `${nameOf(record)} runs again after ${
        formatFineMs(record.afterMs)
      }: its contracts are ` +
        "judged from now on";
    case "deadlineFigures":
      return record.contracts.map(formatLive).join("; ");
    case "traceWritten":
      return `the stamps around the miss of ${record.contract} are in ${record.path}`;
    case "missProgram":
      return `${record.program}, which ${record.contract} runs, ${record.outcome}`;
  }
}

/** As in `sampler.cycle.sample 50/s, 12 ms ago, worst 1.2 ms late, 3 missed`. */
function formatLive(live: LiveContract): string {
  const { contract, perSecond, ageMs, worstLateMs, missed, holds } = live;
  return [
    contract + (perSecond === null ? "" : ` ${perSecond.toFixed(perSecond < 10 ? 1 : 0)}/s`),
    ...(ageMs === null ? [] : [`${formatFineMs(ageMs)} ago`]),
    missed === 0 ? "none missed" : `worst ${formatFineMs(worstLateMs)} late, ${missed} missed`,
    ...(holds ? [] : ["broken"]),
  ].join(", ");
}

function formatMiss(event: DeadlineEvent): string {
  const { contract, kind, count, missed, window, tolerated, broke, did } = event;
  const many = count > 1 ? ` ${count} times` : "";
  const verb = kind === "miss" ? `missed${many}` : "is near its limit";
  const inWindow = window > 1 && kind === "miss"
    ? `; ${missed} of the last ${window}, ${tolerated} may be` + (broke ? ": broken" : "")
    : "";
  const done = did.length === 0 ? "" : `; ${did.join(", ")}`;
  return `${contract} ${verb}: ${whatHappened(event)}${inWindow}${done}`;
}

/** What happened, in a clause. Pure. */
export function whatHappened(event: DeadlineEvent): string {
  const { reason, item, limitMs, lateMs, came, allowedMs } = event;
  const who = nameOf(event);
  const limit = formatFineMs(allowedMs);
  const took = formatFineMs(limitMs + lateMs);
  switch (reason) {
    case "silent":
    case "not-alive":
      return limitMs + lateMs === 0 || limitMs === 0
        ? `${who} gives no sign of life`
        : `${who} ${came ? "was" : "is"} silent for ${took}, ${limit} are allowed`;
    case "triggered":
      return `${who} says itself that it hangs (WATCHDOG=trigger)`;
    case "late-start":
      return `${who} ${came ? `began ${took} late` : `has not begun, ${took} after it was due`}, ` +
        `${limit} are allowed`;
    case "overrun":
      return `${who} ${came ? "took" : "has been at it for"} ${took}, its budget is ${limit}`;
    case "skipped":
      return `${who} did not begin at all`;
    case "late-step":
      return `step "${item}" of ${who} ${came ? "came" : "has not come"} after ${took}, ` +
        `${limit} are allowed`;
    case "out-of-order":
      return `${who} passed another step than "${item}", which was due`;
    case "gap":
      return `no sample for ${took}, ${limit} are allowed`;
    case "late-sample":
      return `a sample ${came ? "was" : "is"} ${took} old, ${limit} are allowed`;
    default:
      return `${who} takes ${took}, ${limit} are allowed`;
  }
}

function nameOf(record: { readonly process: string; readonly instance: number }): string {
  return `${record.process}#${record.instance}`;
}
