import { assert, assertEquals } from "@std/assert";
import { EventLog } from "../../../src/audit/event_log.ts";
import type { Effect } from "../../../src/core/effect.ts";
import { Supervisor, type SupervisorParts } from "../../../src/driver/supervisor.ts";
import type { Plan } from "../../../src/plan/plan.ts";
import { temporaryDirectory } from "../../process/support/harness.ts";
import { planOf, processPlan } from "./fixtures.ts";

const PID = 4711;

/** A crew that starts everything at once and kills nothing. */
class StubCrew {
  supervisor: Supervisor | null = null;
  readonly kills: string[] = [];

  spawn({ process, instance }: Extract<Effect, { kind: "spawn" }>): void {
    this.supervisor?.post({ kind: "spawned", process, instance, pid: PID });
  }

  kill({ process, scope, signal, cause }: Extract<Effect, { kind: "kill" }>): void {
    if (cause !== "leftover") this.kills.push(`${process}:${signal}:${scope}`);
  }

  runFinish(): void {}

  killFinish(): void {}

  lastRunOf(): { pid: number; ranMs: number } {
    return { pid: PID, ranMs: 1 };
  }
}

function makeSupervisor(
  plan: Plan,
  log: EventLog,
  parts: Partial<Pick<SupervisorParts, "askToStop" | "beforeSignal">> & { crew?: StubCrew } = {},
) {
  const { crew = new StubCrew(), askToStop = () => false, beforeSignal = () => {} } = parts;
  const supervisor = new Supervisor({
    plan,
    clock: { nowNs: () => 0, wall: () => "", wallOf: () => "" },
    log,
    crew,
    channels: [],
    seed: 1,
    askToStop,
    stateChanged: () => {},
    beforeSignal,
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

Deno.test("Supervisor asks system processes to stop, one after the other, and kills who does not", () => {
  using folder = temporaryDirectory();
  using log = openLog(folder.path);
  const asked: string[] = [];
  const crew = new StubCrew();
  const stop = { signal: 15, signalName: "SIGTERM", timeoutNs: 0, scope: "process" } as const;
  const supervisor = makeSupervisor(
    planOf([
      processPlan("@log", { system: true }),
      processPlan("@relay", { system: true }),
      processPlan("@other", { system: true, stop }),
      processPlan("a"),
    ]),
    log,
    {
      crew,
      askToStop: (process, leaving) => {
        // What is asked may end at once: everything that there is to show was shown.
        assertEquals(log.seq, shownSeq());
        asked.push(`${process} ${leaving}`);
        return process === 1;
      },
    },
  );
  const shownSeq = () =>
    Deno.readTextFileSync(`${folder.path}/events.jsonl`).trimEnd().split("\n").length;
  const end = (process: number, instance: number) =>
    supervisor.post({
      kind: "exited",
      process,
      instance,
      reason: { kind: "code", code: 0, cause: null },
    });
  supervisor.post({ kind: "boot" });
  supervisor.request({ op: "restart", process: 1 });
  supervisor.request({ op: "restart", process: 0 });
  assertEquals([asked.splice(0), crew.kills.splice(0)], [["1 false", "0 false"], ["0:15:process"]]);
  end(1, 1);
  end(0, 1);
  supervisor.request({ op: "signal", process: 1, signal: 10 });
  supervisor.request({ op: "shutdown", exitCode: 0 });
  assertEquals([asked.splice(0), crew.kills.splice(0)], [[], ["1:10:process", "3:15:process"]]);
  end(3, 1);
  // It is given no time, and is not asked.
  assertEquals([asked.splice(0), crew.kills.splice(0)], [[], ["2:9:tree"]]);
  end(2, 1);
  assertEquals([asked.splice(0), crew.kills.splice(0)], [["1 true"], []]);
  end(1, 2);
  assertEquals([asked.splice(0), crew.kills.splice(0)], [["0 true"], ["0:15:process"]]);
  end(0, 2);
});

Deno.test("Supervisor tells of a stop before its signal is sent, each process in its turn", () => {
  using folder = temporaryDirectory();
  using log = openLog(folder.path);
  const crew = new StubCrew();
  const told: string[] = [];
  const supervisor = makeSupervisor(planOf([processPlan("a"), processPlan("b")]), log, {
    crew,
    beforeSignal: (process, { processes }) =>
      told.push(`${process} ${processes[process]?.status} ${crew.kills.length}`),
  });
  supervisor.post({ kind: "boot" });
  supervisor.request({ op: "shutdown", exitCode: 0 });
  assertEquals(told, ["1 stopping 0", "0 stopping 1"]);
});
