/** A crew in a PID namespace of its own (`--contain pidns`), and `cox up` as a container's init. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { pidNamespaceProblem } from "../../src/process/pid_namespace.ts";
import { childrenOf, descendantsOf, isAlive, processStat } from "../../src/process/tree.ts";
import { coxCommand, startCrew, type TestCrew } from "../support/crew.ts";
import { type CrewPids, pidsOf } from "../support/crew_pids.ts";
import { until } from "./support/harness.ts";
import { OrphanCrew, SHAPES } from "./support/orphan_crew.ts";

const problem = await pidNamespaceProblem();
if (problem !== null) console.warn(`Skipped, no PID namespace can be made: ${problem}`);
const ignore = problem !== null;
const AS_INIT = ["unshare", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc"];

const SLEEPER = `
import { command, defineConfig } from "coxswain";
export default defineConfig({ name: "ns", processes: { a: { run: command(["sleep", "1000"]) } } });`;
const FAILURE = `
import { command, defineConfig } from "coxswain";
const run = command(["false"]);
export default defineConfig({
  name: "ns", processes: { a: { run, critical: true, restart: { policy: "temporary" } } },
});`;

const VICTIMS: Readonly<Record<string, (pids: CrewPids, crew: TestCrew) => readonly number[]>> = {
  "the supervisor": ({ supervisor }) => [supervisor],
  "the guard inside": ({ innerGuard }) => [innerGuard],
  "unshare": ({ aboveInnerGuard }) => [aboveInnerGuard],
  "the guard outside": (_, crew) => [crew.pid],
  "the supervisor and the guard outside": ({ supervisor }, crew) => [supervisor, crew.pid],
};

for (const [name, victims] of Object.entries(VICTIMS)) {
  Deno.test({
    name: `--contain pidns: kill -9 of ${name} leaves none of ${SHAPES.length} shapes, 5 times`,
    ignore,
    fn: async () => {
      for (let run = 0; run < 5; run++) {
        await using orphans = await OrphanCrew.start("pidns");
        const pids = pidsOf(orphans.crew);
        const own = Object.values(pids).filter((pid) => pid !== orphans.crew.pid);
        for (const victim of victims(pids, orphans.crew)) Deno.kill(victim, "SIGKILL");
        await until("nothing to live", () => orphans.living().size === 0, 1000);
        await until("nothing of cox to live", () => !own.some(isAlive));
        const { code, signal } = await orphans.crew.ended();
        // unshare makes a 1 of an init that was killed.
        assert([137, 1].includes(code), `${code} ${signal}`);
      }
    },
  });
}

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const) {
  Deno.test({
    name: `--contain pidns: ${signal} stops the crew in order, with 0`,
    ignore,
    fn: async () => {
      await using crew = await startCrew(SLEEPER, { args: ["--contain", "pidns"] });
      const { supervisorPid, guardPid } = await crew.snapshot();
      assertEquals([supervisorPid, guardPid], [2, 1], "pids are those inside");
      Deno.kill(crew.pid, signal);
      assertEquals((await crew.ended()).code, 0, crew.output());
      assertEquals(exitCauses(crew), ["stop"]);
    },
  });
}

Deno.test({
  name: "--contain pidns: a signal that comes before anything has started is not lost",
  ignore,
  fn: async () => {
    for (let run = 0; run < 10; run++) {
      const options = { args: ["--contain", "pidns"], waitForControl: false };
      await using crew = await startCrew(SLEEPER, options);
      // From the first moment that the guard is one, in steps of a few milliseconds.
      await until("the guard", () => processStat(crew.pid)?.command === "sh");
      for (let wait = 0; wait < run; wait++) await new Promise((resolve) => setTimeout(resolve, 4));
      Deno.kill(crew.pid, "SIGTERM");
      const { code } = await crew.ended();
      // 143: it came before the supervisor listened to any signal.
      assert(code === 0 || code === 143, `${code}: ${crew.output()}`);
    }
  },
});

Deno.test({
  name: "--contain pidns: a crew that fails ends with 111",
  ignore,
  fn: async () => {
    const options = { args: ["--contain", "pidns"], waitForControl: false };
    await using crew = await startCrew(FAILURE, options);
    assertEquals((await crew.ended()).code, 111, crew.output());
  },
});

Deno.test("--contain pidns: is refused with 111 where no namespace can be made", async () => {
  const [command = "", ...args] = coxCommand(["up", "--contain", "pidns"]);
  using dir = temporaryProject();
  // Without `unshare` on the PATH there is none.
  const { code, stderr } = await new Deno.Command(command, {
    args,
    cwd: dir.path,
    env: { PATH: dir.path },
  }).output();
  assertEquals(code, 111);
  assertStringIncludes(new TextDecoder().decode(stderr), "No PID namespace can be made here");
});

function temporaryProject(): { readonly path: string } & Disposable {
  const path = Deno.makeTempDirSync({ prefix: "cox-test-" });
  Deno.writeTextFileSync(`${path}/supervisor.config.ts`, SLEEPER);
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

Deno.test({
  name: "cox up as init reaps orphans, and ends with 0 after TERM",
  ignore,
  fn: async () => {
    await using crew = await startCrew(
      SLEEPER.replace(`"sleep", "1000"`, `"sh", "-c", ${JSON.stringify(ORPHANS)}`),
      { under: AS_INIT },
    );
    const { innerGuard } = pidsOf(crew);
    assertEquals((await crew.snapshot()).guardPid, 1);
    await until("twenty orphans", () => isWritten(`${crew.projectDir}/done`));
    await until("no orphan under init", () => childrenOf(innerGuard).every(isOfCox));
    assertEquals(descendantsOf(innerGuard).filter(isZombie), []);
    Deno.kill(innerGuard, "SIGTERM");
    assertEquals((await crew.ended()).code, 0, crew.output());
    assertEquals(exitCauses(crew), ["stop"]);
  },
});

Deno.test({
  name: "cox up as init ends with 111 when the crew fails, 137 when the supervisor is killed",
  ignore,
  fn: async () => {
    await using failing = await startCrew(FAILURE, { under: AS_INIT, waitForControl: false });
    assertEquals((await failing.ended()).code, 111, failing.output());
    await using killed = await startCrew(SLEEPER, { under: AS_INIT });
    Deno.kill(pidsOf(killed).supervisor, "SIGKILL");
    assertEquals((await killed.ended()).code, 137, killed.output());
  },
});

/** Twenty orphans that end by themselves, under a parent that lives on. */
const ORPHANS = `for i in 1 2 3 4 5 6 7 8 9 10; do (setsid sh -c 'sleep 0.02 & exit 0' &); done
sleep 0.1; echo > done; exec sleep 1000`;

function isWritten(path: string): boolean {
  try {
    return Deno.readTextFileSync(path) !== "";
  } catch {
    return false;
  }
}

/** The supervisor, or a part of the guard; a zombie has no arguments any more. */
function isOfCox(pid: number): boolean {
  try {
    return /guard\.sh|driver\/main\.ts/.test(Deno.readTextFileSync(`/proc/${pid}/cmdline`));
  } catch {
    return false;
  }
}

function isZombie(pid: number): boolean {
  return processStat(pid)?.state === "Z";
}

/** Why the instances of `a` ended. */
function exitCauses(crew: TestCrew): (string | null)[] {
  return crew.events().flatMap((event) =>
    event.event === "exit" && event.process === "a" && event.reason.kind === "signal"
      ? [event.reason.cause]
      : []
  );
}
