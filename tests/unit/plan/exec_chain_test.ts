import { assertEquals, assertStringIncludes } from "@std/assert";
import type { ProcessConfig } from "../../../src/config/config.ts";
import type { SchedulingPlan } from "../../../src/plan/contract.ts";
import { execChain } from "../../../src/plan/exec_chain.ts";
import {
  commandProcess,
  compiled,
  crew,
  denoProcess,
  machine,
  onlyError,
  processNamed,
  RIGHTS,
} from "./fixtures.ts";

const argv = (changes: Partial<ProcessConfig>, facts = machine()) =>
  processNamed(compiled(crew({ a: commandProcess(changes) }), facts), "a").argv;

const NO_TOOLS = {
  ...{ setpriv: null, prlimit: null, nice: null, choom: null, ionice: null, taskset: null },
  chrt: null,
};

const SCHEDULING: SchedulingPlan = {
  ...{ policy: null, cpus: null, ioClass: null, lockMemory: false, oomScore: null },
  timerSlackNs: null,
};

Deno.test("execChain() is the program alone if nothing has to change", () => {
  const request = {
    program: ["/bin/x", "--", "$(y)"],
    limits: [],
    nice: 0,
    scheduling: null,
    identity: null,
    coxDir: "/opt/cox",
    tools: NO_TOOLS,
  };
  assertEquals(execChain(request), { kind: "chain", argv: ["/bin/x", "--", "$(y)"] });
});

Deno.test("execChain() names every tool that is needed and not installed", () => {
  const tools = { ...NO_TOOLS, nice: "/usr/bin/nice" };
  const result = execChain({
    program: ["/bin/x"],
    limits: [["cpu", { soft: 1, hard: null }]],
    nice: 5,
    scheduling: { ...SCHEDULING, oomScore: 1, cpus: [0] },
    identity: { uid: 1, gid: 1, named: false },
    coxDir: "/opt/cox",
    tools,
  });
  assertEquals(result, { kind: "missing", tools: ["prlimit", "choom", "taskset", "setpriv"] });
});

Deno.test("compile() makes the chain as short as the configuration allows", () => {
  assertEquals(argv({}), ["/usr/bin/cat"]);
  assertEquals(argv({ nice: 0, limits: {} }), ["/usr/bin/cat"]);
  assertEquals(argv({ user: "root" }), ["/usr/bin/cat"]);
  assertEquals(argv({ nice: -5 }), ["/usr/bin/nice", "-n", "-5", "/usr/bin/cat"]);
  assertEquals(argv({ limits: { nofile: 64 } }), [
    "/usr/bin/prlimit",
    "--nofile=64:64",
    "/usr/bin/cat",
  ]);
});

Deno.test("compile() chains prlimit, nice and setpriv in that order", () => {
  assertEquals(
    argv({
      user: "www",
      nice: 7,
      limits: {
        nofile: [100, 200],
        nproc: "unlimited",
        as: "1GiB",
        fsize: ["1KiB", "unlimited"],
        core: "0B",
        cpu: "1500ms",
      },
    }),
    [
      "/usr/bin/prlimit",
      "--nofile=100:200",
      "--nproc=unlimited:unlimited",
      "--as=1073741824:1073741824",
      "--fsize=1024:unlimited",
      "--core=0:0",
      "--cpu=2:2",
      "/usr/bin/nice",
      "-n",
      "7",
      "/usr/bin/setpriv",
      "--reuid=33",
      "--regid=33",
      "--init-groups",
      "/usr/bin/cat",
    ],
  );
});

Deno.test("compile() keeps arguments as data, whatever they look like", () => {
  const run = { kind: "command", argv: ["sh", "-c", 'echo "$0"; `id`', "a b", "--", ""] } as const;
  assertEquals(argv({ run }), ["/usr/bin/sh", ...run.argv.slice(1)]);
});

Deno.test("compile() refuses a soft limit above its hard limit", () => {
  for (const nofile of [[200, 100], ["unlimited", 100]] as const) {
    const issue = onlyError(crew({ a: commandProcess({ limits: { nofile } }) }));
    assertEquals(issue.path, ["processes", "a", "limits", "nofile"]);
  }
  assertEquals(argv({ limits: { nofile: [100, 100] } })[1], "--nofile=100:100");
  assertEquals(argv({ limits: { nofile: [100, "unlimited"] } })[1], "--nofile=100:unlimited");
});

Deno.test("compile() sets user, group and supplementary groups", () => {
  const chain = (changes: Partial<ProcessConfig>) => argv(changes).slice(0, -1);
  const setpriv = (...args: string[]) => ["/usr/bin/setpriv", ...args];
  assertEquals(chain({ user: 33 }), setpriv("--reuid=33", "--regid=33", "--init-groups"));
  assertEquals(
    chain({ user: "www", group: "data" }),
    setpriv("--reuid=33", "--regid=50", "--init-groups"),
  );
  assertEquals(
    chain({ user: 4000, group: 4001 }),
    setpriv("--reuid=4000", "--regid=4001", "--clear-groups"),
  );
  assertEquals(chain({ group: "data" }), setpriv("--reuid=0", "--regid=50", "--clear-groups"));
});

Deno.test("compile() records whom the process runs as", () => {
  const plan = compiled(crew({ a: commandProcess({ user: "www", group: 50 }) }));
  assertEquals([processNamed(plan, "a").uid, processNamed(plan, "a").gid], [33, 50]);
});

Deno.test("compile() refuses unknown users and groups, and a number without a group", () => {
  const at = (changes: Partial<ProcessConfig>) =>
    onlyError(crew({ a: commandProcess(changes) })).path;
  assertEquals(at({ user: "ghost" }), ["processes", "a", "user"]);
  assertEquals(at({ user: "www", group: "ghost" }), ["processes", "a", "group"]);
  assertEquals(at({ user: 4000 }), ["processes", "a", "user"]);
});

Deno.test("compile() refuses to change identity or raise priority if cox is not root", () => {
  const facts = machine({ uid: 33, gid: 33 });
  const at = (changes: Partial<ProcessConfig>) =>
    onlyError(crew({ a: commandProcess(changes) }), facts).path;
  assertEquals(at({ user: "root" }), ["processes", "a", "user"]);
  assertEquals(at({ group: "data" }), ["processes", "a", "group"]);
  assertEquals(at({ nice: -1 }), ["processes", "a", "nice"]);
  assertEquals(argv({ user: "www" }, facts), ["/usr/bin/cat"]);
});

Deno.test("compile() names a tool that is not installed, once for all replicas", () => {
  const facts = machine({ tools: NO_TOOLS });
  const issue = onlyError(crew({ a: commandProcess({ nice: 3, replicas: 4 }) }), facts);
  assertEquals(issue.path, ["processes", "a", "nice"]);
  assertStringIncludes(issue.message, "not installed");
  const finish = { run: { kind: "command", argv: ["true"] } } as const;
  const user = onlyError(crew({ a: commandProcess({ user: "www", finish }) }), facts);
  assertEquals(user.path, ["processes", "a", "user"]);
});

Deno.test("compile() runs finish as the process's user, without its limits", () => {
  const finish = { run: { kind: "command", argv: ["true", "x"] } } as const;
  const plan = compiled(
    crew({ a: commandProcess({ finish, user: "www", nice: 3, limits: { nproc: 1 } }) }),
  );
  assertEquals(processNamed(plan, "a").finish, {
    argv: ["/usr/bin/setpriv", "--reuid=33", "--regid=33", "--init-groups", "/usr/bin/true", "x"],
    executable: "/usr/bin/setpriv",
    timeoutNs: 5_000_000_000,
  });
});

Deno.test("compile() refuses a program or finish program that is not found, saying where", () => {
  const run = { kind: "command", argv: ["ghost"] } as const;
  const issue = onlyError(crew({ a: commandProcess({ run }) }));
  assertEquals(issue.path, ["processes", "a", "run", "argv", 0]);
  assertStringIncludes(issue.message, "/usr/bin:/bin");
  const noPath = onlyError(crew({ a: commandProcess({ env: { PATH: false } }) }));
  assertStringIncludes(noPath.message, "no PATH");
  const finish = onlyError(crew({ a: commandProcess({ finish: { run } }) }));
  assertEquals(finish.path, ["processes", "a", "finish", "run", "argv", 0]);
});

Deno.test("compile() hands the import map to another user as data", () => {
  const plan = compiled(crew({ a: denoProcess({}, { user: "www" }), b: denoProcess() }));
  const map = (name: string) =>
    processNamed(plan, name).argv.find((argument) => argument.startsWith("--import-map="));
  assertEquals(map("a"), "--import-map=data:application/json,%7B%22imports%22%3A%7B%7D%7D");
  assertEquals(map("b"), "--import-map=/run/cox/project-1/import_map.json");
});

Deno.test("compile() refuses an import map that is too long for an argument", () => {
  const config = crew({ a: denoProcess({}, { user: "www" }) });
  const prefix = "data:application/json,".length;
  const room = 131_071 - prefix;
  compiled(config, machine({ importMap: "x".repeat(room) }));
  const issue = onlyError(config, machine({ importMap: "x".repeat(room + 1) }));
  assertEquals(issue.path, ["processes", "a", "user"]);
});

Deno.test("compile() schedules before it gives rights away, and sets the policy last of all", () => {
  const all = argv({
    user: "www",
    nice: 1,
    limits: { memlock: "1MiB" },
    scheduling: {
      ...{ policy: "rr", priority: 7, cpus: [1, 0], io: { class: "realtime", level: 0 } },
      ...{ oomScore: -3, timerSlack: "1us" },
    },
  });
  assertEquals(all, [
    ...["/usr/bin/prlimit", "--memlock=1048576:1048576", "/usr/bin/nice", "-n", "1"],
    ...["/bin/sh", "/opt/cox/src/process/timer_slack_shim.sh", "1000"],
    ...["/usr/bin/choom", "-n", "-3", "--", "/usr/bin/ionice", "-c", "1", "-n", "0"],
    ...["/usr/bin/taskset", "-c", "0,1", "/usr/bin/chrt", "-r", "7"],
    ...["/usr/bin/setpriv", "--reuid=33", "--regid=33", "--init-groups", "/usr/bin/cat"],
  ]);
  const chrt = (scheduling: NonNullable<ProcessConfig["scheduling"]>) =>
    argv({ scheduling }).slice(0, -1);
  assertEquals(chrt({ policy: "fifo", priority: 99 }), ["/usr/bin/chrt", "-f", "99"]);
  assertEquals(chrt({ policy: "batch" }), ["/usr/bin/chrt", "-b", "0"]);
  assertEquals(chrt({ policy: "idle" }), ["/usr/bin/chrt", "-i", "0"]);
  assertEquals(chrt({ policy: "deadline", runtime: "1ms", period: "10ms", deadline: "5ms" }), [
    ...["/usr/bin/chrt", "-R", "-d", "-T", "1000000", "-D", "5000000", "-P", "10000000", "0"],
  ]);
  assertEquals(chrt({ io: { class: "idle" } }), ["/usr/bin/ionice", "-c", "3"]);
  assertEquals(chrt({ io: { class: "best-effort" } }), ["/usr/bin/ionice", "-c", "2", "-n", "4"]);
});

Deno.test("compile() runs finish as it is scheduled itself", () => {
  const finish = { run: { kind: "command", argv: ["true"] } } as const;
  const plan = compiled(crew({ a: commandProcess({ finish, scheduling: { oomScore: 5 } }) }));
  assertEquals(processNamed(plan, "a").finish?.argv, ["/usr/bin/true"]);
});

Deno.test("compile() refuses scheduling that the kernel would refuse, and says which right it takes", () => {
  const rights = { ...RIGHTS, capabilities: [], rtPriorityMax: 10, oomScore: 100, cpus: [0, 2] };
  const facts = machine({ rights });
  const issue = (scheduling: NonNullable<ProcessConfig["scheduling"]>, other = facts) => {
    const { path, message } = onlyError(crew({ a: commandProcess({ scheduling }) }), other);
    return [path.slice(3).join("."), message];
  };
  assertEquals(argv({ scheduling: { policy: "fifo", priority: 10 } }, facts).length, 4);
  assertEquals(argv({ scheduling: { oomScore: 100, cpus: [2] } }, facts).length, 8);
  assertEquals(issue({ policy: "fifo", priority: 11 }), [
    "priority",
    "without CAP_SYS_NICE priorities are limited to 10 (RLIMIT_RTPRIO)",
  ]);
  assertEquals(
    issue({ policy: "rr", priority: 1 }, machine({ rights: { ...rights, rtPriorityMax: 0 } })),
    [
      "policy",
      'policy "rr" needs CAP_SYS_NICE, which cox has not, or a limit of real-time priorities ' +
      "above 0 (RLIMIT_RTPRIO)",
    ],
  );
  assertEquals(issue({ policy: "deadline", runtime: "1ms", period: "2ms" }), [
    "policy",
    'policy "deadline" needs CAP_SYS_NICE, which cox has not',
  ]);
  assertEquals(issue({ io: { class: "realtime" } }), [
    "io.class",
    'the class "realtime" needs CAP_SYS_NICE, which cox has not',
  ]);
  assertEquals(issue({ oomScore: 99 }), [
    "oomScore",
    "99 is below cox's own 100, which needs CAP_SYS_RESOURCE",
  ]);
  assertEquals(issue({ cpus: [0, 1] }), ["cpus.1", "there is no CPU 1 online"]);
  const supervisor = { scheduling: { policy: "fifo", priority: 50 } } as const;
  assertEquals(onlyError(crew({ a: commandProcess() }, { supervisor }), facts).path, [
    ...["supervisor", "scheduling", "priority"],
  ]);
});
