/** The supervisor that is started ahead of its plan, as seen from outside `cox up`. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { descendantsOf, isAlive } from "../../src/process/tree.ts";
import { coxCommand, eventually, startCrew } from "../support/crew.ts";

const SLEEPER = `
import { command, defineConfig } from "coxswain";
export default defineConfig({ name: "one", processes: { a: { run: command(["sleep", "1000"]) } } });`;

Deno.test("a refused configuration leaves no supervisor behind and the run directory free", async () => {
  const dir = await Deno.makeTempDir();
  // It takes its time, so that the supervisor is there while it is evaluated.
  await Deno.writeTextFile(
    `${dir}/supervisor.config.ts`,
    `await new Promise((resolve) => setTimeout(resolve, 400)); export default { name: 1 };`,
  );
  const [command = "", ...args] = coxCommand(["up", "--run-dir", `${dir}/run`]);
  for (let round = 0; round < 2; round++) {
    const child = new Deno.Command(command, { args, cwd: dir, stderr: "piped" }).spawn();
    let ahead: number[] = [];
    await eventually("the supervisor was started ahead", () => {
      ahead = descendantsOf(child.pid).filter((pid) =>
        commandOf(pid).includes("src/driver/main.ts")
      );
      return ahead.length === 1;
    });
    const { code, stderr } = await child.output();
    assertEquals(code, 100);
    assertStringIncludes(new TextDecoder().decode(stderr), "name");
    for (const pid of ahead) assert(!isAlive(pid), "the supervisor outlived the refusal");
  }
  await Deno.remove(dir, { recursive: true });
});

Deno.test("kill -9 of the front end before there is a plan ends the waiting supervisor", async () => {
  const dir = await Deno.makeTempDir();
  await Deno.writeTextFile(
    `${dir}/supervisor.config.ts`,
    `await new Promise((resolve) => setTimeout(resolve, 5000)); export default { name: 1 };`,
  );
  const [command = "", ...args] = coxCommand(["up", "--run-dir", `${dir}/run`]);
  const child = new Deno.Command(command, { args, cwd: dir, stderr: "null" }).spawn();
  let all: number[] = [];
  await eventually("the supervisor was started ahead", () => {
    all = descendantsOf(child.pid);
    return all.some((pid) => commandOf(pid).includes("src/driver/main.ts"));
  });
  child.kill("SIGKILL");
  await child.status;
  const supervisors = all.filter((pid) => commandOf(pid).includes("src/driver/main.ts"));
  await eventually("it is gone", () => supervisors.every((pid) => !isAlive(pid)));
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a signal to the whole foreground group ends the crew in order", async () => {
  await using crew = await startCrew(SLEEPER);
  await crew.until("it runs", ({ processes }) => processes.a!.state === "running");
  // What a terminal does at Ctrl-C, and `kill -TERM -PGID`: the guard's own helpers get it too.
  for (const pid of [crew.pid, ...guardHelpers(crew.pid)]) Deno.kill(pid, "SIGTERM");
  const { code } = await crew.ended();
  assertEquals(code, 0, crew.output());
  const exit = crew.events().find((event) => event.event === "exit" && event.process === "a");
  assert(exit?.event === "exit" && exit.reason.kind === "signal", crew.output());
  assertEquals([exit.reason.signal, exit.reason.cause], ["SIGTERM", "stop"]);
});

function guardHelpers(guardPid: number): number[] {
  return descendantsOf(guardPid).filter((pid) => commandOf(pid).includes("guard.sh"));
}

function commandOf(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`);
  } catch {
    return "";
  }
}
