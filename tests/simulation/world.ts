/**
 * The world around the core: a driver that obeys effects, programs that misbehave, and a
 * clock that nobody waits for. It also refuses every effect that names something that is
 * not there. Must not know: policy, groups, dependencies.
 */
import type { CoreEvent, Effect, ExitReason, Plan, ProcessIndex, TimerKey } from "./core_types.ts";
import type { Random } from "./random.ts";

const MS = 1_000_000;
const SECOND = 1000 * MS;

/** Something broke a rule; the message says which. */
export class Violation extends Error {}

/** Throws a {@link Violation} unless `condition` holds. */
export function must(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new Violation(message());
}

interface Pending {
  readonly atNs: number;
  readonly order: number;
  readonly event: CoreEvent;
}

/** The latest instance of a process, as the world sees it. */
interface Instance {
  number: number;
  /** The driver has answered the spawn. */
  answered: boolean;
  /** The driver has reported its end (or that it never was). */
  gone: boolean;
  leftoverKilled: boolean;
  finish: "none" | "runs" | "killed" | "done";
  ignoresTerm: boolean;
  exit: Pending | null;
  finishing: Pending | null;
}

type KillEffect = Extract<Effect, { kind: "kill" }>;

/** A simulated machine. */
export class World {
  nowNs = 0;
  /** From now on programs behave: no spawn fails, nothing crashes or hangs. */
  calm = false;
  readonly instances: Instance[];
  readonly #plan: Plan;
  readonly #random: Random;
  #queue: Pending[] = [];
  #timers = new Map<string, { readonly pending: Pending; readonly dueNs: number }>();
  #order = 0;

  constructor(plan: Plan, random: Random) {
    this.#plan = plan;
    this.#random = random;
    this.instances = plan.processes.map(() => ({
      number: 0,
      answered: false,
      gone: true,
      leftoverKilled: true,
      finish: "none",
      ignoresTerm: false,
      exit: null,
      finishing: null,
    }));
  }

  /** When the next thing happens by itself; null: never. */
  get nextNs(): number | null {
    return this.#earliest()?.atNs ?? null;
  }

  /** Moves the clock forwards, not beyond what happens next. */
  idle(byNs: number): void {
    this.nowNs = Math.min(this.nowNs + byNs, Math.max(this.nowNs, this.nextNs ?? Infinity));
  }

  /** Takes what happens next off the queue and moves the clock there. */
  next(): CoreEvent | null {
    const earliest = this.#earliest();
    if (earliest === null) return null;
    this.#drop(earliest);
    this.nowNs = Math.max(this.nowNs, earliest.atNs);
    return this.deliver(earliest.event);
  }

  /** Takes note that the core is about to see this event. */
  deliver(event: CoreEvent): CoreEvent {
    if (event.kind === "timerFired") this.#timers.delete(timerName(event.timer));
    if (!("instance" in event)) return event;
    const instance = this.instances[event.process]!;
    if (event.kind === "spawned") instance.answered = true;
    if (event.kind === "spawnFailed") {
      Object.assign(instance, { answered: true, gone: true, leftoverKilled: true });
    }
    if (event.kind === "exited") instance.gone = true;
    if (event.kind === "finished") instance.finish = "done";
    return event;
  }

  /** When the timer is due; null: it is not armed. */
  dueNs(timer: TimerKey): number | null {
    return this.#timers.get(timerName(timer))?.dueNs ?? null;
  }

  /** The armed timer fires now, not when the queue would have it. */
  fireNow(timer: TimerKey): void {
    this.#drop(this.#timers.get(timerName(timer))!.pending);
  }

  /** Number of armed timers. */
  get timerCount(): number {
    return this.#timers.size;
  }

  /** Ends every live instance at once. */
  storm(): void {
    this.instances.forEach((instance, p) => {
      if (instance.answered && !instance.gone) this.#exit(p, 0, this.#randomReason());
    });
  }

  /** Does what the core wants, or refuses it with a {@link Violation}. */
  apply(effect: Effect): void {
    switch (effect.kind) {
      case "spawn":
        return this.#spawn(effect.process, effect.instance);
      case "kill":
        return this.#kill(effect);
      case "setTimer":
        return this.#setTimer(effect.timer, effect.dueNs);
      case "clearTimer": {
        const name = timerName(effect.timer);
        const armed = this.#timers.get(name);
        must(armed !== undefined, () => `timer ${name} is cleared and was not armed`);
        this.#drop(armed.pending);
        this.#timers.delete(name);
        return;
      }
      case "runFinish":
        return this.#runFinish(effect.process, effect.instance);
      case "killFinish":
        return this.#killFinish(effect.process, effect.instance);
    }
  }

  #setTimer(timer: TimerKey, dueNs: number): void {
    const name = timerName(timer);
    const old = this.#timers.get(name);
    if (old !== undefined) this.#drop(old.pending);
    must(Number.isSafeInteger(dueNs), () => `timer ${name} is due at ${dueNs}`);
    const lateNs = this.#random.chance(0.2) ? this.#random.integer(0, SECOND) : 0;
    const inNs = Math.max(dueNs - this.nowNs, 0) + lateNs;
    this.#timers.set(name, { pending: this.#schedule(inNs, { kind: "timerFired", timer }), dueNs });
  }

  #spawn(p: ProcessIndex, number: number): void {
    const old = this.instances[p]!;
    must(old.gone, () => `p${p}#${number} is spawned while #${old.number} is alive`);
    must(old.leftoverKilled, () => `p${p}#${number} is spawned beside leftovers of #${old.number}`);
    const done = old.finish !== "runs" && old.finish !== "killed";
    must(done, () => `p${p}#${number} is spawned while the finish program of #${old.number} runs`);
    must(number === old.number + 1, () => `p${p}#${number} follows #${old.number}`);
    const instance: Instance = {
      number,
      answered: false,
      gone: false,
      leftoverKilled: false,
      finish: "none",
      ignoresTerm: !this.calm && this.#random.chance(0.2),
      exit: null,
      finishing: null,
    };
    this.instances[p] = instance;
    const base = { process: p, instance: number };
    const latencyNs = this.#random.integer(0, this.calm ? MS : 50 * MS);
    if (!this.calm && this.#random.chance(0.08)) {
      const event = { kind: "spawnFailed", ...base, errno: "ENOENT", path: "/bin/none" } as const;
      this.#schedule(latencyNs, event);
      return;
    }
    this.#schedule(latencyNs, { kind: "spawned", ...base, pid: 1000 * (p + 1) + number });
    this.#scheduleReady(p, number, latencyNs);
    const lifeNs = this.#lifeNs(p);
    if (lifeNs !== null) this.#exit(p, latencyNs + lifeNs, this.#randomReason());
  }

  #scheduleReady(p: ProcessIndex, number: number, latencyNs: number): void {
    const { ready } = this.#plan.processes[p]!;
    if (ready.by === "started") return;
    if (!this.calm && this.#random.chance(0.1)) return;
    const waitNs = this.calm ? MS : this.#random.pick([0, 10 * MS, 100 * MS, 3 * SECOND]);
    this.#schedule(latencyNs + waitNs, { kind: "becameReady", process: p, instance: number });
  }

  /** How long it lives if nobody ends it; null: for ever. */
  #lifeNs(p: ProcessIndex): number | null {
    if (this.calm) {
      const { system, restart } = this.#plan.processes[p]!;
      return system || restart.policy === "permanent" ? null : 100 * MS;
    }
    const mood = this.#random.fraction();
    if (mood < 0.2) return this.#random.integer(0, MS);
    if (mood < 0.6) return this.#random.integer(0, 3 * SECOND);
    return mood < 0.75 ? this.#random.integer(SECOND, 30 * SECOND) : null;
  }

  #randomReason(): ExitReason {
    if (this.calm) return { kind: "code", code: 0, cause: null };
    return this.#random.pick<ExitReason>([
      { kind: "code", code: 0, cause: null },
      { kind: "code", code: 0, cause: null },
      { kind: "code", code: 1, cause: null },
      { kind: "code", code: 3, cause: null },
      { kind: "signal", signal: "SIGSEGV", coreDumped: true, cause: null },
      { kind: "signal", signal: "SIGKILL", coreDumped: false, cause: null },
      { kind: "outOfMemory", signal: "SIGKILL" },
    ]);
  }

  /** Schedules its end, unless an earlier one is scheduled. */
  #exit(p: ProcessIndex, inNs: number, reason: ExitReason): void {
    const instance = this.instances[p]!;
    if (instance.exit !== null) {
      if (instance.exit.atNs <= this.nowNs + inNs) return;
      this.#drop(instance.exit);
    }
    const event = { kind: "exited", process: p, instance: instance.number, reason } as const;
    instance.exit = this.#schedule(inNs, event);
  }

  #kill({ process: p, instance: number, signal, scope, cause }: KillEffect): void {
    const instance = this.instances[p]!;
    const text = () => `kill ${signal} (${scope}, ${cause}) of p${p}#${number}`;
    must(instance.number === number, () => `${text()}: the instance is #${instance.number}`);
    must(instance.answered, () => `${text()}: it has not been spawned yet`);
    if (instance.gone) {
      const leftover = signal === 9 && scope === "tree" && cause === "leftover";
      must(leftover, () => `${text()}: it is dead`);
      must(!instance.leftoverKilled, () => `${text()}: a second time`);
      instance.leftoverKilled = true;
      return;
    }
    must(cause !== "leftover", () => `${text()}: it lives`);
    must(
      signal !== 9 || cause === "operator" || scope === "tree",
      () => `${text()}: tree expected`,
    );
    if (signal === 9) {
      const reason = { kind: "signal", signal: "SIGKILL", coreDumped: false, cause: null } as const;
      this.#exit(p, this.#random.integer(0, 30 * MS), reason);
    } else if (signal === 15) {
      this.#terminate(p);
    }
  }

  /** The stop signal, sent past the core. */
  stopSignal(p: ProcessIndex): void {
    const instance = this.instances[p];
    if (instance !== undefined && instance.answered && !instance.gone) this.#terminate(p);
  }

  #terminate(p: ProcessIndex): void {
    if (!this.instances[p]!.ignoresTerm) {
      const reason = this.#random.pick<ExitReason>([
        { kind: "code", code: 0, cause: null },
        { kind: "code", code: 143, cause: null },
        { kind: "signal", signal: "SIGTERM", coreDumped: false, cause: null },
      ]);
      this.#exit(p, this.#random.pick([0, MS, 50 * MS, 2 * SECOND]), reason);
    }
  }

  #runFinish(p: ProcessIndex, number: number): void {
    const instance = this.instances[p]!;
    const may = instance.number === number && instance.gone && instance.finish === "none";
    must(may, () => `runFinish for p${p}#${number}, which has not just ended`);
    instance.finish = "runs";
    // One that hangs ends only when it is killed.
    if (!this.calm && this.#random.chance(0.15)) return;
    const event = { kind: "finished", process: p, instance: number } as const;
    instance.finishing = this.#schedule(this.#random.integer(0, 100 * MS), event);
  }

  #killFinish(p: ProcessIndex, number: number): void {
    const instance = this.instances[p]!;
    const runs = instance.number === number && instance.finish === "runs";
    must(runs, () => `killFinish for p${p}#${number}, whose finish program does not run`);
    instance.finish = "killed";
    if (instance.finishing !== null) this.#drop(instance.finishing);
    const event = { kind: "finished", process: p, instance: number } as const;
    instance.finishing = this.#schedule(this.#random.integer(0, 20 * MS), event);
  }

  #schedule(inNs: number, event: CoreEvent): Pending {
    const pending = { atNs: this.nowNs + inNs, order: this.#order++, event };
    this.#queue.push(pending);
    return pending;
  }

  #earliest(): Pending | null {
    let best: Pending | null = null;
    for (const pending of this.#queue) {
      const earlier = best === null || pending.atNs < best.atNs ||
        (pending.atNs === best.atNs && pending.order < best.order);
      if (earlier) best = pending;
    }
    return best;
  }

  #drop(pending: Pending): void {
    const at = this.#queue.indexOf(pending);
    if (at >= 0) this.#queue.splice(at, 1);
  }
}

function timerName({ process, kind }: TimerKey): string {
  return `p${process}/${kind}`;
}
