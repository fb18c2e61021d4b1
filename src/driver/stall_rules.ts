/**
 * The `stall` rules at work: looks at the channels as often as they need it, tells when a stall
 * begins and ends, and does what the rule says, once for each stall.
 *
 * ```
 *  pipe of a rule empty for a while ──► rest: no timer; the next write wakes us (inotify)
 *  something in it ──► a look each quarter of `after`
 *  relayed, nothing waits ──► a look each `after`, at most a second
 * ```
 *
 * The one who is slow is acted on once, however many stalled channels lead to it.
 * Must not know: how a look is taken, how blame is found, how a request is carried out.
 */
import type { StallEvent } from "../audit/stall_event.ts";
import type { EventBody } from "../audit/event_record.ts";
import type { Channel } from "../channel/channel.ts";
import { PipeChannel } from "../channel/pipe/pipe_channel.ts";
import type { Blame } from "../channel/watch/blame.ts";
import type { FlowIndex } from "../channel/watch/flow.ts";
import { type FlowMemory, standsForMs } from "../channel/watch/observe.ts";
import { judgeStall, lookEveryMs, type Stall } from "../channel/watch/stall.ts";
import type { StallSnapshot } from "../control/protocol.ts";
import type { Admission } from "../core/effect.ts";
import type { Request } from "../core/event.ts";
import type { CoreState } from "../core/state.ts";
import { monotonicMs } from "../os/monotonic.ts";
import { PipeWatch } from "../os/pipe_watch.ts";
import type { Reactor } from "../os/reactor.ts";
import type {
  ChannelIndex,
  Overflow,
  Plan,
  ProcessIndex,
  StallAction,
  StallPlan,
} from "../plan/plan.ts";
import { endpointText } from "./channel_names.ts";
import type { ChannelWatch, Watcher } from "./channel_watch.ts";

/** A pipe that has been empty for this long, or twice its rule's time, is not looked at. */
const REST_AFTER_MS = 1000;

/** What the rules need of the supervisor. */
export interface StallRulesParts {
  readonly plan: Plan;
  readonly channels: readonly Channel[];
  readonly watch: ChannelWatch;
  readonly reactor: Reactor;
  readonly state: () => CoreState;
  readonly record: (body: EventBody) => void;
  readonly request: (request: Request) => Admission;
  /** Changes the overflow at a consumer of a relayed pipe; null: back to the plan's. */
  readonly setOverflow: (slot: number, overflow: Overflow | null) => void;
}

/** A rule on one flow. */
interface Rule {
  readonly flow: FlowIndex;
  readonly plan: StallPlan;
  readonly afterMs: number;
  /** Of a direct pipe. */
  readonly pipe: PipeChannel | null;
  stall: Stall | null;
  slow: readonly ProcessIndex[];
  /** When it was last seen with something in it. */
  usedMs: number;
  /** The watch for its next write, and the pipe that it is for. */
  watch: { readonly number: number; readonly generation: number } | null;
  count: number;
  stalledMs: number;
}

/** All rules of a plan. */
export class StallRules {
  readonly #parts: StallRulesParts;
  readonly #rules: readonly Rule[];
  readonly #byChannel: ReadonlyMap<ChannelIndex, Rule>;
  #watcher: Watcher | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** undefined: not tried yet; null: the kernel does not tell of writes. */
  #writes: PipeWatch | null | undefined = undefined;
  #resting = false;

  constructor(parts: StallRulesParts) {
    this.#parts = parts;
    this.#rules = parts.watch.flows.flatMap((flow, index): Rule[] => {
      const plan = planOf(parts.plan, flow.channel);
      if (plan === null || flow.kind === "in-leg") return [];
      const channel = parts.channels[flow.channel];
      return [{
        flow: index,
        plan,
        afterMs: plan.afterNs / 1e6,
        pipe: channel instanceof PipeChannel ? channel : null,
        stall: null,
        slow: [],
        usedMs: 0,
        watch: null,
        count: 0,
        stalledMs: 0,
      }];
    });
    const { flows } = parts.watch;
    this.#byChannel = new Map(this.#rules.map((rule) => [flows[rule.flow]!.channel, rule]));
  }

  /** Begins, where there is a rule. */
  start(): void {
    if (this.#rules.length === 0) return;
    this.#watcher = this.#parts.watch.open();
    this.#look();
  }

  /** Ends for good. Idempotent. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#wake();
    this.#watcher?.close();
    this.#watcher = null;
  }

  /** Called with each new state: an end that was let go may have been made anew. */
  changed(): void {
    const isNew = ({ pipe, watch }: Rule) =>
      pipe !== null && pipe.heldEnds.readFd !== null && watch?.generation !== pipe.generation;
    if (!this.#resting || !this.#rules.some(isNew)) return;
    this.#wake();
    this.#timer = setTimeout(() => this.#look());
  }

  /** Of a pipe or leg; null where no rule is. */
  figuresOf(channel: ChannelIndex): StallSnapshot | null {
    const rule = this.#byChannel.get(channel);
    if (rule === undefined) return null;
    const forMs = rule.stall === null ? null : Math.round(monotonicMs() - rule.stall.sinceMs);
    return { count: rule.count, totalMs: Math.round(rule.stalledMs) + (forMs ?? 0), forMs };
  }

  #look(): void {
    this.#timer = null;
    // While the crew ends everybody waits for somebody.
    if (this.#watcher === null || this.#parts.state().shutdown !== null) return this.stop();
    const memories = this.#watcher.look();
    for (const rule of this.#rules) this.#judge(rule, memories[rule.flow]!);
    const delays = this.#rules.map((rule) => this.#delayMs(rule, memories[rule.flow]!));
    const delayMs = Math.min(...delays);
    if (delayMs === Infinity && this.#rest()) return;
    this.#timer = setTimeout(() => this.#look(), Math.min(delayMs, 1000));
  }

  #judge(rule: Rule, memory: FlowMemory): void {
    const { look } = memory;
    if (look.waits || look.taken !== false) rule.usedMs = look.atMs;
    const before = rule.stall;
    const { stall, change } = judgeStall(before, memory, rule.afterMs);
    rule.stall = stall;
    if (change === "began") this.#begin(rule, memory);
    if (change === "ended" && before !== null) this.#end(rule, before);
  }

  /** When to look again; Infinity: when something is written. */
  #delayMs(rule: Rule, memory: FlowMemory): number {
    const often = lookEveryMs(rule.afterMs);
    if (rule.stall !== null) return often;
    if (rule.pipe !== null) {
      const emptyMs = memory.look.atMs - rule.usedMs;
      return emptyMs > Math.max(REST_AFTER_MS, 2 * rule.afterMs) ? Infinity : often;
    }
    // Where `@relay` is in between, no write to one pipe tells that something waits.
    return memory.look.waits ? often : Math.max(10, rule.afterMs);
  }

  #begin(rule: Rule, memory: FlowMemory): void {
    const blame = this.#parts.watch.blame(rule.flow);
    rule.count++;
    rule.slow = blame.kind === "culprits" ? blame.culprits.map(({ process }) => process) : [];
    this.#parts.record({ ...this.#nameOf(rule), ...this.#told(rule, memory, blame) });
    for (const action of rule.plan.actions) this.#act(rule, action, blame);
  }

  #end(rule: Rule, { sinceMs, seenMs }: Stall): void {
    rule.stalledMs += seenMs - sinceMs;
    this.#parts.record({
      ...this.#nameOf(rule),
      event: "stallEnded",
      forMs: Math.round(seenMs - sinceMs),
      slow: rule.slow.map((process) => this.#processName(process)),
    });
    const slot = this.#slotOf(rule);
    const switched = rule.plan.actions.some(({ kind }) => kind === "overflow");
    if (switched && slot !== null) this.#parts.setOverflow(slot, null);
    rule.slow = [];
  }

  #act(rule: Rule, action: StallAction, blame: Blame): void {
    switch (action.kind) {
      case "event":
      case "warn":
        return;
      case "overflow": {
        const slot = this.#slotOf(rule);
        if (slot !== null) this.#parts.setOverflow(slot, action.overflow);
        return;
      }
      case "signal":
      case "restart":
        for (const process of this.#targets(rule, blame)) {
          if (this.#wasActedOn(rule, process, action.kind)) continue;
          const { kind } = action;
          this.#ask(
            kind === "restart"
              ? { op: kind, process }
              : { op: kind, process, signal: action.signal },
          );
        }
    }
  }

  /** Whom a signal or a restart can help. Of those who wait for each other, who reads here. */
  #targets(rule: Rule, blame: Blame): readonly ProcessIndex[] {
    if (blame.kind === "cycle") return this.#parts.watch.flows[rule.flow]!.to;
    return blame.culprits.flatMap(({ process, condition }) =>
      condition === "running" || condition === "suspended" ? [process] : []
    );
  }

  /** Another stall that lasts has led to the same process, and did the same to it. */
  #wasActedOn(rule: Rule, process: ProcessIndex, kind: StallAction["kind"]): boolean {
    return this.#rules.some((other) =>
      other !== rule && other.stall !== null && other.slow.includes(process) &&
      other.plan.actions.some((action) => action.kind === kind)
    );
  }

  #ask(request: Extract<Request, { op: "signal" | "restart" }>): void {
    const admission = this.#parts.request(request);
    if (admission.kind === "accepted") return;
    const name = this.#processName(request.process);
    const message = `The ${request.op} of "${name}" after a stall was ${admission.kind}: ` +
      admission.reason;
    this.#parts.record({ event: "warning", message });
  }

  #told(rule: Rule, memory: FlowMemory, blame: Blame): Omit<StallEvent, keyof RuleName> {
    const { flows } = this.#parts.watch;
    const culprits = blame.kind === "culprits" ? blame.culprits : [];
    return {
      event: "stall",
      forMs: Math.round(standsForMs(memory)),
      fill: memory.look.fill,
      capacity: memory.look.capacity,
      unit: rule.pipe === null ? "messages" : "bytes",
      unreadBytes: this.#parts.watch.unreadBytes(rule.flow),
      slow: culprits.map(({ process, condition, through }) => ({
        process: this.#processName(process),
        condition,
        through: [...new Set(through.map((flow) => flows[flow]!.name))],
      })),
      cycle: blame.kind === "cycle" ? blame.processes.map((p) => this.#processName(p)) : [],
    };
  }

  #nameOf({ flow, plan }: Rule): RuleName {
    const { channel, name } = this.#parts.watch.flows[flow]!;
    const { from, to } = endpointText(this.#parts.plan, channel);
    return { channel: name, from, to, actions: plan.actions.map(actionText) };
  }

  #processName(process: ProcessIndex): string {
    return this.#parts.plan.processes[process]?.name ?? `#${process}`;
  }

  #slotOf({ flow }: Rule): number | null {
    const channel = this.#parts.plan.channels[this.#parts.watch.flows[flow]!.channel];
    return channel?.kind === "leg" ? channel.slot : null;
  }

  /** Waits for a write. @returns false when that cannot be waited for, or came meanwhile. */
  #rest(): boolean {
    if (this.#writes === undefined) this.#writes = PipeWatch.open("writes");
    if (this.#writes === null) return false;
    this.#writes.over();
    for (const rule of this.#rules) {
      if (!this.#armWrites(rule, this.#writes)) return false;
    }
    const isEmpty = this.#rules.every(({ pipe }) => pipe === null || pipe.fillBytes() === 0);
    if (!isEmpty) return false;
    this.#resting = true;
    this.#parts.reactor.watch(this.#writes.fd, () => {
      this.#wake();
      this.#look();
    });
    return true;
  }

  #armWrites(rule: Rule, writes: PipeWatch): boolean {
    const { pipe, watch } = rule;
    if (pipe === null) return true;
    const { readFd } = pipe.heldEnds;
    if (watch !== null && (readFd === null || watch.generation !== pipe.generation)) {
      writes.disarm(watch.number);
    }
    rule.watch = null;
    // Nobody is to read: nothing can stall until somebody is, see `changed`.
    if (readFd === null) return true;
    const number = writes.arm(readFd);
    rule.watch = number === null ? null : { number, generation: pipe.generation };
    return number !== null;
  }

  #wake(): void {
    if (!this.#resting || !this.#writes) return;
    this.#resting = false;
    this.#parts.reactor.unwatch(this.#writes.fd);
    // A write to one of them was the end of our rest; the time of all begins anew.
    const nowMs = monotonicMs();
    for (const rule of this.#rules) rule.usedMs = nowMs;
  }
}

type RuleName = Pick<StallEvent, "channel" | "from" | "to" | "actions">;

function planOf(plan: Plan, channel: number): StallPlan | null {
  const found = plan.channels[channel];
  if (found?.kind === "pipe") return found.stall;
  return found?.kind === "leg" ? plan.relayed[found.relayed]?.stall ?? null : null;
}

function actionText(action: StallAction): string {
  switch (action.kind) {
    case "signal":
      return `signal ${action.signalName}`;
    case "overflow":
      return `overflow ${action.overflow}`;
    default:
      return action.kind;
  }
}
