/** A whole crew without root, without a cgroup, in the default run directory. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { coxCommand, eventually, isAlive } from "../support/crew.ts";
import { defaultRunDir } from "../../src/process/run_dir.ts";
import { livingWith, uniqueSeconds } from "./support/harness.ts";

/** nobody, of Debian. */
const UID = 65534;

/** Why these tests cannot run; null when they can. */
function whyNot(): string | null {
  if (Deno.uid() !== 0) return "only root can become another user";
  const entry = new URL("../../main.ts", import.meta.url).pathname;
  const { success } = new Deno.Command("setpriv", {
    args: [`--reuid=${UID}`, `--regid=${UID}`, "--clear-groups", "test", "-r", entry],
  }).outputSync();
  return success ? null : `uid ${UID} cannot read ${entry}`;
}

const missing = whyNot();
if (missing !== null) console.warn(`Skipped, ordinary user: ${missing}`);

/** Whether the other user reaches `path` through the folders on its way. */
function userReaches(path: string): boolean {
  const command = new Deno.Command("setpriv", {
    args: [`--reuid=${UID}`, `--regid=${UID}`, "--clear-groups", "readlink", "-e", path],
    stdout: "null",
  });
  return command.outputSync().success;
}

/** A project, a cache, a home and, where ours is out of reach, a runtime of the other user. */
interface Place extends Disposable {
  readonly projectDir: string;
  readonly denoPath: string;
  readonly env: Readonly<Record<string, string>>;
}

function makePlace(config: string): Place {
  const root = Deno.makeTempDirSync({ prefix: "cox-test-" });
  const projectDir = `${root}/project`;
  Deno.mkdirSync(projectDir);
  Deno.writeTextFileSync(`${projectDir}/supervisor.config.ts`, config);
  Deno.writeTextFileSync(`${projectDir}/idle.ts`, IDLE);
  // The packages of our own cache, which may lie where only we can read.
  const cache = JSON.parse(
    new TextDecoder().decode(
      new Deno.Command(Deno.execPath(), { args: ["info", "--json"] })
        .outputSync().stdout,
    ),
  ) as { npmCache: string };
  Deno.mkdirSync(`${root}/cache`);
  const copied = new Deno.Command("cp", { args: ["-r", cache.npmCache, `${root}/cache/npm`] });
  assert(copied.outputSync().success);
  let denoPath = Deno.execPath();
  if (!userReaches(denoPath)) {
    Deno.copyFileSync(denoPath, denoPath = `${root}/deno`);
  }
  Deno.chmodSync(root, 0o755);
  assert(new Deno.Command("chown", { args: ["-R", `${UID}:${UID}`, root] }).outputSync().success);
  return {
    projectDir,
    denoPath,
    env: { DENO_DIR: `${root}/cache`, HOME: root, PATH: "/usr/bin:/bin", NO_COLOR: "1" },
    [Symbol.dispose]: () => Deno.removeSync(root, { recursive: true }),
  };
}

const IDLE = `
import { ready } from "coxswain/child";
await ready();
setInterval(() => {}, 1000);
`;

function cox({ projectDir, denoPath, env }: Place, ...args: string[]): Deno.Command {
  const who = [`--reuid=${UID}`, `--regid=${UID}`, "--clear-groups"];
  const [, ...rest] = coxCommand(args);
  return new Deno.Command("setpriv", {
    args: [...who, denoPath, ...rest],
    cwd: projectDir,
    clearEnv: true,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

Deno.test({
  name: "cox up as an ordinary user runs, restarts, ends and leaves nothing, in its default place",
  ignore: missing !== null,
  fn: async () => {
    const marker = uniqueSeconds();
    using place = makePlace(`
import { command, defineConfig, deno } from "coxswain";
export default defineConfig({
  name: "ordinary",
  processes: {
    program: { run: deno("./idle.ts"), ready: { by: "notify", within: "20s" } },
    stray: { run: command(["sh", "-c", "(env -i setsid sleep ${marker} &); exec sleep ${marker}"]) },
  },
});`);
    const runDir = await defaultRunDir(`${place.projectDir}/supervisor.config.ts`, {}, UID);
    const up = cox(place, "up").spawn();
    const output = Promise.all([new Response(up.stdout).text(), new Response(up.stderr).text()]);
    try {
      await eventually("all run", async () => {
        const { code, stdout } = await cox(place, "ps", "--json").output();
        if (code !== 0) return false;
        const { processes } = JSON.parse(new TextDecoder().decode(stdout));
        return processes.program.state === "running" && livingWith(`sleep\0${marker}`).length === 2;
      });
      assertEquals((await cox(place, "restart", "program").output()).code, 0);
      const [started = "", warned = ""] = Deno.readTextFileSync(`${runDir}/events.jsonl`)
        .split("\n");
      assertEquals(JSON.parse(started).containment, "guard");
      assertStringIncludes(JSON.parse(warned).message, "The guard alone holds the crew");
      const supervisor = JSON.parse(started).pid;
      Deno.kill(supervisor, "SIGKILL");
      await eventually("nothing is left", () => livingWith(`sleep\0${marker}`).length === 0);
      assert(!isAlive(supervisor));
      assertEquals((await up.status).code, 137);
      // The place is taken over, and the end in order leaves nothing either.
      const again = await cox(place, "up", "--for", "300ms").output();
      assertEquals(again.code, 0, new TextDecoder().decode(again.stderr));
      assertEquals(livingWith(`sleep\0${marker}`), []);
    } finally {
      if (isAlive(up.pid)) up.kill("SIGTERM");
      await output;
      Deno.removeSync(runDir, { recursive: true });
    }
  },
});

Deno.test({
  name: "an ordinary user's processes can be made meeker, and are refused what takes a right",
  ignore: missing !== null,
  fn: async () => {
    const config = (scheduling: string) => `
import { command, defineConfig } from "coxswain";
export default defineConfig({
  name: "meek",
  processes: {
    sleeper: {
      run: command(["sh", "-c", "chrt -p $$; ionice -p $$; cat /proc/$$/oom_score_adj"]),
      restart: { policy: "temporary" },
      scheduling: ${scheduling},
    },
  },
});`;
    using place = makePlace(
      config('{ policy: "idle", oomScore: 50, io: { class: "idle" }, timerSlack: "1ms" }'),
    );
    const { code, stdout, stderr } = await cox(place, "up", "--for", "20s").output();
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assertEquals(code, 0, text);
    for (const shown of ["policy: SCHED_IDLE", "sleeper | idle", "sleeper | 50"]) {
      assertStringIncludes(text, shown);
    }
    const path = `${place.projectDir}/supervisor.config.ts`;
    Deno.writeTextFileSync(path, config('{ policy: "fifo", priority: 1, oomScore: -1 }'));
    const refused = await cox(place, "up").output();
    const why = new TextDecoder().decode(refused.stderr);
    assertEquals(refused.code, 100, why);
    assertStringIncludes(why, 'policy "fifo" needs CAP_SYS_NICE');
    assertStringIncludes(why, "-1 is below cox's own 0, which needs CAP_SYS_RESOURCE");
    Deno.removeSync(await defaultRunDir(path, {}, UID), { recursive: true });
  },
});

Deno.test({
  name: "cox doctor as an ordinary user says what is lost, and breaks on nothing",
  ignore: missing !== null,
  fn: async () => {
    using place = makePlace(`
import { command, defineConfig } from "coxswain";
export default defineConfig({ name: "x", processes: { a: { run: command(["true"]) } } });`);
    const { code, stdout } = await cox(place, "doctor").output();
    const text = new TextDecoder().decode(stdout);
    assertEquals(code, 0, text);
    for (const name of ["cgroup.kill", "pid namespace", "user"]) {
      assertStringIncludes(text, `lost    ${name}`);
    }
    assertStringIncludes(text, "a crew is held by the guard alone");
    const config = `${place.projectDir}/supervisor.config.ts`;
    Deno.removeSync(await defaultRunDir(config, {}, UID), { recursive: true });
  },
});

Deno.test({
  name: "a runtime that an ordinary user cannot reach is told as that",
  ignore: missing !== null,
  fn: async () => {
    using place = makePlace(`
import { command, defineConfig } from "coxswain";
export default defineConfig({ name: "x", processes: { a: { run: command(["true"]) } } });`);
    const closed = Deno.makeTempDirSync({ prefix: "cox-test-closed-" });
    try {
      const denoPath = `${closed}/deno`;
      Deno.copyFileSync(place.denoPath, denoPath);
      const why = `the runtime, ${denoPath}, cannot be reached by user ${UID}`;
      const refused = await cox({ ...place, denoPath }, "up").output();
      assertEquals(refused.code, 111);
      assertStringIncludes(new TextDecoder().decode(refused.stderr), why);
      const looked = await cox({ ...place, denoPath }, "doctor").output();
      assertEquals(looked.code, 111);
      assertStringIncludes(new TextDecoder().decode(looked.stdout), why);
    } finally {
      Deno.removeSync(closed, { recursive: true });
    }
  },
});
