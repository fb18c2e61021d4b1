import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { compile } from "../../../src/plan/compile.ts";
import {
  commandProcess,
  compiled,
  crew,
  denoProcess,
  machine,
  onlyError,
  processNamed,
  refused,
} from "./fixtures.ts";

const names = (config: Parameters<typeof compiled>[0], facts = machine()) =>
  compiled(config, facts).processes.map((process) => process.name);

Deno.test("compile() gives a frozen, JSON-safe plan with the facts' places", () => {
  const plan = compiled(crew({ a: commandProcess() }));
  assertEquals(JSON.parse(JSON.stringify(plan)), plan);
  assertEquals(plan.planVersion, 1);
  assertEquals([plan.cox, plan.name], ["1.2.3", "crew"]);
  assertEquals(plan.configPath, "/project/supervisor.config.ts");
  assertEquals([plan.projectDir, plan.runDir], ["/project", "/run/cox/project-1"]);
});

Deno.test("compile() gives the same plan for the same input", () => {
  const config = crew({ b: commandProcess({ after: { a: "ready" } }), a: denoProcess() });
  assertEquals(compiled(config), compiled(config));
});

Deno.test("compile() numbers processes by start order after @log", () => {
  const plan = compiled(crew({
    last: commandProcess({ after: { middle: "ready" } }),
    free: commandProcess(),
    middle: commandProcess({ after: { first: "completed" } }),
    first: commandProcess(),
  }));
  assertEquals(plan.processes.map((p) => p.name), ["@log", "free", "first", "middle", "last"]);
  assertEquals(processNamed(plan, "last").after, [{ process: 3, condition: "ready" }]);
  assertEquals(processNamed(plan, "middle").after, [{ process: 2, condition: "completed" }]);
  assertEquals(plan.processes[0]!.after, []);
});

Deno.test("compile() applies the defaults", () => {
  const process = processNamed(compiled(crew({ a: commandProcess() })), "a");
  assertEquals(process, {
    name: "a",
    declaredName: "a",
    system: false,
    kind: "command",
    argv: ["/usr/bin/cat"],
    executable: "/usr/bin/cat",
    cwd: "/project",
    env: [["HOME", "/home/me"], ["PATH", "/usr/bin:/bin"]],
    umask: 0o022,
    uid: null,
    gid: null,
    descriptors: [
      { fd: 0, kind: "null" },
      { fd: 1, kind: "log", stream: "stdout" },
      { fd: 2, kind: "log", stream: "stderr" },
    ],
    after: [],
    ready: { by: "started" },
    restart: {
      policy: "permanent",
      successCodes: [0],
      backoff: {
        initialNs: 100_000_000,
        factor: 2,
        maxNs: 30_000_000_000,
        jitter: 0.1,
        resetAfterNs: 10_000_000_000,
      },
    },
    stop: {
      signal: 15,
      signalName: "SIGTERM",
      timeoutNs: 5_000_000_000,
      scope: "process-then-group",
    },
    finish: null,
    critical: false,
    group: 0,
    pulse: null,
    scheduling: null,
  });
});

Deno.test("compile() converts what is given to integer nanoseconds and numbers", () => {
  const process = processNamed(
    compiled(crew({
      a: commandProcess({
        umask: "0027",
        critical: true,
        ready: { by: "line", pattern: "up$", stream: "stderr", within: "1.5s" },
        restart: {
          policy: "transient",
          successCodes: [0, 3],
          backoff: { initial: "50us", factor: 1.5, max: "2m", jitter: 0, resetAfter: "1h" },
        },
        stop: { signal: "SIGUSR2", timeout: "0s", scope: "group" },
        finish: { run: { kind: "command", argv: ["sh", "-c", "echo $1"] }, timeout: "250ms" },
      }),
    })),
    "a",
  );
  assertEquals(process.umask, 0o027);
  assertEquals(process.critical, true);
  assertEquals(process.ready, {
    by: "line",
    stream: "stderr",
    pattern: "up$",
    withinNs: 1_500_000_000,
  });
  assertEquals(process.restart, {
    policy: "transient",
    successCodes: [0, 3],
    backoff: {
      initialNs: 50_000,
      factor: 1.5,
      maxNs: 120_000_000_000,
      jitter: 0,
      resetAfterNs: 3_600_000_000_000,
    },
  });
  assertEquals(process.stop, { signal: 12, signalName: "SIGUSR2", timeoutNs: 0, scope: "group" });
  assertEquals(process.finish, {
    argv: ["/usr/bin/sh", "-c", "echo $1"],
    executable: "/usr/bin/sh",
    timeoutNs: 250_000_000,
  });
});

Deno.test("compile() expands replicas into NAME-1 … NAME-n, one of them keeps its name", () => {
  assertEquals(names(crew({ a: commandProcess({ replicas: 3 }), b: commandProcess() })), [
    "@log",
    "a-1",
    "a-2",
    "a-3",
    "b",
  ]);
  assertEquals(names(crew({ a: commandProcess({ replicas: 1 }) })), ["@log", "a"]);
});

Deno.test("compile() makes a dependency on replicas one on each of them", () => {
  const plan = compiled(crew({
    b: commandProcess({ after: { a: "ready" }, replicas: 2 }),
    a: commandProcess({ replicas: 2 }),
  }));
  assertEquals(plan.processes.map((p) => p.name), ["@log", "a-1", "a-2", "b-1", "b-2"]);
  for (const name of ["b-1", "b-2"]) {
    assertEquals(processNamed(plan, name).after, [
      { process: 1, condition: "ready" },
      { process: 2, condition: "ready" },
    ]);
    assertEquals(processNamed(plan, name).declaredName, "b");
  }
});

Deno.test("compile() refuses a replica that takes another process's name", () => {
  const issue = onlyError(crew({ "a-2": commandProcess(), a: commandProcess({ replicas: 2 }) }));
  assertEquals(issue.path, ["processes", "a"]);
  assertStringIncludes(issue.message, '"a-2"');
});

Deno.test("compile() reports what is wrong with replicas once", () => {
  const issue = onlyError(
    crew({ a: commandProcess({ replicas: 5, cwd: "./nowhere", after: {} }) }),
  );
  assertEquals(issue.path, ["processes", "a", "cwd"]);
  const missing = onlyError(crew({ a: commandProcess({ replicas: 5, after: { b: "ready" } }) }));
  assertEquals(missing.path, ["processes", "a", "after", "b"]);
});

Deno.test("compile() keeps processes without profiles and those with an active one", () => {
  const config = crew({
    always: commandProcess(),
    empty: commandProcess({ profiles: [] }),
    dev: commandProcess({ profiles: ["dev", "test"] }),
    prod: commandProcess({ profiles: ["prod"] }),
  });
  assertEquals(names(config), ["@log", "always", "empty"]);
  assertEquals(names(config, machine({ profiles: ["test"] })), ["@log", "always", "empty", "dev"]);
});

Deno.test("compile() refuses an unknown profile, naming those that exist", () => {
  const config = crew({ a: commandProcess(), b: commandProcess({ profiles: ["dev"] }) });
  const issue = onlyError(config, machine({ profiles: ["deb"] }));
  assertStringIncludes(issue.message, '"deb"');
  assertStringIncludes(issue.fix ?? "", "dev");
});

Deno.test("compile() refuses profiles that leave nothing", () => {
  assertMatch(
    onlyError(crew({ a: commandProcess({ profiles: ["dev"] }) })).message,
    /no process would run/,
  );
});

Deno.test("compile() refuses a dependency that the profiles leave out", () => {
  const issue = onlyError(crew({
    a: commandProcess({ after: { b: "started" } }),
    b: commandProcess({ profiles: ["dev"] }),
  }));
  assertEquals(issue.path, ["processes", "a", "after", "b"]);
});

Deno.test("compile() shows a circle of dependencies in the direction of waiting", () => {
  const issue = onlyError(crew({
    a: commandProcess({ after: { b: "ready" } }),
    b: commandProcess({ after: { c: "ready" } }),
    c: commandProcess({ after: { a: "ready" } }),
  }));
  const shown = /circle: (.*)$/.exec(issue.message)![1]!.split(" -> ");
  assertEquals(shown.length, 4);
  assertEquals(shown[0], shown[3]);
  // Each waits for the one after it.
  const waitsFor: Record<string, string> = { a: "b", b: "c", c: "a" };
  for (let at = 0; at < 3; at++) assertEquals(waitsFor[shown[at]!], shown[at + 1]);
  assertEquals(issue.path, ["processes", shown[0]!, "after"]);
});

Deno.test("compile() reports everything at once", () => {
  const issues = refused(crew({
    a: commandProcess({ cwd: "./nowhere", user: "nobody-here", nice: 3 }),
    b: { run: { kind: "command", argv: ["no-such-program"] }, after: { c: "ready" } },
    d: denoProcess({ path: "./missing.ts" }),
  }));
  assertEquals(issues.map((issue) => issue.path.join(".")).sort(), [
    "processes.a.cwd",
    "processes.a.user",
    "processes.b.after.c",
    "processes.b.run.argv.0",
    "processes.d.run.path",
  ]);
});

Deno.test("compile() compiles four thousand processes in a chain of dependencies", () => {
  const processes = Object.fromEntries(
    Array.from({ length: 4000 }, (_, at) => [
      `p${at}`,
      commandProcess(at === 3999 ? {} : { after: { [`p${at + 1}`]: "ready" } }),
    ]),
  );
  const plan = compiled(crew(processes));
  assertEquals(plan.processes.length, 4001);
  assertEquals(plan.processes[1]!.name, "p3999");
  assertEquals(plan.processes[4000]!.name, "p0");
});

Deno.test("compile() returns warnings beside the plan", () => {
  const result = compile(
    crew({ a: denoProcess({ permissions: { run: ["git"] } }) }),
    machine(),
  );
  assertEquals(result.kind, "compiled");
  assertEquals(result.issues.map((issue) => issue.severity), ["warning"]);
});
