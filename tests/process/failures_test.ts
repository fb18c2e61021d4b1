/** What the system refuses, at the worst time: spawns that fail, programs that hang at the end. */
import { assert, assertEquals } from "@std/assert";
import type { EventRecord } from "../../src/audit/event_record.ts";
import { eventually, isAlive, startCrew, type TestCrew } from "../support/crew.ts";

type SpawnFailed = Extract<EventRecord, { event: "spawnFailed" }>;

function failuresOf(crew: TestCrew): SpawnFailed[] {
  return crew.events().filter((event): event is SpawnFailed => event.event === "spawnFailed");
}

/** A crew of one program, which is a file of the project: `prog`, in the folder it runs in. */
function ownProgram(): Promise<TestCrew> {
  const config = `
import { command, defineConfig } from "coxswain";
export default defineConfig({
  name: "own",
  processes: {
    own: {
      run: command(["./prog"]),
      cwd: "./dir",
      restart: { backoff: { initial: "20ms", max: "20ms" } },
    },
  },
});`;
  return startCrew(config, { files: { "dir/prog": SLEEP }, executables: ["dir/prog"] });
}

const SLEEP = "#!/bin/sh\nexec sleep 1000\n";

for (
  const [what, ruin, mend] of [
    [
      "the program",
      (dir: string) => Deno.renameSync(`${dir}/dir/prog`, `${dir}/dir/gone`),
      (dir: string) => Deno.renameSync(`${dir}/dir/gone`, `${dir}/dir/prog`),
    ],
    [
      "the working directory",
      (dir: string) => Deno.renameSync(`${dir}/dir`, `${dir}/gone`),
      (dir: string) => Deno.renameSync(`${dir}/gone`, `${dir}/dir`),
    ],
  ] as const
) {
  Deno.test(`${what} missing at run time is a failed spawn with its path, until it is back`, async () => {
    await using crew = await ownProgram();
    const { processes } = await crew.until("it runs", (up) => up.processes.own!.pid !== null);
    ruin(crew.projectDir);
    Deno.kill(processes.own!.pid!, "SIGKILL");
    await eventually("three failures", () => failuresOf(crew).length >= 3);
    const [{ errno, path } = { errno: "", path: "" }] = failuresOf(crew);
    assertEquals(errno, "ENOENT");
    const fault = what === "the program" ? "/dir/prog" : "/dir";
    assertEquals(path, crew.projectDir + fault);
    mend(crew.projectDir);
    await crew.until("it runs again", (up) => up.processes.own!.state === "running");
  });
}

function manySleepers(count: number): string {
  return `
import { command, defineConfig } from "coxswain";
export default defineConfig({
  name: "many",
  processes: { sleeper: { run: command(["sleep", "1000"]), replicas: ${count} } },
});`;
}

Deno.test("a crew runs with exactly the descriptors that it asks for, and is refused with fewer", async () => {
  const few = { under: ["prlimit", "--nofile=200:200"], waitForControl: false };
  await using refused = await startCrew(manySleepers(40), few);
  assertEquals((await refused.ended()).code, 111);
  const needed = /needs up to (\d+) open files at a time, the limit is 200;/
    .exec(refused.output())?.[1];
  assert(needed !== undefined, refused.output());
  const under = ["prlimit", `--nofile=${needed}:${needed}`];
  await using crew = await startCrew(manySleepers(40), { under });
  await crew.until(
    "all run",
    ({ processes }) => Object.values(processes).every(({ state }) => state === "running"),
  );
  assertEquals(failuresOf(crew), []);
  assertEquals((await crew.stop()).code, 0, crew.output());
});

Deno.test("a finish program that hangs is killed with all it started when its time is over", async () => {
  await using crew = await startCrew(
    `
import { command, defineConfig } from "coxswain";
const hang = "setsid sleep 1000 & echo $! > grandchild; echo $$ > finish; trap '' TERM; sleep 1000";
export default defineConfig({
  name: "hangs",
  processes: {
    job: {
      run: command(["true"]),
      restart: { policy: "temporary" },
      finish: { run: command(["sh", "-c", hang]), timeout: "200ms" },
    },
    other: { run: command(["sleep", "1000"]) },
  },
});`,
  );
  await crew.until("it is over", (up) => up.processes.job!.state === "completed");
  for (const file of ["finish", "grandchild"]) {
    const pid = Number(Deno.readTextFileSync(`${crew.projectDir}/${file}`));
    assert(pid > 0);
    await eventually(`${file} is gone`, () => !isAlive(pid));
  }
});

Deno.test("a third Ctrl-C kills a finish program too, whatever its time", async () => {
  await using crew = await startCrew(`
import { command, defineConfig } from "coxswain";
export default defineConfig({
  name: "third",
  processes: {
    job: {
      run: command(["sh", "-c", "trap '' TERM; echo > up; while :; do sleep 0.1; done"]),
      stop: { timeout: "1h" },
      finish: { run: command(["sh", "-c", "echo > finish; exec sleep 1000"]), timeout: "1h" },
    },
  },
});`);
  const { projectDir, pid } = crew;
  const there = (file: string) => () => {
    try {
      return Deno.statSync(`${projectDir}/${file}`).isFile;
    } catch {
      return false;
    }
  };
  await eventually("it is up", there("up"));
  const shutdowns = (count: number) => () =>
    crew.events().filter(({ event }) => event === "shutdown").length === count;
  for (const count of [1, 2, 3]) {
    // Several within a quarter of a second count as one.
    if (count > 1) await new Promise((resolve) => setTimeout(resolve, 260));
    Deno.kill(pid, "SIGINT");
    await eventually(`press ${count} is heard`, shutdowns(count));
    if (count === 2) await eventually("finish runs", there("finish"));
  }
  assertEquals((await crew.ended()).code, 0, crew.output());
});

for (
  const [scope, helper] of [["process", true], ["group", false], [
    "process-then-group",
    true,
  ]] as const
) {
  Deno.test(`stop.scope ${scope}: ${helper ? "the main process alone" : "everyone"} gets the signal`, async () => {
    const note = (who: string) => `trap 'echo ${who} >> heard; exit 0' TERM;`;
    const wait = "while :; do sleep 0.02; done";
    // The main process ends last, so that a helper which heard the signal has noted it: it waits
    // for one that does, and for a moment for one that should not.
    const last = helper ? "sleep 0.3" : "while [ ! -e heard ]; do sleep 0.02; done";
    const script = `trap '${last}; echo main >> heard; exit 0' TERM; ` +
      `sh -c "${note("helper").replaceAll('"', '\\"')} echo > up; ${wait}" & ${wait}`;
    await using crew = await startCrew(`
import { command, defineConfig } from "coxswain";
export default defineConfig({
  name: "scope",
  processes: {
    p: {
      run: command(["sh", "-c", ${JSON.stringify(script)}]),
      stop: { scope: "${scope}", timeout: "10s" },
    },
  },
});`);
    await eventually("the helper is up", () => {
      try {
        return Deno.statSync(`${crew.projectDir}/up`).isFile;
      } catch {
        return false;
      }
    });
    assertEquals((await crew.stop()).code, 0, crew.output());
    const heard = Deno.readTextFileSync(`${crew.projectDir}/heard`).trim().split("\n");
    assertEquals(heard, helper ? ["main"] : ["helper", "main"]);
  });
}
