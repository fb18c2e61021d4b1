import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { PipeConfig } from "../../../src/config/config.ts";
import {
  commandProcess,
  compiled,
  crew,
  denoProcess,
  machine,
  onlyError,
  processNamed,
} from "./fixtures.ts";

const pipe = (from: string, to: string, rest: Partial<PipeConfig> = {}): PipeConfig => ({
  kind: "pipe",
  from,
  to,
  ...rest,
});

/** The links that the preload of a process gives to its program. */
function links(argv: readonly string[]): unknown {
  const url = argv.find((argument) => argument.startsWith("--preload="))!;
  const source = decodeURIComponent(url.slice(url.indexOf(",") + 1));
  const text = /JSON\.parse\(("(?:[^"\\]|\\.)*")\)/.exec(source)![1]!;
  return JSON.parse(JSON.parse(text));
}

Deno.test("compile() puts a pipe between two processes", () => {
  const plan = compiled(crew(
    { b: commandProcess({ after: { a: "started" } }), a: commandProcess() },
    { channels: { c: pipe("a.stdout", "b.stdin") } },
  ));
  assertEquals(plan.channels, [{
    kind: "pipe",
    name: "c",
    from: { processes: [1], port: "stdout", fd: 1 },
    to: { processes: [2], port: "stdin", fd: 0 },
    capacityBytes: 0,
    producerEnds: "eof",
    consumerEnds: "epipe",
    stall: null,
  }]);
  assertEquals(processNamed(plan, "a").descriptors, [
    { fd: 0, kind: "null" },
    { fd: 1, kind: "channel", channel: 0, end: "write" },
    { fd: 2, kind: "log", stream: "stderr" },
  ]);
  assertEquals(processNamed(plan, "b").descriptors, [
    { fd: 0, kind: "channel", channel: 0, end: "read" },
    { fd: 1, kind: "log", stream: "stdout" },
    { fd: 2, kind: "log", stream: "stderr" },
  ]);
});

Deno.test("compile() keeps a channel's own settings", () => {
  const plan = compiled(crew(
    { a: commandProcess(), b: commandProcess() },
    {
      channels: {
        c: pipe("a.stderr", "b.stdin", {
          capacity: "1MiB",
          producerEnds: "hold",
          consumerEnds: "hold",
        }),
      },
    },
  ));
  const channel = plan.channels[0]!;
  assert(channel.kind === "pipe");
  assertEquals(channel.capacityBytes, 1024 * 1024);
  assertEquals([channel.producerEnds, channel.consumerEnds], ["hold", "hold"]);
  assertEquals(channel.from.fd, 2);
});

Deno.test("compile() gives all replicas the same end", () => {
  const plan = compiled(crew(
    { a: commandProcess({ replicas: 2 }), b: commandProcess({ replicas: 3 }) },
    { channels: { c: pipe("a.stdout", "b.stdin") } },
  ));
  assertEquals(plan.channels[0]!.from.processes, [1, 2]);
  assertEquals(plan.channels[0]!.to.processes, [3, 4, 5]);
  for (const name of ["b-1", "b-2", "b-3"]) {
    assertEquals(processNamed(plan, name).descriptors[0], {
      fd: 0,
      kind: "channel",
      channel: 0,
      end: "read",
    });
  }
});

Deno.test("compile() tells a sandboxed program its replica's name, readiness and links", () => {
  const plan = compiled(crew(
    { a: denoProcess({}, { replicas: 2 }), b: denoProcess() },
    { channels: { x: pipe("a.stdout", "b.stdin"), y: pipe("b.stdout", "a.stdin") } },
  ));
  const limits = { capacityBytes: 65_536 };
  assertEquals(links(processNamed(plan, "a-2").argv), {
    version: 1,
    process: "a-2",
    notifyFd: 3,
    gateFd: null,
    links: [
      { name: "x", port: "stdout", kind: "pipe", direction: "write", fd: 1, limits },
      { name: "y", port: "stdin", kind: "pipe", direction: "read", fd: 0, limits },
    ],
  });
  assertEquals(processNamed(plan, "a-2").descriptors, [
    { fd: 0, kind: "channel", channel: 1, end: "read" },
    { fd: 1, kind: "channel", channel: 0, end: "write" },
    { fd: 2, kind: "log", stream: "stderr" },
    { fd: 3, kind: "notify" },
  ]);
});

Deno.test("compile() gives a command with ready.by fd that descriptor and no other", () => {
  const plan = compiled(crew({
    a: commandProcess({ ready: { by: "fd", fd: 7 } }),
    b: commandProcess({ ready: { by: "notify" } }),
    c: denoProcess({}, { ready: { by: "fd", fd: 5 } }),
  }));
  assertEquals(processNamed(plan, "a").descriptors[3], { fd: 7, kind: "notify" });
  assertEquals(processNamed(plan, "a").ready, { by: "fd", fd: 7, withinNs: 30_000_000_000 });
  assertEquals(processNamed(plan, "b").descriptors.length, 3);
  assertEquals(processNamed(plan, "c").descriptors.slice(3), [{ fd: 5, kind: "notify" }]);
  assertEquals((links(processNamed(plan, "c").argv) as { notifyFd: null }).notifyFd, null);
});

Deno.test("compile() refuses readiness by line on a stream that a channel takes", () => {
  const issue = onlyError(crew(
    { a: commandProcess({ ready: { by: "line", pattern: "up" } }), b: commandProcess() },
    { channels: { c: pipe("a.stdout", "b.stdin") } },
  ));
  assertEquals(issue.path, ["processes", "a", "ready", "stream"]);
  compiled(crew(
    {
      a: commandProcess({ ready: { by: "line", pattern: "up", stream: "stderr" } }),
      b: commandProcess(),
    },
    { channels: { c: pipe("a.stdout", "b.stdin") } },
  ));
});

Deno.test("compile() refuses a port on two channels, an unknown process, a wrong port", () => {
  const two = { a: commandProcess(), b: commandProcess(), c: commandProcess() };
  const double = onlyError(crew(two, {
    channels: { x: pipe("a.stdout", "b.stdin"), y: pipe("a.stdout", "c.stdin") },
  }));
  assertEquals(double.path, ["channels", "y", "from"]);
  const unknown = onlyError(crew(two, { channels: { x: pipe("z.stdout", "b.stdin") } }));
  assertEquals(unknown.path, ["channels", "x", "from"]);
  for (
    const [from, to, side] of [["a.stdin", "b.stdin", "from"], ["a.stdout", "b.stderr", "to"]]
  ) {
    const wrong = onlyError(crew(two, { channels: { x: pipe(from!, to!) } }));
    assertEquals(wrong.path, ["channels", "x", side!]);
  }
});

Deno.test("compile() leaves a channel out with both its processes, never with one", () => {
  const config = crew(
    {
      main: commandProcess(),
      a: commandProcess({ profiles: ["p"] }),
      b: commandProcess({ profiles: ["p"] }),
    },
    { channels: { c: pipe("a.stdout", "b.stdin") } },
  );
  assertEquals(compiled(config).channels, []);
  assertEquals(compiled(config, machine({ profiles: ["p"] })).channels.length, 1);
  const half = onlyError(crew(
    { a: commandProcess(), b: commandProcess({ profiles: ["p"] }) },
    { channels: { c: pipe("a.stdout", "b.stdin") } },
  ));
  assertEquals(half.path, ["channels", "c", "to"]);
  assertStringIncludes(half.message, "leave it out");
});

Deno.test("compile() gives @log every captured stream, the terminal and its own two pipes", () => {
  const plan = compiled(crew(
    { a: commandProcess(), b: commandProcess() },
    { channels: { c: pipe("a.stdout", "b.stdin") } },
  ));
  const log = plan.processes[0]!;
  assertEquals(log.descriptors, [
    { fd: 0, kind: "log-commands" },
    { fd: 1, kind: "terminal", stream: 1 },
    { fd: 2, kind: "terminal", stream: 2 },
    { fd: 3, kind: "log-reports" },
    { fd: 4, kind: "log-capture", process: 1, stream: "stderr" },
    { fd: 5, kind: "log-capture", process: 2, stream: "stdout" },
    { fd: 6, kind: "log-capture", process: 2, stream: "stderr" },
  ]);
  assertEquals(log.argv, [
    "/usr/bin/deno",
    "run",
    "--no-prompt",
    "--no-config",
    "--cached-only",
    "--no-lock",
    "--v8-flags=--max-semi-space-size=2,--expose-gc",
    "/opt/cox/src/system/log.ts",
  ]);
  assertEquals([log.system, log.group, log.critical], [true, 0, false]);
  assertEquals(log.restart.policy, "permanent");
  assertEquals(log.ready, { by: "started" });
  assertEquals([log.stop.signal, log.stop.timeoutNs], [15, 2_000_000_000]);
  assertEquals(plan.processes.slice(1).flatMap((process) => process.after), []);
});

Deno.test("compile() numbers further ports from 4 up in order of declaration, round ready.fd", () => {
  const plan = compiled(crew(
    {
      a: denoProcess(),
      b: commandProcess({ ready: { by: "fd", fd: 5 } }),
      out: commandProcess({ profiles: ["p"] }),
      off: commandProcess({ profiles: ["p"] }),
    },
    {
      channels: {
        one: pipe("a.z", "b.m"),
        left: pipe("out.x", "off.x"),
        two: pipe("a.stdout", "b.k", { capacity: "1MiB" }),
        three: pipe("b.toString", "a.y"),
      },
    },
  ));
  assertEquals(processNamed(plan, "a").descriptors, [
    { fd: 0, kind: "null" },
    { fd: 1, kind: "channel", channel: 1, end: "write" },
    { fd: 2, kind: "log", stream: "stderr" },
    { fd: 3, kind: "notify" },
    { fd: 4, kind: "channel", channel: 0, end: "write" },
    { fd: 5, kind: "channel", channel: 2, end: "read" },
  ]);
  assertEquals(processNamed(plan, "b").descriptors.slice(3), [
    { fd: 4, kind: "channel", channel: 0, end: "read" },
    { fd: 5, kind: "notify" },
    { fd: 6, kind: "channel", channel: 1, end: "read" },
    { fd: 7, kind: "channel", channel: 2, end: "write" },
  ]);
  assertEquals(plan.channels.map(({ from, to }) => [from.port, from.fd, to.port, to.fd]), [
    ["z", 4, "m", 4],
    ["stdout", 1, "k", 6],
    ["toString", 7, "y", 5],
  ]);
});

Deno.test("compile() keeps the number of a port when a profile leaves another channel out", () => {
  const config = crew(
    {
      a: commandProcess(),
      b: commandProcess(),
      c: commandProcess({ profiles: ["p"] }),
      d: commandProcess({ profiles: ["p"] }),
    },
    { channels: { left: pipe("c.one", "d.one"), kept: pipe("a.one", "b.one") } },
  );
  for (const profiles of [[], ["p"]]) {
    const { channels } = compiled(config, machine({ profiles }));
    assertEquals(channels.at(-1)!.from.fd, 4);
  }
});

Deno.test("compile() puts COX_LINKS into the environment of what has links, and of nothing else", () => {
  const plan = compiled(crew(
    {
      a: denoProcess({}, { replicas: 2 }),
      b: commandProcess({ env: { Z: "1", COX_A: "2" } }),
      c: commandProcess(),
    },
    { channels: { x: pipe("a.frames", "b.stdin", { capacity: "1MiB" }) } },
  ));
  const variable = (name: string) =>
    processNamed(plan, name).env.filter(([variable]) => variable === "COX_LINKS");
  const limits = { capacityBytes: 1_048_576 };
  assertEquals(variable("a-2").map(([, text]) => JSON.parse(text)), [{
    version: 1,
    process: "a-2",
    links: [{ name: "x", port: "frames", kind: "pipe", direction: "write", fd: 4, limits }],
  }]);
  assertEquals(variable("b").map(([, text]) => JSON.parse(text)), [{
    version: 1,
    process: "b",
    links: [{ name: "x", port: "stdin", kind: "pipe", direction: "read", fd: 0, limits }],
  }]);
  assertEquals(variable("c"), []);
  const names = processNamed(plan, "b").env.map(([name]) => name);
  assertEquals(names, [...names].sort());
  const told = links(processNamed(plan, "a-2").argv) as { links: unknown };
  assertEquals(told.links, JSON.parse(variable("a-2")[0]![1]).links);
});

Deno.test("compile() tells the longest list of links in one argument and one variable", () => {
  const name = (letter: string, n: number) => letter.repeat(60) + `${n}`.padStart(3, "0");
  const most = { capacity: "1GiB", framing: "frames", maxMessage: "256MiB" } as const;
  const channels = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [
    name("c", n),
    pipe(`a.${name("p", n)}`, `b.${name("q", n)}`, {
      ...most,
      highWater: { bytes: "256MiB" },
    }),
  ]));
  const plan = compiled(crew({ a: denoProcess(), b: commandProcess() }, { channels }));
  const { argv, env } = processNamed(plan, "a");
  const longest = [...argv, ...env.map(([name, value]) => `${name}=${value}`)]
    .map((text) => text.length);
  // MAX_ARG_STRLEN of Linux less the terminating NUL (execve(2)).
  assertEquals(longest.every((length) => length <= 131_071), true, `${Math.max(...longest)}`);
  assertEquals(Math.max(...longest) > 40_000, true, "no long list was made");
});
