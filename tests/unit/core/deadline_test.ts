/** What a missed contract does to its process, its group and the crew. */
import { assertEquals } from "@std/assert";
import type { MissAct } from "../../../src/core/event.ts";
import { Crew, crewPlan, EXIT_0, groupPlan, KILLED, processPlan, SECOND } from "./support.ts";

function miss(crew: Crew, p: number, act: MissAct, signalled = false): Crew {
  const { instance } = crew.state.processes[p]!;
  return crew.send({ kind: "deadlineMissed", process: p, instance, act, signalled });
}

Deno.test("step() has an instance that missed its deadline end badly, whatever its code", () => {
  const crew = new Crew(crewPlan([processPlan("worker")])).boot().spawned(0);
  miss(crew, 0, "restart");
  assertEquals(crew.kills, ["0:15:process:deadline"]);
  crew.exits(0, EXIT_0);
  assertEquals(crew.status(0), "spawning");
  const { lastExit, restarts } = crew.state.processes[0]!;
  assertEquals(lastExit, { ...EXIT_0, cause: "deadline" });
  assertEquals(restarts, 1);
});

Deno.test("step() spends the group's budget on missed deadlines", () => {
  const plan = crewPlan([processPlan("worker")], {
    groups: [groupPlan([0], { intensity: 1 })],
  });
  const crew = new Crew(plan).boot().spawned(0);
  miss(crew, 0, "restart").exits(0, KILLED);
  assertEquals(crew.status(0), "spawning");
  miss(crew.spawned(0), 0, "restart").exits(0, KILLED);
  assertEquals(crew.state.shutdown?.exitCode, 111);
});

Deno.test("step() sends no second signal where the monitor has sent one, and still waits for KILL", () => {
  const crew = new Crew(crewPlan([processPlan("worker")])).boot().spawned(0);
  miss(crew, 0, "restart", true);
  assertEquals(crew.kills, []);
  assertEquals(crew.status(0), "stopping");
  crew.due(0, "stop");
  assertEquals(crew.kills, ["0:9:tree:stop-timeout"]);
});

Deno.test("step() leaves a process down whose deadline asks for a stop", () => {
  const crew = new Crew(crewPlan([processPlan("worker"), processPlan("other")])).boot();
  miss(crew.spawnedAll(), 0, "stop").exits(0, KILLED);
  assertEquals([crew.status(0), crew.status(1)], ["idle", "running"]);
});

Deno.test("step() has a group give up for a deadline, with all of its budget left", () => {
  const plan = crewPlan([processPlan("a"), processPlan("b"), processPlan("c")], {
    groups: [
      groupPlan([{ group: 1 }, 2], { intensity: 3 }),
      groupPlan([0, 1], { name: "pair", parent: 0, intensity: 100 }),
    ],
  });
  plan.processes.slice(0, 2).forEach((process) => Object.assign(process, { group: 1 }));
  const crew = new Crew(plan).boot().spawnedAll();
  miss(crew, 0, "fail-group").exits(0, KILLED);
  assertEquals(crew.state.groups.map(({ restartsNs }) => restartsNs.length), [1, 0]);
  assertEquals([crew.status(0), crew.status(1), crew.status(2)], [
    "waiting",
    "stopping",
    "running",
  ]);
  crew.exits(1, KILLED);
  assertEquals([crew.status(0), crew.status(1)], ["spawning", "spawning"]);
});

Deno.test("step() takes no notice of a deadline while the process is on its way down", () => {
  const crew = new Crew(crewPlan([processPlan("worker")])).boot().spawned(0);
  crew.stop(0);
  const before = crew.state;
  miss(crew, 0, "restart");
  assertEquals(crew.state === before, true);
});

Deno.test("step() starts the fallback set with what it builds on, and stops the rest, once", () => {
  const after = [{ process: 0, condition: "started" }] as const;
  const processes = [
    processPlan("base"),
    processPlan("worker", { after }),
    processPlan("fallback", { after }),
    processPlan("@log", { system: true }),
  ];
  const plan = { ...crewPlan(processes), safeMode: { processes: [2] } };
  const crew = new Crew(plan).boot().spawnedAll().spawnedAll();
  crew.stop(2);
  crew.exits(2, KILLED).after(SECOND);
  crew.send({ kind: "safeModeAsked", why: "worker.heartbeat" });
  assertEquals([0, 1, 2, 3].map((p) => crew.status(p)), [
    "running",
    "stopping",
    "spawning",
    "running",
  ]);
  crew.exits(1, KILLED);
  assertEquals(crew.status(1), "idle");
  const before = crew.state;
  crew.send({ kind: "safeModeAsked", why: "again" });
  assertEquals(crew.state === before, true);
});
