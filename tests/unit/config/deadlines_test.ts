/** Time contracts of processes, channels and paths: what goes together, and where an issue says so. */
import { assertEquals } from "@std/assert";
import { type Data, issuesOf, RUN } from "./samples.ts";

/** Issues of `a` with these contracts and further keys; without the contracts' path. */
function deadlineIssues(deadlines: Data, rest: Data = {}): string[] {
  const lines = issuesOf({
    name: "x",
    processes: { a: { run: RUN, deadlines, ...rest }, b: { run: RUN }, c: { run: RUN } },
    safeMode: { start: ["b"] },
    channels: {
      raw: { kind: "pipe", from: "a.raw", to: "b.raw" },
      lines: { kind: "pipe", from: ["a.lines"], to: "b.lines", framing: "lines" },
      pair: { kind: "pair", between: ["c.talk", "b.talk"] },
    },
  });
  return lines.filter((line) => !line.startsWith("safeMode | no contract"))
    .map((line) => line.replace("processes.a.deadlines.", ""));
}

const NOTIFY = { ready: { by: "notify", within: "2s" } };

Deno.test("checkDeadlines() takes every kind of contract", () => {
  const cases: [Data, Data?][] = [
    [{}],
    [{ ready: { within: "2s", warn: "1999ms" } }, NOTIFY],
    [{ ready: { warn: "1s" } }, NOTIFY],
    [{ stop: { within: "5s" } }],
    [{ run: { warn: "1h" } }, { restart: { policy: "transient" } }],
    [{ heartbeat: { within: "200ms", warn: "100ms", by: "notify" } }, NOTIFY],
    [{ heartbeat: { within: "1s", by: "output" } }],
    [{ heartbeat: { within: "1s", by: { channel: "raw" } } }],
    [{ heartbeat: { within: "1s", by: { channel: "lines" } } }, { replicas: 3 }],
    [{ cycles: { c: { period: "100us", budget: "99us", late: "100us", offset: "99us" } } }],
    [{ cycles: { c: { period: "1ms", warn: "999us", tolerate: { misses: 1023, in: 1024 } } } }],
    [{ checkpoints: { s: { steps: ["one", "two"] } } }],
    [{ heartbeat: { within: "1s", miss: [], broken: ["warn", "safe-mode"] } }, NOTIFY],
  ];
  for (const [deadlines, rest] of cases) {
    assertEquals(deadlineIssues(deadlines, rest), [], JSON.stringify(deadlines));
  }
});

Deno.test("checkDeadlines() holds spans to what ends the process anyway", () => {
  assertEquals(deadlineIssues({ ready: { warn: "1s" } }), [
    'ready | a process that is ready by "started" is ready as soon as it runs | ' +
    'add ready: { by: "notify" } or another way to know it, or remove this',
  ]);
  assertEquals(deadlineIssues({ ready: { within: "2001ms" } }, NOTIFY), [
    'ready.within | "within" must be at most ready.within, which kills it, is "2001ms" and "2s" | ' +
    'at most "2s"',
  ]);
  assertEquals(deadlineIssues({ ready: { warn: "30s" } }, { ready: { by: "notify" } }), [
    'ready.warn | "warn" must be shorter than ready.within (by default), is "30s" and "30s" | ' +
    "a warning comes before the miss: shorten it, or remove it",
  ]);
  assertEquals(deadlineIssues({ stop: { miss: "restart", within: "6s" } }), [
    'stop.within | "within" must be at most stop.timeout (by default), which kills it, is "6s" and ' +
    '"5s" | at most "5s"',
    'stop.miss | "restart" has no meaning here: the process is being stopped | ' +
    'use "warn", { signal } or { run }',
  ]);
  assertEquals(deadlineIssues({ stop: { warn: "1s" } }, { stop: { timeout: "0s" } }), [
    "stop | stop.timeout is 0: the process is killed at once | remove this",
  ]);
  assertEquals(deadlineIssues({ run: {} }), [
    'run | must have one of "within" and "warn" | remove it',
    'run | a process with restart policy "permanent" is to run for ever | ' +
    'set restart.policy to "transient" or "temporary", or remove this',
  ]);
});

Deno.test("checkDeadlines() wants something to see a heartbeat by", () => {
  const by = (source: Data, rest?: Data) =>
    deadlineIssues({ heartbeat: { within: "1s", by: source } }, rest);
  assertEquals(by({ channel: "line" }), [
    'heartbeat.by.channel | no channel is named "line" | did you mean "lines"?',
  ]);
  assertEquals(by({ channel: "pair" }), [
    'heartbeat.by.channel | "pair" is a socket, and what is sent on one cannot be seen from ' +
    "outside | use a pipe, or another sign of life",
  ]);
  assertEquals(by({ channel: "raw" }, { replicas: 2 }), [
    'heartbeat.by.channel | the 2 replicas of "a" share the pipe: which of them is silent cannot ' +
    "be seen | give the pipe framing, or use another sign of life",
  ]);
  assertEquals(by("pulse"), [
    'heartbeat.by | "by" must be "client", "notify", "output" or { channel: NAME }, is "pulse"',
  ]);
  assertEquals(
    by("notify", { run: { kind: "deno", path: "./a.ts" }, ready: { by: "fd", fd: 5 } }),
    [
      'heartbeat.by | a Deno program that is ready by "fd" has no descriptor to notify on | ' +
      'use "client", or be ready by "notify"',
    ],
  );
  assertEquals(
    issuesOf({
      name: "x",
      processes: {
        a: { run: RUN },
        b: { run: RUN, deadlines: { heartbeat: { within: "1s", by: { channel: "p" } } } },
      },
      channels: { p: { kind: "pipe", from: "a.stdout", to: "b.stdin" } },
    }),
    [
      'processes.b.deadlines.heartbeat.by.channel | "b" is no producer of "p": it only receives ' +
      "there | name a channel that it sends on",
    ],
  );
  assertEquals(
    issuesOf({
      name: "x",
      processes: {
        a: { run: RUN, deadlines: { heartbeat: { within: "1s", by: "output" } } },
        b: { run: RUN },
      },
      channels: {
        p: { kind: "pipe", from: ["a.stdout", "a.stderr"], to: "b.stdin", framing: "lines" },
      },
    }),
    [
      "processes.a.deadlines.heartbeat.by | stdout and stderr both go into channels, past cox: no " +
      "output can be seen | use { channel: NAME } with one of them",
    ],
  );
});

Deno.test("checkDeadlines() holds the times of a cycle to its period", () => {
  const cycle = (keys: Data) => deadlineIssues({ cycles: { c: { period: "20ms", ...keys } } });
  assertEquals(cycle({ budget: "20ms", offset: "20ms", late: "21ms", warn: "20ms" }), [
    'cycles.c.budget | "budget" must be shorter than "period", is "20ms" and "20ms"',
    'cycles.c.offset | "offset" must be shorter than "period", is "20ms" and "20ms"',
    'cycles.c.late | "late" must be at most "period", is "21ms" and "20ms"',
    'cycles.c.warn | "warn" must be shorter than "budget", is "20ms" and "20ms" | ' +
    "a warning comes before the miss: shorten it, or remove it",
  ]);
  assertEquals(deadlineIssues({ cycles: { "a b": { period: "99us" } } }), [
    'cycles.a b.period | "period" must be at least "100us", is "99us"',
  ]);
  assertEquals(deadlineIssues({ cycles: { "a b": { period: "1ms" } } }), [
    'cycles.a b | the name of a cycle must be a letter, then letters, digits, "_" or "-", is "a b"',
  ]);
});

Deno.test("checkDeadlines() refuses steps that are no order", () => {
  const steps = (keys: Data) => deadlineIssues({ checkpoints: { s: keys } });
  assertEquals(steps({ steps: ["one"] }), [
    'checkpoints.s.steps | "steps" must have at least 2 entries, is a list of 1',
  ]);
  assertEquals(steps({ steps: ["one", { name: "one" }], warnAt: 0.5 }), [
    'checkpoints.s.steps.1 | "one" is listed twice | rename one',
    "checkpoints.s.warnAt | there is no time that this could be a share of | add within, or " +
    "remove it",
  ]);
  const many = Object.fromEntries(
    Array.from({ length: 61 }, (_, at) => [`c${at}`, { period: "1s" }]),
  );
  const { c60: _, ...fewer } = many;
  assertEquals(deadlineIssues({ cycles: fewer }), []);
  assertEquals(deadlineIssues({ cycles: many }), [
    "processes.a.deadlines | there must be at most 60 cycles and checkpoints, are 61",
  ]);
});

Deno.test("checkDeadlines() refuses stamps of a task, whose programs inherit no memory", () => {
  const run = { kind: "task", name: "build" };
  const why = "the programs of a task do not inherit the memory that this is stamped in | " +
    'run the program itself, by deno() or command(), or use by: "notify" or "output"';
  const deadlines = {
    heartbeat: { within: "1s" },
    cycles: { c: { period: "1s" } },
    checkpoints: { s: { steps: ["one", "two"] } },
  };
  assertEquals(deadlineIssues(deadlines, { run, ...NOTIFY }), [
    `heartbeat | ${why}`,
    `cycles.c | ${why}`,
    `checkpoints.s | ${why}`,
  ]);
  assertEquals(
    deadlineIssues({ heartbeat: { within: "1s", by: "notify" } }, { run, ...NOTIFY }),
    [],
  );
});

Deno.test("checkDeadlines() warns where a start counts as silence", () => {
  const why = "an instance counts as ready as soon as it runs, so that its start counts as silence";
  for (const by of ["client", "notify"]) {
    assertEquals(deadlineIssues({ heartbeat: { within: "1s", by } }), [
      `heartbeat | ${why} | add ready: { by: "notify" }, or allow for the start in within`,
    ]);
    assertEquals(deadlineIssues({ heartbeat: { within: "1s", by } }, NOTIFY), []);
  }
});

Deno.test("checkDeadlines() warns of a restart that there will not be", () => {
  const restart = { policy: "temporary" };
  const why =
    'a process with policy "temporary" is never restarted: "restart" ends it for good | ' +
    'use "stop", or another restart.policy';
  assertEquals(deadlineIssues({ run: { within: "1s", miss: ["warn", "restart"] } }, { restart }), [
    `run.miss | ${why}`,
  ]);
  assertEquals(
    deadlineIssues({ cycles: { c: { period: "1s", broken: "restart" } } }, { restart }),
    [`cycles.c.broken | ${why}`],
  );
  assertEquals(deadlineIssues({ run: { within: "1s", miss: "stop" } }, { restart }), []);
});

Deno.test("checkContract() refuses what can never break, and actions that are none", () => {
  const heartbeat = (keys: Data) =>
    deadlineIssues({ heartbeat: { within: "1s", ...keys } }, NOTIFY);
  assertEquals(heartbeat({ tolerate: { misses: 3, in: 3 }, warn: "1s" }), [
    'heartbeat.tolerate.misses | "misses" must be fewer than "in", is 3 in 3: the contract could ' +
    "never be broken | at most 2",
    'heartbeat.warn | "warn" must be shorter than "within", is "1s" and "1s" | ' +
    "a warning comes before the miss: shorten it, or remove it",
  ]);
  assertEquals(heartbeat({ miss: ["warn", "warn"], broken: { timeout: "1s" } }), [
    'heartbeat.miss.1 | "warn" is listed twice | remove it',
    'heartbeat.broken | an action that is an object must have one of "signal" and "run" | ' +
    'two actions are a list: [{ signal: "SIGUSR2" }, { run: command(["program"]) }]',
    'heartbeat.broken.timeout | "timeout" is about the program of "run"',
  ]);
  assertEquals(heartbeat({ miss: { signal: "SIGSTOP" } }), [
    "heartbeat.miss.signal | SIGSTOP suspends a process, and this one is late already | " +
    'use "SIGUSR2" or another that the program handles',
  ]);
  assertEquals(heartbeat({ miss: "reboot" }), [
    'heartbeat.miss | "miss" must be "warn", "restart", "stop", "fail-group", "safe-mode", ' +
    '{ signal } or { run }, or a list of these, is "reboot"',
  ]);
  assertEquals(
    issuesOf({
      name: "x",
      processes: {
        a: { run: RUN, deadlines: { heartbeat: { within: "1s", miss: "safe-mode" } }, ...NOTIFY },
      },
    }),
    [
      'processes.a.deadlines.heartbeat.miss | "safe-mode" needs to know what runs in it | ' +
      "add safeMode: { start: [NAME, …] } at the top",
    ],
  );
});

/** Issues of a framed channel from `a` (and `many`) to `b` and `c`; without the channel's path. */
function channelIssues(channel: Data, rest: Data = {}): string[] {
  return issuesOf({
    name: "x",
    processes: {
      a: { run: RUN },
      b: { run: RUN },
      c: { run: RUN },
      many: { run: RUN, replicas: 3 },
    },
    channels: { p: { kind: "pipe", from: "a.x", to: "b.x", framing: "lines", ...channel } },
    ...rest,
  }).map((line) => line.replace("channels.p.", ""));
}

Deno.test("checkChannelDeadlines() holds a request to the offer, as DDS does", () => {
  const to = (own: Data) => ({ to: ["c.x", { port: "b.x", ...own }] });
  assertEquals(
    channelIssues({
      deadline: { within: "50ms" },
      liveliness: { within: "1s" },
      ...to({ deadline: { within: "50ms" }, latency: { within: "1ms" } }),
    }),
    [],
  );
  assertEquals(
    channelIssues({
      deadline: { within: "50ms" },
      latency: { within: "5ms" },
      ...to({
        deadline: { within: "49ms", warn: "49ms" },
        latency: { within: "4ms" },
        liveliness: { within: "2s" },
      }),
    }),
    [
      'to.1.deadline.warn | "warn" must be shorter than "within", is "49ms" and "49ms" | ' +
      "a warning comes before the miss: shorten it, or remove it",
      'to.1.deadline.within | requests "49ms", and the channel offers "50ms": what is requested ' +
      'must be no shorter | at least "50ms", or a shorter deadline of the channel',
      'to.1.latency.within | requests "4ms", and the channel offers "5ms": what is requested must ' +
      'be no shorter | at least "5ms", or a shorter latency of the channel',
      'to.1.liveliness | the channel offers no "liveliness", so that no consumer can request one | ' +
      'add liveliness: { within: "2s" } to the channel, if its producers keep it',
    ],
  );
});

Deno.test("checkChannelDeadlines() does not let a consumer ask whose samples are missing of several", () => {
  const mixed = (count: number) =>
    `to.0.deadline | the samples of ${count} producers come mixed to a consumer: whose are ` +
    `missing cannot be said there | use the channel's "deadline", which is of each producer`;
  const to = [{ port: "b.x", deadline: { within: "1s" } }];
  const deadline = { within: "1s" };
  assertEquals(channelIssues({ from: ["a.x", "c.x"], to, deadline }), [mixed(2)]);
  assertEquals(channelIssues({ from: "many.x", to, deadline }), [mixed(3)]);
});

Deno.test("checkPipe() refuses contracts where messages are not told apart", () => {
  const processes = { a: { run: RUN }, b: { run: RUN } };
  const channels = {
    p: { kind: "pipe", from: "a.stdout", to: "b.stdin", latency: { within: "1s" } },
  };
  assertEquals(issuesOf({ name: "x", processes, channels }), [
    'channels.p.latency | "latency" is about messages, and a pipe without "framing" carries bytes | ' +
    'add framing: "lines", "ndjson" or "frames", or remove it',
  ]);
});

Deno.test("checkPaths() wants a path that is connected and ends somewhere", () => {
  const second = { kind: "pipe", from: "b.y", to: ["c.y", "d.y"], framing: "lines" };
  const path = (keys: Data) => {
    const channels = {
      one: { kind: "pipe", from: "a.x", to: "b.x", framing: "lines" },
      two: second,
      raw: { kind: "pipe", from: "c.z", to: "a.z" },
    };
    return issuesOf({
      name: "x",
      processes: PROCESSES,
      channels,
      paths: { v: { within: "1s", ...keys } },
    })
      .map((line) => line.replace("paths.v.", "").replace("paths.v", ""));
  };
  assertEquals(path({ through: ["one", "two"], to: "c" }), []);
  assertEquals(path({ through: ["one"] }), []);
  assertEquals(path({ through: ["one", "two"] }), [
    ' | "two" has several consumers, and the path must end at one of them | ' +
    'add to: one of "c", "d"',
  ]);
  assertEquals(path({ through: ["one", "two"], to: "a", warn: "2s" }), [
    'warn | "warn" must be shorter than "within", is "2s" and "1s" | ' +
    "a warning comes before the miss: shorten it, or remove it",
    'to | "a" is no consumer of "two" | one of "c", "d"',
  ]);
  assertEquals(path({ through: ["two", "one"], to: "b" }), [
    'through.1 | no consumer of "two" is a producer of "one" | ' +
    "a path is connected: list the channel between them",
  ]);
  assertEquals(path({ through: ["one", "one"] }), ['through.1 | "one" is listed twice']);
  assertEquals(path({ through: ["raw"] }), [
    'through.0 | "raw" carries no messages that could be followed | ' +
    "use channels whose messages are told apart",
  ]);
  assertEquals(path({ through: ["ones"] }), [
    'through.0 | no channel is named "ones" | did you mean "one"?',
  ]);
});

const PROCESSES: Data = { a: { run: RUN }, b: { run: RUN }, c: { run: RUN }, d: { run: RUN } };

Deno.test("checkMachine() refuses scheduling that the kernel would refuse", () => {
  const issues = (scheduling: Data, rest: Data = {}) =>
    issuesOf({ name: "x", processes: { a: { run: RUN, scheduling, ...rest } } })
      .map((line) => line.replace("processes.a.", ""));
  assertEquals(issues({ policy: "fifo", priority: 99, cpus: [0, 1023] }), []);
  assertEquals(issues({ policy: "deadline", runtime: "1ms", deadline: "1ms", period: "1ms" }), []);
  assertEquals(issues({ policy: "rr" }), [
    'scheduling | policy "rr" needs "priority" | add priority',
  ]);
  assertEquals(issues({ policy: "batch", priority: 3 }), [
    'scheduling.priority | "priority" has no meaning with policy "batch" | ' +
    'remove it, or set policy to "fifo" or "rr"',
  ]);
  assertEquals(issues({ runtime: "1ms" }), [
    'scheduling.runtime | "runtime" has no meaning without a policy | ' +
    'remove it, or set policy to "deadline"',
  ]);
  assertEquals(issues({ policy: "deadline", runtime: "2ms", period: "1ms", cpus: [0] }), [
    'scheduling.cpus | policy "deadline" is admitted over all CPUs, and takes no choice of them | ' +
    "remove it",
    'scheduling | it must be that runtime ≤ deadline ≤ period, is "2ms", "1ms", "1ms"',
  ]);
  assertEquals(issues({ cpus: [1, 1], io: { class: "idle", level: 3 } }), [
    "scheduling.cpus.1 | 1 is listed twice",
    'scheduling.io.level | the class "idle" has no levels | remove it',
  ]);
  assertEquals(issues({ policy: "fifo", priority: 1 }, { nice: 3 }), [
    'nice | niceness means nothing to a process of policy "fifo" | remove it',
  ]);
});

Deno.test("checkMachine() holds the watchdog to whole seconds, the safe mode to names", () => {
  const top = (keys: Data) => issuesOf({ name: "x", processes: PROCESSES, ...keys });
  const critical = {
    a: {
      run: RUN,
      deadlines: { heartbeat: { within: "1s", critical: true, miss: "safe-mode" } },
      ...NOTIFY,
    },
  };
  const supervisor = { watchdog: { timeout: "1500ms", device: "watchdog" } };
  const safeMode = { start: ["a"] };
  assertEquals(top({ processes: critical, supervisor, safeMode }), [
    'supervisor.watchdog.device | must be an absolute path, is "watchdog"',
    'supervisor.watchdog.timeout | "timeout" must be a whole number of seconds, is "1500ms"',
  ]);
  assertEquals(top({ supervisor: { watchdog: {} } }), [
    "supervisor.watchdog | no contract is critical: the strokes only show that the supervisor " +
    "lives | mark what the machine is to be reset for with critical: true",
  ]);
  assertEquals(top({ supervisor: { scheduling: { cpus: [0] } } }), [
    "supervisor.scheduling | there is no contract, and so no thread that watches any: this has no " +
    "effect | remove it",
  ]);
  assertEquals(top({ safeMode: { start: ["a", "e", "a"] } }), [
    'safeMode.start.1 | no process is named "e" | did you mean "a"?',
    'safeMode.start.2 | "a" is listed twice | remove it',
    'safeMode | no contract asks for it: it has no effect but for "safe-mode" among a contract\'s ' +
    "actions",
  ]);
});

Deno.test("validateConfig() reports no false issue about what a typo made unreadable", () => {
  assertEquals(
    issuesOf({
      name: "x",
      processes: {
        a: {
          run: RUN,
          deadlines: { heartbeat: { within: "1s", by: { channel: "p" }, miss: "safe-mode" } },
        },
        b: { run: RUN },
      },
      channels: { p: { kind: "pipe", from: 5, to: "b.x" } },
      safeMode: { strat: ["a"] },
    }).map((line) => line.split(" | ")[0]),
    ["channels.p.from", "safeMode.start", "safeMode.strat"],
  );
  assertEquals(
    channelIssues({
      deadline: { within: "1 sec" },
      to: [{ port: "b.x", deadline: { within: "1s" } }],
    }).map((line) => line.split(" | ")[0]),
    ["deadline.within"],
  );
});
