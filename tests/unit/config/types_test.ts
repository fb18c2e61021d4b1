/**
 * What an editor marks red in a configuration: every line under an expected error must fail
 * the type check, and everything else must pass it. `deno check` is the test; the tests at
 * run time only prove that the constructors return plain data.
 */
import { assertEquals } from "@std/assert";
import {
  command,
  defineConfig,
  deno,
  group,
  keepAll,
  keepLast,
  mailbox,
  pipe,
  struct,
  task,
} from "coxswain";

const valid = defineConfig({
  name: "vitals",
  processes: {
    sampler: {
      run: deno("./sampler.ts", { permissions: { sys: ["loadavg"] }, args: ["--fast"] }),
      restart: { policy: "permanent", backoff: { initial: "100ms", factor: 2, max: "5s" } },
      ready: { by: "notify", within: "2s" },
      stop: { signal: "SIGTERM", timeout: "1.5s" },
      limits: { nofile: [64, "unlimited"], as: "1GiB", cpu: "10s" },
    },
    migrate: { run: command(["sh", "-c", "echo done"]), restart: { policy: "temporary" } },
    build: { run: task("build") },
    recorder: {
      run: deno("./recorder.ts"),
      after: { sampler: "ready", migrate: "completed" },
      env: { TZ: "UTC", LOG_LEVEL: true, HOME: false },
    },
  },
  groups: {
    pipeline: group(["sampler", "recorder"], {
      strategy: "rest_for_one",
      intensity: 5,
      period: "10s",
    }),
    all: group(["pipeline", "migrate"]),
  },
  channels: {
    readings: pipe({ from: "sampler.stdout", to: "recorder.stdin", capacity: "64KiB" }),
    frames: pipe({ from: "sampler.frames", to: "recorder.frames" }),
    notes: pipe({
      from: "sampler.notes",
      to: "build.stdin",
      stall: { after: "1s", action: ["warn", { signal: "SIGUSR1" }] },
    }),
    events: pipe({
      from: ["sampler.events", "migrate.stdout"],
      to: ["recorder.events", {
        port: "build.events",
        overflow: "drop-oldest",
        highWater: { messages: 10, bytes: "1MiB" },
        lifespan: "5s",
      }],
      framing: "ndjson",
      maxMessage: "4KiB",
      onMalformed: "end",
      overflow: "drop-newest",
      rate: { messages: 100, burst: { messages: 200 }, overflow: "fail" },
      stall: { after: "500ms", action: { overflow: "drop-oldest" } },
    }),
    vitals: mailbox({
      from: "sampler.vitals",
      to: ["recorder.vitals", { port: "build.vitals", wait: "park", behind: "newest" }],
      schema: struct({ t: "f64", values: ["f32", 250] }),
      history: keepLast(4),
      spin: "5us",
    }),
    blocks: mailbox({
      from: "sampler.blocks",
      to: "recorder.blocks",
      sampleBytes: "1MiB",
      history: keepAll,
      overflow: "block",
      blockFor: "1s",
    }),
    single: pipe({ from: "migrate.stderr", to: "recorder.stderrs", framing: "lines" }),
  },
});

/** What `pipe()` returns knows its endpoints; a direct one's are single. */
const direct: { from: "a.stdout"; to: "b.stdin" } = pipe({ from: "a.stdout", to: "b.stdin" });
const relayed: {
  from: "a.stdout" | "b.x" | readonly ("a.stdout" | "b.x")[];
  framing: "lines" | "ndjson" | "frames";
} = pipe({ from: ["a.stdout", "b.x"], to: [{ port: "c.stdin" }], framing: "lines" });

Deno.test("defineConfig() and the constructors return plain data", () => {
  assertEquals(valid.channels, {
    readings: { from: "sampler.stdout", to: "recorder.stdin", capacity: "64KiB", kind: "pipe" },
    frames: { from: "sampler.frames", to: "recorder.frames", kind: "pipe" },
    notes: {
      from: "sampler.notes",
      to: "build.stdin",
      stall: { after: "1s", action: ["warn", { signal: "SIGUSR1" }] },
      kind: "pipe",
    },
    events: {
      from: ["sampler.events", "migrate.stdout"],
      to: ["recorder.events", {
        port: "build.events",
        overflow: "drop-oldest",
        highWater: { messages: 10, bytes: "1MiB" },
        lifespan: "5s",
      }],
      framing: "ndjson",
      maxMessage: "4KiB",
      onMalformed: "end",
      overflow: "drop-newest",
      rate: { messages: 100, burst: { messages: 200 }, overflow: "fail" },
      stall: { after: "500ms", action: { overflow: "drop-oldest" } },
      kind: "pipe",
    },
    vitals: {
      kind: "mailbox",
      from: "sampler.vitals",
      to: ["recorder.vitals", { port: "build.vitals", wait: "park", behind: "newest" }],
      schema: { kind: "struct", fields: { t: "f64", values: ["f32", 250] } },
      history: { keepLast: 4 },
      spin: "5us",
    },
    blocks: {
      kind: "mailbox",
      from: "sampler.blocks",
      to: "recorder.blocks",
      sampleBytes: "1MiB",
      history: "keepAll",
      overflow: "block",
      blockFor: "1s",
    },
    single: { from: "migrate.stderr", to: "recorder.stderrs", framing: "lines", kind: "pipe" },
  });
  assertEquals([direct.from, direct.to], ["a.stdout", "b.stdin"]);
  assertEquals(relayed.from, ["a.stdout", "b.x"]);
  assertEquals(valid.groups?.["all"], { members: ["pipeline", "migrate"] });
  assertEquals(valid.processes["build"], { run: { kind: "task", name: "build" } });
  assertEquals(JSON.parse(JSON.stringify(valid)), valid);
});

Deno.test("deno() does not let options replace the path or the kind", () => {
  const forged = { kind: "command", path: "x" } as { args?: string[] };
  assertEquals(deno("./a.ts", forged), { kind: "deno", path: "./a.ts" });
});

/** Never called: its lines are checked, not run. */
export function mistakes(): void {
  const run = command(["true"]);
  defineConfig({
    name: "endpoints",
    processes: { a: { run }, b: { run } },
    channels: {
      // @ts-expect-error: no process "x"
      one: pipe({ from: "x.stdout", to: "b.stdin" }),
      // @ts-expect-error: no process "x"
      two: pipe({ from: "a.stdout", to: "x.stdin" }),
      // @ts-expect-error: a producer has no stdin
      three: pipe({ from: "a.stdin", to: "b.stdin" }),
      // @ts-expect-error: a consumer has no stdout
      four: pipe({ from: "a.stdout", to: "b.stdout" }),
      // @ts-expect-error: no process "x", whatever the port
      nine: pipe({ from: "x.frames", to: "b.stdin" }),
      // @ts-expect-error: no port
      five: pipe({ from: "a", to: "b.stdin" }),
      // @ts-expect-error: wrong unit
      six: pipe({ from: "a.stderr", to: "b.stdin", capacity: "64KB" }),
      // @ts-expect-error: unknown value
      seven: pipe({ from: "a.stdout", to: "b.stdin", producerEnds: "epipe" }),
      // @ts-expect-error: unknown key
      eight: pipe({ from: "a.stdout", to: "b.stdin", consumer: "hold" }),
    },
  });
  defineConfig({
    name: "relayed",
    processes: { a: { run }, b: { run }, c: { run } },
    channels: {
      // @ts-expect-error: no process "x" in a list
      one: pipe({ from: ["a.stdout", "x.frames"], to: "c.stdin", framing: "lines" }),
      // @ts-expect-error: no process "x" among consumers
      two: pipe({ from: "a.stdout", to: ["c.stdin", "x.stdin"], framing: "lines" }),
      // @ts-expect-error: no process "x" in an object
      three: pipe({ from: "a.stdout", to: [{ port: "x.stdin" }], framing: "lines" }),
      // @ts-expect-error: no process "x" on its own
      four: pipe({ from: "x.stdout", to: "c.stdin", framing: "lines" }),
      // @ts-expect-error: a producer has no stdin
      five: pipe({ from: ["a.stdin"], to: "c.stdin", framing: "lines" }),
      // @ts-expect-error: a consumer has no stdout
      six: pipe({ from: "a.stdout", to: ["c.stdout"], framing: "lines" }),
      // @ts-expect-error: nor in an object
      seven: pipe({ from: "a.stdout", to: [{ port: "c.stdout" }], framing: "lines" }),
      // @ts-expect-error: a list needs framing
      eight: pipe({ from: ["a.stdout"], to: "c.stdin" }),
      // @ts-expect-error: a policy needs framing
      nine: pipe({ from: "a.stdout", to: "c.stdin", overflow: "block" }),
      // @ts-expect-error: unknown framing
      ten: pipe({ from: "a.stdout", to: "c.stdin", framing: "line" }),
      // @ts-expect-error: unknown key of a consumer
      eleven: pipe({ from: "a.stdout", to: [{ port: "c.stdin", over: "fail" }], framing: "lines" }),
      // @ts-expect-error: a consumer needs its port
      twelve: pipe({ from: "a.stdout", to: [{ overflow: "fail" }], framing: "lines" }),
      // @ts-expect-error: what came first has been let through already
      rate: pipe({ from: "a.x", to: "c.x", framing: "lines", rate: { overflow: "drop-oldest" } }),
      // @ts-expect-error: overflow needs framing in a stall rule too
      stall: pipe({ from: "a.x", to: "c.x", stall: { after: "1s", action: { overflow: "fail" } } }),
      // @ts-expect-error: unknown signal
      signal: pipe({ from: "a.x", to: "c.x", stall: { after: "1s", action: { signal: "USR1" } } }),
      // @ts-expect-error: a number has no unit
      life: pipe({ from: "a.stdout", to: "c.stdin", framing: "lines", lifespan: 5 }),
    },
  });
  const sampleBytes = "1KiB" as const;
  defineConfig({
    name: "mailboxes",
    processes: { a: { run }, b: { run }, c: { run } },
    channels: {
      // @ts-expect-error: no process "x"
      one: mailbox({ from: "x.out", to: "b.in", sampleBytes }),
      // @ts-expect-error: no process "x" in a list
      two: mailbox({ from: "a.out", to: ["b.in", "x.in"], sampleBytes }),
      // @ts-expect-error: no process "x" in an object
      three: mailbox({ from: "a.out", to: [{ port: "x.in" }], sampleBytes }),
      // @ts-expect-error: no standard stream
      four: mailbox({ from: "a.stdout", to: "b.in", sampleBytes }),
      // @ts-expect-error: nor on the other side
      five: mailbox({ from: "a.out", to: ["b.stdin"], sampleBytes }),
      // @ts-expect-error: nor in an object
      six: mailbox({ from: "a.out", to: [{ port: "b.stdin" }], sampleBytes }),
      // @ts-expect-error: unknown key of a consumer
      seven: mailbox({ from: "a.out", to: [{ port: "b.in", slots: 4 }], sampleBytes }),
      // @ts-expect-error: one producer
      eight: mailbox({ from: ["a.out"], to: "b.in", sampleBytes }),
      // @ts-expect-error: a number has no unit
      nine: mailbox({ from: "a.out", to: "b.in", sampleBytes: 1024 }),
      // @ts-expect-error: unknown way to wait
      ten: mailbox({ from: "a.out", to: "b.in", sampleBytes, wait: "sleep" }),
      // @ts-expect-error: no such kind of number
      eleven: mailbox({ from: "a.out", to: "b.in", schema: struct({ t: "f16" }) }),
    },
  });
  defineConfig({
    name: "members",
    processes: { a: { run } },
    groups: {
      // @ts-expect-error: neither a process nor a group "b"
      one: group(["a", "b"]),
      // @ts-expect-error: unknown strategy
      two: group(["a"], { strategy: "one_for_none" }),
      // @ts-expect-error: unknown key
      three: group(["a"], { intensty: 5 }),
      // @ts-expect-error: wrong unit
      four: group(["one"], { period: "10sec" }),
    },
  });
  defineConfig({
    name: "after",
    processes: {
      a: { run },
      // @ts-expect-error: no process "x"
      b: { run, after: { x: "ready" } },
      // @ts-expect-error: unknown condition
      c: { run, after: { a: "done" } },
    },
  });
  defineConfig({
    name: "keys",
    // @ts-expect-error: unknown key at the top
    process: {},
    processes: { a: { run } },
  });
  defineConfig({
    name: "process-keys",
    processes: {
      // @ts-expect-error: unknown key of a process
      a: { run, restrat: { policy: "permanent" } },
      // @ts-expect-error: unknown key of restart
      b: { run, restart: { polcy: "permanent" } },
      // @ts-expect-error: unknown policy
      c: { run, restart: { policy: "always" } },
      // @ts-expect-error: unknown key of backoff
      d: { run, restart: { backoff: { inital: "1s" } } },
      // @ts-expect-error: wrong unit
      e: { run, restart: { backoff: { initial: "1sec" } } },
      // @ts-expect-error: a number has no unit
      f: { run, stop: { timeout: 3 } },
      // @ts-expect-error: unknown signal
      g: { run, stop: { signal: "SIGTREM" } },
      // @ts-expect-error: a pattern does not belong to notify
      h: { run, ready: { by: "notify", pattern: "up" } },
      // @ts-expect-error: line needs a pattern
      i: { run, ready: { by: "line" } },
      // @ts-expect-error: fd needs the descriptor
      j: { run, ready: { by: "fd" } },
      // @ts-expect-error: wrong unit of a size
      k: { run, limits: { as: "1GB" } },
      // @ts-expect-error: an environment value is text or a boolean
      l: { run, env: { PORT: 80 } },
      // @ts-expect-error: no run
      m: {},
      // @ts-expect-error: run is a declaration, not a text
      n: { run: "./a.ts" },
    },
  });
  // @ts-expect-error: grants are lists, never true
  deno("./a.ts", { permissions: { read: true } });
  // @ts-expect-error: unknown permission
  deno("./a.ts", { permissions: { disk: ["/"] } });
  // @ts-expect-error: unknown option
  deno("./a.ts", { flags: ["-A"] });
  // @ts-expect-error: a command has at least a program
  command([]);
  // @ts-expect-error: a command is a list of words, not a line for a shell
  command("ls -l");
  // @ts-expect-error: unknown option
  task("build", { cwd: "." });
}
