import { assertEquals } from "@std/assert";
import type { ProcessStatus } from "../../../src/core/effect.ts";
import type { CoreState } from "../../../src/core/state.ts";
import { judgeGoal, Waiters } from "../../../src/driver/waiters.ts";

function stateOf(status: ProcessStatus, wanted: "up" | "down", instance: number): CoreState {
  return { processes: [{ status, wanted, instance }] } as unknown as CoreState;
}

Deno.test("judgeGoal() decides a start by running, completed, failed or no longer wanted", () => {
  const goal = { kind: "started", process: 0 } as const;
  assertEquals(judgeGoal(goal, stateOf("running", "up", 1)), "reached");
  assertEquals(judgeGoal(goal, stateOf("completed", "up", 1)), "reached");
  assertEquals(judgeGoal(goal, stateOf("failed", "up", 1)), "failed");
  assertEquals(judgeGoal(goal, stateOf("stopping", "down", 1)), "failed");
  for (const status of ["waiting", "spawning", "starting", "backoff", "finishing"] as const) {
    assertEquals(judgeGoal(goal, stateOf(status, "up", 1)), null);
  }
});

Deno.test("judgeGoal() decides a restart by a later instance alone", () => {
  const goal = { kind: "restarted", process: 0, after: 3 } as const;
  assertEquals(judgeGoal(goal, stateOf("running", "up", 3)), null);
  assertEquals(judgeGoal(goal, stateOf("starting", "up", 4)), null);
  assertEquals(judgeGoal(goal, stateOf("running", "up", 4)), "reached");
});

Deno.test("judgeGoal() decides a stop by nothing being alive", () => {
  const goal = { kind: "stopped", process: 0 } as const;
  assertEquals(judgeGoal(goal, stateOf("stopping", "down", 3)), null);
  assertEquals(judgeGoal(goal, stateOf("finishing", "down", 3)), null);
  assertEquals(judgeGoal(goal, stateOf("idle", "down", 3)), "reached");
});

Deno.test("judgeGoal() gives a stop up when somebody wants the process up again", () => {
  const goal = { kind: "stopped", process: 0 } as const;
  assertEquals(judgeGoal(goal, stateOf("stopping", "up", 3)), "failed");
  assertEquals(judgeGoal(goal, stateOf("running", "up", 4)), "failed");
});

Deno.test("Waiters resolves a goal when the state that decides it is looked at", async () => {
  const waiters = new Waiters();
  const signal = new AbortController().signal;
  const goal = { kind: "started", process: 0 } as const;
  const outcome = waiters.wait(goal, stateOf("starting", "up", 1), signal);
  waiters.look(stateOf("starting", "up", 1));
  waiters.look(stateOf("running", "up", 1));
  assertEquals(await outcome, "reached");
});

Deno.test("Waiters gives up when the asker has gone", async () => {
  const waiters = new Waiters();
  const gone = new AbortController();
  const goal = { kind: "started", process: 0 } as const;
  const outcome = waiters.wait(goal, stateOf("starting", "up", 1), gone.signal);
  gone.abort();
  assertEquals(await outcome, "failed");
});
