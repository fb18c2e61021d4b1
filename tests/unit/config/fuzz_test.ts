/**
 * Mutated configurations: whatever is thrown at the checks, they must neither throw nor hang,
 * and every issue must say something about a place that is there. Seeded: a failure prints
 * its seed, which alone makes it again.
 */
import { assert } from "@std/assert";
import type { ConfigIssue } from "../../../src/config/config.ts";
import { formatIssues } from "../../../src/config/format_issue.ts";
import { configSchema } from "../../../src/config/schema.ts";
import { validateConfig } from "../../../src/config/validate.ts";
import { type RandomSource, randomSource } from "./random.ts";
import { type Data, fullConfig } from "./samples.ts";

const CONFIGS = 20_000;
const FIRST_SEED = 1;

/** Names that exist, names that almost do, and names that JavaScript knows. */
const NAMES = [
  ...["sampler", "migrate", "build", "recorder", "worker", "pipeline", "all", "readings"],
  ...["samplr", "worker-1", "worker-2", "constructor", "toString", "hasOwnProperty", "valueOf"],
  ...["", "a..b", "../x", "@log", "a b", "A".repeat(64), "x\0y", "x\ny", "A=B", "ä", "\u{1f600}"],
];
const KEYS = [
  ...["deadlines", "heartbeat", "within", "warn", "miss", "steps", "through", "scheduling"],
  ...["run", "after", "ready", "restart", "stop", "limits", "env", "finish", "replicas"],
  ...["restrat", "healthy", "host", "secrets", "kind", "members", "from", "to", "policy"],
];
const SCALARS: Data[] = [
  ...["", "x", "1s", "0s", "5 sec", "-1ms", "2160h", "2161h", "64KiB", "1GB", "unlimited", "0022"],
  ...["sampler.stdout", "recorder.stdin", "worker.stdout", "nobody.stdin", "sampler", "a.b.c"],
  ...["frames", "safe-mode", "fifo", "output", "client", "idle"],
  ...["permanent", "temporary", "completed", "ready", "started", "notify", "line", "fd", "SIGKILL"],
  ...["*", "(", "a\0b", "a\nb", "x".repeat(200)],
  ...[0, 1, -1, 2, 3, 63, 64, 1.5, 1e9, 1e308, Number.MAX_SAFE_INTEGER, true, false, null],
];

Deno.test(`validateConfig() locates the issues of ${CONFIGS} mutated configurations`, () => {
  let reachedChecks = 0;
  let valid = 0;
  let brokenSense = 0;
  let brokenPipes = 0;
  let brokenContracts = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + CONFIGS; seed++) {
    const random = randomSource(seed);
    const raw = mutated(random);
    // Made only for a failure: it costs more than the check.
    const replay = { toString: () => `seed ${seed}: ${JSON.stringify(raw)}` };
    const shape = configSchema.safeParse(raw).success;
    let result;
    try {
      result = validateConfig(raw);
    } catch (error) {
      throw new Error(`validateConfig() threw at ${replay}`, { cause: error });
    }
    if (shape) reachedChecks++;
    if (shape && result.kind === "invalid") brokenSense++;
    if (result.kind === "invalid") {
      expect(result.issues.some((each) => each.severity === "error"), "no error", replay);
    } else {
      valid++;
      expect(shape, "the shape is wrong", replay);
    }
    if (shape && result.issues.some(({ path }) => isOfRelayedPipe(raw, path))) brokenPipes++;
    if (shape && result.issues.some(({ path }) => path.includes("deadlines"))) brokenContracts++;
    for (const issue of result.issues) assertLocated(issue, raw, replay);
    expect(formatIssues("x", result.issues).length > 0, "no text", replay);
  }
  // Otherwise the mutations would only test the schema, or nothing.
  assert(reachedChecks >= CONFIGS / 2, `only ${reachedChecks} reached the checks`);
  assert(brokenSense >= CONFIGS / 10, `only ${brokenSense} broke a check`);
  assert(valid >= CONFIGS / 100, `only ${valid} were valid`);
  assert(brokenPipes >= CONFIGS / 20, `only ${brokenPipes} broke a relayed pipe`);
  assert(brokenContracts >= CONFIGS / 20, `only ${brokenContracts} broke a contract`);
});

/** The path must lead to something, but for its last key, which may be the one that is missing. */
function assertLocated(issue: ConfigIssue, raw: Data, replay: { toString(): string }): void {
  const shown = { toString: () => `${JSON.stringify(issue)}, ${replay}` };
  expect(issue.message.trim() !== "" && issue.message.length < 2000, "no message", shown);
  expect(issue.fix === null || issue.fix.trim() !== "", "an empty fix", shown);
  expect(!/undefined|\[object|NaN/.test(issue.message), "a leak of the implementation", shown);
  let value = raw;
  for (const key of issue.path.slice(0, -1)) {
    const leads = typeof value === "object" && value !== null && Object.hasOwn(value, key);
    expect(leads, "no such place", shown);
    value = value[key];
  }
  const isParent = typeof value === "object" && value !== null;
  expect(issue.path.length === 0 || isParent, "no such place", shown);
}

function isOfRelayedPipe(raw: Data, [section, name, key]: ConfigIssue["path"]): boolean {
  return section === "channels" && key !== undefined && raw.channels[name!]?.framing !== undefined;
}

function expect(holds: boolean, what: string, replay: { toString(): string }): void {
  if (!holds) throw new Error(`${what}: ${replay}`);
}

/** A valid configuration with one to four mutations, most of which keep its shape. */
function mutated(random: RandomSource): Data {
  const raw = fullConfig();
  const count = 1 + random.below(4);
  const wild = random.chance(0.3);
  for (let round = 0; round < count; round++) {
    if (wild && random.chance(0.6)) mutateAnything(raw, random);
    else random.pick(SHAPELY)(raw, random);
  }
  return raw;
}

/** Replaces, removes or adds something anywhere. */
function mutateAnything(raw: Data, random: RandomSource): void {
  let at = raw;
  for (let depth = random.below(6); depth > 0; depth--) {
    const inner = Object.keys(at).filter((key) => typeof at[key] === "object" && at[key] !== null);
    if (inner.length === 0) break;
    at = at[random.pick(inner)];
  }
  const keys = Object.keys(at);
  const key = keys.length === 0 || random.chance(0.2)
    ? random.pick([...KEYS, ...NAMES])
    : random.pick(keys);
  const action = random.below(4);
  if (action === 0 && !Array.isArray(at)) delete at[key];
  else if (action === 1) {
    at[Array.isArray(at) ? random.below(3) : key] = random.pick([[], {}, [[]], { x: {} }]);
  } else at[Array.isArray(at) ? random.below(3) : key] = random.pick(SCALARS);
}

type Mutation = (raw: Data, random: RandomSource) => void;

/** Mutations of sense: the shape stays right, so that the checks have something to find. */
const SHAPELY: readonly Mutation[] = [
  (raw, random) => {
    anyOf(raw.processes, random).after = {
      [random.pick(NAMES)]: random.pick(["started", "ready", "completed"]),
    };
  },
  (raw, random) => {
    const names = Object.keys(raw.processes ?? {});
    const after = anyOf(raw.processes, random).after ??= {};
    if (names.length > 0 && typeof after === "object") {
      after[random.pick(names)] = random.pick(["started", "ready", "completed"]);
    }
  },
  (raw, random) => {
    const members = Array.from({ length: 1 + random.below(4) }, () => random.pick(NAMES) || "x");
    section(raw, "groups")[random.pick(NAMES)] = { members };
  },
  (raw, random) => {
    const from = `${random.pick(NAMES)}.${random.pick(["stdout", "stderr", "stdin", "fd3"])}`;
    const to = `${random.pick(NAMES)}.${random.pick(["stdin", "stdout", ""])}`;
    section(raw, "channels")[random.pick(NAMES)] = { kind: "pipe", from, to };
  },
  (raw, random) => {
    section(raw, "channels")[random.pick(NAMES)] = relayedPipe(random);
  },
  (raw, random) => {
    const frames = section(raw, "channels").frames;
    if (typeof frames !== "object" || frames === null) return;
    const key = random.pick(Object.keys(RELAYED_KEYS));
    if (random.chance(0.3)) delete frames[random.pick(["framing", key])];
    else frames[key] = random.pick(RELAYED_KEYS[key]!);
  },
  (raw, random) => {
    const ready: Data = { by: random.pick(["started", "notify", "fd", "line"]) };
    if (random.chance(0.5)) ready.within = random.pick(["1ms", "5s", "2160h"]);
    if (random.chance(0.5)) ready.fd = random.pick([3, 4, 63]);
    if (random.chance(0.5)) ready.pattern = random.pick(["x", "^a+$", "\\d"]);
    if (random.chance(0.5)) ready.stream = random.pick(["stdout", "stderr"]);
    anyOf(raw.processes, random).ready = ready;
  },
  (raw, random) => {
    const time = () => random.pick(["1ms", "100ms", "1.5s", "30s", "2160h"]);
    anyOf(raw.processes, random).restart = {
      policy: random.pick(["permanent", "transient", "temporary"]),
      backoff: { initial: time(), max: time() },
    };
  },
  (raw, random) => {
    anyOf(raw.processes, random).env = { [random.pick(NAMES)]: random.pick(["x", true, false]) };
  },
  (raw, random) => {
    anyOf(raw.processes, random).limits = {
      nofile: [random.pick([1, 2, "unlimited"]), random.pick([1, 2, "unlimited"])],
      as: [random.pick(["1KiB", "unlimited"]), random.pick(["1B", "1MiB"])],
    };
  },
  (raw, random) => {
    anyOf(raw.processes, random).replicas = random.pick([1, 2, 3, 1000]);
  },
  (raw, random) => {
    anyOf(raw.processes, random).profiles = [random.pick(["live", "test", "other", "a b"])];
  },
  (raw, random) => {
    section(raw, "processes")[random.pick(NAMES)] = { run: { kind: "command", argv: ["x"] } };
  },
  (raw, random) => {
    const processes = section(raw, "processes");
    const names = Object.keys(processes);
    if (names.length > 1) delete processes[random.pick(names)];
  },
  (raw, random) => {
    const grants = [random.pick(["*", "a", "a,b", "loadavg", "https://x"]), "a"];
    const permissions = { [random.pick(["read", "net", "sys", "env"])]: grants };
    anyOf(raw.processes, random).run = {
      kind: "deno",
      path: random.pick(["./a.ts", "-A"]),
      permissions,
    };
  },
  (raw, random) => {
    anyOf(raw.processes, random).stop = {
      signal: random.pick(["SIGSTOP", "SIGINT"]),
      timeout: "0s",
    };
  },
];

/** Values of the right shape, some of which leave no room or need what is not there. */
const RELAYED_KEYS: Readonly<Record<string, readonly Data[]>> = {
  framing: ["lines", "ndjson", "frames"],
  maxMessage: ["1B", "64KiB", "256MiB"],
  onMalformed: ["drop", "end"],
  overflow: ["block", "drop-oldest", "drop-newest", "fail"],
  highWater: [{}, { messages: 1 }, { bytes: "1KiB" }, { messages: 9, bytes: "1GiB" }],
  lifespan: ["1ms", "2160h"],
  rate: [{}, { messages: 0.5 }, { bytes: "1B" }, { burst: { bytes: "1KiB" } }, {
    bytes: "1MiB",
    burst: { messages: 5, bytes: "1B" },
  }],
  capacity: ["4KiB", "1GiB"],
  stall: [{ after: "10ms", action: "warn" }, { after: "1s", action: [{}, { signal: "SIGSTOP" }] }, {
    after: "1h",
    action: [{ overflow: "block" }, { overflow: "fail" }, "restart", "restart"],
  }],
};

/** Lists, objects in lists, and any of the keys; each end may be anybody's. */
function relayedPipe(random: RandomSource): Data {
  const names = NAMES.slice(0, 5);
  const endpoint = (ports: readonly string[]) =>
    `${random.pick(random.chance(0.8) ? names : NAMES)}.${random.pick(ports)}`;
  const several = (one: () => Data) =>
    random.chance(0.3) ? one() : Array.from({ length: 1 + random.below(3) }, one);
  const channel: Data = {
    kind: "pipe",
    from: several(() => endpoint(["stdout", "frames", "x", "stdin"])),
    to: [],
  };
  const consumer = () => {
    const port = endpoint(["stdin", "in", "y", "stdout"]);
    if (random.chance(0.5)) return port;
    const key = random.pick(["overflow", "highWater", "lifespan"]);
    return { port, [key]: random.pick(RELAYED_KEYS[key]!) };
  };
  channel.to = random.chance(0.2) ? endpoint(["stdin"]) : Array.from(
    { length: 1 + random.below(3) },
    consumer,
  );
  if (random.chance(0.9)) channel.framing = random.pick(RELAYED_KEYS["framing"]!);
  for (const [key, values] of Object.entries(RELAYED_KEYS)) {
    if (key !== "framing" && random.chance(0.2)) channel[key] = random.pick(values);
  }
  return channel;
}

function section(raw: Data, name: string): Data {
  if (typeof raw[name] !== "object" || raw[name] === null) raw[name] = {};
  return raw[name];
}

/** Some process to mutate; a throw-away where there is none left. */
function anyOf(processes: Data, random: RandomSource): Data {
  const found = Object.values(processes ?? {}).filter((each) =>
    typeof each === "object" && each !== null && !Array.isArray(each)
  );
  return found.length === 0 ? {} : random.pick(found);
}
