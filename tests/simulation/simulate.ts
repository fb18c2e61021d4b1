/**
 * Plays random crews against a core: random requests, faults, storms, stale events; after
 * every step all rules are checked, and at the end of each crew that its stop ends.
 * Owns the story of a run; must not know: the real core (it is a parameter).
 */
import type { Core, CoreEvent, Plan, Request } from "./core_types.ts";
import { Checker } from "./checker.ts";
import { randomPlan } from "./plans.ts";
import { Random } from "./random.ts";
import { must, Violation, World } from "./world.ts";

const MS = 1_000_000;
const SECOND = 1000 * MS;
/** Steps that a crew may take to come to rest or to its end: far above what any needs. */
const SETTLE_STEPS_MAX = 20_000;

/** A run broke a rule. */
export class SimulationFailure extends Error {
  constructor(
    readonly seed: number,
    readonly eventNumber: number,
    readonly trace: readonly string[],
    cause: unknown,
  ) {
    const what = cause instanceof Violation ? cause.message : String(cause);
    super(`seed ${seed}, event ${eventNumber}: ${what}`, { cause });
  }
}

/** The command that replays a seed and tells its whole story. */
export function replayCommand(seed: number, events: number): string {
  return `deno task sim --seed ${seed} --seeds 1 --events ${events}`;
}

/** Runs one seed for at least this many events; throws {@link SimulationFailure}. */
export function simulate(core: Core, seed: number, events: number, keepTrace = false): number {
  const random = new Random(seed);
  let count = 0;
  while (count < events) {
    const crew = new Crew(core, random, count, keepTrace);
    try {
      crew.live(events - count);
    } catch (cause) {
      throw new SimulationFailure(seed, crew.count, crew.trace, cause);
    }
    count = crew.count;
  }
  return count;
}

/** One crew from its boot to its exit. */
class Crew {
  count: number;
  readonly trace: string[] = [];
  readonly #random: Random;
  readonly #plan: Plan;
  readonly #world: World;
  readonly #checker: Checker;
  readonly #keepTrace: boolean;
  readonly #stormy: number;
  #requestId = 0;

  constructor(core: Core, random: Random, count: number, keepTrace: boolean) {
    this.#random = random;
    this.count = count;
    this.#keepTrace = keepTrace;
    this.#plan = randomPlan(random);
    this.#world = new World(this.#plan, random);
    this.#checker = new Checker(core, this.#plan, this.#world, random.integer(0, 2 ** 32 - 1));
    this.#stormy = random.pick([0.05, 0.2, 0.5]);
    if (keepTrace) this.trace.push(JSON.stringify(this.#plan));
  }

  live(events: number): void {
    const until = this.count + events;
    if (this.#random.chance(0.03)) this.#meddle();
    this.#feed({ kind: "boot" });
    while (this.count < until && !this.#checker.ended) {
      if (this.#random.chance(this.#stormy)) this.#meddle();
      else this.#proceed();
    }
    if (!this.#checker.ended && this.#random.chance(0.6)) this.#comeToRest();
    if (!this.#checker.ended) this.#shutDown();
    this.#afterTheEnd();
  }

  /** Lets the world go on; where nothing would ever happen, somebody asks for something. */
  #proceed(): void {
    const event = this.#world.next();
    if (event === null) this.#request();
    else this.#feed(event);
  }

  #feed(event: CoreEvent): void {
    this.count++;
    if (!this.#keepTrace) return this.#checker.step(event);
    this.trace.push(`${this.#world.nowNs} ${JSON.stringify(event)}`);
    try {
      this.#checker.step(event);
    } finally {
      for (const effect of this.#checker.effects) this.trace.push(`    ${JSON.stringify(effect)}`);
    }
  }

  /** Nothing goes wrong any more: everything wanted must come up, or say why not. */
  #comeToRest(): void {
    this.#world.calm = true;
    for (let left = SETTLE_STEPS_MAX; left > 0 && !this.#checker.ended; left--) {
      const event = this.#world.next();
      if (event === null) return this.#checker.checkRest();
      this.#feed(event);
    }
    must(this.#checker.ended, () => "the crew does not come to rest");
  }

  /** A stop always ends: in bounded time, whatever the programs do. */
  #shutDown(): void {
    // Each can need its spawn, stop timeout, late timer, KILL, finish and its KILL, in a row.
    const limitNs = this.#world.nowNs + this.#plan.processes.length * 12 * SECOND;
    const code = this.#random.pick([0, 111] as const);
    this.#ask({ op: "shutdown", exitCode: code });
    const impatience = this.#random.pick([0, 0, 0.1, 0.5]);
    for (let left = SETTLE_STEPS_MAX; left > 0 && !this.#checker.ended; left--) {
      if (this.#random.chance(impatience)) this.#ask({ op: "shutdown", exitCode: code });
      const event = this.#checker.ended ? null : this.#world.next();
      if (this.#checker.ended) break;
      must(event !== null, () => "the shutdown hangs: nothing will ever happen");
      must(this.#world.nowNs <= limitNs, () => "the shutdown takes too long");
      this.#feed(event);
    }
    must(this.#checker.ended, () => "the shutdown does not end");
  }

  /** After the exit everything is refused or ignored. */
  #afterTheEnd(): void {
    must(this.#world.timerCount === 0, () => "timers are armed after the exit");
    this.#feed({ kind: "boot" });
    this.#feed({ kind: "guardLost" });
    this.#feed({ kind: "safeModeAsked", why: "a contract" });
    this.#missDeadline();
    this.#request();
  }

  /** Something happens that the world did not bring about. */
  #meddle(): void {
    this.#world.idle(this.#random.pick([0, 0, MS, 100 * MS]));
    const mood = this.#random.fraction();
    if (mood < 0.1) {
      for (let left = this.#random.integer(2, 12); left > 0; left--) this.#request();
    } else if (mood < 0.6) {
      this.#request();
    } else if (mood < 0.68) {
      this.#missDeadline();
    } else if (mood < 0.9) {
      this.#stale();
    } else if (mood < 0.94) {
      this.#harmless();
    } else if (mood < 0.99) {
      this.#world.storm();
    } else if (this.#random.chance(0.3)) {
      this.#feed({ kind: "safeModeAsked", why: "a contract" });
    } else if (this.#random.chance(0.4)) {
      this.#feed({ kind: "guardLost" });
    } else {
      this.#ask({ op: "shutdown", exitCode: 0 });
    }
  }

  /** A contract is missed, whatever state the process is in; the monitor may have sent a signal. */
  #missDeadline(): void {
    const process = this.#someProcess();
    const instance = this.#world.instances[process]?.number ?? 1;
    const act = this.#random.pick(["restart", "restart", "stop", "fail-group"] as const);
    const signalled = this.#random.chance(0.5);
    if (signalled) this.#world.stopSignal(process);
    this.#feed({ kind: "deadlineMissed", process, instance, act, signalled });
  }

  #request(): void {
    const process = this.#someProcess();
    const op = this.#random.pick(["start", "start", "stop", "restart", "signal"] as const);
    this.#ask(op === "signal" ? { op, process, signal: 15 } : { op, process });
  }

  #ask(request: Request): void {
    this.#feed({ kind: "requested", id: ++this.#requestId, request });
  }

  #someProcess(): number {
    // Now and then one that does not exist.
    return this.#random.integer(
      0,
      this.#plan.processes.length - (this.#random.chance(0.02) ? 0 : 1),
    );
  }

  /** A report that is repeated, too late, too early, or about nobody: it changes nothing. */
  #stale(): void {
    const process = this.#someProcess();
    const world = this.#world.instances[process];
    const kind = this.#random.pick(
      ["spawned", "spawnFailed", "becameReady", "exited", "finished", "timerFired"] as const,
    );
    if (kind === "timerFired") return this.#staleTimer(process);
    const off = world === undefined ? 0 : this.#random.pick([0, -1, 1]);
    const instance = (world?.number ?? 1) + off;
    if (off === 0 && world !== undefined) {
      const untrue = kind === "finished"
        ? world.finish !== "runs" && world.finish !== "killed"
        : kind === "exited"
        ? world.gone || !world.answered
        : kind === "becameReady"
        ? world.gone || !world.answered
        : world.answered;
      if (!untrue) return;
    }
    this.count++;
    this.#checker.ignores(staleEvent(kind, process, instance));
  }

  #staleTimer(process: number): void {
    const kind = this.#random.pick(["ready", "stop", "backoff", "finish"] as const);
    const timer = { process, kind };
    const event = { kind: "timerFired", timer } as const;
    const dueNs = this.#world.dueNs(timer);
    if (dueNs !== null && dueNs <= this.#world.nowNs) {
      this.#world.fireNow(timer);
      return this.#feed(this.#world.deliver(event));
    }
    this.count++;
    this.#checker.ignores(event);
  }

  #harmless(): void {
    const process = this.#someProcess();
    const instance = this.#world.instances[process]?.number ?? 1;
    if (this.#random.chance(0.5)) {
      const byNs = this.#random.pick([0, -5, NaN, Infinity, MS, SECOND]);
      this.#feed({ kind: "timeoutExtended", process, instance, byNs });
    } else {
      this.#feed({ kind: "mainPidChanged", process, instance, pid: 4242 });
    }
  }
}

function staleEvent(
  kind: "spawned" | "spawnFailed" | "becameReady" | "exited" | "finished",
  process: number,
  instance: number,
): CoreEvent {
  switch (kind) {
    case "spawned":
      return { kind, process, instance, pid: 9999 };
    case "spawnFailed":
      return { kind, process, instance, errno: "ENOENT", path: "/stale" };
    case "exited":
      return { kind, process, instance, reason: { kind: "code", code: 0, cause: null } };
    case "becameReady":
    case "finished":
      return { kind, process, instance };
  }
}
