/** What a child can reach: the sandbox of a Deno program, and every child's descriptors and environment. */
import { assert, assertEquals } from "@std/assert";
import { eventually, startCrew, type TestCrew } from "../support/crew.ts";
import { pidsOf } from "../support/crew_pids.ts";

/** Tries everything, says on one line what was let through. */
const PROBE = `
import { ready } from "coxswain/child";
const tries: Record<string, () => unknown> = {
  readGranted: () => Deno.readTextFileSync("granted.txt"),
  readOther: () => Deno.readTextFileSync("supervisor.config.ts"),
  readPasswd: () => Deno.readTextFileSync("/etc/passwd"),
  readProc: () => Deno.readTextFileSync("/proc/self/environ"),
  readOwnPlan: () => Deno.readTextFileSync("run/plan.json"),
  readDirectory: () => [...Deno.readDirSync(".")],
  writeGranted: () => Deno.writeTextFileSync("data/file", "x"),
  writeOther: () => Deno.writeTextFileSync("other.txt", "x"),
  writeUp: () => Deno.writeTextFileSync("data/../other.txt", "x"),
  envGranted: () => Deno.env.get("SHOWN"),
  envOther: () => Deno.env.get("PATH"),
  envAll: () => Deno.env.toObject(),
  sysGranted: () => Deno.loadavg(),
  sysOther: () => Deno.hostname(),
  run: () => new Deno.Command("true").outputSync(),
  runSelf: () => new Deno.Command(Deno.execPath()).outputSync(),
  ffi: () => Deno.dlopen("libc.so.6", {}),
  listen: () => Deno.listen({ port: 0 }).close(),
  connect: () => Deno.connect({ transport: "unix", path: "run/control.sock" }),
  kill: () => Deno.kill(1, "SIGCONT"),
  symlink: () => Deno.symlinkSync("/etc", "data/link"),
  request: () => Deno.permissions.requestSync({ name: "net" }).state === "granted" || fail(),
  // Put together when it runs: written out, \`cox check\` would refuse the program.
  worker: () => import(["data:text/typescript,import 'file:///etc/passwd'"].join()),
};
function fail(): never {
  throw new Error("denied");
}
const passed: string[] = [];
for (const [name, attempt] of Object.entries(tries)) {
  try {
    await attempt();
    passed.push(name);
  } catch {
    // As it should be.
  }
}
console.log("passed: " + passed.sort().join(" "));
await ready();
setInterval(() => {}, 1000);
`;

const SIX = `
import { command, defineConfig, deno, pipe } from "coxswain";
const sleeper = command(["sleep", "1000"]);
export default defineConfig({
  name: "six",
  processes: {
    probe: {
      run: deno("./probe.ts", {
        permissions: { read: ["./granted.txt"], write: ["./data"], env: ["SHOWN"], sys: ["loadavg"] },
      }),
      ready: { by: "notify", within: "20s" },
      env: { SHOWN: "yes", SECRET_PASSED: true },
    },
    bare: { run: deno("./idle.ts") },
    plain: { run: sleeper },
    s6: { run: command(["sh", "-c", "echo >&7; exec sleep 1000"]), ready: { by: "fd", fd: 7, within: "20s" } },
    from: { run: sleeper },
    to: { run: sleeper, ready: { by: "notify", within: "1h" } },
  },
  channels: { wire: pipe({ from: "from.stdout", to: "to.stdin" }) },
});`;

function startSix(): Promise<TestCrew> {
  return startCrew(SIX, {
    files: {
      "probe.ts": PROBE,
      "idle.ts": "setInterval(() => {}, 1000);",
      "granted.txt": "x",
      "data/.keep": "",
    },
    env: { SECRET_PASSED: "1", SECRET: "2", NODE_OPTIONS: "--no-warnings", LD_LIBRARY_PATH: "/x" },
  });
}

async function pidsOfSix(crew: TestCrew): Promise<Record<string, number>> {
  const { processes } = await crew.until(
    "all run",
    (up) =>
      Object.values(up.processes).every(({ pid }) => pid !== null) &&
      ["probe", "s6"].every((name) => up.processes[name]!.state === "running"),
  );
  const pids = Object.entries(processes).map(([name, { pid }]) => [name, pid!] as const);
  // A shell that was seen between fork and exec would be told by its descriptors.
  for (const [name, pid] of pids) {
    if (name !== "probe" && name !== "bare") {
      await eventually(`${name} sleeps`, () => /^(.*\/)?sleep\0/.test(cmdline(pid)));
    }
  }
  return Object.fromEntries(pids);
}

const cmdline = (pid: number) => Deno.readTextFileSync(`/proc/${pid}/cmdline`);

/** What is open, by number. */
function filesOf(pid: number): Map<number, string> {
  return new Map(
    [...Deno.readDirSync(`/proc/${pid}/fd`)].flatMap(({ name }): [number, string][] => {
      try {
        return [[Number(name), Deno.readLinkSync(`/proc/${pid}/fd/${name}`)]];
      } catch {
        return [];
      }
    }),
  );
}

Deno.test("children of a six-process crew: own descriptors alone, own environment, own sandbox", async (t) => {
  await using crew = await startSix();
  const pids = await pidsOfSix(crew);

  await t.step("a command has exactly its own descriptors", () => {
    const numbers = (name: string) => [...filesOf(pids[name]!).keys()].sort((a, b) => a - b);
    assertEquals(numbers("plain"), [0, 1, 2]);
    assertEquals(numbers("from"), [0, 1, 2]);
    assertEquals(numbers("to"), [0, 1, 2]);
    assertEquals(numbers("s6"), [0, 1, 2, 7]);
    assertEquals(filesOf(pids["plain"]!).get(0), "/dev/null");
  });

  await t.step("no two children share a pipe but by a channel", () => {
    const pipes = Object.entries(pids).map(([name, pid]) => {
      const found = [...filesOf(pid).values()].filter((file) => file.startsWith("pipe:"));
      return [name, new Set(found)] as const;
    });
    const shared = pipes.flatMap(([name, own], at) =>
      pipes.slice(at + 1).flatMap(([other, theirs]) =>
        [...own].filter((file) => theirs.has(file)).map(() => `${name} ${other}`)
      )
    );
    assertEquals(shared, ["from to"]);
  });

  await t.step("a Deno child inherits nothing beyond its streams and its notify pipe", () => {
    const { supervisor } = pidsOf(crew);
    const supervisors = new Set(
      [...filesOf(supervisor).values()].filter((file) => /^(pipe|socket):/.test(file)),
    );
    for (const name of ["probe", "bare"]) {
      const inherited = [...filesOf(pids[name]!)].filter(([, file]) => supervisors.has(file));
      const places = [...new Set(inherited.map(([fd]) => fd))].filter((fd) => fd <= 3);
      assertEquals(places.sort(), [1, 2, 3]);
      // Deno may hold copies of its streams; it holds no other file of the supervisor's.
      const streams = new Set([1, 2, 3].map((fd) => filesOf(pids[name]!).get(fd)));
      assert(inherited.every(([, file]) => streams.has(file)), JSON.stringify(inherited));
      const leaked = [...filesOf(pids[name]!).values()].filter((file) =>
        file.startsWith(crew.runDir)
      );
      assertEquals(leaked, []);
    }
  });

  await t.step("the environment is what was allowed", () => {
    const names = (name: string) =>
      Deno.readTextFileSync(`/proc/${pids[name]}/environ`).split("\0").filter((line) => line !== "")
        .map((line) => line.slice(0, line.indexOf("="))).filter((entry) =>
          !["HOME", "LANG", "TZ"].includes(entry)
        ).sort();
    const own = ["COX_INSTANCE", "COX_PROCESS", "COX_RUN"];
    assertEquals(names("plain"), [...own, "PATH"]);
    // It has a channel, and is told of it.
    assertEquals(
      names("to"),
      ["COX_INSTANCE", "COX_LINKS", "COX_PROCESS", "COX_RUN"].concat(
        ["NOTIFY_SOCKET", "PATH"],
      ),
    );
    const deno = names("probe").filter((name) => !name.startsWith("DENO_"));
    assertEquals(deno, [...own, "NO_COLOR", "PATH", "SECRET_PASSED", "SHOWN"].sort());
  });

  await t.step("the sandbox lets through what was granted, and nothing else", async () => {
    const passed = () => /passed: (.*)/.exec(crew.output())?.[1];
    await eventually("the probe has spoken", () => passed() !== undefined);
    assertEquals(passed(), "envGranted readGranted sysGranted writeGranted");
  });
});
