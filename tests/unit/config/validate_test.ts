/** Every rule of a single value: at its limit, and one past it. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DEFAULTS } from "../../../src/config/defaults.ts";
import { validateConfig } from "../../../src/config/validate.ts";
import { type Data, fullConfig, issuesOf, RUN, withProcess } from "./samples.ts";

Deno.test("validateConfig() accepts a configuration with every key, and returns it unchanged", () => {
  const result = validateConfig(fullConfig());
  assertEquals(issuesOf(fullConfig()), []);
  assert(result.kind === "valid");
  assertEquals(result.config as Data, fullConfig());
});

Deno.test("validateConfig() accepts every default written out", () => {
  const { ready, restart, stop, umask, nice, critical, replicas, group, pipe, finish } = DEFAULTS;
  const config = {
    name: "defaults",
    processes: {
      a: { run: RUN, ready: { by: ready.by }, restart, stop, umask, nice, critical, replicas },
      b: {
        run: RUN,
        ready: { by: "notify", within: ready.within },
        finish: { run: RUN, ...finish },
      },
      c: { run: RUN, ready: { by: "line", pattern: "x", stream: ready.stream } },
    },
    intensity: 1,
    period: DEFAULTS.root.period,
    groups: { g: { members: ["a"], ...group } },
    channels: { p: { kind: "pipe", from: "a.stdout", to: "b.stdin", ...pipe } },
  };
  assertEquals(issuesOf(config), []);
});

/** `[path under the process, largest or smallest right value, first wrong value, rule]`. */
const LIMITS_OF_A_PROCESS: [string, unknown, unknown, string][] = [
  ["replicas", 1000, 1001, "at most 1000"],
  ["replicas", 1, 0, "at least 1"],
  ["replicas", 1, 1.5, "whole number"],
  ["nice", 19, 20, "at most 19"],
  ["nice", -20, -21, "at least -20"],
  ["umask", "0777", "1000", "must be octal"],
  ["umask", "0", "-1", "must be octal"],
  ["umask", "077", "088", "must be octal"],
  ["user", 4_294_967_294, 4_294_967_295, "at most 4294967294"],
  ["user", 0, -1, "at least 0"],
  ["user", "a".repeat(32), "a".repeat(33), "at most 32"],
  ["user", "www-data", "a:b", "must be a name"],
  ["user", "x", "", "must not be empty"],
  ["group", "x", true, "must be a name or a number"],
  ["cwd", "x".repeat(131_071), "x".repeat(131_072), "at most 131071 bytes"],
  ["cwd", "ä".repeat(65_535), "ä".repeat(65_536), "at most 131071 bytes"],
  ["cwd", "x", "a\0b", "NUL"],
  ["cwd", "x", "", "must not be empty"],
  ["cwd", "x", 5, "must be a text"],
  ["critical", true, "yes", "must be true or false"],
  ["envFiles", list(100, "f"), list(101, "f"), "at most 100 entries"],
  ["profiles", list(100, "p"), list(101, "p"), "at most 100 entries"],
  ["run.argv", list(1000, "x"), list(1001, "x"), "at most 1000 entries"],
  ["run.argv", ["x"], [], "at least 1 entry"],
  ["run.argv", ["x", ""], ["x", "\0"], "NUL"],
  ["run.argv", ["x"], [1], "must be a text"],
  ["run.argv", ["x"], "ls -l", "must be a list of words"],
  ["restart.policy", "transient", "transent", 'did you mean "transient"?'],
  ["restart.successCodes", [255], [256], "at most 255"],
  ["restart.successCodes", [0], [-1], "at least 0"],
  ["restart.successCodes", [0], [], "at least 1 entry"],
  ["restart.successCodes", codes(256), [...codes(256), 0], "at most 256 entries"],
  ["restart.backoff.initial", "1ms", "999us", 'at least "1ms"'],
  ["restart.backoff.initial", "30s", "30001ms", "at most max"],
  ["restart.backoff.factor", 1, 0.999, "at least 1"],
  ["restart.backoff.factor", 100, 100.5, "at most 100"],
  ["restart.backoff.factor", 1, "2", "must be a number"],
  ["restart.backoff.max", "2160h", "2160.5h", 'at most "2160h"'],
  ["restart.backoff.max", "100ms", "99ms", "at most max"],
  ["restart.backoff.jitter", 1, 1.01, "at most 1"],
  ["restart.backoff.jitter", 0, -0.01, "at least 0"],
  ["restart.backoff.resetAfter", "100ms", "99ms", 'at least "100ms"'],
  ["stop.timeout", "0s", "-1s", "must be a duration"],
  ["stop.timeout", "2160h", "2161h", 'at most "2160h"'],
  ["stop.timeout", "3s", 3, "must be a duration"],
  ["stop.signal", "SIGKILL", "SIGTSTP", "suspends a process"],
  ["stop.signal", "SIGTERM", "SIGTREM", 'did you mean "SIGTERM"?'],
  ["stop.signal", "SIGTERM", "term", 'did you mean "SIGTERM"?'],
  ["stop.signal", "SIGTERM", "SIGFOO BAR", "must be the name of a signal"],
  ["stop.scope", "group", "everything", "must be one of"],
  ["ready", { by: "notify", within: "1ms" }, { by: "notify", within: "0s" }, 'at least "1ms"'],
  ["ready", { by: "fd", fd: 63 }, { by: "fd", fd: 64 }, "at most 63"],
  ["ready", { by: "fd", fd: 3 }, { by: "fd", fd: 2 }, "at least 3"],
  ["ready", { by: "fd", fd: 3 }, { by: "fd" }, "needs the descriptor"],
  ["ready", line("x"), { by: "line" }, "needs a pattern"],
  ["ready", line("a".repeat(1000)), line("a".repeat(1001)), "at most 1000 characters"],
  ["ready", line("\\p{L}"), line("("), "must be a regular expression"],
  ["ready", line("x"), line(""), "must not be empty"],
  ["limits.nofile", 2_147_483_584, 2_147_483_585, "at most 2147483584"],
  ["limits.nofile", 0, -1, "at least 0"],
  ["limits.nofile", "unlimited", "infinite", "must be"],
  ["limits.nofile", [5, 5], [6, 5], "soft limit must be at most the hard"],
  ["limits.nproc", [5, "unlimited"], ["unlimited", 5], "soft limit must be at most the hard"],
  ["limits.as", ["1023KiB", "1MiB"], ["1025KiB", "1MiB"], "soft limit"],
  ["limits.as", "8388607GiB", "8388608GiB", "at most"],
  ["limits.core", ["0B", "1B"], ["0B"], "must be [soft, hard]"],
  ["limits.core", "0B", 0, 'add the unit, as in "0B"'],
  ["limits.as", "1MiB", true, "must be a size such as"],
  ["limits.nofile", 9, null, "must be a whole number"],
  ["limits.cpu", "60s", 60, 'add the unit, as in "60s"'],
  ["limits.cpu", "1s", "999ms", 'at least "1s"'],
  ["limits.cpu", "2s", "2500ms", "whole number of seconds"],
  ["limits.cpu", ["1m", "61s"], ["1m", "59s"], "soft limit"],
  ["finish", { run: RUN, timeout: "1ms" }, { run: RUN, timeout: "0s" }, 'at least "1ms"'],
  ["finish", { run: RUN }, { run: { kind: "deno", path: "x" } }, 'must be "command"'],
  ["finish", { run: RUN }, {}, "required"],
  ["env", { A: "x\ny" }, { A: "x\0y" }, "NUL"],
  ["env", { A: true }, { A: 1 }, "must be a text, true or false"],
  ["env", { A: "" }, { "": "" }, "must not be empty"],
  ["env", { A: "" }, { "A=B": "" }, 'must not contain "="'],
  ["env", { A: "" }, { "A\0B": "" }, "NUL"],
  ["env", { A: "" }, { "A\nB": true }, "newline"],
  ["env", { COXSWAIN: "" }, { COX_INSTANCE: "" }, "set by cox"],
  ["env", { NOTIFY: "" }, { NOTIFY_SOCKET: true }, "set by cox"],
  ["env", { A: "x".repeat(131_069) }, { A: "x".repeat(131_070) }, "with its name"],
  ["env", variables(1000), variables(1001), "at most 1000 variables"],
];

for (const [path, right, wrong, rule] of LIMITS_OF_A_PROCESS) {
  const shown = (value: unknown) => JSON.stringify(value).slice(0, 40);
  Deno.test(`validateConfig() takes ${path} ${shown(right)} and refuses ${shown(wrong)}: ${rule}`, () => {
    assertEquals(issuesOf(setAt(path, right)), []);
    const result = validateConfig(setAt(path, wrong));
    assertEquals(result.kind, "invalid");
    assertStringIncludes(issuesOf(setAt(path, wrong)).join("\n"), rule);
    const top = path.split(".")[0]!;
    assert(result.issues.every((each) => each.path[2] === top), "located under the key");
  });
}

const LIMITS_OF_THE_FILE: [string, Data, Data, string][] = [
  ["name", { name: "a".repeat(63) }, { name: "a".repeat(64) }, "at most 63"],
  ["name", { name: "a" }, { name: "" }, "must not be empty"],
  ["name", { name: "a" }, { name: "../a" }, 'must not contain ".."'],
  ["intensity", { intensity: 10_000 }, { intensity: 10_001 }, "at most 10000"],
  ["intensity", { intensity: 0 }, { intensity: -1 }, "at least 0"],
  ["period", { intensity: 1, period: "1ms" }, { intensity: 1, period: "0s" }, 'at least "1ms"'],
  ["period", { intensity: 1, period: "1s" }, { period: "1s" }, "no meaning without an intensity"],
];

for (const [key, right, wrong, rule] of LIMITS_OF_THE_FILE) {
  Deno.test(`validateConfig() takes ${key} at its limit and refuses the next: ${rule}`, () => {
    assertEquals(issuesOf({ ...withProcess({}), ...right }), []);
    const lines = issuesOf({ ...withProcess({}), ...wrong });
    assertEquals(lines.length, 1);
    assertStringIncludes(lines[0]!, rule);
    assert(lines[0]!.startsWith(key));
  });
}

Deno.test("validateConfig() takes as many processes, groups and channels as there may be, and no more", () => {
  assertEquals(issuesOf(crowd(1000)), []);
  assertEquals(issuesOf(crowd(1001)), [
    "processes | there must be at most 1000 processes, are 1001",
    "groups | there must be at most 1000 groups, are 1001",
    "channels | there must be at most 1000 channels, are 1001",
  ]);
  assertEquals(issuesOf({ name: "none", processes: {} }), [
    "processes | there must be at least 1 process",
  ]);
});

Deno.test("validateConfig() bounds the processes with their replicas", () => {
  const four = (last: number) => ({
    name: "many",
    processes: Object.fromEntries(
      [1000, 1000, 1000, last].map((replicas, index) => [`p${index}x`, { run: RUN, replicas }]),
    ),
  });
  assertEquals(issuesOf(four(1000)), []);
  const over = { ...four(1000).processes, one: { run: RUN } };
  assertEquals(issuesOf({ name: "many", processes: over }), [
    "processes | there must be at most 4000 processes with their replicas, are 4001",
  ]);
});

Deno.test("validateConfig() reports wrong shapes and wrong sense in one go", () => {
  const lines = issuesOf({
    nam: "typo",
    hosts: ["h"],
    processes: {
      a: { run: "./x.ts", restrat: {}, healthy: {}, after: { b: "redy", c: "ready" } },
      b: { run: { kind: "dneo" } },
      c: {
        run: { kind: "deno", path: "x", permissions: { read: true, sys: ["lodavg"] } },
        limits: { nofile: -1, nproc: ["unlimited", 5] },
        restart: { polcy: 1, backoff: { initial: "40s" } },
        after: { a: "started" },
        env: { PORT: 80, "X=Y": "" },
      },
    },
    channels: {
      x: { kind: "queue" },
      y: { kind: "pipe", from: "q.stdout", to: "a.stdout", capacty: 1 },
    },
    groups: { g: { members: ["a", "a", "zz"], strategy: "one_for_oen" } },
  });
  const expected = [
    'name | "name" is required',
    'nam | "nam" is not a known key | did you mean "name"?',
    'hosts | "hosts" is not yet supported',
    'processes.a.run | "run" must be a declaration by deno(), task() or command(), is "./x.ts"',
    'processes.a.restrat | "restrat" is not a known key | did you mean "restart"?',
    'processes.a.healthy | "healthy" is not yet supported',
    'did you mean "ready"?',
    'did you mean "deno"?',
    'processes.c.run.permissions.read | "read" must be a list of what is granted, never true',
    'did you mean "loadavg"?',
    "processes.c.limits.nofile |",
    "processes.c.limits.nproc |",
    'did you mean "policy"?',
    "processes.c.restart.backoff.initial | initial must be at most max",
    "processes.a.after.c | processes wait for each other: a -> c -> a",
    'processes.c.env.PORT | "PORT" must be a text, true or false, is 80 | "80"',
    "processes.c.env.X=Y |",
    "channels.x.kind | a queue is not yet supported",
    'channels.y.capacty | "capacty" is not a known key | did you mean "capacity"?',
    'channels.y.from | no process is named "q"',
    'channels.y.to | "to" must be an input, is "a.stdout" | "a.stdin"',
    'did you mean "one_for_one"?',
    'groups.g.members.1 | "a" is listed twice',
    'groups.g.members.2 | no process or group is named "zz"',
  ];
  for (const each of expected) {
    assert(lines.some((line) => line.includes(each)), `${each}\nin\n${lines.join("\n")}`);
  }
  assertEquals(lines.length, expected.length, lines.join("\n"));
});

Deno.test("validateConfig() says 'not yet' of every key to come, wherever it stands", () => {
  const keys = ["host", "encrypt", "clients", "healthy", "every", "secrets"];
  for (const key of keys) {
    const channel = { kind: "pipe", from: "a.stdout", to: "b.stdin", [key]: 1 };
    const lines = issuesOf({
      name: "later",
      [key]: 1,
      processes: { a: { run: RUN, [key]: {} }, b: { run: RUN } },
      groups: { g: { members: ["a"], [key]: [] } },
      channels: { c: channel },
    });
    assertEquals(lines.length, 4, lines.join("\n"));
    for (const each of lines) assertStringIncludes(each, `"${key}" is not yet supported`);
  }
});

Deno.test("validateConfig() survives what is no object", () => {
  for (const raw of [null, 4, "x", true, [], [[]]]) {
    const result = validateConfig(raw);
    assertEquals(result.kind, "invalid");
    assertEquals(result.issues.map((each) => each.path), [[]]);
  }
  assertEquals(issuesOf({}).length, 2);
});

Deno.test("validateConfig() sees a key named __proto__", () => {
  const raw = JSON.parse('{"name":"x","processes":{"__proto__":{"run":1},"a":{}}}');
  assertEquals(issuesOf(raw), ['processes.__proto__ | "__proto__" is not a name that can be used']);
});

Deno.test("validateConfig() refuses nesting without end instead of following it", () => {
  let deep: Data = 1;
  for (let level = 0; level < 5000; level++) deep = level % 2 === 0 ? [deep] : { x: deep };
  const lines = issuesOf({ ...withProcess({}), groups: deep });
  assertEquals(lines.length, 1);
  assertStringIncludes(lines[0]!, "nesting must be at most 32");
});

Deno.test("validateConfig() reports 200 issues and counts the rest", () => {
  const keys = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`x${index}`, 1]));
  const lines = issuesOf({ ...withProcess({}), ...keys });
  assertEquals(lines.length, 201);
  assertStringIncludes(lines[200]!, "100 more");
});

Deno.test("validateConfig() never shows the value of an environment variable", () => {
  const secret = "hunter2\0hunter2";
  assert(!issuesOf(withProcess({ env: { PASSWORD: secret } })).join("").includes("hunter2"));
});

function list(count: number, prefix: string): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

function codes(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function variables(count: number): Record<string, string> {
  return Object.fromEntries(list(count, "V").map((name) => [name, "x"]));
}

function line(pattern: string): Data {
  return { by: "line", pattern };
}

/** The smallest configuration with `value` at a dotted path of its process. */
function setAt(path: string, value: unknown): Data {
  const keys = path.split(".");
  const config = withProcess({ run: { ...RUN } });
  let at = config.processes.a;
  for (const key of keys.slice(0, -1)) at = at[key] ??= {};
  at[keys.at(-1)!] = value;
  return config;
}

/** `count` processes, each in a group, and a channel from each to the next. */
function crowd(count: number): Data {
  const names = list(count, "p");
  return {
    name: "crowd",
    processes: Object.fromEntries([...names.map((name) => [name, { run: RUN }])]),
    groups: Object.fromEntries(names.map((name) => [`g-${name}`, { members: [name] }])),
    channels: Object.fromEntries(names.map((name, index) => [
      `c-${name}`,
      { kind: "pipe", from: `${name}.stdout`, to: `${names[(index + 1) % count]}.stdin` },
    ])),
  };
}
