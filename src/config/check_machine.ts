/**
 * Checks what is set up on the machine: scheduling of processes and of the supervisor, the
 * hardware watchdog, the safe mode. Must not know: what this machine allows.
 */
import { actionsOf } from "./check_contract.ts";
import type {
  Config,
  ConfigIssue,
  ProcessConfig,
  SafeModeConfig,
  SchedulingConfig,
  SupervisorConfig,
} from "./config.ts";
import { contractsOf } from "./contracts_of.ts";
import { DEFAULTS } from "./defaults.ts";
import { errorAt, type IssuePath, show, warningAt } from "./issue.ts";
import { isProcess, unknownName } from "./names.ts";
import { parseDurationNs } from "./units.ts";

/**
 * Checks scheduling, watchdog and safe mode.
 *
 * @param config A configuration of the right shape.
 * @returns All issues.
 */
export function checkMachine(config: Config): ConfigIssue[] {
  return [
    ...Object.entries(config.processes).flatMap(([name, process]) =>
      process.scheduling === undefined
        ? []
        : checkProcess(process, process.scheduling, ["processes", name, "scheduling"])
    ),
    ...checkSupervisor(config, config.supervisor ?? {}),
    ...checkSafeMode(config, config.safeMode),
  ];
}

function checkProcess(
  { nice }: ProcessConfig,
  scheduling: SchedulingConfig,
  path: IssuePath,
): ConfigIssue[] {
  const issues = checkScheduling(scheduling, path);
  const { policy, io } = scheduling;
  if (io?.class === "idle" && io.level !== undefined) {
    issues.push(errorAt([...path, "io", "level"], 'the class "idle" has no levels', "remove it"));
  }
  const first = policy === "fifo" || policy === "rr" || policy === "deadline";
  if (first && nice !== undefined) {
    issues.push(warningAt(
      [...path.slice(0, -1), "nice"],
      `niceness means nothing to a process of policy "${policy}"`,
      "remove it",
    ));
  }
  return issues;
}

/** Which keys belong to which policy, and which of them it needs. */
const POLICY_KEYS = {
  fifo: { needs: ["priority"], takes: ["priority"] },
  rr: { needs: ["priority"], takes: ["priority"] },
  batch: { needs: [], takes: [] },
  idle: { needs: [], takes: [] },
  deadline: { needs: ["runtime", "period"], takes: ["runtime", "deadline", "period"] },
} as const;
const ALL_POLICY_KEYS = ["priority", "runtime", "deadline", "period"] as const;

function checkScheduling(scheduling: SchedulingConfig, path: IssuePath): ConfigIssue[] {
  const { policy, cpus } = scheduling;
  const takes: readonly string[] = policy === undefined ? [] : POLICY_KEYS[policy].takes;
  const needs: readonly string[] = policy === undefined ? [] : POLICY_KEYS[policy].needs;
  const issues: ConfigIssue[] = [];
  for (const key of ALL_POLICY_KEYS) {
    if (scheduling[key] !== undefined && !takes.includes(key)) {
      const owners = Object.entries(POLICY_KEYS)
        .filter(([, { takes }]) => (takes as readonly string[]).includes(key))
        .map(([name]) => `"${name}"`).join(" or ");
      issues.push(errorAt(
        [...path, key],
        policy === undefined
          ? `"${key}" has no meaning without a policy`
          : `"${key}" has no meaning with policy "${policy}"`,
        `remove it, or set policy to ${owners}`,
      ));
    }
    if (scheduling[key] === undefined && needs.includes(key)) {
      issues.push(errorAt(path, `policy "${policy}" needs "${key}"`, `add ${key}`));
    }
  }
  if (policy === "deadline") issues.push(...checkReservation(scheduling, path));
  const seen = new Set<number>();
  for (const [index, cpu] of (cpus ?? []).entries()) {
    if (seen.has(cpu)) issues.push(errorAt([...path, "cpus", index], `${cpu} is listed twice`));
    seen.add(cpu);
  }
  return issues;
}

/** The kernel's own rule: runtime ≤ deadline ≤ period (sched_setattr(2)). */
function checkReservation(scheduling: SchedulingConfig, path: IssuePath): ConfigIssue[] {
  const { runtime, period, deadline = period, cpus } = scheduling;
  const issues: ConfigIssue[] = [];
  if (cpus !== undefined) {
    issues.push(errorAt(
      [...path, "cpus"],
      'policy "deadline" is admitted over all CPUs, and takes no choice of them',
      "remove it",
    ));
  }
  if (runtime === undefined || period === undefined || deadline === undefined) return issues;
  const [least, middle, most] = [runtime, deadline, period].map(parseDurationNs);
  if (least! > middle! || middle! > most!) {
    issues.push(errorAt(
      path,
      `it must be that runtime ≤ deadline ≤ period, is "${runtime}", "${deadline}", "${period}"`,
    ));
  }
  return issues;
}

function checkSupervisor(
  config: Config,
  { scheduling, watchdog }: SupervisorConfig,
): ConfigIssue[] {
  const issues = scheduling === undefined
    ? []
    : checkScheduling(scheduling, ["supervisor", "scheduling"]);
  if (scheduling !== undefined && contractsOf(config).length === 0) {
    issues.push(warningAt(
      ["supervisor", "scheduling"],
      "there is no contract, and so no thread that watches any: this has no effect",
      "remove it",
    ));
  }
  if (watchdog === undefined) return issues;
  const path = ["supervisor", "watchdog"];
  if (watchdog.device !== undefined && !watchdog.device.startsWith("/")) {
    const { device } = watchdog;
    issues.push(errorAt([...path, "device"], `must be an absolute path, is ${show(device)}`));
  }
  const timeout = watchdog.timeout ?? DEFAULTS.watchdog.timeout;
  if (parseDurationNs(timeout) % 1_000_000_000 !== 0) {
    issues.push(errorAt(
      [...path, "timeout"],
      `"timeout" must be a whole number of seconds, is "${timeout}"`,
    ));
  }
  if (!contractsOf(config).some(({ critical }) => critical === true)) {
    issues.push(warningAt(
      path,
      "no contract is critical: the strokes only show that the supervisor lives",
      "mark what the machine is to be reset for with critical: true",
    ));
  }
  return issues;
}

function checkSafeMode(config: Config, safeMode: SafeModeConfig | undefined): ConfigIssue[] {
  // Empty: what was salvaged of one whose shape is wrong.
  if (safeMode === undefined || safeMode.start.length === 0) return [];
  const path = ["safeMode", "start"];
  const issues: ConfigIssue[] = [];
  const members = new Set<string>();
  for (const [index, name] of safeMode.start.entries()) {
    const at = [...path, index];
    if (!isProcess(config, name)) issues.push(unknownName(config, { name, path: at }));
    if (members.has(name)) issues.push(errorAt(at, `${show(name)} is listed twice`, "remove it"));
    members.add(name);
  }
  const wanted = contractsOf(config).some(({ miss, broken }) =>
    [...actionsOf(miss), ...actionsOf(broken)].includes("safe-mode")
  );
  if (!wanted) {
    issues.push(warningAt(
      ["safeMode"],
      'no contract asks for it: it has no effect but for "safe-mode" among a contract\'s actions',
    ));
  }
  return issues;
}
