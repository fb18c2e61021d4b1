/** Time contracts compiled: names, lines, ends of channels, what processes are told. */
import { assert, assertEquals } from "@std/assert";
import type { Config, ProcessConfig } from "../../../src/config/config.ts";
import type { ContractPlan } from "../../../src/plan/contract.ts";
import { executableKey } from "../../../src/plan/facts.ts";
import type { Plan } from "../../../src/plan/plan.ts";
import {
  commandProcess,
  compiled,
  crew,
  denoProcess,
  machine,
  onlyError,
  PATH,
  processNamed,
  warnings,
} from "./fixtures.ts";

const MS = 1_000_000;

/** What a contract has where nothing is said of it. */
const BASE = {
  critical: false,
  tolerate: { misses: 0, window: 1 },
  recoverAfter: 1,
  onMiss: [{ kind: "warn" }],
  onBroken: [],
} as const;

function contractNamed(plan: Plan, name: string): ContractPlan {
  const found = plan.contracts.filter((contract) => contract.name === name);
  assertEquals(found.length, 1, plan.contracts.map((each) => each.name).join(", "));
  return found[0]!;
}

function indexOf(plan: Plan, name: string): number {
  return plan.processes.findIndex((process) => process.name === name);
}

Deno.test("compile() gives a crew without contracts nothing of them", () => {
  const plan = compiled(crew({ a: commandProcess() }));
  assertEquals([plan.contracts, plan.safeMode], [[], null]);
  assertEquals(plan.supervisor, { scheduling: null, watchdog: null });
  assertEquals(processNamed(plan, "a").pulse, null);
});

Deno.test("compile() numbers the lines of a process: heartbeat, cycles, checkpoints", () => {
  const plan = compiled(crew({
    a: denoProcess({}, {
      ready: { by: "notify" },
      deadlines: {
        ready: { warn: "1s" },
        stop: { within: "2s", warn: "1s", critical: true },
        heartbeat: { within: "200ms", warn: "100ms" },
        cycles: {
          fast: { period: "20ms", budget: "5ms", warn: "4ms", offset: "1ms" },
          slow: { period: "1s", late: "10ms" },
        },
        checkpoints: {
          boot: {
            steps: ["one", { name: "two", within: "3ms" }, "three"],
            within: "1ms",
            warnAt: 0.5,
          },
        },
      },
    }),
    b: commandProcess(),
  }, {
    channels: {
      lines: {
        kind: "pipe",
        from: "a.lines",
        to: "b.stdin",
        framing: "lines",
        liveliness: { within: "1s" },
      },
    },
  }));
  const process = indexOf(plan, "a");
  const common = { ...BASE, process };
  assertEquals(plan.contracts, [
    { ...common, name: "a.ready", kind: "span", span: "ready", warnNs: 1000 * MS, missNs: 0 },
    {
      ...common,
      ...{ name: "a.stop", critical: true, kind: "span", span: "stop" },
      ...{ warnNs: 1000 * MS, missNs: 2000 * MS },
    },
    {
      ...common,
      ...{ name: "a.heartbeat", kind: "heartbeat", source: { by: "pulse", line: 0 } },
      ...{ warnNs: 100 * MS, missNs: 200 * MS },
    },
    {
      ...common,
      ...{ name: "a.cycle.fast", kind: "cycle", cycle: "fast", line: 1, periodNs: 20 * MS },
      ...{ offsetNs: MS, budgetNs: 5 * MS, latenessNs: 15 * MS, warnNs: 4 * MS },
    },
    {
      ...common,
      ...{ name: "a.cycle.slow", kind: "cycle", cycle: "slow", line: 2, periodNs: 1000 * MS },
      ...{ offsetNs: 0, budgetNs: 1000 * MS, latenessNs: 10 * MS, warnNs: 0 },
    },
    {
      ...common,
      ...{ name: "a.steps.boot", kind: "steps", steps: "boot", line: 3, warnAt: 0.5 },
      order: [
        { name: "one", withinNs: MS },
        { name: "two", withinNs: 3 * MS },
        { name: "three", withinNs: 0 },
      ],
    },
    {
      ...common,
      ...{ name: "lines.liveliness", kind: "liveliness", channel: 0, consumer: null, line: 0 },
      ...{ warnNs: 0, missNs: 1000 * MS },
    },
  ]);
  const pulse = processNamed(plan, "a").pulse!;
  assertEquals(pulse.lines.map(({ kind }) => kind), ["heartbeat", "cycle", "cycle", "steps"]);
  const { descriptors } = processNamed(plan, "a");
  assertEquals(descriptors.at(-1), { fd: 5, kind: "pulse" });
  // 3 is for readiness, 4 is the channel.
  assertEquals(pulse.fd, 5);
});

Deno.test("compile() seals a Deno program that stamps: mapped before it begins, told of no descriptor", () => {
  const deadlines = { heartbeat: { within: "200ms" } } as const;
  const plan = compiled(crew({ a: denoProcess({}, { deadlines }), b: denoProcess() }));
  const { argv, pulse, env } = processNamed(plan, "a");
  assertEquals(pulse, { fd: 4, bytes: 4096, lines: [{ kind: "heartbeat", by: "client" }] });
  const preload = decodeURIComponent(argv.find((each) => each.startsWith("--preload=data:"))!);
  const request = JSON.parse(JSON.parse(/seal\(JSON\.parse\((".*?[^\\]")\)\)/.exec(preload)![1]!));
  assertEquals(request, {
    segments: [{ fd: 4, bytes: 4096, access: "read-write", what: "the memory of deadlines" }],
    mailboxes: [],
    pulse: 0,
    closeOnExec: [3],
    refusesSymlinks: false,
  });
  assert(argv.includes("--allow-ffi"));
  assertEquals(new Map(env).has("COX_LINKS"), false);
  assertEquals(processNamed(plan, "b").argv.includes("--allow-ffi"), false);
});

Deno.test("compile() gives each replica contracts of its own", () => {
  const deadlines = { heartbeat: { within: "1s", by: "notify" } } as const;
  const plan = compiled(crew({ a: commandProcess({ replicas: 2, deadlines }) }));
  assertEquals(plan.contracts.map(({ name, process }) => [name, process]), [
    ["a-1.heartbeat", indexOf(plan, "a-1")],
    ["a-2.heartbeat", indexOf(plan, "a-2")],
  ]);
});

Deno.test("compile() tells a program that is heard by notify how often, and its pid by the shim", () => {
  const deadlines = { heartbeat: { within: "200ms", by: "notify" } } as const;
  const plan = compiled(
    crew({ a: commandProcess({ deadlines }), b: denoProcess({}, { deadlines }) }),
  );
  const { argv, env, pulse, descriptors } = processNamed(plan, "a");
  assertEquals(argv, ["/bin/sh", "/opt/cox/src/process/pid_shim.sh", "/usr/bin/cat"]);
  assertEquals(new Map(env).get("WATCHDOG_USEC"), "200000");
  // Only the supervisor stamps: the program has no descriptor of it, and needs no links.
  assertEquals(pulse, { fd: null, bytes: 4096, lines: [{ kind: "heartbeat", by: "notify" }] });
  assert(descriptors.every(({ kind }) => kind !== "pulse"));
  assertEquals(new Map(env).has("COX_LINKS"), false);
  assertEquals(processNamed(plan, "b").executable, "/usr/bin/deno");
});

Deno.test("compile() tells a program of another language where to stamp", () => {
  const deadlines = { heartbeat: { within: "200ms" } } as const;
  const plan = compiled(crew({ a: commandProcess({ deadlines }) }));
  const links = new Map(processNamed(plan, "a").env).get("COX_LINKS")!;
  assertEquals(JSON.parse(links), {
    version: 1,
    process: "a",
    links: [],
    pulse: { fd: 4, bytes: 4096 },
  });
});

/** a, c → p → b, d; b → q → d */
function channels(rest: Partial<Config> = {}, own: object = {}): Config {
  return crew(
    { a: commandProcess(), b: commandProcess(), c: commandProcess(), d: commandProcess() },
    {
      channels: {
        p: {
          ...{ kind: "pipe", from: ["a.out", "c.out"], to: ["b.in", { port: "d.in", ...own }] },
          ...{ framing: "lines", deadline: { within: "50ms" }, latency: { within: "5ms" } },
        },
        q: { kind: "pipe", from: "b.out", to: [{ port: "d.q" }], framing: "ndjson" },
      },
      ...rest,
    },
  );
}

Deno.test("compile() sees contracts of channels at their legs, and blames who is to keep them", () => {
  const plan = compiled(channels({}, { latency: { within: "60ms", miss: "restart" } }));
  const shown = plan.contracts.map((contract) => [
    contract.name,
    plan.processes[contract.process]!.name,
    contract.kind === "gap" || contract.kind === "latency" ? contract.channel : null,
    contract.kind === "gap" || contract.kind === "latency" ? contract.consumer : null,
  ]);
  assertEquals(shown, [
    ["p.gap:a", "a", 0, null],
    ["p.gap:c", "c", 1, null],
    ["p.latency@b", "b", 2, 0],
    ["p.latency@d", "d", 3, 1],
  ]);
  const own = contractNamed(plan, "p.latency@d");
  assertEquals([own.kind === "latency" && own.missNs, own.onMiss], [
    60 * MS,
    [{ kind: "restart" }],
  ]);
});

Deno.test("compile() follows a path over the legs that carry it on", () => {
  const paths = { v: { through: ["p", "q"], to: "d", within: "100ms" } } as const;
  const plan = compiled(channels({ paths }));
  const path = contractNamed(plan, "path.v");
  assertEquals(path, {
    ...BASE,
    ...{ name: "path.v", kind: "path", process: indexOf(plan, "d"), channels: [2, 5] },
    ...{ consumer: 0, number: 0, warnNs: 0, missNs: 100 * MS },
  });
});

Deno.test("compile() sees contracts of a mailbox at its ends, and follows a path through it", () => {
  const plan = compiled(crew({ a: denoProcess(), b: denoProcess(), d: commandProcess() }, {
    channels: {
      m: {
        ...{ kind: "mailbox", from: "a.out", sampleBytes: "1KiB", latency: { within: "2ms" } },
        to: [{ port: "d.in", deadline: { within: "60ms" } }, "b.in"],
        deadline: { within: "50ms" },
      },
      q: { kind: "pipe", from: "b.out", to: "d.q", framing: "lines" },
    },
    paths: { v: { through: ["m", "q"], within: "100ms" } },
  }));
  const shown = plan.contracts.map((contract) => [
    contract.name,
    plan.processes[contract.process]!.name,
    "channel" in contract ? contract.channel : null,
    "consumer" in contract ? contract.consumer : null,
  ]);
  assertEquals(shown, [
    ["m.gap", "a", 0, null],
    ["m.gap@d", "a", 0, 0],
    ["m.latency@d", "d", 0, 0],
    ["m.latency@b", "b", 0, 1],
    ["path.v", "d", null, 0],
  ]);
  const path = contractNamed(plan, "path.v");
  assertEquals(path.kind === "path" && path.channels, [0, 2]);
});

Deno.test("compile() leaves a path out that the profiles cut, and says so", () => {
  const config = channels({ paths: { v: { through: ["p"], to: "d", within: "1s" } } });
  const cut: Config = {
    ...config,
    processes: { ...config.processes, d: commandProcess({ profiles: ["live"] }) },
    channels: { p: config.channels!["p"]! },
  };
  assertEquals(
    warnings(cut, machine({ profiles: [] })).map(({ path, message }) => [path.join("."), message]),
    [["paths.v", "it is not watched: the active profiles leave a part of it out"]],
  );
});

Deno.test("compile() finds the program of an action in cox's own PATH", () => {
  const run = { kind: "command", argv: ["logger", "late"] } as const;
  const miss: NonNullable<ProcessConfig["deadlines"]>["stop"] = {
    warn: "1s",
    miss: [{ signal: "SIGUSR1" }, { run, timeout: "2s" }, "safe-mode"],
  };
  const config = crew({ a: commandProcess({ deadlines: { stop: miss } }) }, {
    safeMode: { start: ["a"] },
  });
  const { executables } = machine();
  const key = executableKey({ command: "logger", cwd: "/project", path: PATH });
  const found = machine({ executables: new Map([...executables, [key, "/usr/bin/logger"]]) });
  const plan = compiled(config, found);
  assertEquals(contractNamed(plan, "a.stop").onMiss, [
    { kind: "signal", signal: 10, signalName: "SIGUSR1" },
    {
      kind: "run",
      argv: ["/usr/bin/logger", "late"],
      executable: "/usr/bin/logger",
      timeoutNs: 2000 * MS,
    },
    { kind: "safe-mode" },
  ]);
  assertEquals(plan.safeMode, { processes: [indexOf(plan, "a")] });
  const error = onlyError(config);
  assertEquals(error.path, ["processes", "a", "deadlines", "stop", "miss"]);
  assertEquals(error.message, `"logger" was not found in cox's own PATH (${PATH})`);
});

Deno.test("compile() carries what is set up for the supervisor, with defaults and units", () => {
  const plan = compiled(crew({ a: commandProcess() }, {
    supervisor: {
      scheduling: { policy: "fifo", priority: 50, cpus: [1, 0], lockMemory: true },
      watchdog: {},
    },
  }));
  assertEquals(plan.supervisor, {
    scheduling: {
      ...{ policy: { kind: "fifo", priority: 50 }, cpus: [0, 1], ioClass: null },
      ...{ lockMemory: true, oomScore: null, timerSlackNs: null },
    },
    watchdog: { device: "/dev/watchdog", timeoutNs: 10_000 * MS, strokeNs: 2500 * MS },
  });
});

Deno.test("compile() warns of contracts that cannot fit, at the contract, with the arithmetic", () => {
  const cycles = { work: { period: "10ms", budget: "8ms" } } as const;
  const config = crew({
    a: denoProcess({}, {
      deadlines: { cycles },
      scheduling: { policy: "fifo", priority: 5, cpus: [1] },
      replicas: 2,
    }),
    b: commandProcess({ deadlines: { heartbeat: { within: "500us" } } }),
  });
  const shown = warnings(config).map(({ path, message, fix }) => [path.join("."), message, fix]);
  assertEquals(shown, [
    [
      "processes.b.deadlines.heartbeat",
      "a limit of 0.5 ms is below the 1 ms that a wake-up here is assumed to be late by at times",
      'allow more, or give the process policy "fifo"',
    ],
    [
      "processes.a.deadlines.cycles.work",
      "CPU 1 cannot give the budgets that are asked of it: 8 ms/10 ms + 8 ms/10 ms = 1.6, above 1",
      "lower budgets, raise periods, or let some run on other CPUs",
    ],
    [
      "processes.a.deadlines.cycles.work",
      "CPU 1 cannot give the budgets that are asked of it: 8 ms/10 ms + 8 ms/10 ms = 1.6, above " +
      "0.95, which is what real-time policies may use (sched_rt_runtime_us)",
      "lower budgets, raise periods, or let some run on other CPUs",
    ],
    ...["a-1", "a-2"].map(() => [
      "processes.a.deadlines.cycles.work",
      "it may end later than 10 ms after it is due: R = 8 ms + ⌈R/10 ms⌉ × 8 ms has come to 16 ms " +
      "(CPU 1)",
      "raise its priority, lower budgets, or let it run on another CPU",
    ]),
  ]);
});

Deno.test("compile() refuses reservations that the kernel would not admit, together", () => {
  const reserved = (runtime: "190ms" | "191ms") =>
    crew({
      a: commandProcess({
        replicas: 10,
        scheduling: { policy: "deadline", runtime, period: "1s" },
      }),
    });
  compiled(reserved("190ms"));
  const error = onlyError(reserved("191ms"));
  assertEquals(error.path, ["processes", "a", "scheduling"]);
  assertEquals(
    error.message,
    "the kernel cannot admit all reservations: 0.191 + 0.191 + 0.191 + 0.191 + 0.191 + 5 more = " +
      "1.910, above 2 × 0.95 (CPUs × sched_rt_runtime_us / sched_rt_period_us)",
  );
});

Deno.test("compile() takes 20,000 contracts, and no more", () => {
  const cycles = Object.fromEntries(
    Array.from({ length: 20 }, (_, at) => [`c${at}`, { period: "1s", budget: "1us" }] as const),
  ) as NonNullable<ProcessConfig["deadlines"]>["cycles"];
  const a = denoProcess({}, { replicas: 1000, deadlines: { cycles: cycles! } });
  assertEquals(compiled(crew({ a })).contracts.length, 20_000);
  const b = commandProcess({ deadlines: { stop: { warn: "1s" } } });
  assertEquals(
    onlyError(crew({ a, b })).message,
    "there must be at most 20000 time contracts, replicas one by one, are 20001",
  );
});
