/** Pipes with framing: which keys go together, and where an issue says so. */
import { assertEquals } from "@std/assert";
import { configReference } from "../../../src/config/reference.ts";
import { type Data, issuesOf, RUN } from "./samples.ts";

const NEEDED = 'add framing: "lines", "ndjson" or "frames"';

/** Issues of a pipe among `a`, `b`, `c` and `many`, which has replicas; without the channel's path. */
function pipeIssues(channel: Data): string[] {
  const processes = {
    a: { run: RUN },
    b: { run: RUN },
    c: { run: RUN },
    many: { run: RUN, replicas: 3 },
  };
  const lines = issuesOf({ name: "x", processes, channels: { p: { kind: "pipe", ...channel } } });
  return lines.map((line) => line.replace("channels.p.", ""));
}

const relayed = (rest: Data = {}) => ({
  from: "a.stdout",
  to: "b.stdin",
  framing: "lines",
  ...rest,
});

Deno.test("checkPipe() takes every form of a relayed pipe", () => {
  for (
    const rest of [
      {},
      { from: ["a.stdout"], to: ["b.stdin"] },
      { from: ["a.stdout", "a.stderr", "many.stdout"], to: ["b.stdin", { port: "c.stdin" }] },
      { framing: "ndjson", maxMessage: "1MiB", highWater: { bytes: "1MiB" } },
      { framing: "frames", to: [{ port: "b.in", highWater: { messages: 1 }, lifespan: "1ms" }] },
      { rate: { bytes: "1B" } },
      { rate: { messages: 0.001, burst: { messages: 1 } } },
      { maxMessage: "1B", rate: { bytes: "1B", burst: { bytes: "1B" } } },
      { stall: { after: "10ms", action: { overflow: "fail" } } },
      { stall: { after: "1s", action: ["event", { signal: "SIGUSR1" }, { signal: "SIGUSR2" }] } },
    ]
  ) assertEquals(pipeIssues(relayed(rest)), [], JSON.stringify(rest));
  assertEquals(
    pipeIssues({ from: "a.x", to: "b.x", stall: { after: "1s", action: "restart" } }),
    [],
  );
});

Deno.test("checkPipe() refuses a list where messages are not told apart", () => {
  const rule = "can be a list only where messages are told apart: a pipe carries bytes, and " +
    `programs write them in blocks that end anywhere | ${NEEDED}`;
  assertEquals(pipeIssues({ from: ["a.stdout", "b.stdout"], to: "c.stdin" }), [
    `from | "from" ${rule}`,
  ]);
  assertEquals(pipeIssues({ from: "a.stdout", to: [{ port: "c.stdin", overflow: "fail" }] }), [
    `to | "to" ${rule}`,
  ]);
});

Deno.test("checkPipe() refuses each key of messages without framing", () => {
  const keys = {
    maxMessage: "1KiB",
    onMalformed: "end",
    overflow: "block",
    highWater: { messages: 1 },
    lifespan: "1s",
    rate: { messages: 1 },
  };
  for (const [key, value] of Object.entries(keys)) {
    assertEquals(pipeIssues({ from: "a.stdout", to: "b.stdin", [key]: value }), [
      `${key} | "${key}" is about messages, and a pipe without "framing" carries bytes | ` +
      `${NEEDED}, or remove it`,
    ]);
  }
  const stall = { after: "1s", action: ["warn", { overflow: "drop-oldest" }] };
  assertEquals(pipeIssues({ from: "a.stdout", to: "b.stdin", stall }), [
    'stall.action.1.overflow | "overflow" is about messages, and a pipe without "framing" carries ' +
    `bytes | ${NEEDED}, or use another action`,
  ]);
});

Deno.test("checkPipe() refuses a consumer with replicas, a port that is used twice, and a circle", () => {
  assertEquals(pipeIssues(relayed({ to: ["b.stdin", { port: "many.in" }] })), [
    'to.1.port | "many" has 3 replicas, and with "framing" each consumer gets every message | ' +
    "declare its processes one by one, or leave framing out: replicas share a direct pipe",
  ]);
  assertEquals(pipeIssues(relayed({ from: ["a.x", "a.x"], to: ["b.y", "c.y", { port: "b.y" }] })), [
    'from.1 | "a.x" is listed twice | remove it',
    'to.2.port | "b.y" is listed twice | remove it',
  ]);
  assertEquals(pipeIssues(relayed({ from: ["a.x", "b.x"], to: ["c.y", { port: "b.y" }] })), [
    'to.1.port | "b" would feed itself, and wait for itself when the pipe is full | ' +
    "wire it to another process",
  ]);
});

Deno.test("a port is used once over relayed and direct channels", () => {
  const processes = { a: { run: RUN }, b: { run: RUN }, c: { run: RUN } };
  const channels = {
    direct: { kind: "pipe", from: "a.x", to: "b.x" },
    p: { kind: "pipe", ...relayed({ from: ["c.y", "a.x"], to: ["b.z", { port: "b.x" }] }) },
  };
  assertEquals(issuesOf({ name: "x", processes, channels }), [
    'channels.p.from.1 | "a.x" is used by channel "direct" already | a port has one channel',
    'channels.p.to.1.port | "b.x" is used by channel "direct" already | a port has one channel',
  ]);
});

Deno.test("checkPipe() wants room for one largest message, the channel's and a consumer's", () => {
  const small = (key: string, given: string, largest: string, amount: string) =>
    `${key} | "bytes" must have room for one largest message: ${given} is "${largest}", is ` +
    `"${amount}" | at least "${largest}", or a smaller maxMessage`;
  assertEquals(pipeIssues(relayed({ highWater: { bytes: "65535B" } })), [
    small("highWater.bytes", "maxMessage (by default)", "64KiB", "65535B"),
  ]);
  assertEquals(pipeIssues(relayed({ highWater: { bytes: "65536B" } })), []);
  assertEquals(
    pipeIssues(relayed({
      maxMessage: "1KiB",
      to: ["b.x", { port: "c.x", highWater: { bytes: "1023B" } }],
      rate: { bytes: "1B", burst: { bytes: "1023B" } },
    })),
    [
      small("rate.burst.bytes", "maxMessage", "1KiB", "1023B"),
      small("to.1.highWater.bytes", "maxMessage", "1KiB", "1023B"),
    ],
  );
});

Deno.test("checkPipe() refuses empty marks and rates, and a burst of no rate", () => {
  const one = 'must have one of "messages" and "bytes" | remove it';
  assertEquals(pipeIssues(relayed({ rate: {}, highWater: {} })), [
    `rate | "rate" ${one}`,
    `highWater | "highWater" ${one}`,
  ]);
  assertEquals(pipeIssues(relayed({ rate: { bytes: "1MiB", burst: { messages: 3 } } })), [
    "rate.burst.messages | there is no rate of messages that this could be a burst of | " +
    "add messages to rate, or remove it",
  ]);
});

Deno.test("checkPipe() refuses actions that are none, come twice, suspend or contradict", () => {
  const stall = (action: Data) => pipeIssues(relayed({ stall: { after: "1s", action } }));
  const either = 'an action that is an object must have one of "signal" and "overflow" | ' +
    'two actions are a list: [{ signal: "SIGUSR2" }, { overflow: "drop-oldest" }]';
  assertEquals(stall({}), [`stall.action | ${either}`]);
  assertEquals(stall([{ signal: "SIGUSR1", overflow: "fail" }]), [`stall.action.0 | ${either}`]);
  assertEquals(stall(["warn", "event", "warn"]), [
    'stall.action.2 | "warn" is listed twice | remove it',
  ]);
  assertEquals(stall({ signal: "SIGSTOP" }), [
    "stall.action.signal | SIGSTOP suspends a process, and this one is too slow already | " +
    'use "SIGUSR2" or another that the program handles',
  ]);
  assertEquals(stall([{ overflow: "fail" }, { overflow: "block" }]), [
    'stall.action | overflow can be handled in one way at a time | leave one action with "overflow"',
  ]);
});

Deno.test("validateConfig() names keys, values and rules inside lists and objects", () => {
  const OVERFLOWS = '"block", "drop-oldest", "drop-newest", "fail"';
  const cases: [Data, string[]][] = [
    [{ from: 5 }, [
      'from | "from" must be "name.stdout", "name.stderr", "name.port" or a list of these, is 5',
    ]],
    [{ from: ["a.stdout", 5] }, ['from.1 | entry 2 of "from" must be a text, is 5']],
    [{ from: [] }, ['from | "from" must have at least 1 entry, is an empty list']],
    [{ to: { port: "b.stdin" } }, [
      'to | "to" must be "name.stdin", "name.port" or a list of consumers, is an object',
    ]],
    [{ to: [7] }, [
      'to.0 | entry 1 of "to" must be "name.stdin", "name.port" or an object with "port", is 7',
    ]],
    [{ to: [{ prt: "b.stdin" }] }, [
      'to.0.port | "port" is required and missing',
      'to.0.prt | "prt" is not a known key | did you mean "port"?',
    ]],
    [{ to: ["c.in", { port: "b.in", overflow: "drop-oldst" }] }, [
      `to.1.overflow | "overflow" must be one of ${OVERFLOWS}, is "drop-oldst" | ` +
      'did you mean "drop-oldest"?',
    ]],
    [{ framing: "line" }, [
      'framing | "framing" must be one of "lines", "ndjson", "frames", is "line" | ' +
      'did you mean "lines"?',
    ]],
    [{ maxMessage: "257MiB" }, ['maxMessage | "maxMessage" must be at most "256MiB", is "257MiB"']],
    [{ highWater: { messages: 1_000_001 } }, [
      'highWater.messages | "messages" must be at most 1000000, is 1000001',
    ]],
    [{ rate: { messages: 0 } }, ['rate.messages | "messages" must be at least 0.001, is 0']],
    [{ rate: { messages: 1, overflow: "drop-oldest" } }, [
      'rate.overflow | "overflow" must be one of "block", "drop-newest", "fail", is "drop-oldest" | ' +
      'did you mean "drop-newest"?',
    ]],
    [{ stall: { after: "9ms", action: "warn" } }, [
      'stall.after | "after" must be at least "10ms", is "9ms"',
    ]],
    [{ stall: { after: "1s", action: ["warn", "x"] } }, [
      'stall.action.1 | entry 2 of "action" must be "event", "warn", "restart", { signal } or ' +
      '{ overflow }, is "x"',
    ]],
    [{ stall: { after: "1s" } }, ['stall.action | "action" is required and missing']],
  ];
  for (const [rest, expected] of cases) {
    assertEquals(pipeIssues(relayed(rest)), expected, JSON.stringify(rest));
  }
});

Deno.test("validateConfig() makes no further issue of a key whose shape is wrong", () => {
  const lines = pipeIssues(relayed({
    framing: "line",
    maxMessage: "1 KB",
    highWater: { bytes: "2KiB" },
    stall: 5,
    lifespan: 5,
  }));
  assertEquals(lines.map((line) => line.split(" | ")[0]), [
    "framing",
    "maxMessage",
    "lifespan",
    "stall",
  ]);
});

Deno.test("configReference() describes what stands inside lists, once for a kind of channel", () => {
  const titles = [...configReference().matchAll(/^## `(channels.NAME.*)`/gm)].map(([, text]) =>
    text
  );
  // A mailbox's consumers have keys of their own.
  const counts = {
    "to[]": 2,
    "to[].highWater": 1,
    highWater: 1,
    "rate.burst": 1,
    "stall.action": 1,
  };
  for (const [title, count] of Object.entries(counts)) {
    assertEquals(titles.filter((each) => each === `channels.NAME.${title}`).length, count, title);
  }
});
