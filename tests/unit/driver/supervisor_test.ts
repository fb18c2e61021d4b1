import { assert, assertEquals } from "@std/assert";
import { EventLog } from "../../../src/audit/event_log.ts";
import type { Effect } from "../../../src/core/effect.ts";
import { Supervisor } from "../../../src/driver/supervisor.ts";
import type { Plan } from "../../../src/plan/plan.ts";
import { temporaryDirectory } from "../../process/support/harness.ts";
import { planOf, processPlan } from "./fixtures.ts";

const PID = 4711;

/** A crew that starts everything at once and kills nothing. */
class StubCrew {
  supervisor: Supervisor | null = null;

  spawn({ process, instance }: Extract<Effect, { kind: "spawn" }>): void {
    this.supervisor?.post({ kind: "spawned", process, instance, pid: PID });
  }

  kill(): void {}

  runFinish(): void {}

  killFinish(): void {}

  lastRunOf(): { pid: number; ranMs: number } {
    return { pid: PID, ranMs: 1 };
  }
}

function makeSupervisor(plan: Plan, log: EventLog) {
  const crew = new StubCrew();
  const supervisor = new Supervisor({
    plan,
    clock: { nowNs: () => 0, wall: () => "", wallOf: () => "" },
    log,
    crew,
    channels: [],
    seed: 1,
    askToStop: () => false,
    stateChanged: () => {},
    onExit: () => {},
  });
  crew.supervisor = supervisor;
  return supervisor;
}

function openLog(folder: string): EventLog {
  return new EventLog({
    path: `${folder}/events.jsonl`,
    keptMax: 100,
    fileBytesMax: 1 << 20,
    nowNs: () => 0,
    wall: () => "",
  });
}

Deno.test("Supervisor.record() reaches file and followers at the end of the turn", async () => {
  using folder = temporaryDirectory();
  using log = openLog(folder.path);
  const supervisor = makeSupervisor(planOf([processPlan("a")]), log);
  const told: string[] = [];
  log.follow(({ event }) => told.push(event));
  supervisor.post({ kind: "boot" });
  assertEquals(told, []);
  await Promise.resolve();
  assert(told.length > 0);
  const lines = Deno.readTextFileSync(`${folder.path}/events.jsonl`).trimEnd().split("\n");
  assertEquals(lines.map((line) => JSON.parse(line).event), told);
});
