/** Requests that meet each other, a group restart or a shutdown: never a second instance. */
import { assertEquals } from "@std/assert";
import { Crew, crewPlan, EXIT_0, groupPlan, KILLED, processPlan } from "./support.ts";

function pair(): Crew {
  return new Crew(crewPlan([processPlan("a"), processPlan("b")])).boot().spawnedAll();
}

Deno.test("step() ignores a second start", () => {
  assertEquals(pair().start(0), { kind: "ignored", reason: "already running" });
});

Deno.test("step() restarts once when a restart meets a restart", () => {
  const crew = pair();
  assertEquals(crew.restart(0).kind, "accepted");
  assertEquals(crew.restart(0), { kind: "ignored", reason: "already restarting" });
  assertEquals(crew.exits(0).spawns, [0]);
  assertEquals(crew.restart(0), { kind: "ignored", reason: "already starting" });
});

Deno.test("step() leaves it down when a stop meets a restart, and up the other way round", () => {
  const crew = pair();
  crew.restart(0);
  assertEquals(crew.stop(0).kind, "accepted");
  assertEquals(crew.exits(0).status(0), "idle");
  crew.start(0);
  crew.spawned(0).stop(0);
  assertEquals(crew.restart(0).kind, "accepted");
  assertEquals(crew.exits(0).spawns, [0]);
});

Deno.test("step() stops a process whose spawn was on its way, as soon as it is there", () => {
  const crew = new Crew(crewPlan([processPlan("a"), processPlan("b")])).boot();
  assertEquals(crew.stop(0).kind, "accepted");
  assertEquals(crew.stop(0), { kind: "ignored", reason: "already stopping" });
  assertEquals(crew.kills, []);
  assertEquals(crew.spawned(0).kills, ["0:15:process:stop"]);
  assertEquals(crew.exits(0).status(0), "idle");
});

Deno.test("step() keeps an instance that was to be stopped during its spawn, and is wanted again", () => {
  const crew = new Crew(crewPlan([processPlan("a"), processPlan("b")])).boot();
  crew.stop(0);
  assertEquals(crew.start(0).kind, "accepted");
  assertEquals(crew.spawned(0).kills, []);
  assertEquals(crew.status(0), "running");
});

Deno.test("step() starts anew what an operator starts while its finish program decides", () => {
  const restart = { ...processPlan("job").restart, policy: "temporary" as const };
  const finish = { argv: ["/f"], executable: "/f", timeoutNs: 1 };
  const plan = crewPlan([processPlan("job", { restart, finish }), processPlan("b")]);
  const crew = new Crew(plan).boot().spawnedAll().exits(0, EXIT_0);
  assertEquals(crew.start(0).kind, "accepted");
  assertEquals(crew.finished(0).spawns, [0]);
});

Deno.test("step() stops in backoff, and a late timer does not bring it back", () => {
  const crew = pair().exits(0).spawned(0).exits(0);
  assertEquals(crew.status(0), "backoff");
  const { dueNs } = crew.state.processes[0]!;
  assertEquals(crew.stop(0).kind, "accepted");
  crew.nowNs = dueNs! + 1;
  crew.send({ kind: "timerFired", timer: { process: 0, kind: "backoff" } });
  assertEquals(crew.status(0), "idle");
});

Deno.test("step() delivers an operator's signal, and takes the exit for the process's own", () => {
  const crew = pair();
  assertEquals(crew.ask({ op: "signal", process: 0, signal: 9 }), { kind: "accepted" });
  assertEquals(crew.kills, ["0:9:process:operator"]);
  crew.exits(0, KILLED);
  assertEquals(crew.state.processes[0]!.lastExit, KILLED);
  assertEquals(crew.state.processes[0]!.restarts, 1);
});

Deno.test("step() denies every start during a shutdown, and ignores a stop", () => {
  const crew = pair();
  crew.shutDown();
  const reason = "the crew is shutting down";
  assertEquals(crew.start(0), { kind: "denied", reason });
  assertEquals(crew.restart(0), { kind: "denied", reason });
  assertEquals(crew.stop(0).kind, "ignored");
  crew.exits(0);
  assertEquals(crew.start(0), { kind: "denied", reason });
  assertEquals(crew.spawns, []);
});

Deno.test("step() denies requests before the boot", () => {
  const crew = new Crew(crewPlan([processPlan("a")]));
  assertEquals(crew.start(0), { kind: "denied", reason: "the crew has not started yet" });
});

Deno.test("step() restarts a system process on request and denies to stop it", () => {
  const plan = crewPlan([processPlan("@log", { system: true }), processPlan("a")]);
  const crew = new Crew(plan).boot().spawnedAll();
  assertEquals(crew.stop(0).kind, "denied");
  assertEquals(crew.restart(0).kind, "accepted");
  assertEquals(crew.exits(0).spawns, [0]);
});

function group(): Crew {
  const restart = { ...processPlan("c").restart, policy: "temporary" as const };
  return new Crew(crewPlan([
    processPlan("a", { group: 1 }),
    processPlan("b", { group: 1, after: [{ process: 0, condition: "started" }] }),
    processPlan("c", { group: 1, restart }),
    processPlan("d", { group: 1 }),
  ], {
    groups: [
      groupPlan([{ group: 1 }]),
      groupPlan([0, 1, 2, 3], { parent: 0, intensity: 5, strategy: "one_for_all" }),
    ],
  })).boot().spawnedAll().spawnedAll();
}

Deno.test("step() ignores requests that a group restart fulfils anyway", () => {
  const crew = group().exits(3);
  // a awaits b, which depends on it.
  assertEquals(crew.status(0), "running");
  assertEquals(crew.start(0), { kind: "ignored", reason: "its group restarts" });
  assertEquals(crew.start(1), { kind: "ignored", reason: "already restarting" });
  assertEquals(crew.start(3).kind, "ignored");
});

Deno.test("step() keeps down what an operator stops during a group restart", () => {
  const crew = group().exits(3);
  assertEquals(crew.stop(1).kind, "accepted");
  crew.exits(1).exits(2).exits(0);
  assertEquals(crew.spawns, [0, 3]);
  assertEquals(crew.status(1), "idle");
});

Deno.test("step() holds what an operator starts until its group is down", () => {
  const crew = group();
  crew.stop(2);
  crew.exits(2).exits(3);
  assertEquals(crew.start(2).kind, "accepted");
  assertEquals(crew.spawns, []);
  crew.exits(1).exits(0);
  assertEquals(crew.spawns, [0, 2, 3]);
});

Deno.test("step() brings a temporary member back that an operator wants during a group restart", () => {
  const crew = group().exits(3);
  assertEquals(crew.status(2), "stopping");
  assertEquals(crew.start(2).kind, "accepted");
  crew.exits(2).exits(1).exits(0);
  assertEquals(crew.spawns, [0, 2, 3]);
});
