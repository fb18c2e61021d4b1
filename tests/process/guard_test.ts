/** The guard as a real process: status, signals, death, lock, and tree kills under it. */
import { assert, assertEquals } from "@std/assert";
import { removeCgroup } from "../../src/process/crew_cgroup.ts";
import { guardArguments } from "../../src/process/guard.ts";
import { runDirHolder } from "../../src/process/run_dir.ts";
import { childrenOf, isAlive } from "../../src/process/tree.ts";
import { livingWith, temporaryDirectory, uniqueSeconds, until } from "./support/harness.ts";
import { ORPHAN_SHAPES } from "./support/orphan_shapes.ts";
import { StandInCrew } from "./support/stand_in_crew.ts";

Deno.test("guard exits with the supervisor's status", async () => {
  await using crew = new StandInCrew({ programs: [], exitCode: 111 }, { cgroup: false });
  await crew.started();
  await crew.proceed();
  assertEquals((await crew.guard.status).code, 111);
});

Deno.test("guard forwards signals, waits on, and exits as the supervisor chose", async () => {
  await using crew = new StandInCrew({ programs: [] }, { cgroup: false });
  await crew.started();
  for (const signal of ["SIGUSR1", "SIGHUP"] as const) {
    crew.guard.kill(signal);
    await until(
      `${signal} heard`,
      async () =>
        (await crew.heard<{ signal: string }>("signal")) !== null &&
        crew.hasHeard("signal", signal),
    );
  }
  crew.guard.kill("SIGTERM");
  assertEquals((await crew.guard.status).code, 42);
});

Deno.test("guard exits as a supervisor chose that ends the moment it is signalled, 100 times", async () => {
  using dir = temporaryDirectory();
  const guard = new URL("../../src/process/guard.sh", import.meta.url).pathname;
  const script = `trap "exit 42" TERM; echo up; read -r line`;
  const codes = await Promise.all(Array.from({ length: 4 }, async () => {
    const found: number[] = [];
    for (let run = 0; run < 25; run++) {
      const child = new Deno.Command("/bin/sh", {
        args: [guard, dir.path, "-", "start", "/bin/sh", "-c", script],
        stdin: "piped",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      await child.stdout.getReader().read();
      child.kill("SIGTERM");
      found.push((await child.status).code);
      await child.stdin.close().catch(() => {});
    }
    return found;
  }));
  assertEquals(codes.flat().filter((code) => code !== 42), []);
});

Deno.test("guard passes on a signal that comes before its supervisor has been executed", async () => {
  using dir = temporaryDirectory();
  const guard = new URL("../../src/process/guard.sh", import.meta.url).pathname;
  const codes: number[] = [];
  for (let run = 0; run < 40; run++) {
    const child = new Deno.Command("/bin/sh", {
      args: [guard, dir.path, "-", "start", "sleep", uniqueSeconds()],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    // It has a trap for SIGTERM, bit 14, and in the next moment a child with the same trap.
    while (!/SigCgt:.*[4-7c-f].{3}\n/.test(Deno.readTextFileSync(`/proc/${child.pid}/status`)));
    child.kill("SIGTERM");
    codes.push((await child.status).code);
  }
  assertEquals(codes.filter((code) => code !== 143), []);
});

Deno.test("guard kills what a supervisor that ended well left behind", async () => {
  const marker = uniqueSeconds();
  const argv = ["/bin/sh", "-c", `env -i setsid sleep ${marker} & exit 0`];
  await using crew = new StandInCrew({ programs: [{ name: "a", argv }] }, { cgroup: false });
  await crew.started();
  await until("the sleeper", () => livingWith(`sleep\0${marker}`).length === 1);
  await crew.proceed();
  assertEquals((await crew.guard.status).code, 0);
  assertEquals(livingWith(marker), []);
});

Deno.test("guard removes the sockets of a supervisor that was killed", async () => {
  await using crew = new StandInCrew({ programs: [] }, { cgroup: false });
  const { supervisor } = await crew.started();
  Deno.mkdirSync(`${crew.runDir}/notify`);
  Deno.writeTextFileSync(`${crew.runDir}/notify/x.sock`, "");
  Deno.writeTextFileSync(`${crew.runDir}/control.sock`, "");
  Deno.kill(supervisor, "SIGKILL");
  await crew.guard.status;
  assertEquals([...Deno.readDirSync(`${crew.runDir}/notify`)], []);
  assertEquals([...Deno.readDirSync(crew.runDir)].map(({ name }) => name).sort(), [
    "lock",
    "notify",
  ]);
});

Deno.test("guard reaps orphans that end by themselves", async () => {
  const argv = ["/bin/sh", "-c", "setsid sh -c 'sleep 0.05' & exit 0"];
  await using crew = new StandInCrew({ programs: [{ name: "a", argv }] }, { cgroup: false });
  const { supervisor } = await crew.started();
  await until("the guard to have no child but the supervisor", () => {
    const children = childrenOf(crew.guard.pid);
    return children.length === 1 && children[0] === supervisor;
  });
});

Deno.test("guard holds the lock until the last of guard and supervisor has ended", async () => {
  await using crew = new StandInCrew({ programs: [] }, { cgroup: false });
  await crew.started();
  assertEquals(runDirHolder(crew.runDir), crew.guard.pid);
  await crew.proceed();
  await crew.guard.status;
  assertEquals(runDirHolder(crew.runDir), null);
});

Deno.test("armParentDeath() tells a supervisor whose guard is killed", async () => {
  await using crew = new StandInCrew({ programs: [] }, { cgroup: false });
  const { supervisor } = await crew.started();
  crew.guard.kill("SIGKILL");
  await crew.heard("guardLost");
  await until("the supervisor's end", () => !isAlive(supervisor));
});

for (const cgroup of [false, true]) {
  Deno.test({
    name: "Containment.killRest() gets at every shape after the guard was killed, " +
      (cgroup ? "with a cgroup" : "without one"),
    fn: () => killGuard(cgroup),
  });

  for (const shape of ORPHAN_SHAPES) {
    Deno.test({
      name: `Containment.killTree() kills "${shape.name}" and nothing of its neighbour, ` +
        (cgroup ? "with a cgroup" : "without one"),
      ignore: shape.missing() !== null,
      fn: () => killOneOfTwo(shape, cgroup),
    });
  }
}

async function killOneOfTwo(shape: (typeof ORPHAN_SHAPES)[number], cgroup: boolean): Promise<void> {
  using dir = temporaryDirectory();
  const runs = ["victim", "neighbour"].map((name) => {
    const place = `${dir.path}/${name}`;
    Deno.mkdirSync(place);
    const marker = uniqueSeconds();
    return { name, argv: shape.argv(marker, place), living: () => shape.living(marker, place) };
  });
  const programs = runs.map(({ name, argv }) => ({ name, argv }));
  const request = { programs, killTreeOf: "victim", settleMs: cgroup ? 400 : 0 };
  await using crew = new StandInCrew(request, { cgroup });
  await crew.started();
  for (const { name, living } of runs) {
    await until(`${name} to run`, () => living().length >= shape.count);
  }
  const [victim, neighbour] = runs;
  await crew.proceed();
  await crew.heard("strays");
  assertEquals(victim!.living(), []);
  // A storm's pids do not stand still: one look may miss some.
  await until("the neighbour to be unhurt", () => neighbour!.living().length >= shape.count);
  assert(!crew.hasField("warning"), "a warning was given");
}

async function killGuard(cgroup: boolean): Promise<void> {
  using dir = temporaryDirectory();
  const shapes = ORPHAN_SHAPES.filter((shape) => shape.missing() === null);
  const runs = shapes.map((shape, index) => {
    const place = `${dir.path}/${index}`;
    Deno.mkdirSync(place);
    const marker = uniqueSeconds();
    return { shape, argv: shape.argv(marker, place), living: () => shape.living(marker, place) };
  });
  const programs = runs.map(({ shape, argv }) => ({ name: shape.name, argv }));
  await using crew = new StandInCrew({ programs }, { cgroup });
  const { cgroupDir } = await crew.started();
  for (const { shape, living } of runs) {
    await until(`"${shape.name}" to run`, () => living().length >= shape.count);
  }
  crew.guard.kill("SIGKILL");
  const { rest } = await crew.heard<{ rest: readonly { pid: number }[] }>("rest");
  for (const { living } of runs) assertEquals(living(), []);
  assert(rest.length >= runs.length);
  // Nobody is left who could remove it: the next run would.
  if (cgroupDir !== null) await until("an empty cgroup", () => removeCgroup(cgroupDir) === null);
}

Deno.test({
  name: "guard as PID 1 reaps orphans, ends what is left, and exits with the right status",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    using dir = temporaryDirectory();
    const marker = uniqueSeconds();
    // The supervisor's part: a short-lived orphan, one that stays, a look at zombies until there is
    // none, and out.
    const script = `setsid sh -c 'sleep 0.02 & exit 0' & env -i setsid sleep ${marker} & wait %1
      while [ -n "$(ps -eo args= | grep -F 'sleep 0.02' | grep -vF grep)" ]; do sleep 0.01; done
      zombies() { ps -eo pid=,stat=,ppid= | awk '$2 ~ /^Z/ && $3 == 1'; }
      looks=0; while [ -n "$(zombies)" ] && [ $looks -lt 500 ]; do looks=$((looks + 1)); sleep 0.01; done
      zombies; exit 23`;
    const supervisor = { kind: "start", argv: ["/bin/sh", "-c", script] } as const;
    const inner = ["/bin/sh", ...guardArguments(dir.path, null, supervisor)];
    const { code, stdout, stderr } = await new Deno.Command("unshare", {
      args: ["--pid", "--fork", "--mount-proc", ...inner],
    }).output();
    const text = new TextDecoder();
    assertEquals([code, text.decode(stdout)], [23, ""], text.decode(stderr));
    assertEquals(livingWith(`sleep\0${marker}`), []);
    assert(text.decode(stderr).includes("left processes"), text.decode(stderr));
  },
});
