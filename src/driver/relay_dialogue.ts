/**
 * The driver's part in relayed pipes: the memory of the counters, the link that each new
 * `@relay` is handed, and what becomes of its reports: events, the restart of a consumer whose
 * messages were cut, the end of a `@relay` that says what it must not.
 * Must not know: messages, pipes, the core's decisions.
 */
import type { EventBody } from "../audit/event_record.ts";
import { countersBytes } from "../channel/relay/relay_counters.ts";
import { type AbandonedPipe, RelayLink, type ToldReport } from "../channel/relay/relay_link.ts";
import type { Request } from "../core/event.ts";
import { closeFd } from "../os/pipe.ts";
import type { Reactor } from "../os/reactor.ts";
import { createSharedMemory } from "../os/shared_memory.ts";
import { sendSignal } from "../os/signals.ts";
import type { LegPlan, Plan, ProcessIndex } from "../plan/plan.ts";
import type { Instance } from "./instance.ts";

const SIGKILL = 9;
/** A `@relay` ends within this when its link is closed, or is ended. */
const ENDS_WITHIN_MS = 1000;

/** Who takes part. */
export interface RelayDialogueParts {
  readonly plan: Plan;
  readonly reactor: Reactor;
  readonly liveOf: (process: ProcessIndex) => Instance | null;
  readonly record: (body: EventBody) => void;
  readonly request: (request: Request) => void;
}

/** One per supervisor. */
export class RelayDialogue implements Disposable {
  readonly link: RelayLink;
  /** Of the shared memory; `@relay` inherits it. */
  readonly countersFd: number;
  /** See `relay_counters.ts`. */
  readonly counters: Float64Array;
  /** Index of `@relay`; -1 in a crew without relayed pipes. */
  readonly process: ProcessIndex;
  readonly #parts: RelayDialogueParts;
  readonly #legs: readonly LegPlan[];
  #impatience: ReturnType<typeof setTimeout> | null = null;

  /** @throws {SystemError} when there is no memory or descriptor for it. */
  constructor(parts: RelayDialogueParts) {
    const { plan, reactor } = parts;
    this.#parts = parts;
    this.#legs = plan.channels.filter((channel) => channel.kind === "leg")
      .toSorted((a, b) => a.slot - b.slot);
    this.process = plan.processes.findIndex(({ descriptors }) =>
      descriptors.some(({ kind }) => kind === "relay-link")
    );
    this.link = new RelayLink({
      plan,
      reactor,
      onReport: (report) => this.#hear(report),
      onBroken: (why) => this.#end(this.#live(), why),
      onClosed: () => this.#awaitEnd(),
      onAbandoned: (pipe) => this.#abandoned(pipe),
    });
    const memory = createSharedMemory("cox-relay", countersBytes(this.#legs.length));
    this.countersFd = memory.fd;
    this.counters = new Float64Array(memory.buffer);
  }

  /** What an instance of `@relay` has said is heard before its end is acted on. */
  tell(instance: Instance): void {
    if (instance.process !== this.process) return;
    instance.hearings.push(() => this.link.hear());
    instance.cleanups.push(() => this.link.close());
  }

  [Symbol.dispose](): void {
    if (this.#impatience !== null) clearTimeout(this.#impatience);
    this.link[Symbol.dispose]();
    closeFd(this.countersFd);
  }

  #hear(report: ToldReport): void {
    const { name: channel, process: index } = this.#sideOf(report.slot);
    const { instance } = report;
    const process = this.#nameOf(index);
    switch (report.kind) {
      case "dropped": {
        const { reason, messages, detail } = report;
        const body = { channel, process, instance, reason, messages, detail };
        return this.#parts.record({ event: "messagesDropped", ...body });
      }
      case "inputCut":
        return this.#parts.record({
          event: "linkCut",
          channel,
          process,
          instance,
          why: report.why,
        });
      case "outputTorn":
        this.#parts.record({ event: "linkTorn", channel, process, instance });
        return this.#restart(index, instance);
    }
  }

  #abandoned({ slot, instance, bytes }: AbandonedPipe): void {
    const { name: channel, process } = this.#sideOf(slot);
    const body = { channel, process: this.#nameOf(process), instance, bytes };
    this.#parts.record({ event: "pipeAbandoned", ...body });
  }

  /** Later: a report may be heard within an effect, where no request is answered. */
  #restart(process: ProcessIndex, instance: number): void {
    queueMicrotask(() => {
      if (this.#parts.liveOf(process)?.number !== instance) return;
      this.#parts.request({ op: "restart", process });
    });
  }

  #awaitEnd(): void {
    const instance = this.#live();
    if (instance === null) return;
    if (this.#impatience !== null) clearTimeout(this.#impatience);
    this.#impatience = setTimeout(() => {
      this.#impatience = null;
      this.#end(instance, "its link is closed, and it lives on");
    }, ENDS_WITHIN_MS);
  }

  #end(instance: Instance | null, why: string): void {
    // A successor need not answer for it.
    if (instance === null || this.#live() !== instance) return;
    const name = this.#nameOf(this.process);
    this.#parts.record({
      event: "warning",
      message: `${name}#${instance.number} is killed: ${why}`,
    });
    sendSignal(instance.pid, SIGKILL);
  }

  #live(): Instance | null {
    return this.#parts.liveOf(this.process);
  }

  /** The process at the other end of a leg. */
  #sideOf(slot: number): { readonly name: string; readonly process: ProcessIndex } {
    const { name, direction, from, to } = this.#legs[slot]!;
    return { name, process: (direction === "in" ? from : to).processes[0]! };
  }

  #nameOf(process: ProcessIndex): string {
    return this.#parts.plan.processes[process]?.name ?? `#${process}`;
  }
}
