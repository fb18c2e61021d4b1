/**
 * Claim: the core takes a million steps a second on one core. A crew of ten with
 * dependencies, two groups, readiness and a finish program lives through crashes, requests
 * and stale reports; the events are recorded once and replayed. Baseline: a bare loop that
 * makes the same copies (one array, one process, one state) for each event and decides
 * nothing.
 */
import type { CoreEvent, TimerKey } from "../src/core/event.ts";
import type { Effect } from "../src/core/effect.ts";
import type { CoreState } from "../src/core/state.ts";
import { initialState, step } from "../src/core/step.ts";
import type { GroupPlan, Plan } from "../src/plan/plan.ts";
import { crewPlan, processPlan } from "../tests/simulation/plans.ts";
import { Random } from "../tests/simulation/random.ts";
import { makeRow, type Row } from "./row.ts";
import { median } from "./support/stats.ts";

export const name = "core_steps";

const MS = 1_000_000;
const EVENTS = 20_000;
const REPLAYS_PER_RUN = 25;
const RUNS = 11;
const SEED = 7;

interface Timed {
  readonly event: CoreEvent;
  readonly nowNs: number;
}

/** Measures. */
export function run(): Promise<Row[]> {
  const plan = crew();
  const story = record(plan);
  const start = initialState(plan, SEED);
  const replay = () => {
    let state = start;
    let effects = 0;
    for (const { event, nowNs } of story) {
      const next = step(state, event, nowNs);
      state = next.state;
      effects += next.effects.length;
    }
    return effects;
  };
  const copy = () => copies(start, story);
  // Both are compiled to their final form before either is measured, and then take turns.
  rate(replay);
  rate(copy);
  const stepRates: number[] = [];
  const copyRates: number[] = [];
  for (let r = 0; r < RUNS; r++) {
    stepRates.push(rate(replay));
    copyRates.push(rate(copy));
  }
  return Promise.resolve([makeRow({
    claim: "core steps, crew of ten",
    measured: Math.round(median(stepRates)),
    unit: "steps/s",
    baseline: { name: "bare loop of the same copies", value: Math.round(median(copyRates)) },
    target: { of: "measured", rule: "at least", value: 1_000_000 },
    spread: { min: Math.round(Math.min(...stepRates)), max: Math.round(Math.max(...stepRates)) },
    runs: RUNS,
  })]);
}

/** Events a second of `play`, which goes through the whole story once. */
function rate(play: () => number): number {
  const startMs = performance.now();
  let sum = 0;
  for (let i = 0; i < REPLAYS_PER_RUN; i++) sum += play();
  if (sum === 0) throw new Error("Nothing was done");
  return REPLAYS_PER_RUN * EVENTS / ((performance.now() - startMs) / 1000);
}

function copies(start: CoreState, story: readonly Timed[]): number {
  let state = start;
  let sum = 0;
  for (let at = 0; at < story.length; at++) {
    const p = at % state.processes.length;
    const processes = state.processes.slice();
    processes[p] = { ...processes[p]!, instance: at };
    state = { ...state, processes };
    const effects: Effect[] = [{ kind: "spawn", process: p, instance: at }];
    sum += effects.length;
  }
  return sum;
}

function crew(): Plan {
  const processes = [...Array(10).keys()].map((p) =>
    processPlan(p === 0 ? "@log" : `p${p}`, {
      system: p === 0,
      group: p === 0 ? 0 : p < 5 ? 1 : 2,
      after: p % 3 === 2 ? [{ process: p - 1, condition: "ready" }] : [],
      ready: p % 2 === 0 ? { by: "started" } : { by: "notify", withinNs: 2000 * MS },
      finish: p === 4 ? { argv: ["/f"], executable: "/f", timeoutNs: 500 * MS } : null,
    })
  );
  const group = (at: number, from: number, to: number): GroupPlan => ({
    name: `g${at}`,
    parent: 0,
    strategy: at === 1 ? "one_for_one" : "rest_for_one",
    intensity: 1_000_000,
    periodNs: 1000 * MS,
    members: processes.flatMap((_, p) =>
      p >= from && p < to ? [{ kind: "process", process: p } as const] : []
    ),
  });
  const root: GroupPlan = {
    ...group(0, 0, 0),
    name: "",
    parent: null,
    intensity: null,
    members: [{ kind: "group", group: 1 }, { kind: "group", group: 2 }],
  };
  return crewPlan(processes, { groups: [root, group(1, 1, 5), group(2, 5, 10)] });
}

/** Lives one story: the driver answers at once, chance crashes, asks and repeats. */
function record(plan: Plan): Timed[] {
  const random = new Random(SEED);
  const story: Timed[] = [];
  const answers: CoreEvent[] = [];
  const timers = new Map<string, { timer: TimerKey; dueNs: number }>();
  let state = initialState(plan, SEED);
  let nowNs = 0;
  const feed = (event: CoreEvent) => {
    nowNs += random.integer(1, 5) * MS;
    story.push({ event, nowNs });
    const next = step(state, event, nowNs);
    state = next.state;
    for (const effect of next.effects) answer(effect, plan, answers, timers);
  };
  feed({ kind: "boot" });
  while (story.length < EVENTS) {
    const due = [...timers.entries()].find(([, { dueNs }]) => dueNs <= nowNs);
    if (due !== undefined) {
      timers.delete(due[0]);
      feed({ kind: "timerFired", timer: due[1].timer });
    } else {
      feed(answers.shift() ?? happening(state, random, story.length));
    }
  }
  if (state.shutdown !== null) throw new Error("The story ended early");
  return story;
}

function answer(
  effect: Effect,
  plan: Plan,
  answers: CoreEvent[],
  timers: Map<string, { timer: TimerKey; dueNs: number }>,
): void {
  if (effect.kind === "setTimer") {
    timers.set(`${effect.timer.process}/${effect.timer.kind}`, effect);
  } else if (effect.kind === "clearTimer") {
    timers.delete(`${effect.timer.process}/${effect.timer.kind}`);
  } else if (effect.kind === "spawn") {
    const { process, instance } = effect;
    answers.push({ kind: "spawned", process, instance, pid: 1000 + instance });
    const notifies = plan.processes[process]!.ready.by === "notify";
    if (notifies) answers.push({ kind: "becameReady", process, instance });
  } else if (effect.kind === "runFinish") {
    answers.push({ kind: "finished", process: effect.process, instance: effect.instance });
  } else if (effect.kind === "kill" && effect.cause !== "leftover") {
    const { process, instance } = effect;
    answers.push({
      kind: "exited",
      process,
      instance,
      reason: { kind: "code", code: 0, cause: null },
    });
  }
}

function happening(state: CoreState, random: Random, id: number): CoreEvent {
  const process = random.integer(1, 9);
  const { instance, status } = state.processes[process]!;
  const mood = random.fraction();
  if (mood < 0.5 && (status === "running" || status === "starting")) {
    const reason = { kind: "signal", signal: "SIGSEGV", coreDumped: false, cause: null } as const;
    return { kind: "exited", process, instance, reason };
  }
  if (mood < 0.6) return { kind: "becameReady", process, instance: instance - 1 };
  if (mood < 0.7) return { kind: "mainPidChanged", process, instance, pid: id };
  const op = random.pick(["start", "start", "restart", "stop"] as const);
  return { kind: "requested", id, request: { op, process } };
}

if (import.meta.main) console.log(JSON.stringify(await run(), null, 2));
