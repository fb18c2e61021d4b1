/** A whole crew, started by the command line and seen from outside. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { coxCommand, eventually, isAlive, startCrew } from "../support/crew.ts";

async function cox(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const [command = "", ...rest] = coxCommand(args);
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: rest,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

const SLEEPERS = `
import { command, defineConfig, group } from "coxswain";
const sleeper = { run: command(["sleep", "1000"]) };
export default defineConfig({
  name: "sleepers",
  processes: {
    a: sleeper,
    b: { ...sleeper, after: { a: "started" } },
    c: { ...sleeper, after: { b: "ready" } },
  },
  groups: { pair: group(["a", "b"], { strategy: "rest_for_one", intensity: 100, period: "10s" }) },
});`;

Deno.test("up starts in order, brings a killed process back, and leaves nothing behind", async () => {
  await using crew = await startCrew(SLEEPERS, { args: ["--summary", "summary.json"] });
  const up = await crew.until(
    "all run",
    ({ processes }) => Object.values(processes).every(({ state }) => state === "running"),
  );
  assertEquals(Object.keys(up.processes), ["a", "b", "c"]);
  const first = up.processes.b!.pid!;
  Deno.kill(first, "SIGKILL");
  const back = await crew.until(
    "b is back",
    ({ processes: { b } }) => b!.state === "running" && b!.pid !== first,
  );
  assertEquals(back.processes.b!.restarts, 1);
  assertEquals(back.processes.b!.lastExit, {
    kind: "signal",
    signal: "SIGKILL",
    coreDumped: false,
    cause: null,
  });
  assertEquals(back.processes.a!.instance, 1, "rest_for_one leaves what came before alone");
  const pids = Object.values(back.processes).map(({ pid }) => pid!);
  const { code } = await crew.stop();
  assertEquals(code, 0, crew.output());
  for (const pid of [...pids, back.supervisorPid]) assert(!isAlive(pid), `${pid} is alive`);
  const summary = JSON.parse(Deno.readTextFileSync(`${crew.projectDir}/summary.json`));
  assertEquals(summary.exit, 0);
  assertEquals(summary.config, "sleepers");
  assertEquals(summary.processes.c.state, "idle");
  assertEquals(
    [...Deno.readDirSync(crew.runDir)].map(({ name }) => name).includes("control.sock"),
    false,
  );
});

Deno.test("rest_for_one restarts the rest when the first of a group dies", async () => {
  await using crew = await startCrew(SLEEPERS);
  const up = await crew.until("all run", ({ processes }) => processes.c!.state === "running");
  Deno.kill(up.processes.a!.pid!, "SIGKILL");
  const back = await crew.until(
    "a and b are new",
    ({ processes: { a, b } }) => a!.instance === 2 && b!.instance === 2 && b!.state === "running",
  );
  assertEquals(back.processes.c!.instance, 1);
});

Deno.test("ps, stop, start, restart and signal speak to the running crew", async () => {
  await using crew = await startCrew(SLEEPERS);
  const at = ["--run-dir", crew.runDir];
  await crew.until("all run", ({ processes }) => processes.c!.state === "running");
  const ps = await cox("ps", "--json", ...at);
  assertEquals(ps.code, 0, ps.stderr);
  assertEquals(JSON.parse(ps.stdout).processes.a.state, "running");
  const table = await cox("ps", ...at);
  assertMatch(table.stdout, /a\s.*running/);
  const stop = await cox("stop", "b", ...at);
  assertEquals(stop.code, 0, stop.stderr);
  assertEquals((await crew.process("b")).state, "idle");
  assertEquals((await crew.process("b")).wanted, "down");
  assertEquals((await cox("start", "b", ...at)).code, 0);
  assertEquals((await crew.process("b")).state, "running");
  const before = (await crew.process("c")).pid;
  assertEquals((await cox("restart", "c", ...at)).code, 0);
  assert((await crew.process("c")).pid !== before);
  assertEquals((await cox("signal", "c", "SIGKILL", ...at)).code, 0);
  await crew.until(
    "c is back",
    ({ processes: { c } }) => c!.restarts === 1 && c!.state === "running",
  );
  const unknown = await cox("stop", "bb", ...at);
  assertEquals(unknown.code, 100);
  assertStringIncludes(unknown.stderr, "bb");
  const requests = crew.events().filter(({ event }) => event === "request");
  assertEquals(requests.length >= 4, true);
  assertEquals((await cox("down", ...at)).code, 0);
  assertEquals((await crew.ended()).code, 0, crew.output());
});

Deno.test("a second supervisor on the same run directory is refused with the first one's pid", async () => {
  await using crew = await startCrew(SLEEPERS);
  const second = await cox(
    "up",
    "--run-dir",
    crew.runDir,
    "--config",
    `${crew.projectDir}/supervisor.config.ts`,
  );
  assertEquals(second.code, 100, second.stderr);
  const { supervisorPid, guardPid } = await crew.snapshot();
  assert([supervisorPid, guardPid].some((pid) => second.stderr.includes(`${pid}`)), second.stderr);
});

Deno.test("after kill -9 of the supervisor the guard ends the crew, and the next up reclaims the run directory", async () => {
  await using crew = await startCrew(SLEEPERS);
  const up = await crew.until("all run", ({ processes }) => processes.c!.state === "running");
  Deno.kill(up.supervisorPid, "SIGKILL");
  assertEquals((await crew.ended()).code, 137);
  for (const { pid } of Object.values(up.processes)) assert(!isAlive(pid!));
  const again = await cox(
    "up",
    "--for",
    "300ms",
    "--run-dir",
    crew.runDir,
    "--config",
    `${crew.projectDir}/supervisor.config.ts`,
  );
  assertEquals(again.code, 0, again.stderr + again.stdout);
});

Deno.test("after kill -9 of the guard the supervisor ends the crew", async () => {
  await using crew = await startCrew(SLEEPERS);
  const up = await crew.until("all run", ({ processes }) => processes.c!.state === "running");
  assertEquals(up.guardPid, crew.pid);
  Deno.kill(up.guardPid, "SIGKILL");
  await eventually(
    "the supervisor and the crew are gone",
    () =>
      [up.supervisorPid, ...Object.values(up.processes).map(({ pid }) => pid!)]
        .every((pid) => !isAlive(pid)),
  );
});

Deno.test("a group that spends its budget ends the crew with 111", async () => {
  await using crew = await startCrew(
    `
import { command, defineConfig, group } from "coxswain";
export default defineConfig({
  name: "crashes",
  processes: {
    crash: { run: command(["sh", "-c", "exit 3"]), restart: { backoff: { initial: "1ms", max: "1ms" } } },
    calm: { run: command(["sleep", "1000"]) },
  },
  groups: { fragile: group(["crash"], { intensity: 3, period: "60s" }) },
});`,
    { waitForControl: false, args: ["--summary", "summary.json"] },
  );
  assertEquals((await crew.ended()).code, 111, crew.output());
  const { processes } = JSON.parse(Deno.readTextFileSync(`${crew.projectDir}/summary.json`));
  assertEquals(processes.crash.state, "failed");
  assertEquals(processes.crash.starts, 4, "one start and three restarts, no more");
});

Deno.test("output of processes is shown with the process's name before each line", async () => {
  await using crew = await startCrew(
    `
import { command, defineConfig } from "coxswain";
export default defineConfig({
  name: "talk",
  processes: {
    left: { run: command(["sh", "-c", "echo out-left; echo err-left >&2"]), restart: { policy: "temporary" } },
    right: { run: command(["printf", "no newline"]), restart: { policy: "temporary" } },
  },
});`,
    { waitForControl: false },
  );
  assertEquals((await crew.ended()).code, 0, crew.output());
  assertMatch(crew.output(), /left\b.*out-left/);
  assertMatch(crew.output(), /left\b.*err-left/);
  assertMatch(crew.output(), /right\b.*no newline/);
});

Deno.test("finish runs after each exit with the reason in its environment", async () => {
  await using crew = await startCrew(
    `
import { command, defineConfig } from "coxswain";
export default defineConfig({
  name: "finish",
  processes: {
    job: {
      run: command(["sh", "-c", "exit 7"]),
      restart: { policy: "temporary" },
      finish: { run: command(["sh", "-c", "env | grep ^COX_ | sort > finish.txt"]) },
    },
  },
});`,
    { waitForControl: false },
  );
  await crew.ended();
  const text = Deno.readTextFileSync(`${crew.projectDir}/finish.txt`);
  assertStringIncludes(text, "COX_EXIT_KIND=code\n");
  assertStringIncludes(text, "COX_EXIT_CODE=7\n");
  assertStringIncludes(text, "COX_PROCESS=job\n");
});
