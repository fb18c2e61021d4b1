/** Every cell of the state x event table, one expectation each. */
import { assertEquals, assertStrictEquals } from "@std/assert";
import type { ProcessStatus } from "../../../src/core/effect.ts";
import type { CoreEvent } from "../../../src/core/event.ts";
import { type EventKind, TABLE } from "../../../src/core/transition.ts";
import { Crew, crewPlan, EXIT_0, EXIT_1, MS, processPlan } from "./support.ts";

/** What the second process of the crew goes through until it has each status. */
const REACH: Record<ProcessStatus, (crew: Crew) => void> = {
  idle: (crew) => void crew.stop(1),
  waiting: () => {},
  spawning: (crew) => void crew.ready(0),
  starting: (crew) => void crew.ready(0).spawned(1),
  running: (crew) => void crew.ready(0).spawned(1).ready(1),
  stopping: (crew) => void crew.ready(0).spawned(1).ready(1).stop(1),
  killing: (crew) => {
    crew.ready(0).spawned(1).ready(1).stop(1);
    crew.due(1, "stop");
  },
  finishing: (crew) => void crew.ready(0).spawned(1).ready(1).exits(1, EXIT_0),
  backoff: (crew) => void crew.ready(0).spawnFailed(1),
  completed: (crew) => void crew.ready(0).spawned(1).ready(1).exits(1, EXIT_0).finished(1),
  failed: (crew) => void crew.exits(0, EXIT_1),
};

/**
 * `-`: nothing changes and nothing is asked of the driver. Otherwise the answer to a
 * request, the status after it, and the effects beside records and replies.
 */
// deno-fmt-ignore
const CELLS: Record<ProcessStatus, Record<EventKind, string>> = {
  idle: {
    start: "accepted spawning spawn", stop: "ignored idle", restart: "accepted spawning spawn", signal: "denied idle",
    spawned: "-", spawnFailed: "-", becameReady: "-", exited: "-", finished: "-", timeoutExtended: "-", mainPidChanged: "-", deadlineMissed: "-",
    readyDue: "-", stopDue: "-", backoffDue: "-", finishDue: "-",
  },
  waiting: {
    start: "ignored waiting", stop: "accepted idle", restart: "ignored waiting", signal: "denied waiting",
    spawned: "-", spawnFailed: "-", becameReady: "-", exited: "-", finished: "-", timeoutExtended: "-", mainPidChanged: "-", deadlineMissed: "-",
    readyDue: "-", stopDue: "-", backoffDue: "-", finishDue: "-",
  },
  spawning: {
    start: "ignored spawning", stop: "accepted spawning", restart: "ignored spawning", signal: "denied spawning",
    spawned: "starting setTimer", spawnFailed: "backoff setTimer", becameReady: "-", exited: "-", finished: "-", timeoutExtended: "-", mainPidChanged: "-", deadlineMissed: "-",
    readyDue: "-", stopDue: "-", backoffDue: "-", finishDue: "-",
  },
  starting: {
    start: "ignored starting", stop: "accepted stopping clearTimer kill setTimer", restart: "accepted stopping clearTimer kill setTimer", signal: "accepted starting kill",
    spawned: "-", spawnFailed: "-", becameReady: "running clearTimer", exited: "finishing kill clearTimer runFinish setTimer", finished: "-", timeoutExtended: "starting setTimer", mainPidChanged: "starting", deadlineMissed: "stopping clearTimer kill setTimer",
    readyDue: "killing kill", stopDue: "-", backoffDue: "-", finishDue: "-",
  },
  running: {
    start: "ignored running", stop: "accepted stopping kill setTimer", restart: "accepted stopping kill setTimer", signal: "accepted running kill",
    spawned: "-", spawnFailed: "-", becameReady: "-", exited: "finishing kill runFinish setTimer", finished: "-", timeoutExtended: "-", mainPidChanged: "running", deadlineMissed: "stopping kill setTimer",
    readyDue: "-", stopDue: "-", backoffDue: "-", finishDue: "-",
  },
  stopping: {
    start: "accepted stopping", stop: "ignored stopping", restart: "accepted stopping", signal: "accepted stopping kill",
    spawned: "-", spawnFailed: "-", becameReady: "-", exited: "finishing kill clearTimer runFinish setTimer", finished: "-", timeoutExtended: "stopping setTimer", mainPidChanged: "stopping", deadlineMissed: "-",
    readyDue: "-", stopDue: "killing kill", backoffDue: "-", finishDue: "-",
  },
  killing: {
    start: "accepted killing", stop: "ignored killing", restart: "accepted killing", signal: "denied killing",
    spawned: "-", spawnFailed: "-", becameReady: "-", exited: "finishing kill runFinish setTimer", finished: "-", timeoutExtended: "-", mainPidChanged: "killing", deadlineMissed: "-",
    readyDue: "-", stopDue: "-", backoffDue: "-", finishDue: "-",
  },
  finishing: {
    start: "accepted finishing", stop: "accepted finishing", restart: "accepted finishing", signal: "denied finishing",
    spawned: "-", spawnFailed: "-", becameReady: "-", exited: "-", finished: "completed clearTimer", timeoutExtended: "-", mainPidChanged: "-", deadlineMissed: "-",
    readyDue: "-", stopDue: "-", backoffDue: "-", finishDue: "finishing killFinish",
  },
  backoff: {
    start: "accepted spawning clearTimer spawn", stop: "accepted idle clearTimer", restart: "accepted spawning clearTimer spawn", signal: "denied backoff",
    spawned: "-", spawnFailed: "-", becameReady: "-", exited: "-", finished: "-", timeoutExtended: "-", mainPidChanged: "-", deadlineMissed: "-",
    readyDue: "-", stopDue: "-", backoffDue: "spawning spawn", finishDue: "-",
  },
  completed: {
    start: "accepted spawning spawn", stop: "ignored completed", restart: "accepted spawning spawn", signal: "denied completed",
    spawned: "-", spawnFailed: "-", becameReady: "-", exited: "-", finished: "-", timeoutExtended: "-", mainPidChanged: "-", deadlineMissed: "-",
    readyDue: "-", stopDue: "-", backoffDue: "-", finishDue: "-",
  },
  failed: {
    start: "accepted waiting spawn", stop: "ignored failed", restart: "accepted waiting spawn", signal: "denied failed",
    spawned: "-", spawnFailed: "-", becameReady: "-", exited: "-", finished: "-", timeoutExtended: "-", mainPidChanged: "-", deadlineMissed: "-",
    readyDue: "-", stopDue: "-", backoffDue: "-", finishDue: "-",
  },
};

/** `job` (temporary) and what waits for it to be ready; `keeper` keeps the crew from ending. */
function crewIn(status: ProcessStatus): Crew {
  const notify = { by: "notify", withinNs: 2000 * MS } as const;
  const worker = processPlan("worker");
  const plan = crewPlan([
    processPlan("job", { ready: notify, restart: { ...worker.restart, policy: "temporary" } }),
    processPlan("worker", {
      after: [{ process: 0, condition: "ready" }],
      ready: notify,
      restart: { ...worker.restart, policy: "transient" },
      finish: { argv: ["/f"], executable: "/f", timeoutNs: 500 * MS },
    }),
    processPlan("keeper"),
  ]);
  const crew = new Crew(plan).boot().spawned(0).spawned(2);
  REACH[status](crew);
  // An idle process must not start for want of its dependency: that is waiting's cell.
  if (status === "idle") crew.ready(0);
  assertEquals(crew.status(1), status, "the state that the cell is about");
  return crew;
}

function eventOf(kind: EventKind, instance: number): CoreEvent {
  const about = { process: 1, instance };
  switch (kind) {
    case "start":
    case "stop":
    case "restart":
      return { kind: "requested", id: 7, request: { op: kind, process: 1 } };
    case "signal":
      return { kind: "requested", id: 7, request: { op: kind, process: 1, signal: 10 } };
    case "spawned":
    case "mainPidChanged":
      return { kind, ...about, pid: 4711 };
    case "spawnFailed":
      return { kind, ...about, errno: "EACCES", path: "/x" };
    case "exited":
      return { kind, ...about, reason: EXIT_1 };
    case "timeoutExtended":
      return { kind, ...about, byNs: 60_000 * MS };
    case "becameReady":
    case "finished":
      return { kind, ...about };
    case "deadlineMissed":
      return { kind, ...about, act: "restart", signalled: false };
    case "readyDue":
    case "stopDue":
    case "backoffDue":
    case "finishDue": {
      const timer = kind.slice(0, -3) as "ready" | "stop" | "backoff" | "finish";
      return { kind: "timerFired", timer: { process: 1, kind: timer } };
    }
  }
}

function outcome(crew: Crew): string {
  const reply = crew.effects.find((effect) => effect.kind === "reply");
  const kinds = crew.effects.map(({ kind }) => kind)
    .filter((kind) => kind !== "record" && kind !== "reply");
  const admission = reply?.kind === "reply" ? [reply.admission.kind] : [];
  return [...admission, crew.status(1), ...kinds].join(" ");
}

Deno.test("TABLE has an expectation for every cell, and no other", () => {
  assertEquals(Object.keys(CELLS).sort(), Object.keys(TABLE).sort());
  for (const status of Object.keys(TABLE) as ProcessStatus[]) {
    assertEquals(Object.keys(CELLS[status]).sort(), Object.keys(TABLE[status]).sort());
  }
});

for (const status of Object.keys(TABLE) as ProcessStatus[]) {
  for (const kind of Object.keys(TABLE[status]) as EventKind[]) {
    const expected = CELLS[status]?.[kind];
    Deno.test(`step() in ${status} answers ${kind} with ${expected}`, () => {
      const crew = crewIn(status);
      const before = crew.state;
      const process = before.processes[1]!;
      crew.nowNs = Math.max(crew.nowNs, process.dueNs ?? 0);
      crew.send(eventOf(kind, process.instance));
      if (expected === "-") {
        assertStrictEquals(crew.state, before);
        assertEquals(crew.effects, []);
      } else {
        assertEquals(outcome(crew), expected);
      }
    });
  }
}

for (const status of Object.keys(TABLE) as ProcessStatus[]) {
  for (const kind of ["spawned", "spawnFailed", "becameReady", "exited", "finished"] as const) {
    Deno.test(`step() in ${status} ignores ${kind} of another instance`, () => {
      const crew = crewIn(status);
      const before = crew.state;
      for (const off of [-1, 1]) {
        crew.send(eventOf(kind, before.processes[1]!.instance + off));
        assertStrictEquals(crew.state, before);
        assertEquals(crew.effects, []);
      }
    });
  }
}

Deno.test("step() ignores a timer that fires before it is due", () => {
  const crew = crewIn("starting");
  const before = crew.state;
  crew.nowNs = before.processes[1]!.dueNs! - 1;
  crew.send({ kind: "timerFired", timer: { process: 1, kind: "ready" } });
  assertStrictEquals(crew.state, before);
});

Deno.test("step() ignores reports about, and denies requests to, a process that does not exist", () => {
  const crew = crewIn("running");
  const before = crew.state;
  crew.send({ kind: "spawned", process: 99, instance: 1, pid: 1 });
  crew.send({ kind: "timerFired", timer: { process: 99, kind: "stop" } });
  assertStrictEquals(crew.state, before);
  assertEquals(crew.start(99).kind, "denied");
});

Deno.test("step() leaves the state that it was given as it was", () => {
  const crew = crewIn("running");
  const before = crew.state;
  const copy = JSON.stringify(before);
  crew.exits(1).stop(1);
  assertEquals(JSON.stringify(before), copy);
});
