/** Servers of lazy listeners: down until they are asked for, and nothing special after that. */
import { assertEquals } from "@std/assert";
import type { ListenPlan } from "../../../src/plan/plan.ts";
import { Crew, crewPlan, EXIT_0, EXIT_1, groupPlan, processPlan } from "./support.ts";

const http: ListenPlan = {
  kind: "listen",
  name: "http",
  from: { processes: [], port: "", fd: -1 },
  to: { processes: [1], port: "http", fd: 3 },
  address: { kind: "tcp", host: "127.0.0.1", port: 80 },
  backlog: 16,
  clients: "anyone",
  checked: false,
  connectionsMax: 0,
  connectionsPerSecond: 0,
  lazy: true,
};

const transient = { ...processPlan("p").restart, policy: "transient" as const };

function crew(channel: ListenPlan = http): Crew {
  const processes = [processPlan("keeper"), processPlan("web", { restart: transient })];
  return new Crew(crewPlan(processes, { channels: [channel] })).boot();
}

Deno.test("step() does not start a lazy server at boot, and starts it when asked", () => {
  const lazy = crew();
  assertEquals(lazy.spawns, [0]);
  assertEquals([lazy.status(1), lazy.state.processes[1]!.wanted], ["idle", "down"]);
  assertEquals(lazy.start(1), { kind: "accepted" });
  assertEquals(lazy.spawns, [1]);
  assertEquals(crew({ ...http, lazy: false }).spawns, [0, 1]);
});

Deno.test("step() restarts a lazy server that was started, and starts it anew when it completed", () => {
  const lazy = crew().spawnedAll();
  lazy.start(1);
  assertEquals(lazy.spawned(1).exits(1, EXIT_1).spawns, [1]);
  assertEquals(lazy.spawned(1).exits(1, EXIT_0).status(1), "completed");
  lazy.start(1);
  assertEquals(lazy.spawns, [1]);
});

Deno.test("step() keeps a crew up whose only server sleeps, and shuts it down", () => {
  const lazy = crew().spawnedAll();
  lazy.shutDown();
  lazy.exits(0, EXIT_0);
  assertEquals(lazy.exitCode, 0);
  assertEquals(lazy.start(1).kind, "denied");
});

Deno.test("step() leaves a sleeping server asleep when its group restarts", () => {
  const processes = [processPlan("keeper"), processPlan("web", { restart: transient })];
  const groups = [groupPlan([0, 1], { strategy: "one_for_all" })];
  const lazy = new Crew(crewPlan(processes, { groups, channels: [http] })).boot().spawnedAll();
  lazy.exits(0, EXIT_1);
  assertEquals(lazy.spawns, [0]);
  assertEquals(lazy.status(1), "idle");
});
