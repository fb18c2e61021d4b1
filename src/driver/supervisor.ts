/**
 * The control loop: the one owner of the core's state. Every input becomes an event in one
 * queue; one loop gives them to `step` and carries out the effects. Must not know: how
 * a process is spawned, how a request arrives.
 *
 * ```
 *  exits, readiness, timers, requests ──post──► inbox ──► step ──► effects ──► crew, timers,
 *                                                 ▲                             channels, log
 *                                                 └────── spawned, spawnFailed ◄───┘
 * ```
 *
 * What an exit leads to comes first, what is told of it after: events reach the file and
 * `@log` when the reactor has nothing more to deliver.
 */
import type { EventLog } from "../audit/event_log.ts";
import type { EventBody } from "../audit/event_record.ts";
import type { Channel } from "../channel/channel.ts";
import type { Admission, CoreRecord, Effect } from "../core/effect.ts";
import type { CoreEvent, Request } from "../core/event.ts";
import type { CoreState } from "../core/state.ts";
import { initialState, step } from "../core/step.ts";
import type { Plan, ProcessIndex } from "../plan/plan.ts";
import type { Clock } from "./clock.ts";
import type { Crew } from "./crew.ts";
import { Timers } from "./timers.ts";
import { Waiters } from "./waiters.ts";

/** What the loop drives. */
export interface SupervisorParts {
  readonly plan: Plan;
  readonly clock: Clock;
  readonly log: Pick<EventLog, "append" | "flush">;
  readonly crew: Pick<Crew, "spawn" | "kill" | "runFinish" | "killFinish" | "lastRunOf">;
  readonly channels: readonly Channel[];
  /** Feeds the backoff jitter. */
  readonly seed: number;
  /**
   * Asks a system process to finish what it has in hand and end.
   *
   * @param leaving the crew has ended.
   * @returns false when it has to be signalled.
   */
  readonly askToStop: (process: ProcessIndex, leaving: boolean) => boolean;
  /** Called with each new state, before anything else looks at it. */
  readonly stateChanged: (state: CoreState) => void;
  /** Called right before a process is sent a signal, with the state that it is sent for. */
  readonly beforeSignal: (process: ProcessIndex, state: CoreState) => void;
  /** Called once, when the core says `exit`. */
  readonly onExit: (code: number) => void;
}

/** One per process of cox. */
export class Supervisor {
  readonly waiters = new Waiters();
  readonly #parts: SupervisorParts;
  readonly #timers: Timers;
  readonly #inbox: CoreEvent[] = [];
  readonly #replies = new Map<number, Admission>();
  #state: CoreState;
  #draining = false;
  #nextRequest = 1;
  #flushIsDue = false;
  #logFailed = false;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    this.#state = initialState(parts.plan, parts.seed);
    this.#timers = new Timers(
      parts.clock.nowNs,
      (timer) => this.post({ kind: "timerFired", timer }),
    );
  }

  /** The state after the last event; immutable. */
  get state(): CoreState {
    return this.#state;
  }

  /** Gives an event to the core, now or, from within an effect, right after it. */
  post(event: CoreEvent): void {
    this.#inbox.push(event);
    if (!this.#draining) this.#drain();
  }

  /** Gives a request to the core. @returns what the core says to it. */
  request(request: Request): Admission {
    const id = this.#nextRequest++;
    this.post({ kind: "requested", id, request });
    const admission = this.#replies.get(id);
    this.#replies.delete(id);
    // The core answers every request in its own step; a request from within an effect would
    // be answered later, and nothing makes one there.
    if (admission === undefined) throw new Error("The core left a request without an answer");
    return admission;
  }

  /** Adds an event to the log; it reaches the file at the end of this turn of the loop. */
  record(body: EventBody): void {
    this.#parts.log.append(body);
    if (this.#flushIsDue) return;
    this.#flushIsDue = true;
    // After whatever is under way, for microtasks wait until the reactor waits again.
    queueMicrotask(() => {
      this.#flushIsDue = false;
      this.#flush();
    });
  }

  #drain(): void {
    this.#draining = true;
    try {
      for (let at = 0; at < this.#inbox.length; at++) {
        const event = this.#inbox[at];
        if (event === undefined) continue;
        const { state, effects } = step(this.#state, event, this.#parts.clock.nowNs());
        this.#state = state;
        for (const effect of effects) this.#execute(effect);
      }
    } finally {
      this.#inbox.length = 0;
      this.#draining = false;
    }
    this.#parts.stateChanged(this.#state);
    this.waiters.look(this.#state);
  }

  #execute(effect: Effect): void {
    const { crew, channels } = this.#parts;
    switch (effect.kind) {
      case "spawn":
        return crew.spawn(effect);
      case "kill":
        // No signal: one that comes before its handler would cut off the last lines.
        if (this.#asksToStop(effect)) return;
        this.#parts.beforeSignal(effect.process, this.#state);
        return crew.kill(effect, this.#state.processes[effect.process]?.pid ?? null);
      case "setTimer":
        return this.#timers.set(effect.timer, effect.dueNs);
      case "clearTimer":
        return this.#timers.clear(effect.timer);
      case "runFinish":
        return crew.runFinish(effect);
      case "killFinish":
        return crew.killFinish(effect);
      case "endProducer":
        return channels[effect.channel]?.endProducer();
      case "endConsumer":
        return channels[effect.channel]?.endConsumer();
      case "reopenChannel":
        return channels[effect.channel]?.reopen();
      case "reply":
        this.#replies.set(effect.id, effect.admission);
        return;
      case "record":
        return this.record(this.#nameRecord(effect.record));
      case "exit":
        this.#timers.clearAll();
        return this.#parts.onExit(effect.code);
    }
  }

  /** A system process is asked before it is signalled. @returns whether it was. */
  #asksToStop({ process, cause, scope }: Extract<Effect, { kind: "kill" }>): boolean {
    const system = this.#parts.plan.processes[process]?.system ?? false;
    if (!system || cause === "operator" || scope === "tree") return false;
    // It may end as soon as it is asked: what it is to show comes first.
    this.#flush();
    return this.#parts.askToStop(process, this.#state.shutdown !== null);
  }

  /** The core speaks of indices, the log of names. */
  #nameRecord(record: CoreRecord): EventBody {
    const { plan, crew } = this.#parts;
    const processName = (index: number) => plan.processes[index]?.name ?? `#${index}`;
    const groupName = (index: number) => plan.groups[index]?.name || "(root)";
    switch (record.event) {
      case "state":
        return { ...record, process: processName(record.process) };
      case "exit": {
        const { pid, ranMs } = crew.lastRunOf(record.process);
        return { ...record, process: processName(record.process), pid, ranMs };
      }
      case "restart": {
        const { delayNs, attempt } = record;
        const process = processName(record.process);
        return { event: "restart", process, delayMs: delayNs / 1e6, attempt };
      }
      case "groupRestart":
      case "groupGaveUp":
        return { ...record, group: groupName(record.group) };
      case "safeMode":
      case "shutdown":
        return record;
    }
  }

  #flush(): void {
    const error = this.#parts.log.flush();
    if (error !== null && !this.#logFailed) {
      this.#logFailed = true;
      // Once: on a full disk each further line would say the same.
      this.record({
        event: "warning",
        message: `The event file cannot be written: ${error.message}`,
      });
    }
  }
}
