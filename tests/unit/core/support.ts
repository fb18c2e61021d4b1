/** A crew of tests: feeds the core by hand and keeps what it answered. */
import { assert, assertEquals } from "@std/assert";
import type { Admission, CoreRecord, Effect, ProcessStatus } from "../../../src/core/effect.ts";
import type { CoreEvent, Request, TimerKey } from "../../../src/core/event.ts";
import type { ExitReason } from "../../../src/core/exit_reason.ts";
import type { CoreState } from "../../../src/core/state.ts";
import { initialState, step } from "../../../src/core/step.ts";
import type { GroupPlan, Plan } from "../../../src/plan/plan.ts";

export { crewPlan, pipePlan, processPlan } from "../../simulation/plans.ts";

export const MS = 1_000_000;
export const SECOND = 1000 * MS;

/** An end that carries a cause of ours. */
export type CausedExit = Extract<ExitReason, { cause: unknown }>;
/** Ends that most tests need. */
export const EXIT_0: CausedExit = { kind: "code", code: 0, cause: null };
export const EXIT_1: CausedExit = { kind: "code", code: 1, cause: null };
export const KILLED: CausedExit = {
  kind: "signal",
  signal: "SIGKILL",
  coreDumped: false,
  cause: null,
};

/** A group over processes, by index, and groups, by `{ group }`. */
export function groupPlan(
  members: readonly (number | { group: number })[],
  overrides: Partial<GroupPlan> = {},
): GroupPlan {
  return {
    name: "",
    parent: null,
    strategy: "one_for_one",
    intensity: null,
    periodNs: 5 * SECOND,
    members: members.map((member) =>
      typeof member === "number"
        ? { kind: "process", process: member }
        : { kind: "group", group: member.group }
    ),
    ...overrides,
  };
}

/** The core, driven by hand. */
export class Crew {
  state: CoreState;
  nowNs = 0;
  /** Of the latest step. */
  effects: Effect[] = [];
  #id = 0;

  constructor(plan: Plan, seed = 1) {
    this.state = initialState(plan, seed);
  }

  send(event: CoreEvent): this {
    const next = step(this.state, event, this.nowNs);
    this.state = next.state;
    this.effects = next.effects;
    return this;
  }

  after(ns: number): this {
    this.nowNs += ns;
    return this;
  }

  boot(): this {
    return this.send({ kind: "boot" });
  }

  spawned(p: number): this {
    return this.send({ kind: "spawned", process: p, instance: this.#instance(p), pid: 100 + p });
  }

  /** Answers every open spawn. */
  spawnedAll(): this {
    this.state.processes.forEach(({ status }, p) => {
      if (status === "spawning") this.spawned(p);
    });
    return this;
  }

  spawnFailed(p: number): this {
    const instance = this.#instance(p);
    return this.send({ kind: "spawnFailed", process: p, instance, errno: "ENOENT", path: "/x" });
  }

  ready(p: number): this {
    return this.send({ kind: "becameReady", process: p, instance: this.#instance(p) });
  }

  exits(p: number, reason: ExitReason = EXIT_1): this {
    return this.send({ kind: "exited", process: p, instance: this.#instance(p), reason });
  }

  finished(p: number): this {
    return this.send({ kind: "finished", process: p, instance: this.#instance(p) });
  }

  /** The armed timer of the process fires when it is due. */
  due(p: number, kind: TimerKey["kind"]): this {
    const { dueNs } = this.state.processes[p]!;
    assert(dueNs !== null, `process ${p} has no timer armed`);
    this.nowNs = Math.max(this.nowNs, dueNs);
    return this.send({ kind: "timerFired", timer: { process: p, kind } });
  }

  ask(request: Request): Admission {
    const id = ++this.#id;
    this.send({ kind: "requested", id, request });
    const replies = this.effects.filter((effect) => effect.kind === "reply");
    assertEquals(replies.length, 1, "exactly one reply");
    const reply = replies[0]!;
    assert(reply.kind === "reply" && reply.id === id);
    return reply.admission;
  }

  start(p: number): Admission {
    return this.ask({ op: "start", process: p });
  }
  stop(p: number): Admission {
    return this.ask({ op: "stop", process: p });
  }
  restart(p: number): Admission {
    return this.ask({ op: "restart", process: p });
  }
  shutDown(): Admission {
    return this.ask({ op: "shutdown", exitCode: 0 });
  }

  status(p: number): ProcessStatus {
    return this.state.processes[p]!.status;
  }
  get statuses(): ProcessStatus[] {
    return this.state.processes.map(({ status }) => status);
  }

  /** Processes that the latest step spawned, in order. */
  get spawns(): number[] {
    return this.effects.flatMap((effect) => effect.kind === "spawn" ? [effect.process] : []);
  }

  /** Signals of the latest step but for those to leftovers, as `process:signal:scope:cause`. */
  get kills(): string[] {
    return this.effects.flatMap((effect) =>
      effect.kind === "kill" && effect.cause !== "leftover"
        ? [`${effect.process}:${effect.signal}:${effect.scope}:${effect.cause}`]
        : []
    );
  }

  /** Records of one kind in the latest step. */
  records<E extends CoreRecord["event"]>(event: E): Extract<CoreRecord, { event: E }>[] {
    return this.effects.flatMap((effect) =>
      effect.kind === "record" && effect.record.event === event
        ? [effect.record as Extract<CoreRecord, { event: E }>]
        : []
    );
  }

  /** Code of the exit effect; null without one. */
  get exitCode(): number | null {
    const exits = this.effects.filter((effect) => effect.kind === "exit");
    assert(exits.length <= 1);
    return exits[0]?.kind === "exit" ? exits[0].code : null;
  }

  #instance(p: number): number {
    return this.state.processes[p]!.instance;
  }
}
