/**
 * The figures of all contracts as an event, for a terminal: rates are from the event before. Must
 * not know: when it is asked, who reads it.
 */
import type { LiveContract } from "../../audit/deadline_event.ts";
import type { EventBody } from "../../audit/event_record.ts";
import type { DeadlineSnapshot, DeadlineSnapshots } from "../../control/deadline_report.ts";
import { monotonicMs } from "../../os/monotonic.ts";

/** One series. */
export class LiveFigures {
  readonly #look: () => Promise<DeadlineSnapshots>;
  readonly #record: (body: EventBody) => void;
  #before: DeadlineSnapshots = {};
  #beforeMs = monotonicMs();

  constructor(look: () => Promise<DeadlineSnapshots>, record: (body: EventBody) => void) {
    this.#look = look;
    this.#record = record;
  }

  /** Tells of now. */
  async tell(): Promise<void> {
    const now = await this.#look();
    const nowMs = monotonicMs();
    const seconds = Math.max(1, nowMs - this.#beforeMs) / 1000;
    const contracts = Object.entries(now).flatMap(([name, snapshot]): LiveContract[] =>
      // A span is no series.
      snapshot.kind === "span" ? [] : [liveContract(name, snapshot, this.#before[name], seconds)]
    );
    [this.#before, this.#beforeMs] = [now, nowMs];
    if (contracts.length > 0) this.#record({ event: "deadlineFigures", contracts });
  }
}

function liveContract(
  contract: string,
  now: DeadlineSnapshot,
  before: DeadlineSnapshot | undefined,
  seconds: number,
): LiveContract {
  const { ageMs, worstLateMs, missed, holds } = now;
  const perSecond = Math.max(0, countOf(now) - (before === undefined ? 0 : countOf(before))) /
    seconds;
  return { contract, perSecond, ageMs, worstLateMs, missed, holds };
}

/** Outcomes go on through restarts, where what is stamped begins anew. */
function countOf({ kept, missed }: DeadlineSnapshot): number {
  return kept + missed;
}
