/**
 * Steps the core once, hands every effect to the world and to the reference, and checks
 * the rules: order, budget, timers, channels, replies, and that nothing is forgotten.
 * Must not know: what happens next, or why.
 */
import type {
  Core,
  CoreEvent,
  CoreRecord,
  CoreState,
  Effect,
  Plan,
  ProcessIndex,
  TimerKey,
} from "./core_types.ts";
import { checkDelay } from "./delays.ts";
import { reachableDependents } from "./graph.ts";
import { Reference, type Verdict } from "./reference.ts";
import { must, type World } from "./world.ts";

type StateRecord = Extract<CoreRecord, { event: "state" }>;
type MissEvent = Extract<CoreEvent, { kind: "deadlineMissed" }>;
type KillEffect = Extract<Effect, { kind: "kill" }>;

/** One step in this many is done twice: the same question has the same answer. */
const REPEAT_EVERY = 64;

/** A core under observation. */
export class Checker {
  state: CoreState;
  /** The exit effect was seen. */
  ended = false;
  /** What the latest step wanted done. */
  effects: readonly Effect[] = [];
  readonly #core: Core;
  readonly #plan: Plan;
  readonly #world: World;
  readonly #reference: Reference;
  readonly #allDependents: readonly ReadonlySet<ProcessIndex>[];
  readonly #channels: { producers: boolean; consumers: boolean }[];
  #steps = 0;
  /** What this step has brought so far. */
  #records: string[] = [];
  #delays: { process: ProcessIndex; delayNs: number; attempt: number }[] = [];
  #firstTo = new Map<ProcessIndex, string>();
  #shutdownRecorded = false;
  #replies = 0;
  #leftovers = 0;

  constructor(core: Core, plan: Plan, world: World, coreSeed: number) {
    this.#core = core;
    this.#plan = plan;
    this.#world = world;
    this.#reference = new Reference(plan);
    this.#allDependents = reachableDependents(plan);
    this.#channels = plan.channels.map(() => ({ producers: false, consumers: false }));
    this.state = freeze(core.initialState(plan, coreSeed));
  }

  /** Feeds an event that must change nothing at all. */
  ignores(event: CoreEvent): void {
    const { state, effects } = this.#core.step(this.state, event, this.#world.nowNs);
    const unchanged = state === this.state && effects.length === 0;
    must(unchanged, () => `a stale event is not ignored: ${JSON.stringify(event)}`);
  }

  /** Feeds an event and checks everything that follows from it. */
  step(event: CoreEvent): void {
    const reference = this.#reference;
    const before = this.state;
    const { nowNs } = this.#world;
    const verdict = this.ended ? null : reference.foresee(event, before, nowNs);
    const { state, effects } = this.#core.step(before, event, nowNs);
    if (++this.#steps % REPEAT_EVERY === 0) this.#repeat(before, event, effects);
    this.state = freeze(state);
    this.effects = effects;
    this.#records = [];
    this.#delays = [];
    this.#firstTo.clear();
    this.#shutdownRecorded = false;
    this.#replies = 0;
    this.#leftovers = 0;
    const missed = event.kind === "deadlineMissed" && !this.ended && reference.miss(event);
    for (const effect of effects) this.#observe(effect, event);
    this.#checkRequest(event, before, effects);
    if (event.kind === "deadlineMissed") this.#checkMiss(event, missed, before, effects);
    if (event.kind === "safeModeAsked") this.#checkSafeMode(before, effects);
    reference.followWanted(state);
    reference.releaseAll();
    this.#checkVerdict(verdict);
    const reported = event.kind === "exited" && effects.length > 0 ? 1 : 0;
    must(
      this.#leftovers === reported,
      () => `${this.#leftovers} leftover kills after ${event.kind}`,
    );
    for (let p = 0; p < this.#plan.processes.length; p++) this.#checkProcess(p);
    this.#checkCrew();
  }

  /** A missed contract ends the instance, by one stop signal and no more, whoever sends it. */
  #checkMiss(
    { process: p, act, signalled }: MissEvent,
    missed: boolean,
    before: CoreState,
    effects: readonly Effect[],
  ): void {
    if (!missed) {
      const quiet = this.state === before && effects.length === 0;
      must(
        quiet,
        () => `p${p} missed a contract and is on its way down: ${effects.length} effects`,
      );
      return;
    }
    const process = this.#reference.processes[p]!;
    const killed = this.#plan.processes[p]!.stop.timeoutNs === 0;
    const status = killed ? "killing" : "stopping";
    must(process.status === status, () => `p${p} missed a contract and is ${process.status}`);
    const kills = effects.filter((effect) => effect.kind === "kill").length;
    const expected = signalled && !killed ? 0 : 1;
    must(kills === expected, () => `p${p} missed a contract: ${kills} signals, not ${expected}`);
    process.signalled = "deadline";
    const { wanted } = this.state.processes[p]!;
    const right = wanted === (act === "stop" ? "down" : before.processes[p]!.wanted);
    must(right, () => `p${p} missed a contract (${act}) and is wanted ${wanted}`);
  }

  /** Once, with a fallback set: it is wanted up, and the rest down. */
  #checkSafeMode(before: CoreState, effects: readonly Effect[]): void {
    const { shutdown, phase } = before;
    const enters = this.#plan.safeMode !== null && !before.safeMode && phase === "up" &&
      shutdown === null;
    must(enters || this.state === before, () => "a safe mode that there is not");
    if (!enters) return;
    must(this.state.safeMode && effects.length > 0, () => "no safe mode is entered");
    const kept = this.#reference.fallback();
    this.#plan.processes.forEach(({ system }, p) => {
      // One that cannot start, and is critical, may end the crew at once.
      if (system || this.#reference.shutdown !== null) return;
      const { wanted } = this.state.processes[p]!;
      must(wanted === (kept.has(p) ? "up" : "down"), () => `p${p} is ${wanted} in the safe mode`);
      if (before.processes[p]!.status === "backoff" && kept.has(p)) {
        this.#reference.processes[p]!.attempt = 0;
      }
    });
  }

  #repeat(before: CoreState, event: CoreEvent, effects: readonly Effect[]): void {
    const again = this.#core.step(before, event, this.#world.nowNs);
    const same = JSON.stringify(again.effects) === JSON.stringify(effects);
    must(same, () => `the same step has two outcomes: ${JSON.stringify(event)}`);
  }

  #observe(effect: Effect, event: CoreEvent): void {
    const repliesOnly = !this.ended || effect.kind === "reply";
    must(repliesOnly, () => `${effect.kind} after the exit`);
    if (effect.kind === "kill") this.#observeKill(effect);
    this.#world.apply(effect);
    switch (effect.kind) {
      case "record":
        return this.#observeRecord(effect.record, event);
      case "reply":
        this.#replies++;
        return;
      case "endProducer":
      case "endConsumer": {
        const side = effect.kind === "endProducer" ? "producers" : "consumers";
        const channel = this.#channels[effect.channel]!;
        must(!channel[side], () => `${effect.kind} of channel ${effect.channel} twice`);
        channel[side] = true;
        return;
      }
      case "reopenChannel": {
        const channel = this.#channels[effect.channel]!;
        const letGo = channel.producers || channel.consumers;
        must(letGo, () => `channel ${effect.channel} is reopened and was not let go of`);
        channel.producers = channel.consumers = false;
        return;
      }
      case "exit": {
        const code = this.#reference.shutdown?.exitCode;
        must(code === effect.code, () => `exit ${effect.code}, the shutdown said ${code}`);
        this.ended = true;
        return;
      }
      case "setTimer": {
        const delay = this.#delays.find(({ process }) => process === effect.timer.process);
        if (effect.timer.kind !== "backoff") return;
        const dueNs = this.#world.nowNs + (delay?.delayNs ?? NaN);
        must(effect.dueNs === dueNs, () => `backoff due at ${effect.dueNs}, not at ${dueNs}`);
        return;
      }
    }
  }

  #observeRecord(record: CoreRecord, event: CoreEvent): void {
    switch (record.event) {
      case "state":
        return this.#observeState(record);
      case "exit": {
        const process = this.#reference.processes[record.process]!;
        const filled = record.reason.kind === "code" || record.reason.kind === "signal";
        const right = event.kind === "exited" && record.process === event.process &&
          (!filled || record.reason.cause === process.signalled);
        must(right, () => `exit recorded as ${JSON.stringify(record)}, ours: ${process.signalled}`);
        return;
      }
      case "restart":
        this.#records.push("restart");
        this.#delays.push(record);
        return;
      case "groupRestart":
      case "groupGaveUp":
        this.#records.push(`${record.event} ${record.group} ${record.member} ${record.count}`);
        return;
      case "safeMode":
        must(event.kind === "safeModeAsked", () => `a safe mode after ${event.kind}`);
        return;
      case "shutdown":
        this.#shutdownRecorded = true;
        this.#reference.shutdown = { level: record.level, exitCode: record.exitCode };
        for (const process of this.#reference.processes) process.together = null;
        return;
    }
  }

  #observeState({ process: p, from, to }: StateRecord): void {
    const process = this.#reference.processes[p]!;
    must(process.status === from, () => `p${p} leaves ${from} and was ${process.status}`);
    if (!this.#firstTo.has(p)) this.#firstTo.set(p, to);
    if (to === "spawning") {
      const { shutdown } = this.#reference;
      must(shutdown === null, () => `p${p} starts during the shutdown`);
      const gated = from === "waiting" || process.final || from === "idle";
      if (gated) this.#checkStart(p, from === "waiting");
    }
    this.#reference.follow(p, to);
    if (to === "running") {
      must(from === "spawning" || from === "starting", () => `p${p} is ready without a spawn`);
      process.readySinceNs = this.#world.nowNs;
      process.beenReady = true;
    }
  }

  #checkStart(p: ProcessIndex, waited: boolean): void {
    this.#reference.release(p);
    if (!waited) this.#reference.processes[p]!.awaits = "all";
    for (const dependency of this.#plan.processes[p]!.after) {
      const { process: on, condition } = dependency;
      must(this.#reference.holds(p, dependency), () => {
        const { status } = this.#reference.processes[on]!;
        return `p${p} starts before p${on} is ${condition}: it is ${status}`;
      });
    }
  }

  /** Signals of ours: the right one, and in the right order. */
  #observeKill({ process: p, cause, signal, scope }: KillEffect): void {
    const process = this.#reference.processes[p]!;
    if (cause === "leftover") this.#leftovers++;
    if (cause === "operator" || cause === "leftover") return;
    const first = process.signalled === null;
    process.signalled = cause;
    const { shutdown } = this.#reference;
    const { stop, system } = this.#plan.processes[p]!;
    if (cause === "ready-timeout" || cause === "stop-timeout") {
      must(signal === 9, () => `p${p}: ${cause} sends ${signal}`);
      return;
    }
    must(first, () => `p${p} is told to stop twice`);
    const killed = stop.timeoutNs === 0 || (shutdown?.level ?? 0) >= (system ? 3 : 2);
    const expected = killed ? "9 tree" : `15 ${stop.scope === "group" ? "group" : "process"}`;
    must(`${signal} ${scope}` === expected, () => `p${p} gets ${signal} ${scope}, not ${expected}`);
    if (cause === "stop" && shutdown === null) {
      must(this.state.processes[p]!.wanted === "down", () => `p${p} is stopped and wanted`);
    }
    if (shutdown?.level === 3) return;
    if (shutdown !== null) {
      this.#checkStopOrder(p, () => true);
      if (!this.#plan.processes[p]!.system) return;
      const other = this.#plan.processes.findIndex(({ system }, q) =>
        (!system || q > p) && this.#reference.processes[q]!.live
      );
      must(other < 0, () => `system process p${p} stops before p${other}`);
    } else if (cause === "group") {
      const { together } = process;
      must(together !== null, () => `p${p} is stopped for its group, which does not restart`);
      this.#checkStopOrder(p, (q) => this.#reference.processes[q]!.together === together);
    }
  }

  #checkStopOrder(p: ProcessIndex, counts: (q: ProcessIndex) => boolean): void {
    for (const q of this.#allDependents[p]!) {
      const up = this.#reference.processes[q]!.live && counts(q);
      must(!up, () => `p${p} stops before p${q}, which depends on it`);
    }
  }

  #checkRequest(event: CoreEvent, before: CoreState, effects: readonly Effect[]): void {
    must(
      this.#replies === (event.kind === "requested" ? 1 : 0),
      () => `${this.#replies} replies to ${JSON.stringify(event)}`,
    );
    if (event.kind !== "requested") return;
    const reply = effects.find((effect) => effect.kind === "reply");
    must(reply?.kind === "reply" && reply.id === event.id, () => "a reply to another request");
    const { request } = event;
    if (reply.admission.kind !== "accepted") return;
    if (request.op === "shutdown") {
      must(this.#shutdownRecorded, () => "a shutdown is accepted and nothing follows");
      return;
    }
    const { process: p, op } = request;
    // Carried out, it may end the crew at once: its dependency failed, and it is critical.
    if (op === "signal" || this.#shutdownRecorded) return;
    const process = this.#reference.processes[p]!;
    const wanted = this.state.processes[p]!.wanted;
    must(wanted === (op === "stop" ? "down" : "up"), () => `${op} of p${p} leaves it ${wanted}`);
    const { status } = before.processes[p]!;
    if (op === "stop" || status === "waiting" || status === "spawning") return;
    process.attempt = 0;
    if (process.live && status !== "backoff" && process.status !== "spawning") process.again = true;
  }

  #checkVerdict(verdict: Verdict | null): void {
    const expected = verdict?.records ?? [];
    const seen = this.#records;
    const exact = seen.length === expected.length &&
      expected.every((text, at) => seen[at] === text);
    must(exact, () => `budget: expected [${expected.join("; ")}], saw [${seen.join("; ")}]`);
    if (verdict === null) return;
    const { process: p, to, crewEnds } = verdict;
    const got = this.#firstTo.get(p);
    must(got === to, () => `p${p} must become ${to}, becomes ${got}`);
    if (crewEnds) {
      const code = this.#reference.shutdown?.exitCode;
      must(code === 111, () => "a budget is spent at the top and the crew goes on");
    }
    for (const delay of this.#delays) {
      const { restart } = this.#plan.processes[delay.process]!;
      checkDelay(restart.backoff, delay, this.#reference.processes[delay.process]!.attempt);
    }
  }

  #checkProcess(p: ProcessIndex): void {
    const process = this.state.processes[p]!;
    const followed = this.#reference.processes[p]!;
    const { status } = process;
    must(status === followed.status, () => `p${p} is ${status}, recorded as ${followed.status}`);
    const world = this.#world.instances[p]!;
    must(process.instance === world.number, () => `p${p} is at instance ${process.instance}`);
    const running = status === "starting" || status === "running" || status === "stopping" ||
      status === "killing";
    const alive = world.answered && !world.gone;
    must(
      alive === running,
      () => `p${p} is ${status}, its instance is ${alive ? "" : "not "}alive`,
    );
    must((process.pid !== null) === alive, () => `p${p} is ${status} with pid ${process.pid}`);
    const finishing = world.finish === "runs" || world.finish === "killed";
    must(
      finishing === (status === "finishing"),
      () => `p${p} is ${status}, finish ${world.finish}`,
    );
    const asked = !world.answered && !world.gone;
    must(asked === (status === "spawning"), () => `p${p} is ${status}, spawn asked: ${asked}`);
    this.#checkTimers(p);
    if (status === "waiting") this.#checkWaiting(p);
  }

  #checkTimers(p: ProcessIndex): void {
    const { status } = this.state.processes[p]!;
    const { ready } = this.#plan.processes[p]!;
    const armed = (kind: TimerKey["kind"]) => this.#world.dueNs({ process: p, kind }) !== null;
    const limited = ready.by !== "started" && ready.withinNs > 0;
    const right = armed("ready") === (status === "starting" && limited) &&
      armed("stop") === (status === "stopping") &&
      armed("backoff") === (status === "backoff") &&
      armed("finish") === (this.#world.instances[p]!.finish === "runs");
    must(right, () => `p${p} is ${status}, with the wrong timers`);
  }

  /** Whoever waits must have something to wait for. */
  #checkWaiting(p: ProcessIndex): void {
    const followed = this.#reference.processes[p]!;
    must(this.#reference.shutdown === null, () => `p${p} waits during the shutdown`);
    must(followed.wanted === "up", () => `p${p} waits and is not wanted`);
    if (followed.together !== null) return;
    let open = 0;
    for (const dependency of this.#plan.processes[p]!.after) {
      if (this.#reference.holds(p, dependency)) continue;
      open++;
      const { status } = this.#reference.processes[dependency.process]!;
      const hopeless = status === "failed" ||
        (status === "completed" && dependency.condition === "ready");
      must(!hopeless, () => `p${p} waits for p${dependency.process}, which is ${status}`);
    }
    must(open > 0, () => `p${p} is forgotten: it waits for nothing`);
  }

  #checkCrew(): void {
    const { processes, shutdown } = this.#reference;
    this.#plan.channels.forEach(({ from, to }, c) => {
      const { producers, consumers } = this.#channels[c]!;
      const final = (p: ProcessIndex) => processes[p]!.final;
      must(producers === from.processes.every(final), () => `channel ${c}: producers ${producers}`);
      must(consumers === to.processes.every(final), () => `channel ${c}: consumers ${consumers}`);
    });
    this.#plan.groups.forEach(({ intensity }, g) => {
      const kept = this.state.groups[g]!.restartsNs.length;
      must(kept <= (intensity ?? -1) + 1, () => `group ${g} keeps ${kept} restarts`);
    });
    if (this.state.phase === "new") return;
    if (shutdown !== null) {
      const live = processes.some((process) => process.live);
      must(live === !this.ended, () => `ended ${this.ended}, something lives: ${live}`);
      return;
    }
    const crew = processes.filter((_, p) => !this.#plan.processes[p]!.system);
    must(!crew.every(({ final }) => final), () => "everything has ended and the crew goes on");
    const failed = processes.findIndex(({ status }, p) =>
      status === "failed" && this.#plan.processes[p]!.critical
    );
    must(failed < 0, () => `critical p${failed} has failed and the crew goes on`);
  }

  /** Nothing moves any more and nothing is wrong: whatever is wanted is up or has ended. */
  checkRest(): void {
    this.#reference.processes.forEach((process, p) => {
      const { ready } = this.#plan.processes[p]!;
      const mute = process.status === "starting" && ready.by !== "started" && ready.withinNs === 0;
      const settled = process.final || process.status === "running" || mute ||
        process.status === "waiting" || (process.status === "idle" && process.wanted === "down");
      must(settled, () => `p${p} is wanted ${process.wanted} and rests as ${process.status}`);
      must(process.together === null, () => `p${p} rests held by its group`);
    });
  }
}

/** A later write to any part of a state that was handed out throws. */
function freeze(state: CoreState): CoreState {
  if (Object.isFrozen(state)) return state;
  for (const process of state.processes) if (!Object.isFrozen(process)) Object.freeze(process);
  for (const group of state.groups) if (!Object.isFrozen(group)) Object.freeze(group);
  Object.freeze(state.processes);
  Object.freeze(state.groups);
  Object.freeze(state.channels);
  return Object.freeze(state);
}
