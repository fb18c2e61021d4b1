/**
 * The time contracts of one process, and the lines on which it is stamped. Owns their numbers:
 * heartbeat, cycles, checkpoints, in order of declaration. Must not know: contracts of channels, indices of the plan.
 */
import type {
  CheckpointsConfig,
  CycleConfig,
  DeadlinesConfig,
  HeartbeatConfig,
  SpanContractConfig,
} from "../config/config.ts";
import { DEFAULTS } from "../config/defaults.ts";
import { parseDurationNs } from "../config/units.ts";
import { contractBase, type ContractContext, type Owner, thresholds } from "./contract_base.ts";
import type {
  ContractPlan,
  CycleContract,
  HeartbeatContract,
  HeartbeatSource,
  PulseLinePlan,
  SpanContract,
  StepsContract,
} from "./contract.ts";
import type { ChannelIndex, ProcessIndex } from "./plan.ts";

/** One process (one replica of it), and what is declared of it. */
export interface ProcessRequest {
  readonly declaredName: string;
  readonly name: string;
  readonly process: ProcessIndex;
  readonly deadlines: DeadlinesConfig;
  /** Its end of a channel by name: a pipe, a mailbox, or its in-leg; null: it has none. */
  readonly sends: (channel: string) => ChannelIndex | null;
}

/** Its contracts, and its lines by number. */
export interface ProcessContracts {
  readonly contracts: readonly ContractPlan[];
  readonly lines: readonly PulseLinePlan[];
}

/**
 * Compiles the contracts of a process.
 *
 * @param request The process.
 * @param context Receives programs that are not installed.
 */
export function processContracts(
  request: ProcessRequest,
  context: ContractContext,
): ProcessContracts {
  const { deadlines } = request;
  const lines: PulseLinePlan[] = [];
  const contracts: ContractPlan[] = [];
  for (const span of ["ready", "run", "stop"] as const) {
    const config = deadlines[span];
    if (config !== undefined) contracts.push(spanContract(span, config, request, context));
  }
  if (deadlines.heartbeat !== undefined) {
    const contract = heartbeatContract(deadlines.heartbeat, lines, request, context);
    if (contract !== null) contracts.push(contract);
  }
  for (const [cycle, config] of Object.entries(deadlines.cycles ?? {})) {
    contracts.push(cycleContract(cycle, config, lines, request, context));
  }
  for (const [steps, config] of Object.entries(deadlines.checkpoints ?? {})) {
    contracts.push(stepsContract(steps, config, lines, request, context));
  }
  return { contracts, lines };
}

function owner({ name, declaredName, process }: ProcessRequest, ...keys: readonly string[]): Owner {
  return {
    name: `${name}.${keys.map((key) => SHORT[key] ?? key).join(".")}`,
    process,
    path: ["processes", declaredName, "deadlines", ...keys],
  };
}

/** What keys are called within the name of a contract. */
const SHORT: Readonly<Record<string, string>> = { cycles: "cycle", checkpoints: "steps" };

function spanContract(
  span: SpanContract["span"],
  config: SpanContractConfig,
  request: ProcessRequest,
  context: ContractContext,
): SpanContract {
  const base = contractBase(config, owner(request, span), context);
  return { ...base, kind: "span", span, ...thresholds(config) };
}

function heartbeatContract(
  config: HeartbeatConfig,
  lines: PulseLinePlan[],
  request: ProcessRequest,
  context: ContractContext,
): HeartbeatContract | null {
  const source = heartbeatSource(config.by ?? DEFAULTS.deadlines.heartbeat.by, lines, request);
  if (source === null) {
    const { declaredName } = request;
    context.issues.error(
      ["processes", declaredName, "deadlines", "heartbeat", "by"],
      `"${declaredName}" sends nothing there: the active profiles leave the channel out`,
      "give the processes of a channel the same profiles",
    );
    return null;
  }
  const base = contractBase(config, owner(request, "heartbeat"), context);
  return { ...base, kind: "heartbeat", source, ...thresholds(config) };
}

function heartbeatSource(
  by: NonNullable<HeartbeatConfig["by"]>,
  lines: PulseLinePlan[],
  { sends }: ProcessRequest,
): HeartbeatSource | null {
  if (typeof by === "object") {
    const channel = sends(by.channel);
    return channel === null ? null : { by: "channel", channel };
  }
  const line = lines.push({ kind: "heartbeat", by }) - 1;
  return { by: by === "client" ? "pulse" : by, line };
}

function cycleContract(
  cycle: string,
  config: CycleConfig,
  lines: PulseLinePlan[],
  request: ProcessRequest,
  context: ContractContext,
): CycleContract {
  const periodNs = parseDurationNs(config.period);
  const budgetNs = config.budget === undefined ? periodNs : parseDurationNs(config.budget);
  const offsetNs = parseDurationNs(config.offset ?? DEFAULTS.deadlines.cycle.offset);
  // A cycle that starts later than this has not its budget before the next one is due.
  const restNs = config.budget === undefined ? periodNs : periodNs - budgetNs;
  const line = lines.push({ kind: "cycle", name: cycle, periodNs, offsetNs, budgetNs }) - 1;
  return {
    ...contractBase(config, owner(request, "cycles", cycle), context),
    kind: "cycle",
    cycle,
    line,
    periodNs,
    offsetNs,
    budgetNs,
    latenessNs: config.late === undefined ? restNs : parseDurationNs(config.late),
    warnNs: config.warn === undefined ? 0 : parseDurationNs(config.warn),
  };
}

function stepsContract(
  steps: string,
  config: CheckpointsConfig,
  lines: PulseLinePlan[],
  request: ProcessRequest,
  context: ContractContext,
): StepsContract {
  const last = config.steps.length - 1;
  const order = config.steps.map((step, at) => {
    const name = typeof step === "string" ? step : step.name;
    const own = typeof step === "string" ? undefined : step.within;
    const within = own ?? (at === last ? undefined : config.within);
    return { name, withinNs: within === undefined ? 0 : parseDurationNs(within) };
  });
  const names = order.map(({ name }) => name);
  const line = lines.push({ kind: "steps", name: steps, steps: names }) - 1;
  return {
    ...contractBase(config, owner(request, "checkpoints", steps), context),
    kind: "steps",
    steps,
    line,
    order,
    warnAt: config.warnAt ?? DEFAULTS.deadlines.checkpoints.warnAt,
  };
}
