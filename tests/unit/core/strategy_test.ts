/** Groups: who restarts with whom, at whose expense, and where a spent budget leads. */
import { assertEquals } from "@std/assert";
import { pushRestart } from "../../../src/core/strategy.ts";
import type { GroupPlan } from "../../../src/plan/plan.ts";
import { Crew, crewPlan, EXIT_0, groupPlan, MS, processPlan, SECOND } from "./support.ts";

/** Four permanent processes in one group below a root without a budget. */
function crewOf(overrides: Partial<GroupPlan>): Crew {
  const names = ["a", "b", "c", "d"];
  return new Crew(crewPlan(names.map((name) => processPlan(name, { group: 1 })), {
    groups: [
      groupPlan([{ group: 1 }]),
      groupPlan([0, 1, 2, 3], {
        name: "pipeline",
        parent: 0,
        intensity: 10,
        ...overrides,
      }),
    ],
  })).boot().spawnedAll();
}

Deno.test("pushRestart() keeps a restart exactly one period ago and drops one older", () => {
  assertEquals(pushRestart([0, 1, 5], 11, 10), [1, 5, 11]);
  assertEquals(pushRestart([0, 1, 5], 10, 10), [0, 1, 5, 10]);
  assertEquals(pushRestart([], 3, 0), [3]);
});

Deno.test("step() restarts one_for_one the failed process alone", () => {
  const crew = crewOf({ strategy: "one_for_one" }).exits(1);
  assertEquals(crew.spawns, [1]);
  assertEquals(crew.kills, []);
  assertEquals(crew.records("groupRestart"), []);
});

Deno.test("step() restarts one_for_all every member, stopped backwards, together", () => {
  const crew = crewOf({ strategy: "one_for_all" }).exits(1);
  assertEquals(crew.kills, ["3:15:process:group", "2:15:process:group", "0:15:process:group"]);
  assertEquals(crew.statuses, ["stopping", "waiting", "stopping", "stopping"]);
  const group = { event: "groupRestart", group: 1, member: "b", count: 1 } as const;
  assertEquals(crew.records("groupRestart"), [group]);
  crew.exits(3).exits(0);
  assertEquals(crew.spawns, []);
  // The last one may even fail its own way: it was being stopped.
  crew.exits(2);
  assertEquals(crew.spawns, [0, 1, 2, 3]);
  assertEquals(crew.state.processes.map(({ restarts }) => restarts), [1, 1, 1, 1]);
  assertEquals(crew.state.groups[1]!.restartsNs.length, 1);
});

Deno.test("step() restarts rest_for_one the failed member and those after it", () => {
  const crew = crewOf({ strategy: "rest_for_one" }).exits(2);
  assertEquals(crew.kills, ["3:15:process:group"]);
  crew.exits(3);
  assertEquals(crew.spawns, [2, 3]);
  assertEquals(crew.status(0), "running");
});

Deno.test("step() widens a rest_for_one restart when an earlier member fails meanwhile", () => {
  const crew = crewOf({ strategy: "rest_for_one" }).exits(2).exits(0);
  assertEquals(crew.kills, ["1:15:process:group"]);
  crew.exits(3);
  assertEquals(crew.spawns, []);
  crew.exits(1);
  assertEquals(crew.spawns, [0, 1, 2, 3]);
  assertEquals(crew.state.groups[1]!.restartsNs.length, 2);
});

Deno.test("step() counts a failure while the group starts again, and starts nobody twice", () => {
  const crew = crewOf({ strategy: "one_for_all" }).exits(0).exits(1).exits(2).exits(3);
  assertEquals(crew.spawns, [0, 1, 2, 3]);
  crew.spawned(0).exits(0);
  assertEquals(crew.state.groups[1]!.restartsNs.length, 2);
  assertEquals(crew.status(0), "backoff");
  crew.spawned(1).exits(1).spawned(2).exits(2).spawned(3).exits(3);
  assertEquals(crew.spawns, []);
  crew.due(0, "backoff");
  assertEquals(crew.spawns, [0, 1, 2, 3]);
  assertEquals(crew.state.processes.map(({ instance }) => instance), [3, 3, 3, 3]);
});

Deno.test("step() delays a group restart by the backoff of the member that failed", () => {
  const crew = crewOf({ strategy: "one_for_all" });
  for (const p of [0, 1, 2, 3]) crew.exits(p);
  crew.spawnedAll().exits(1);
  const restart = { event: "restart", process: 1, delayNs: 100 * MS, attempt: 2 };
  // It failed once before, when it was being stopped: that did not count.
  assertEquals(crew.records("restart")[0]!.delayNs, 0);
  for (const p of [3, 2, 0]) crew.exits(p);
  crew.spawnedAll().exits(1);
  assertEquals(crew.records("restart"), [restart as never]);
  for (const p of [3, 2, 0]) crew.exits(p);
  assertEquals(crew.spawns, []);
  crew.due(1, "backoff");
  assertEquals(crew.spawns, [0, 1, 2, 3]);
});

Deno.test("step() stops a member for its group only when its dependents are down", () => {
  const plan = crewPlan([
    processPlan("db", { group: 1 }),
    processPlan("api", { group: 1, after: [{ process: 0, condition: "ready" }] }),
    processPlan("flaky", { group: 1 }),
  ], {
    groups: [
      groupPlan([{ group: 1 }]),
      groupPlan([0, 1, 2], { name: "g", parent: 0, intensity: 5, strategy: "one_for_all" }),
    ],
  });
  const crew = new Crew(plan).boot().spawnedAll().spawnedAll().exits(2);
  assertEquals(crew.kills, ["1:15:process:group"]);
  crew.exits(1);
  assertEquals(crew.kills, ["0:15:process:group"]);
  crew.exits(0);
  assertEquals(crew.spawns, [0, 2]);
  crew.spawned(0);
  assertEquals(crew.spawns, [1]);
});

Deno.test("step() brings back with its group neither what has ended nor what is temporary", () => {
  const of = (name: string, policy: "permanent" | "transient" | "temporary") => {
    const base = processPlan(name);
    return processPlan(name, { group: 1, restart: { ...base.restart, policy } });
  };
  const plan = crewPlan([
    of("once", "temporary"),
    of("job", "transient"),
    of("live", "temporary"),
    of("stopped", "permanent"),
    of("flaky", "permanent"),
  ], {
    groups: [
      groupPlan([{ group: 1 }]),
      groupPlan([0, 1, 2, 3, 4], { parent: 0, intensity: 5, strategy: "one_for_all" }),
    ],
  });
  const crew = new Crew(plan).boot().spawnedAll().exits(0, EXIT_0).exits(1, EXIT_0);
  crew.stop(3);
  crew.exits(3).exits(4);
  assertEquals(crew.kills, ["2:15:process:group"]);
  crew.exits(2);
  assertEquals(crew.spawns, [4]);
  assertEquals(crew.statuses, ["completed", "completed", "failed", "idle", "spawning"]);
});

Deno.test("step() does not spend a budget on an operator's stop, restart or start", () => {
  const crew = crewOf({ strategy: "one_for_all", intensity: 0 });
  crew.stop(0);
  crew.exits(0).start(0);
  crew.spawned(0).restart(0);
  crew.exits(0).spawned(0);
  assertEquals(crew.state.groups[1]!.restartsNs, []);
  assertEquals(crew.statuses, ["running", "running", "running", "running"]);
});

function failTimes(crew: Crew, times: number): Crew {
  for (let i = 0; i < times; i++) {
    crew.exits(0);
    if (crew.state.shutdown !== null) return crew;
    if (crew.status(0) === "backoff") crew.due(0, "backoff");
    crew.spawned(0);
  }
  return crew;
}

Deno.test("step() affords exactly intensity restarts within the period", () => {
  assertEquals(failTimes(crewOf({ intensity: 3, periodNs: 60 * SECOND }), 3).state.shutdown, null);
});

Deno.test("step() gives up with restart intensity + 1 within the period", () => {
  const crew = failTimes(crewOf({ intensity: 3, periodNs: 60 * SECOND }), 4);
  const gaveUp = { event: "groupGaveUp", group: 1, member: "a", count: 4 } as const;
  assertEquals(crew.records("groupGaveUp"), [gaveUp]);
  assertEquals(crew.state.shutdown?.exitCode, 111);
});

Deno.test("step() counts a restart exactly one period ago and forgets it a nanosecond later", () => {
  for (const [extraNs, ends] of [[0, true], [1, false]] as const) {
    const crew = crewOf({ intensity: 1, periodNs: 5 * SECOND }).exits(0).spawned(0);
    crew.after(5 * SECOND + extraNs).exits(0);
    assertEquals(crew.state.shutdown !== null, ends);
  }
});

Deno.test("step() fails the members of a group that gives up, and ends the crew with 111", () => {
  const crew = crewOf({ intensity: 0 }).exits(1);
  assertEquals(crew.status(1), "failed");
  assertEquals(crew.records("state")[0]!.why, "group pipeline gave up");
  assertEquals(crew.kills, ["3:15:process:group", "2:15:process:group", "0:15:process:group"]);
  for (const p of [0, 2, 3]) crew.exits(p);
  assertEquals(crew.statuses, ["failed", "failed", "failed", "failed"]);
  assertEquals(crew.exitCode, 111);
});

/** root(intensity) > outer > inner; `x` beside them in the root, `y` in outer. */
function nested(root: Partial<GroupPlan>, outer: Partial<GroupPlan>): Crew {
  const plan = crewPlan([
    processPlan("a", { group: 2 }),
    processPlan("b", { group: 2 }),
    processPlan("y", { group: 1 }),
    processPlan("x", { group: 0 }),
  ], {
    groups: [
      groupPlan([{ group: 1 }, 3], root),
      groupPlan([{ group: 2 }, 2], { name: "outer", parent: 0, ...outer }),
      groupPlan([0, 1], { name: "inner", parent: 1, intensity: 1, periodNs: 60 * SECOND }),
    ],
  });
  return new Crew(plan).boot().spawnedAll();
}

Deno.test("step() has the parent restart a nested group that gave up, alone and unspent", () => {
  const crew = nested({}, { intensity: 5 }).exits(0).spawned(0).exits(0);
  assertEquals(crew.records("groupGaveUp").map(({ group }) => group), [2]);
  const restarted = { event: "groupRestart", group: 1, member: "inner", count: 1 } as const;
  assertEquals(crew.records("groupRestart"), [restarted]);
  assertEquals(crew.kills, ["1:15:process:group"]);
  assertEquals(crew.state.groups[2]!.restartsNs, []);
  crew.exits(1).due(0, "backoff");
  assertEquals(crew.spawns, [0, 1]);
  assertEquals([crew.status(2), crew.status(3)], ["running", "running"]);
});

Deno.test("step() applies the parent's own strategy to a nested group that gave up", () => {
  const crew = nested({}, { intensity: 5, strategy: "rest_for_one" }).exits(0).spawned(0).exits(0);
  assertEquals(crew.kills, ["2:15:process:group", "1:15:process:group"]);
});

Deno.test("step() escalates level by level and stops at the first that can afford it", () => {
  const crew = nested({ intensity: 1 }, { intensity: 0 }).exits(0).spawned(0).exits(0);
  assertEquals(crew.records("groupGaveUp").map(({ group }) => group), [2, 1]);
  assertEquals(crew.records("groupRestart").map(({ group, member }) => [group, member]), [
    [0, "outer"],
  ]);
  assertEquals(crew.state.shutdown, null);
  assertEquals(crew.kills, ["2:15:process:group", "1:15:process:group"]);
});

Deno.test("step() ends the crew when the root's own budget is spent", () => {
  const crew = nested({ intensity: 0 }, { intensity: 0 }).exits(0).spawned(0).exits(0);
  assertEquals(crew.records("groupGaveUp").map(({ group }) => group), [2, 1, 0]);
  assertEquals(crew.records("shutdown"), [
    { event: "shutdown", level: 1, exitCode: 111, why: "the crew's restart budget is spent" },
  ]);
});

Deno.test("step() restarts the root's own processes without limit when it has no budget", () => {
  const crew = new Crew(crewPlan([processPlan("a")])).boot().spawned(0);
  for (let i = 0; i < 100; i++) failTimes(crew, 1);
  assertEquals(crew.state.processes[0]!.restarts, 100);
  assertEquals(crew.state.shutdown, null);
});
