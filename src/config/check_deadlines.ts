/**
 * Checks the time contracts of processes: that times fit each other and what the process has
 * besides, and that there is something to know them by. Must not know: contracts of channels.
 */
import { ACTIONS_ON_LIVING, actionsOf, checkContract, checkWarn } from "./check_contract.ts";
import type {
  CheckpointsConfig,
  Config,
  ConfigIssue,
  ContractConfig,
  CycleConfig,
  Duration,
  HeartbeatConfig,
  ProcessConfig,
  SpanContractConfig,
} from "./config.ts";
import { DEFAULTS, LIMITS } from "./defaults.ts";
import { didYouMean } from "./did_you_mean.ts";
import { parseEndpoint } from "./endpoint.ts";
import { errorAt, type IssuePath, show, warningAt } from "./issue.ts";
import { checkName } from "./names.ts";
import { consumersOf, producersOf } from "./pipe_ends.ts";
import { parseDurationNs } from "./units.ts";

/**
 * Checks the contracts of every process.
 *
 * @param config A configuration of the right shape.
 * @returns All issues.
 */
export function checkDeadlines(config: Config): ConfigIssue[] {
  return Object.entries(config.processes).flatMap(([name, process]) => {
    const { deadlines } = process;
    if (deadlines === undefined) return [];
    const path = ["processes", name, "deadlines"];
    const { ready, run, stop, heartbeat } = deadlines;
    return [
      ...(ready === undefined ? [] : checkReady(config, process, ready, [...path, "ready"])),
      ...(heartbeat === undefined
        ? []
        : checkHeartbeat(config, { name, process, heartbeat, path: [...path, "heartbeat"] })),
      ...(run === undefined ? [] : checkRun(config, process, run, [...path, "run"])),
      ...(stop === undefined ? [] : checkStop(config, process, stop, [...path, "stop"])),
      ...Object.entries(deadlines.cycles ?? {}).flatMap(([cycle, contract]) =>
        checkCycle(config, cycle, contract, [...path, "cycles", cycle])
      ),
      ...Object.entries(deadlines.checkpoints ?? {}).flatMap(([steps, contract]) =>
        checkCheckpoints(config, steps, contract, [...path, "checkpoints", steps])
      ),
      ...checkCount(process, path),
      ...checkStamps(process, path),
      ...checkRestarts(process, path),
    ];
  });
}

/** The programs that a task starts are handed no descriptors of ours. */
function checkStamps({ run, deadlines = {} }: ProcessConfig, path: IssuePath): ConfigIssue[] {
  if (run.kind !== "task") return [];
  const { heartbeat, cycles = {}, checkpoints = {} } = deadlines;
  const by = heartbeat === undefined ? null : heartbeat.by ?? DEFAULTS.deadlines.heartbeat.by;
  const stamped: IssuePath[] = [
    ...by === "client" ? [["heartbeat"]] : [],
    ...Object.keys(cycles).map((name) => ["cycles", name]),
    ...Object.keys(checkpoints).map((name) => ["checkpoints", name]),
  ];
  return stamped.map((keys) =>
    errorAt(
      [...path, ...keys],
      "the programs of a task do not inherit the memory that this is stamped in",
      'run the program itself, by deno() or command(), or use by: "notify" or "output"',
    )
  );
}

function checkRestarts({ restart, deadlines = {} }: ProcessConfig, path: IssuePath): ConfigIssue[] {
  if (restart?.policy !== "temporary") return [];
  const { heartbeat, run, cycles = {}, checkpoints = {} } = deadlines;
  const contracts: [IssuePath, ContractConfig | undefined][] = [
    [["heartbeat"], heartbeat],
    [["run"], run],
    ...Object.entries(cycles).map(([name, each]): [IssuePath, ContractConfig] => [
      ["cycles", name],
      each,
    ]),
    ...Object.entries(checkpoints).map(([name, each]): [IssuePath, ContractConfig] => [
      ["checkpoints", name],
      each,
    ]),
  ];
  return contracts.flatMap(([keys, contract]) =>
    (["miss", "broken"] as const).flatMap((key) =>
      actionsOf(contract?.[key]).includes("restart")
        ? [warningAt(
          [...path, ...keys, key],
          'a process with policy "temporary" is never restarted: "restart" ends it for good',
          'use "stop", or another restart.policy',
        )]
        : []
    )
  );
}

function checkReady(
  config: Config,
  { ready }: ProcessConfig,
  contract: SpanContractConfig,
  path: IssuePath,
): ConfigIssue[] {
  if (ready === undefined || ready.by === "started") {
    return [errorAt(
      path,
      'a process that is ready by "started" is ready as soon as it runs',
      'add ready: { by: "notify" } or another way to know it, or remove this',
    )];
  }
  const given = ready.within === undefined ? "ready.within (by default)" : "ready.within";
  const kill = { key: given, time: ready.within ?? DEFAULTS.ready.within };
  return checkSpan(config, contract, kill, path);
}

function checkStop(
  config: Config,
  { stop }: ProcessConfig,
  contract: SpanContractConfig,
  path: IssuePath,
): ConfigIssue[] {
  const time = stop?.timeout ?? DEFAULTS.stop.timeout;
  if (parseDurationNs(time) === 0) {
    return [errorAt(path, "stop.timeout is 0: the process is killed at once", "remove this")];
  }
  const given = stop?.timeout === undefined ? "stop.timeout (by default)" : "stop.timeout";
  const issues = checkSpan(config, contract, { key: given, time }, path);
  for (const key of ["miss", "broken"] as const) {
    for (const action of actionsOf(contract[key])) {
      if (typeof action !== "string" || !ACTIONS_ON_LIVING.includes(action)) continue;
      issues.push(errorAt(
        [...path, key],
        `"${action}" has no meaning here: the process is being stopped`,
        'use "warn", { signal } or { run }',
      ));
    }
  }
  return issues;
}

function checkRun(
  config: Config,
  { restart }: ProcessConfig,
  contract: SpanContractConfig,
  path: IssuePath,
): ConfigIssue[] {
  const issues = checkSpan(config, contract, null, path);
  if ((restart?.policy ?? DEFAULTS.restart.policy) !== "permanent") return issues;
  return [
    ...issues,
    errorAt(
      path,
      'a process with restart policy "permanent" is to run for ever',
      'set restart.policy to "transient" or "temporary", or remove this',
    ),
  ];
}

/** @param kill what ends it without a contract; null: nothing does. */
function checkSpan(
  config: Config,
  contract: SpanContractConfig,
  kill: { readonly key: string; readonly time: Duration } | null,
  path: IssuePath,
): ConfigIssue[] {
  const { within, warn } = contract;
  const issues = checkContract(config, contract, path);
  if (within === undefined && warn === undefined) {
    issues.push(errorAt(path, 'must have one of "within" and "warn"', "remove it"));
  }
  if (within !== undefined && kill !== null) {
    if (parseDurationNs(within) > parseDurationNs(kill.time)) {
      issues.push(errorAt(
        [...path, "within"],
        `"within" must be at most ${kill.key}, which kills it, is "${within}" and "${kill.time}"`,
        `at most "${kill.time}"`,
      ));
    }
  }
  const miss = within === undefined
    ? kill === null ? null : { miss: kill.time, key: kill.key }
    : { miss: within, key: '"within"' };
  if (miss !== null && warn !== undefined) issues.push(...checkWarn({ warn, ...miss }, path));
  return issues;
}

function checkHeartbeat(
  config: Config,
  at: {
    readonly name: string;
    readonly process: ProcessConfig;
    readonly heartbeat: HeartbeatConfig;
    readonly path: IssuePath;
  },
): ConfigIssue[] {
  const { name, process, heartbeat, path } = at;
  const by = heartbeat.by ?? DEFAULTS.deadlines.heartbeat.by;
  const issues = [
    ...checkContract(config, heartbeat, path),
    ...checkWarn({ ...heartbeat, miss: heartbeat.within, key: '"within"' }, path),
  ];
  if (typeof by === "object") {
    return [...issues, ...checkFeed(config, name, by.channel, [...path, "by", "channel"])];
  }
  if (by === "output") return [...issues, ...checkOutput(config, name, [...path, "by"])];
  if ((process.ready?.by ?? DEFAULTS.ready.by) === "started") {
    issues.push(warningAt(
      path,
      "an instance counts as ready as soon as it runs, so that its start counts as silence",
      'add ready: { by: "notify" }, or allow for the start in within',
    ));
  }
  if (by === "notify" && process.run.kind === "deno" && process.ready?.by === "fd") {
    issues.push(errorAt(
      [...path, "by"],
      'a Deno program that is ready by "fd" has no descriptor to notify on',
      'use "client", or be ready by "notify"',
    ));
  }
  return issues;
}

/** A heartbeat by what it sends: there has to be something to see it by. */
function checkFeed(
  config: Config,
  name: string,
  channelName: string,
  path: IssuePath,
): ConfigIssue[] {
  const channels = config.channels ?? {};
  if (!Object.hasOwn(channels, channelName)) {
    const fix = didYouMean(channelName, Object.keys(channels));
    return [errorAt(path, `no channel is named ${show(channelName)}`, fix)];
  }
  const channel = channels[channelName]!;
  if (channel.kind === "pair" || channel.kind === "listen") {
    return [errorAt(
      path,
      `"${channelName}" is a socket, and what is sent on one cannot be seen from outside`,
      "use a pipe, or another sign of life",
    )];
  }
  const feeds = producersOf(channel).some(({ text }) => parseEndpoint(text)?.process === name);
  const { replicas = DEFAULTS.replicas } = config.processes[name]!;
  if (feeds && replicas > 1 && channel.kind === "pipe" && channel.framing === undefined) {
    return [errorAt(
      path,
      `the ${replicas} replicas of "${name}" share the pipe: which of them is silent cannot be seen`,
      "give the pipe framing, or use another sign of life",
    )];
  }
  if (feeds) return [];
  const reads = consumersOf(channel).some(({ text }) => parseEndpoint(text)?.process === name);
  return [errorAt(
    path,
    `"${name}" is no producer of "${channelName}"${reads ? ": it only receives there" : ""}`,
    "name a channel that it sends on",
  )];
}

function checkOutput(config: Config, name: string, path: IssuePath): ConfigIssue[] {
  const wired = Object.values(config.channels ?? {}).flatMap((channel) =>
    channel.kind === "pipe" ? producersOf(channel).map(({ text }) => text) : []
  );
  const streams = ["stdout", "stderr"].filter((stream) => !wired.includes(`${name}.${stream}`));
  if (streams.length > 0) return [];
  return [errorAt(
    path,
    "stdout and stderr both go into channels, past cox: no output can be seen",
    "use { channel: NAME } with one of them",
  )];
}

function checkCycle(
  config: Config,
  name: string,
  cycle: CycleConfig,
  path: IssuePath,
): ConfigIssue[] {
  const { period, budget, warn, offset, late } = cycle;
  const issues = [
    ...checkName(name, "the name of a cycle", path),
    ...checkContract(config, cycle, path),
  ];
  const periodNs = parseDurationNs(period);
  const shorter = (key: string, time: Duration | undefined, orEqual: boolean) => {
    if (time === undefined) return;
    const ns = parseDurationNs(time);
    if (orEqual ? ns <= periodNs : ns < periodNs) return;
    issues.push(errorAt(
      [...path, key],
      `"${key}" must be ${orEqual ? "at most" : "shorter than"} "period", is "${time}" and ` +
        `"${period}"`,
    ));
  };
  shorter("budget", budget, false);
  shorter("offset", offset, false);
  shorter("late", late, true);
  if (warn !== undefined) {
    const miss = budget === undefined
      ? { miss: period, key: '"period"' }
      : { miss: budget, key: '"budget"' };
    issues.push(...checkWarn({ warn, ...miss }, path));
  }
  return issues;
}

function checkCheckpoints(
  config: Config,
  name: string,
  checkpoints: CheckpointsConfig,
  path: IssuePath,
): ConfigIssue[] {
  const issues = [
    ...checkName(name, "the name of checkpoints", path),
    ...checkContract(config, checkpoints, path),
  ];
  const seen = new Set<string>();
  for (const [index, step] of checkpoints.steps.entries()) {
    const at = [...path, "steps", index];
    const text = typeof step === "string" ? step : step.name;
    issues.push(...checkName(text, "the name of a step", at));
    if (seen.has(text)) issues.push(errorAt(at, `${show(text)} is listed twice`, "rename one"));
    seen.add(text);
  }
  const timed = checkpoints.within !== undefined ||
    checkpoints.steps.some((step) => typeof step !== "string" && step.within !== undefined);
  if ((checkpoints.warnAt ?? 0) > 0 && !timed) {
    issues.push(errorAt(
      [...path, "warnAt"],
      "there is no time that this could be a share of",
      "add within, or remove it",
    ));
  }
  return issues;
}

function checkCount({ deadlines }: ProcessConfig, path: IssuePath): ConfigIssue[] {
  const { cycles = {}, checkpoints = {} } = deadlines ?? {};
  const count = Object.keys(cycles).length + Object.keys(checkpoints).length;
  if (count <= LIMITS.pulseLinesMax) return [];
  return [errorAt(
    path,
    `there must be at most ${LIMITS.pulseLinesMax} cycles and checkpoints, are ${count}`,
  )];
}
