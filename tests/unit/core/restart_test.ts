/** Restart policy x exit reason, for ends of its own and for ends that we brought about. */
import { assertEquals } from "@std/assert";
import type { ProcessStatus } from "../../../src/core/effect.ts";
import type { ExitReason } from "../../../src/core/exit_reason.ts";
import type { RestartPlan } from "../../../src/plan/plan.ts";
import { Crew, crewPlan, EXIT_0, EXIT_1, KILLED, MS, processPlan, SECOND } from "./support.ts";

const POLICIES = ["permanent", "transient", "temporary"] as const;
type Policy = typeof POLICIES[number];

function crewWith(policy: Policy): Crew {
  const base = processPlan("worker").restart;
  const restart: RestartPlan = { ...base, policy, successCodes: [3] };
  const ready = { by: "notify", withinNs: 2 * SECOND } as const;
  const plan = crewPlan([processPlan("worker", { restart, ready }), processPlan("keeper")]);
  return new Crew(plan).boot().spawnedAll();
}

const SIGNAL: ExitReason = {
  kind: "signal",
  signal: "SIGTERM",
  coreDumped: false,
  cause: null,
};
const REASONS: Record<string, { reason: ExitReason; good: boolean }> = {
  "code 0": { reason: EXIT_0, good: true },
  "a success code": { reason: { kind: "code", code: 3, cause: null }, good: true },
  "code 1": { reason: EXIT_1, good: false },
  "SIGTERM": { reason: SIGNAL, good: false },
  "a core dump": { reason: { ...SIGNAL, signal: "SIGSEGV", coreDumped: true }, good: false },
  "an operator's kill -9": { reason: KILLED, good: false },
  "lack of memory": { reason: { kind: "outOfMemory", signal: "SIGKILL" }, good: false },
};

function becomes(policy: Policy, good: boolean): ProcessStatus {
  if (policy === "permanent" || (policy === "transient" && !good)) return "spawning";
  return good ? "completed" : "failed";
}

for (const policy of POLICIES) {
  for (const [name, { reason, good }] of Object.entries(REASONS)) {
    const to = becomes(policy, good);
    Deno.test(`step() makes a ${policy} process ${to} after ${name}`, () => {
      const crew = crewWith(policy).ready(0).exits(0, reason);
      assertEquals(crew.status(0), to);
      assertEquals(crew.records("exit").map((record) => record.reason), [reason]);
      assertEquals(crew.state.processes[0]!.lastExit, reason);
      assertEquals(crew.records("restart").length, to === "spawning" ? 1 : 0);
      assertEquals(crew.state.processes[0]!.restarts, to === "spawning" ? 1 : 0);
    });
  }

  const afterSpawnFailure = policy === "temporary" ? "failed" : "backoff";
  Deno.test(`step() makes a ${policy} process ${afterSpawnFailure} when it cannot be spawned`, () => {
    const base = processPlan("worker").restart;
    const plan = crewPlan([
      processPlan("worker", { restart: { ...base, policy } }),
      processPlan("keeper"),
    ]);
    const crew = new Crew(plan).boot().spawned(1).spawnFailed(0);
    assertEquals(crew.status(0), afterSpawnFailure);
    const lastExit = { kind: "spawnFailed", errno: "ENOENT", path: "/x" } as const;
    assertEquals(crew.state.processes[0]!.lastExit, lastExit);
    assertEquals(crew.kills, []);
  });

  Deno.test(`step() restarts a ${policy} process that an operator restarts, at nobody's expense`, () => {
    const crew = crewWith(policy).ready(0);
    assertEquals(crew.restart(0), { kind: "accepted" });
    assertEquals(crew.kills, ["0:15:process:restart"]);
    crew.exits(0, KILLED);
    assertEquals(crew.spawns, [0]);
    assertEquals(crew.state.processes[0]!.restarts, 0);
    assertEquals(crew.state.processes[0]!.lastExit, { ...KILLED, cause: "restart" });
  });

  Deno.test(`step() leaves a ${policy} process idle that an operator stops, whatever its end`, () => {
    for (const reason of [EXIT_0, EXIT_1, KILLED]) {
      const crew = crewWith(policy).ready(0);
      crew.stop(0);
      crew.exits(0, reason);
      assertEquals(crew.status(0), "idle");
      assertEquals(crew.state.processes[0]!.lastExit, { ...reason, cause: "stop" });
      assertEquals(crew.records("restart"), []);
    }
  });

  Deno.test(`step() leaves a ${policy} process idle that outlived its stop timeout`, () => {
    const crew = crewWith(policy).ready(0);
    crew.stop(0);
    crew.due(0, "stop");
    assertEquals(crew.kills, ["0:9:tree:stop-timeout"]);
    crew.exits(0, KILLED);
    assertEquals(crew.status(0), "idle");
    assertEquals(crew.state.processes[0]!.lastExit, { ...KILLED, cause: "stop-timeout" });
  });

  const afterReadyTimeout = policy === "temporary" ? "failed" : "spawning";
  Deno.test(`step() makes a ${policy} process ${afterReadyTimeout} after a ready timeout`, () => {
    const crew = crewWith(policy).due(0, "ready");
    assertEquals(crew.nowNs, 2 * SECOND);
    assertEquals(crew.kills, ["0:9:tree:ready-timeout"]);
    // Even a good code is a failure then: it exited too late to be ready.
    crew.exits(0, EXIT_0);
    assertEquals(crew.status(0), afterReadyTimeout);
    assertEquals(crew.state.processes[0]!.lastExit, { ...EXIT_0, cause: "ready-timeout" });
  });

  Deno.test(`step() leaves a ${policy} process down when the guard is lost`, () => {
    const crew = crewWith(policy).ready(0).send({ kind: "guardLost" });
    assertEquals(crew.kills, ["1:15:process:guard-lost", "0:15:process:guard-lost"]);
    crew.exits(1).exits(0, KILLED);
    assertEquals(crew.statuses, ["idle", "idle"]);
    assertEquals(crew.state.processes[0]!.lastExit, { ...KILLED, cause: "guard-lost" });
    assertEquals(crew.exitCode, 111);
  });
}

Deno.test("step() kills what an instance left behind before the next one starts", () => {
  const crew = crewWith("permanent").ready(0).exits(0);
  const order = crew.effects.filter(({ kind }) => kind === "kill" || kind === "spawn");
  assertEquals(order, [
    { kind: "kill", process: 0, instance: 1, signal: 9, scope: "tree", cause: "leftover" },
    { kind: "spawn", process: 0, instance: 2 },
  ]);
});

Deno.test("step() kills at once where the stop timeout is 0", () => {
  const stop = { signal: 15, signalName: "SIGTERM", timeoutNs: 0, scope: "process" } as const;
  const crew = new Crew(crewPlan([processPlan("a", { stop })])).boot().spawnedAll();
  crew.stop(0);
  assertEquals(crew.kills, ["0:9:tree:stop"]);
  assertEquals(crew.status(0), "killing");
});

for (
  const [scope, receiver] of [["process", "process"], ["group", "group"], [
    "process-then-group",
    "process",
  ]] as const
) {
  Deno.test(`step() sends the stop signal of scope ${scope} to the ${receiver}`, () => {
    const stop = { signal: 2, signalName: "SIGINT", timeoutNs: SECOND, scope };
    const crew = new Crew(crewPlan([processPlan("a", { stop })])).boot().spawnedAll();
    crew.stop(0);
    assertEquals(crew.kills, [`0:2:${receiver}:stop`]);
  });
}

Deno.test("step() runs the finish program, with the reason, before it decides", () => {
  const finish = { argv: ["/f"], executable: "/f", timeoutNs: 500 * MS };
  const crew = new Crew(crewPlan([processPlan("a", { finish })])).boot().spawnedAll();
  crew.exits(0, EXIT_1);
  assertEquals(crew.effects.filter(({ kind }) => kind === "runFinish"), [
    { kind: "runFinish", process: 0, instance: 1, reason: EXIT_1 },
  ]);
  assertEquals(crew.status(0), "finishing");
  crew.due(0, "finish");
  assertEquals(crew.nowNs, 500 * MS);
  assertEquals(crew.effects, [{ kind: "killFinish", process: 0, instance: 1 }]);
  crew.finished(0);
  assertEquals(crew.spawns, [0]);
});

Deno.test("step() restarts a system process for ever, whatever its policy, at no group's expense", () => {
  const base = processPlan("@log", { system: true });
  const log = processPlan("@log", {
    system: true,
    restart: { ...base.restart, policy: "temporary" },
  });
  const plan = crewPlan([log, processPlan("a")]);
  const strict = plan.groups.map((group) => ({ ...group, intensity: 0 }));
  const crew = new Crew({ ...plan, groups: strict }).boot().spawnedAll();
  for (let i = 0; i < 20; i++) {
    crew.exits(0, EXIT_0);
    if (crew.status(0) === "backoff") crew.due(0, "backoff");
    assertEquals(crew.spawns, [0]);
    crew.spawned(0);
  }
  assertEquals(crew.state.shutdown, null);
  assertEquals(crew.status(1), "running");
});
