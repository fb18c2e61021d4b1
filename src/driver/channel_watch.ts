/**
 * What is known of the crew's channels, for as long as somebody wants to know: looks when it is
 * asked to, and forgets everything when nobody watches any more. Has no timer of its own.
 * Must not know: rules, requests, how it is shown.
 */
import type { Channel } from "../channel/channel.ts";
import { type Blame, type Condition, findBlame } from "../channel/watch/blame.ts";
import type { Flow, FlowIndex } from "../channel/watch/flow.ts";
import { type FlowMemory, holdsUp, observe } from "../channel/watch/observe.ts";
import type { CoreState } from "../core/state.ts";
import { monotonicMs } from "../os/monotonic.ts";
import type { Plan, ProcessIndex } from "../plan/plan.ts";
import { processStat } from "../process/tree.ts";
import { ChannelGauges } from "./channel_gauges.ts";

/** Two who look at the same moment are served by one look. */
const FRESH_MS = 2;

/** What the watch needs of the supervisor. */
export interface ChannelWatchParts {
  readonly plan: Plan;
  readonly channels: readonly Channel[];
  /** The counters of `@relay`; null in a crew without. */
  readonly counters: Float64Array | null;
  readonly state: () => CoreState;
}

/** One who watches. */
export interface Watcher {
  /** Looks now. @returns what is known of each flow, in the order of {@link ChannelWatch.flows}. */
  look(): readonly FlowMemory[];
  /** Does not watch any more. Idempotent. */
  close(): void;
}

/** One per supervisor. */
export class ChannelWatch {
  readonly #parts: ChannelWatchParts;
  readonly #gauges: ChannelGauges;
  readonly #watchers = new Set<Watcher>();
  #memories: readonly FlowMemory[] = [];
  #lookedMs = -Infinity;
  /** As of the last look: many flows lead to one process. */
  readonly #conditions = new Map<ProcessIndex, Exclude<Condition, "rated">>();

  constructor(parts: ChannelWatchParts) {
    this.#parts = parts;
    this.#gauges = new ChannelGauges(parts);
  }

  get flows(): readonly Flow[] {
    return this.#gauges.flows;
  }

  /** See {@link ChannelGauges.seesReads}; known after the first look. */
  get seesReads(): boolean {
    return this.#gauges.seesReads;
  }

  /** Bytes in the queue of an out-leg; null: it is none. */
  queuedBytes(flow: FlowIndex): number | null {
    return this.#gauges.legFigures(this.flows[flow]!)?.queuedBytes ?? null;
  }

  /** Delivered by `@relay` and not read yet, as of the last look; null: it is no out-leg. */
  unreadBytes(flow: FlowIndex): number | null {
    return this.#gauges.unreadBytes(flow);
  }

  /** Begins to watch. */
  open(): Watcher {
    const watcher: Watcher = {
      look: () => this.#look(),
      close: () => {
        if (this.#watchers.delete(watcher) && this.#watchers.size === 0) this.#rest();
      },
    };
    this.#watchers.add(watcher);
    return watcher;
  }

  /** Who is to blame for a flow that stands still, as far as the last look can tell. */
  blame(flow: FlowIndex): Blame {
    return findBlame({
      flows: this.flows,
      holdsUp: (index) => {
        const memory = this.#memories[index];
        return memory !== undefined && holdsUp(memory);
      },
      conditionOf: (process) => this.conditionOf(process),
    }, flow);
  }

  /** What keeps a process from its work, by its state and by the kernel's for its main process. */
  conditionOf(process: ProcessIndex): Exclude<Condition, "rated"> {
    const known = this.#conditions.get(process) ?? this.#findCondition(process);
    this.#conditions.set(process, known);
    return known;
  }

  #findCondition(process: ProcessIndex): Exclude<Condition, "rated"> {
    const found = this.#parts.state().processes[process];
    if (found === undefined) return "down";
    switch (found.status) {
      case "starting":
      case "running": {
        const state = found.pid === null ? null : processStat(found.pid)?.state;
        // T: by a signal; t: by a debugger.
        return state === "T" || state === "t" ? "suspended" : "running";
      }
      case "idle":
      case "completed":
      case "failed":
        return "down";
      default:
        return found.wanted === "up" ? "restarting" : "down";
    }
  }

  #look(): readonly FlowMemory[] {
    const nowMs = monotonicMs();
    if (nowMs - this.#lookedMs < FRESH_MS) return this.#memories;
    this.#lookedMs = nowMs;
    this.#conditions.clear();
    this.#memories = this.#gauges.look().map((look, index) =>
      observe(this.#memories[index] ?? null, look)
    );
    return this.#memories;
  }

  #rest(): void {
    this.#memories = [];
    this.#lookedMs = -Infinity;
    this.#gauges.rest();
  }
}
