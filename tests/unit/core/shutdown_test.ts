/** The end of a crew: its order, its levels, its exit code, and that it always comes. */
import { assert, assertEquals } from "@std/assert";
import type { ProcessPlan } from "../../../src/plan/plan.ts";
import { Crew, crewPlan, EXIT_0, groupPlan, KILLED, MS, processPlan, SECOND } from "./support.ts";

const NOTIFY = { by: "notify", withinNs: 2 * SECOND } as const;

/** db <- api <- web, and a lone one beside them. */
function chain(overrides: Partial<ProcessPlan> = {}): Crew {
  return new Crew(crewPlan([
    processPlan("db", overrides),
    processPlan("api", { after: [{ process: 0, condition: "ready" }], ...overrides }),
    processPlan("web", { after: [{ process: 1, condition: "ready" }], ...overrides }),
    processPlan("lone", overrides),
  ]));
}

function up(crew: Crew): Crew {
  return crew.boot().spawnedAll().spawnedAll().spawnedAll();
}

Deno.test("step() stops backwards in dependency order, the independent in parallel", () => {
  const crew = up(chain());
  assertEquals(crew.shutDown(), { kind: "accepted" });
  assertEquals(crew.kills, ["3:15:process:stop", "2:15:process:stop"]);
  assertEquals(crew.exits(3).kills, []);
  assertEquals(crew.exits(2).kills, ["1:15:process:stop"]);
  assertEquals(crew.exits(1).kills, ["0:15:process:stop"]);
  assertEquals(crew.exitCode, null);
  assertEquals(crew.exits(0).exitCode, 0);
  assertEquals(crew.statuses, ["idle", "idle", "idle", "idle"]);
});

Deno.test("step() awaits indirect dependents, too, when those between have ended", () => {
  const crew = new Crew(crewPlan([
    processPlan("db"),
    processPlan("migrate", {
      after: [{ process: 0, condition: "ready" }],
      restart: { ...processPlan("m").restart, policy: "temporary" },
    }),
    processPlan("api", { after: [{ process: 1, condition: "completed" }] }),
  ])).boot().spawned(0).spawned(1).exits(1, EXIT_0).spawned(2);
  crew.shutDown();
  assertEquals(crew.kills, ["2:15:process:stop"]);
});

Deno.test("step() stops across groups in dependency order, whatever the members' order", () => {
  const plan = crewPlan([
    processPlan("db", { group: 2 }),
    processPlan("api", { group: 1, after: [{ process: 0, condition: "ready" }] }),
  ], {
    groups: [
      groupPlan([{ group: 1 }, { group: 2 }]),
      groupPlan([1], { name: "front", parent: 0, intensity: 1 }),
      groupPlan([0], { name: "back", parent: 0, intensity: 1 }),
    ],
  });
  const crew = new Crew(plan).boot().spawned(0).spawned(1);
  crew.shutDown();
  assertEquals(crew.kills, ["1:15:process:stop"]);
});

Deno.test("step() stops system processes after all others", () => {
  const plan = crewPlan([processPlan("@log", { system: true }), processPlan("a")]);
  const crew = new Crew(plan).boot().spawnedAll();
  crew.shutDown();
  assertEquals(crew.kills, ["1:15:process:stop"]);
  assertEquals(crew.exits(1).kills, ["0:15:process:stop"]);
  assertEquals(crew.exits(0).exitCode, 0);
});

Deno.test("step() stops system processes one after the other, the first of them last", () => {
  const names = ["@log", "@relay"];
  const plan = crewPlan([
    ...names.map((name) => processPlan(name, { system: true })),
    processPlan("a"),
  ]);
  const crew = new Crew(plan).boot().spawnedAll();
  crew.shutDown();
  assertEquals(crew.kills, ["2:15:process:stop"]);
  assertEquals(crew.exits(2).kills, ["1:15:process:stop"]);
  assertEquals(crew.exits(1).kills, ["0:15:process:stop"]);
  assertEquals(crew.exits(0).exitCode, 0);
});

Deno.test("step() runs the finish program of what it stops before it goes on", () => {
  const crew = up(chain({ finish: { argv: ["/f"], executable: "/f", timeoutNs: 500 * MS } }));
  crew.shutDown();
  assertEquals(crew.exits(2).kills, []);
  assertEquals(crew.finished(2).kills, ["1:15:process:stop"]);
});

Deno.test("step() ends a shutdown in every phase of a start-up", () => {
  const phases: ((crew: Crew) => void)[] = [
    () => {},
    (crew) => void crew.boot(),
    (crew) => void crew.boot().spawned(0),
    (crew) => void crew.boot().spawned(0).ready(0),
    (crew) => void crew.boot().spawned(0).ready(0).spawned(1),
    (crew) => void crew.boot().spawned(0).ready(0).spawned(1).ready(1).spawned(2),
    (crew) => void crew.boot().spawnFailed(0),
    (crew) => void crew.boot().spawned(0).exits(0),
    (crew) => void crew.boot().spawned(0).exits(0).spawned(0).exits(0),
  ];
  for (const reach of phases) {
    const crew = chain({ ready: NOTIFY });
    reach(crew);
    crew.shutDown();
    for (let left = 20; left > 0 && crew.exitCode === null; left--) {
      const before = crew.state;
      const p = crew.state.processes.findIndex(({ status }) =>
        status === "spawning" || status === "stopping"
      );
      assert(p >= 0, `the shutdown hangs: ${crew.statuses}`);
      if (crew.status(p) === "spawning") crew.spawned(p);
      else crew.exits(p);
      assert(crew.state !== before);
    }
    assertEquals(crew.exitCode, 0);
    assertEquals(crew.spawns, []);
  }
});

Deno.test("step() takes no spawn failure amiss during a shutdown", () => {
  const crew = chain().boot();
  crew.shutDown();
  assertEquals(crew.spawnFailed(3).spawnFailed(0).exitCode, 0);
});

Deno.test("step() KILLs at level 2 what is stopping, and the others when their turn comes", () => {
  const crew = up(chain());
  crew.shutDown();
  assertEquals(crew.shutDown(), { kind: "accepted" });
  assertEquals(crew.kills, ["3:9:tree:stop-timeout", "2:9:tree:stop-timeout"]);
  assertEquals(crew.exits(3, KILLED).kills, []);
  assertEquals(crew.exits(2, KILLED).kills, ["1:9:tree:stop"]);
  assertEquals(crew.exits(1, KILLED).exits(0, KILLED).exitCode, 0);
});

Deno.test("step() leaves a system process its time at level 2, to show how the others ended", () => {
  const plan = crewPlan([processPlan("@log", { system: true }), processPlan("a")]);
  const crew = new Crew(plan).boot().spawnedAll();
  crew.shutDown();
  crew.shutDown();
  assertEquals(crew.kills, ["1:9:tree:stop-timeout"]);
  assertEquals(crew.exits(1, KILLED).kills, ["0:15:process:stop"]);
  crew.shutDown();
  assertEquals(crew.kills, ["0:9:tree:stop-timeout"]);
});

Deno.test("step() KILLs everything at level 3, whoever's turn it is, finish programs too", () => {
  const finish = { argv: ["/f"], executable: "/f", timeoutNs: 500 * MS };
  const crew = up(chain({ finish }));
  crew.shutDown();
  crew.exits(2);
  assertEquals(crew.status(2), "finishing");
  crew.shutDown();
  crew.shutDown();
  assertEquals(crew.kills, ["1:9:tree:stop", "0:9:tree:stop"]);
  assertEquals(crew.effects.filter(({ kind }) => kind === "killFinish").length, 1);
  assertEquals(crew.shutDown(), { kind: "ignored", reason: "everything is being killed" });
  assertEquals(crew.effects.filter(({ kind }) => kind === "killFinish").length, 0);
  // No finish program is begun any more.
  crew.finished(2).exits(1, KILLED).exits(0, KILLED).exits(3, KILLED);
  assertEquals(crew.exitCode, 0);
});

Deno.test("step() records each level of a shutdown and keeps exit code 111 once it is set", () => {
  const crew = up(chain()).send({ kind: "guardLost" });
  crew.ask({ op: "shutdown", exitCode: 0 });
  assertEquals(crew.records("shutdown"), [
    { event: "shutdown", level: 2, exitCode: 111, why: "requested again" },
  ]);
});

Deno.test("step() raises the exit code to 111 when the guard is lost during a shutdown", () => {
  const crew = up(chain());
  crew.shutDown();
  crew.send({ kind: "guardLost" });
  assertEquals(crew.state.shutdown, { level: 1, exitCode: 111, cause: "stop" });
  assertEquals(crew.send({ kind: "guardLost" }).effects, []);
});

function jobs(count: number, overrides: Partial<ProcessPlan> = {}): Crew {
  const restart = { ...processPlan("job").restart, policy: "temporary" as const };
  return new Crew(
    crewPlan([
      processPlan("@log", { system: true }),
      ...[...Array(count).keys()].map((p) => processPlan(`job${p}`, { restart, ...overrides })),
    ]),
  ).boot().spawnedAll();
}

Deno.test("step() ends with 0 when every process has completed", () => {
  const crew = jobs(2).exits(1, EXIT_0);
  assertEquals(crew.state.shutdown, null);
  assertEquals(crew.exits(2, EXIT_0).kills, ["0:15:process:stop"]);
  assertEquals(crew.exits(0).exitCode, 0);
  assertEquals(crew.statuses, ["idle", "completed", "completed"]);
});

Deno.test("step() ends with 111 when every process has ended and one has failed", () => {
  const crew = jobs(2).exits(1).exits(2, EXIT_0).exits(0);
  assertEquals(crew.exitCode, 111);
});

Deno.test("step() does not count a failure that an operator has dismissed", () => {
  const crew = jobs(2).exits(1);
  crew.stop(1);
  assertEquals(crew.exits(2, EXIT_0).exits(0).exitCode, 0);
});

Deno.test("step() does not end the crew while a process is only stopped", () => {
  const crew = jobs(2);
  crew.stop(1);
  crew.exits(1).exits(2, EXIT_0);
  assertEquals(crew.state.shutdown, null);
  assertEquals(crew.start(1), { kind: "accepted" });
});

Deno.test("step() ends at once a crew without processes", () => {
  assertEquals(new Crew(crewPlan([])).boot().exitCode, 0);
});

Deno.test("step() ends the crew with 111 when a critical process fails for good", () => {
  const crew = jobs(2, { critical: true }).exits(1);
  assertEquals(crew.records("shutdown"), [
    { event: "shutdown", level: 1, exitCode: 111, why: "critical process job0 failed" },
  ]);
  assertEquals(crew.kills, ["2:15:process:stop"]);
});

Deno.test("step() ends the crew when a critical process fails with its dependency", () => {
  const plan = crewPlan([
    processPlan("job", { restart: { ...processPlan("j").restart, policy: "temporary" } }),
    processPlan("api", { critical: true, after: [{ process: 0, condition: "completed" }] }),
    processPlan("other"),
  ]);
  const crew = new Crew(plan).boot().spawnedAll().exits(0);
  assertEquals(crew.state.shutdown?.exitCode, 111);
});

Deno.test("step() answers and does nothing after the exit", () => {
  const crew = jobs(1).exits(1, EXIT_0).exits(0);
  assertEquals(crew.exitCode, 0);
  const { state } = crew;
  assertEquals(crew.start(1), { kind: "denied", reason: "the crew has ended" });
  assertEquals(crew.shutDown(), { kind: "denied", reason: "the crew has ended" });
  crew.boot().send({ kind: "guardLost" }).exits(1);
  assert(crew.state === state);
});
