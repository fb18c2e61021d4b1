/** Dependency order: what a start awaits, what a failure takes along, what a start pulls up. */
import { assertEquals } from "@std/assert";
import { judgeDependency } from "../../../src/core/order.ts";
import type { ProcessStatus } from "../../../src/core/effect.ts";
import type { Dependency, ProcessPlan } from "../../../src/plan/plan.ts";
import { Crew, crewPlan, EXIT_0, groupPlan, MS, processPlan, SECOND } from "./support.ts";

const NOTIFY = { by: "notify", withinNs: 2 * SECOND } as const;

function after(process: number, condition: Dependency["condition"]): Partial<ProcessPlan> {
  return { after: [{ process, condition }] };
}

function policy(name: string, of: "temporary" | "transient", rest: Partial<ProcessPlan> = {}) {
  return processPlan(name, { restart: { ...processPlan(name).restart, policy: of }, ...rest });
}

Deno.test("judgeDependency() knows every condition against every status", () => {
  const { state } = new Crew(crewPlan([processPlan("a")]));
  const rows: Record<ProcessStatus, [started: string, ready: string, completed: string]> = {
    idle: ["pending", "pending", "pending"],
    waiting: ["pending", "pending", "pending"],
    spawning: ["pending", "pending", "pending"],
    starting: ["holds", "pending", "pending"],
    running: ["holds", "holds", "pending"],
    stopping: ["pending", "pending", "pending"],
    killing: ["pending", "pending", "pending"],
    finishing: ["pending", "pending", "pending"],
    backoff: ["pending", "pending", "pending"],
    completed: ["holds", "impossible", "holds"],
    failed: ["impossible", "impossible", "impossible"],
  };
  for (const [status, expected] of Object.entries(rows)) {
    const on = { ...state.processes[0]!, status: status as ProcessStatus };
    const judged = (["started", "ready", "completed"] as const)
      .map((condition) => judgeDependency(condition, on));
    assertEquals(judged as string[], expected as string[], status);
  }
});

Deno.test("step() starts at boot everything independent in parallel", () => {
  const plan = crewPlan(["a", "b", "c"].map((name) => processPlan(name)));
  assertEquals(new Crew(plan).boot().spawns, [0, 1, 2]);
});

Deno.test("step() boots once", () => {
  const crew = new Crew(crewPlan([processPlan("a")])).boot().boot();
  assertEquals(crew.effects, []);
});

Deno.test("step() starts a dependent when its dependency is started, ready, completed", () => {
  const plan = crewPlan([
    policy("job", "temporary", { ready: NOTIFY }),
    processPlan("s", after(0, "started")),
    processPlan("r", after(0, "ready")),
    processPlan("c", after(0, "completed")),
  ]);
  const crew = new Crew(plan).boot();
  assertEquals(crew.spawns, [0]);
  assertEquals(crew.spawned(0).spawns, [1]);
  assertEquals(crew.ready(0).spawns, [2]);
  assertEquals(crew.exits(0, EXIT_0).spawns, [3]);
});

Deno.test("step() awaits every dependency of a process", () => {
  const plan = crewPlan([
    processPlan("a"),
    processPlan("b"),
    processPlan("c", {
      after: [{ process: 0, condition: "ready" }, { process: 1, condition: "ready" }],
    }),
  ]);
  const crew = new Crew(plan).boot().spawned(1);
  assertEquals(crew.spawns, []);
  assertEquals(crew.spawned(0).spawns, [2]);
});

Deno.test("step() leaves dependents alone when a dependency restarts later", () => {
  const plan = crewPlan([processPlan("db"), processPlan("api", after(0, "ready"))]);
  const crew = new Crew(plan).boot().spawned(0).spawned(1).exits(0);
  assertEquals(crew.status(1), "running");
  // And what crashes meanwhile comes back without it.
  assertEquals(crew.exits(1).spawns, [1]);
});

Deno.test("step() fails, with the reason, all that waits for what has failed for good", () => {
  const plan = crewPlan([
    policy("migrate", "temporary"),
    processPlan("api", after(0, "completed")),
    processPlan("web", after(1, "ready")),
    processPlan("other"),
  ]);
  const crew = new Crew(plan).boot().spawned(0).spawned(3).exits(0);
  assertEquals(crew.statuses, ["failed", "failed", "failed", "running"]);
  assertEquals(crew.records("state").map(({ why }) => why), [
    "exited with 1",
    "dependency migrate failed",
    "dependency api failed",
  ]);
});

Deno.test("step() fails what waits for readiness of what has completed without it", () => {
  const plan = crewPlan([
    policy("job", "transient", { ready: NOTIFY }),
    processPlan("api", after(0, "ready")),
    processPlan("other"),
  ]);
  const crew = new Crew(plan).boot().spawnedAll().exits(0, EXIT_0);
  assertEquals(crew.statuses, ["completed", "failed", "running"]);
  assertEquals(crew.records("state")[1]!.why, "dependency job completed");
});

Deno.test("step() pulls the dependencies of what an operator starts up, failed ones too", () => {
  const plan = crewPlan([
    policy("migrate", "temporary"),
    processPlan("db"),
    processPlan("api", {
      after: [{ process: 0, condition: "completed" }, { process: 1, condition: "ready" }],
    }),
    processPlan("other"),
  ]);
  const crew = new Crew(plan).boot().spawnedAll().exits(0);
  crew.stop(1);
  crew.exits(1);
  assertEquals(crew.statuses, ["failed", "idle", "failed", "running"]);
  assertEquals(crew.start(2), { kind: "accepted" });
  assertEquals(crew.spawns, [0, 1]);
  crew.spawnedAll();
  assertEquals(crew.exits(0, EXIT_0).spawns, [2]);
});

Deno.test("step() brings a dependency back that is being stopped when a dependent starts", () => {
  const plan = crewPlan([processPlan("db"), processPlan("api", after(0, "ready"))]);
  const crew = new Crew(plan).boot().spawned(0).spawned(1);
  crew.stop(1);
  crew.exits(1).stop(0);
  assertEquals(crew.status(0), "stopping");
  crew.start(1);
  assertEquals(crew.exits(0).spawns, [0]);
  assertEquals(crew.spawned(0).spawns, [1]);
});

Deno.test("step() walks a lattice of dependencies once", () => {
  const layers = 40;
  const processes = [...Array(layers * 2).keys()].map((p) => {
    const layer = Math.floor(p / 2);
    const before = layer === 0 ? [] : [2 * layer - 2, 2 * layer - 1];
    return processPlan(`p${p}`, {
      after: before.map((process) => ({ process, condition: "ready" as const })),
    });
  });
  const crew = new Crew(crewPlan([...processes, processPlan("keeper")])).boot();
  for (let p = 0; p < layers * 2; p++) crew.stop(p);
  crew.spawnedAll().exits(0).exits(1);
  // Every path would be 2^40 of them.
  assertEquals(crew.start(layers * 2 - 1), { kind: "accepted" });
  assertEquals(crew.spawns, [0, 1]);
});

Deno.test("step() stops a process alone when an operator stops it", () => {
  const plan = crewPlan([processPlan("db"), processPlan("api", after(0, "ready"))]);
  const crew = new Crew(plan).boot().spawned(0).spawned(1);
  crew.stop(0);
  assertEquals(crew.kills, ["0:15:process:stop"]);
  assertEquals(crew.exits(0).statuses, ["idle", "running"]);
});

Deno.test("step() restarts a group whatever became of dependencies outside it", () => {
  const plan = crewPlan([
    processPlan("db"),
    processPlan("a", { group: 1, ...after(0, "ready") }),
    processPlan("b", { group: 1, ...after(1, "ready") }),
  ], {
    groups: [
      groupPlan([0, { group: 1 }]),
      groupPlan([1, 2], { name: "g", parent: 0, intensity: 5, strategy: "one_for_all" }),
    ],
  });
  const crew = new Crew(plan).boot().spawned(0).spawned(1).spawned(2);
  crew.stop(0);
  crew.exits(0).exits(2).exits(1);
  assertEquals(crew.spawns, [1]);
  assertEquals(crew.spawned(1).spawns, [2]);
});

Deno.test("step() moves the ready timer later when asked to, never earlier", () => {
  const crew = new Crew(crewPlan([processPlan("a", { ready: NOTIFY })])).boot().spawned(0);
  const extend = (byNs: number) =>
    crew.send({ kind: "timeoutExtended", process: 0, instance: 1, byNs });
  for (const byNs of [MS, 2 * SECOND, -1, NaN, Infinity]) assertEquals(extend(byNs).effects, []);
  extend(2 * SECOND + 1);
  assertEquals(crew.state.processes[0]!.dueNs, 2 * SECOND + 1);
});
