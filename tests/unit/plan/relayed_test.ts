/** Relayed pipes: what each becomes in the plan, leg by leg. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { RelayLedger } from "../../../src/channel/relay/relay_ledger.ts";
import { RELAY_PACKET_BYTES_MAX } from "../../../src/channel/relay/relay_protocol.ts";
import type { Config, PipeConfig } from "../../../src/config/config.ts";
import { LIMITS } from "../../../src/config/defaults.ts";
import { collectPermissions, permissionReport } from "../../../src/plan/permission_report.ts";
import type { LegPlan, Plan } from "../../../src/plan/plan.ts";
import {
  commandProcess,
  compiled,
  crew,
  denoProcess,
  machine,
  onlyError,
  processNamed,
  warnings,
} from "./fixtures.ts";

type Relayed = Omit<PipeConfig, "kind">;

function relayed(options: Relayed): PipeConfig {
  return { kind: "pipe", framing: "lines", ...options };
}

/** A crew of commands with these channels. */
function wired(names: readonly string[], channels: Config["channels"]): Config {
  const processes = Object.fromEntries(names.map((name) => [name, commandProcess()]));
  return crew(processes, { channels: channels ?? {} });
}

function legs(plan: Plan): LegPlan[] {
  return plan.channels.filter((channel) => channel.kind === "leg");
}

/** Who is on a leg, by name. */
function ends(plan: Plan): string[] {
  const name = (index: number | undefined) => plan.processes[index ?? -1]?.name ?? "?";
  return legs(plan).map(({ direction, slot, from, to }) =>
    `${slot} ${direction} ${name(from.processes[0])}.${from.port} ${
      name(to.processes[0])
    }.${to.port}`
  );
}

Deno.test("compile() makes a leg for each end of a relayed pipe, and @relay", () => {
  const config = wired(["a", "b", "c"], {
    direct: { kind: "pipe", from: "c.stdout", to: "a.stdin" },
    merged: relayed({ from: ["a.stdout", "b.frames"], to: "c.stdin" }),
  });
  const plan = compiled(config);
  assertEquals(plan.processes.map(({ name, system }) => [name, system]), [
    ["@log", true],
    ["@relay", true],
    ["a", false],
    ["b", false],
    ["c", false],
  ]);
  const shared = {
    kind: "leg",
    name: "merged",
    relayed: 0,
    capacityBytes: 131_072,
    producerEnds: "eof",
    consumerEnds: "epipe",
  } as const;
  const relay = { processes: [1], port: "relay", fd: -1 };
  assertEquals(plan.channels.slice(1), [
    {
      ...shared,
      direction: "in",
      slot: 0,
      from: { processes: [2], port: "stdout", fd: 1 },
      to: relay,
      queue: null,
    },
    {
      ...shared,
      direction: "in",
      slot: 1,
      from: { processes: [3], port: "frames", fd: 4 },
      to: relay,
      queue: null,
    },
    {
      ...shared,
      direction: "out",
      slot: 2,
      from: relay,
      to: { processes: [4], port: "stdin", fd: 0 },
      queue: { overflow: "block", messagesMax: 1024, bytesMax: 1 << 20, lifespanNs: 0 },
    },
  ]);
  assertEquals(plan.relayed, [{
    name: "merged",
    framing: "lines",
    maxMessageBytes: 65_536,
    onMalformed: "drop",
    rate: null,
    inLegs: [1, 2],
    outLegs: [3],
    stall: null,
  }]);
  assertEquals(processNamed(plan, "b").descriptors[3], {
    fd: 4,
    kind: "channel",
    channel: 2,
    end: "write",
  });
  assertEquals(JSON.parse(JSON.stringify(plan)), plan);
});

Deno.test("compile() numbers legs over all relayed pipes, a producer's replicas one by one", () => {
  const plan = compiled(crew({
    many: commandProcess({ replicas: 2 }),
    one: commandProcess(),
    two: commandProcess({ after: { many: "started" } }),
  }, {
    channels: {
      first: relayed({ from: "many.stdout", to: ["one.stdin", "two.stdin"] }),
      direct: { kind: "pipe", from: "one.x", to: "two.x" },
      second: relayed({ from: ["many.stderr", "one.stdout"], to: ["two.more"] }),
    },
  }));
  assertEquals(ends(plan), [
    "0 in many-1.stdout @relay.relay",
    "1 in many-2.stdout @relay.relay",
    "2 out @relay.relay one.stdin",
    "3 out @relay.relay two.stdin",
    "4 in many-1.stderr @relay.relay",
    "5 in many-2.stderr @relay.relay",
    "6 in one.stdout @relay.relay",
    "7 out @relay.relay two.more",
  ]);
  assertEquals(plan.relayed.map(({ inLegs, outLegs }) => [inLegs, outLegs]), [
    [[0, 1], [2, 3]],
    [[5, 6, 7], [8]],
  ]);
});

Deno.test("compile() gives @relay its link, its counters and one permission, and the root both", () => {
  const plan = compiled(wired(["a", "b"], { c: relayed({ from: "a.stdout", to: "b.stdin" }) }));
  const relay = processNamed(plan, "@relay");
  assertEquals(relay.descriptors, [
    { fd: 0, kind: "null" },
    { fd: 1, kind: "log", stream: "stdout" },
    { fd: 2, kind: "log", stream: "stderr" },
    { fd: 3, kind: "relay-link" },
    { fd: 4, kind: "relay-counters" },
  ]);
  assertEquals([relay.group, relay.restart.policy, relay.after], [0, "permanent", []]);
  assertEquals(relay.argv.filter((argument) => argument.startsWith("--allow")), ["--allow-ffi"]);
  assertEquals(plan.groups[0]!.members.slice(0, 2), [
    { kind: "process", process: 0 },
    { kind: "process", process: 1 },
  ]);
  // @log is handed what @relay says, too.
  assertEquals(
    processNamed(plan, "@log").descriptors.filter(({ kind }) => kind === "log-capture").slice(0, 3),
    [
      { fd: 4, kind: "log-capture", process: 1, stream: "stdout" },
      { fd: 5, kind: "log-capture", process: 1, stream: "stderr" },
      { fd: 6, kind: "log-capture", process: 2, stream: "stderr" },
    ],
  );
  assertStringIncludes(
    permissionReport(plan, "/cox", "text"),
    "@relay\n  --allow-ffi (system process;",
  );
  assertEquals(collectPermissions(plan, "/cox").processes[1]!.flags, ["--allow-ffi"]);
});

Deno.test("compile() leaves @relay out where no pipe needs it", () => {
  const plan = compiled(
    wired(["a", "b"], { c: { kind: "pipe", from: "a.stdout", to: "b.stdin" } }),
  );
  assertEquals(plan.processes.map(({ name }) => name), ["@log", "a", "b"]);
  assertEquals(plan.relayed, []);
});

Deno.test("compile() gives each consumer its own policy, and the channel's for what it leaves out", () => {
  const plan = compiled(wired(["a", "b", "c", "d"], {
    fan: relayed({
      from: "a.stdout",
      to: [
        "b.stdin",
        { port: "c.stdin", overflow: "drop-oldest", highWater: { messages: 3 } },
        { port: "d.stdin", highWater: { bytes: "2MiB" }, lifespan: "250ms" },
      ],
      overflow: "drop-newest",
      highWater: { bytes: "5MiB" },
      lifespan: "1s",
    }),
  }));
  assertEquals(legs(plan).map(({ queue }) => queue), [
    null,
    { overflow: "drop-newest", messagesMax: 1024, bytesMax: 5 << 20, lifespanNs: 1e9 },
    { overflow: "drop-oldest", messagesMax: 3, bytesMax: 5 << 20, lifespanNs: 1e9 },
    { overflow: "drop-newest", messagesMax: 1024, bytesMax: 2 << 20, lifespanNs: 250e6 },
  ]);
});

Deno.test("compile() gives a queue and a burst room for one largest message and its framing", () => {
  const of = (options: Partial<Relayed>) => {
    const ends = { from: "a.stdout", to: "b.stdin" };
    const plan = compiled(wired(["a", "b"], { c: relayed({ ...ends, ...options }) }));
    const bytesMax = legs(plan).at(-1)!.queue!.bytesMax;
    return [plan.relayed[0]!.maxMessageBytes, bytesMax, plan.relayed[0]!.rate?.bytesBurst];
  };
  assertEquals(of({ maxMessage: "8MiB" }), [8 << 20, (8 << 20) + 1, undefined]);
  const exact = { maxMessage: "100B", highWater: { bytes: "100B" } } as const;
  assertEquals(of({ ...exact, framing: "frames" }), [100, 104, undefined]);
  assertEquals(of({ ...exact, rate: { bytes: "10B" } }), [100, 101, 101]);
  assertEquals(of({ ...exact, rate: { bytes: "10B", burst: { bytes: "150B" } } }), [100, 101, 150]);
  assertEquals(of({ ...exact, rate: { bytes: "1KiB" } }), [100, 101, 1024]);
});

Deno.test("compile() fills in what a rate leaves out", () => {
  const of = (rate: PipeConfig["rate"] & object) => {
    const channel = relayed({ from: "a.stdout", to: "b.stdin", maxMessage: "1KiB", rate });
    return compiled(wired(["a", "b"], { c: channel })).relayed[0]!.rate;
  };
  const none = { messagesPerSecond: 0, messagesBurst: 0, bytesPerSecond: 0, bytesBurst: 0 };
  assertEquals(of({ messages: 30 }), {
    ...none,
    messagesPerSecond: 30,
    messagesBurst: 30,
    overflow: "block",
  });
  assertEquals(of({ messages: 0.5, overflow: "fail" }), {
    ...none,
    messagesPerSecond: 0.5,
    messagesBurst: 1,
    overflow: "fail",
  });
  assertEquals(of({ messages: 2.5, bytes: "1MiB", burst: { messages: 100 } }), {
    messagesPerSecond: 2.5,
    messagesBurst: 100,
    bytesPerSecond: 1 << 20,
    bytesBurst: 1 << 20,
    overflow: "block",
  });
});

Deno.test("compile() fits a leg's pipes to the largest message and to what the kernel gives", () => {
  const of = (options: Partial<Relayed>, pipeBytesMax: number | null) => {
    const channel = relayed({ from: "a.stdout", to: "b.stdin", ...options });
    const config = wired(["a", "b"], { c: channel });
    const facts = machine({ pipeBytesMax });
    const capacities = legs(compiled(config, facts)).map(({ capacityBytes }) => capacityBytes);
    assertEquals(new Set(capacities).size, 1);
    const said = warnings(config, facts).map(({ path, message }) => `${path.at(-1)}: ${message}`);
    return [capacities[0], ...said];
  };
  const KIB = 1024;
  assertEquals(of({ maxMessage: "1KiB" }, null), [64 * KIB]);
  // With its line feed and a page it just fits, and just does not.
  assertEquals(of({ maxMessage: "61439B" }, null), [64 * KIB]);
  assertEquals(of({ maxMessage: "61440B" }, null), [128 * KIB]);
  assertEquals(of({ maxMessage: "1MiB" }, null), [2048 * KIB]);
  assertEquals(of({ capacity: "1MiB" }, 1 << 20), [1024 * KIB]);
  const [clamped, first, ...others] = of({ capacity: "4MiB" }, 1 << 20);
  assertEquals([clamped, others], [1024 * KIB, []]);
  assertStringIncludes(
    String(first),
    "capacity: the kernel gives cox's user pipes of at most 1MiB",
  );
  const [short, only, ...more] = of({ maxMessage: "1MiB" }, 1 << 20);
  assertEquals([short, more], [1024 * KIB, []]);
  assertStringIncludes(String(only), "maxMessage: a message can be longer than its pipe (1MiB)");
  // Exactly one message fits; one byte more does not.
  assertEquals(of({ capacity: "8KiB", maxMessage: "8191B" }, null), [8 * KIB]);
  assertEquals(of({ capacity: "8KiB", maxMessage: "8192B" }, null).length, 2);
});

Deno.test("compile() leaves out the members of a list that the profiles leave out", () => {
  const config = crew({
    a: commandProcess(),
    b: commandProcess({ profiles: ["extra"] }),
    c: commandProcess(),
    d: commandProcess({ profiles: ["extra"] }),
  }, {
    channels: { m: relayed({ from: ["b.x", "a.x"], to: ["c.x", { port: "d.x" }] }) },
  });
  const all = compiled(config, machine({ profiles: ["extra"] }));
  assertEquals(ends(all).length, 4);
  const some = compiled(config);
  assertEquals(ends(some), ["0 in a.x @relay.relay", "1 out @relay.relay c.x"]);
});

Deno.test("compile() leaves a relayed pipe out with all its ends, never with a whole side", () => {
  const extra = commandProcess({ profiles: ["extra"] });
  const channels = { m: relayed({ from: ["b.x", "c.x"], to: ["d.x"] }) };
  const without = compiled(crew({ a: commandProcess(), b: extra, c: extra, d: extra }, {
    channels,
  }));
  assertEquals([without.channels, without.relayed, without.processes.length], [[], [], 2]);
  const producers = onlyError(crew({ b: extra, c: extra, d: commandProcess() }, { channels }));
  assertEquals(producers.path, ["channels", "m", "from", 0]);
  assertStringIncludes(producers.message, "the active profiles leave it out");
  const consumers = onlyError(crew({ b: commandProcess(), c: extra, d: extra }, { channels }));
  assertEquals(consumers.path, ["channels", "m", "to", 0]);
});

Deno.test("compile() keeps the numbers of ports when a profile leaves a member out", () => {
  const config = crew({
    a: commandProcess(),
    b: commandProcess({ profiles: ["extra"] }),
    c: commandProcess(),
  }, {
    channels: {
      m: relayed({ from: ["a.one", "b.x"], to: "c.x" }),
      n: relayed({ from: ["b.y", "a.two"], to: "c.y" }),
    },
  });
  for (const profiles of [[], ["extra"]]) {
    const plan = compiled(config, machine({ profiles }));
    const ports = legs(plan).filter(({ from }) => plan.processes[from.processes[0]!]!.name === "a")
      .map(({ from }) => [from.port, from.fd]);
    assertEquals(ports, [["one", 4], ["two", 5]]);
  }
});

Deno.test("compile() tells a program what a message is on its relayed links", () => {
  const plan = compiled(crew({
    a: denoProcess(),
    b: commandProcess(),
  }, {
    channels: {
      m: relayed({ from: "a.out", to: "b.stdin", framing: "ndjson", maxMessage: "1KiB" }),
      plain: { kind: "pipe", from: "b.x", to: "a.x" },
    },
  }));
  const limits = { capacityBytes: 65_536, maxMessageBytes: 1024 };
  const linksOf = (name: string) => {
    const { env } = processNamed(plan, name);
    return JSON.parse(env.find(([variable]) => variable === "COX_LINKS")![1]).links;
  };
  const link = { name: "m", kind: "pipe", framing: "ndjson", limits };
  assertEquals(linksOf("a"), [
    { ...link, port: "out", direction: "write", fd: 4 },
    {
      name: "plain",
      port: "x",
      kind: "pipe",
      direction: "read",
      fd: 5,
      limits: { capacityBytes: 65_536 },
    },
  ]);
  assertEquals(linksOf("b")[0], { ...link, port: "stdin", direction: "read", fd: 0 });
});

Deno.test("compile() makes a stall rule's actions of words and objects", () => {
  const of = (stall: PipeConfig["stall"] & object, options: Partial<Relayed> = {}) => {
    const channel = { kind: "pipe", from: "a.stdout", to: "b.stdin", stall, ...options } as const;
    const plan = compiled(wired(["a", "b"], { c: channel }));
    const pipe = plan.channels[0]!;
    return plan.relayed[0]?.stall ?? (pipe.kind === "pipe" ? pipe.stall : null);
  };
  assertEquals(of({ after: "500ms", action: "event" }), {
    afterNs: 500e6,
    actions: [{ kind: "event" }],
  });
  assertEquals(
    of({
      after: "1s",
      action: ["warn", { signal: "SIGUSR1" }, { overflow: "drop-oldest" }, "restart"],
    }, { framing: "frames" }),
    {
      afterNs: 1e9,
      actions: [
        { kind: "warn" },
        { kind: "signal", signal: 10, signalName: "SIGUSR1" },
        { kind: "overflow", overflow: "drop-oldest" },
        { kind: "restart" },
      ],
    },
  );
});

Deno.test("compile() has @relay back within a second, however often it ends", () => {
  const plan = compiled(
    wired(["a", "c"], { merged: relayed({ from: "a.stdout", to: "c.stdin" }) }),
  );
  const { policy, backoff } = plan.processes[1]!.restart;
  assertEquals([policy, backoff.initialNs, backoff.maxNs], ["permanent", 10e6, 500e6]);
});

Deno.test("compile() takes as many producers as can be told to @relay in one packet, and no more", () => {
  const long = (name: string) => name.padEnd(LIMITS.nameLength, "x");
  const consumers = Array.from({ length: LIMITS.relayedEndsMax }, (_, at) => long(`c${at}-`));
  const config = (replicas: number) =>
    crew({
      [long("p")]: commandProcess({ replicas }),
      ...Object.fromEntries(consumers.map((name) => [name, commandProcess()])),
    }, {
      channels: {
        [long("channel")]: relayed({
          from: `${long("p")}.stdout`,
          to: consumers.map((name) => `${name}.stdin`),
          framing: "ndjson",
          overflow: "drop-oldest",
          highWater: { messages: LIMITS.queueMessagesMax, bytes: LIMITS.queueBytesMax },
          lifespan: "1000000s",
        }),
      },
    });
  const max = LIMITS.relayedProducersMax;
  const [told] = new RelayLedger(compiled(config(max))).greeting();
  const bytes = new TextEncoder().encode(JSON.stringify(told!.command)).length;
  assert(bytes <= RELAY_PACKET_BYTES_MAX, `${bytes}`);
  const { path, message } = onlyError(config(max + 1));
  assertEquals(path, ["channels", long("channel"), "from"]);
  assertStringIncludes(message, `at most ${max} processes`);
});
