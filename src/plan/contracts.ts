/**
 * All time contracts of a crew, and what processes are stamped on. Owns how those of processes
 * and of channels come together, and which descriptor a program has for its stamps. Indices of
 * processes are into the expansion until {@link withNumbers}. Must not know: how one is judged.
 */
import type { Config } from "../config/config.ts";
import { pulseBytes } from "../deadline/pulse_layout.ts";
import { pulseLinesOf } from "../deadline/pulse_shape.ts";
import { channelContracts, pathContracts, timedChannels } from "./channel_contracts.ts";
import type { ContractContext } from "./contract_base.ts";
import type { ContractPlan, PulseLinePlan, PulsePlan, SafeModePlan } from "./contract.ts";
import type { Expansion } from "./expand.ts";
import type { Facts } from "./facts.ts";
import type { Issues } from "./issues.ts";
import { gateNumber } from "./listen.ts";
import type { ChannelIndex, ChannelPlan, ProcessIndex } from "./plan.ts";
import { numberBehindPorts } from "./ports.ts";
import { processContracts } from "./process_contracts.ts";

/** What is due in a crew. */
export interface Timing {
  readonly contracts: readonly ContractPlan[];
  /** By process. */
  readonly pulses: readonly (PulsePlan | null)[];
  readonly safeMode: SafeModePlan | null;
}

/**
 * Compiles all contracts.
 *
 * @param config A configuration that has passed its checks.
 * @param facts Where programs are.
 * @param expansion What exists.
 * @param channels Compiled channels.
 * @param issues Receives what is missing.
 */
export function timing(
  config: Config,
  facts: Facts,
  expansion: Expansion,
  channels: readonly ChannelPlan[],
  issues: Issues,
): Timing {
  const context: ContractContext = { facts, issues };
  const lines: (readonly PulseLinePlan[])[] = [];
  const contracts: ContractPlan[] = [];
  for (const [process, { name, declaredName, config }] of expansion.processes.entries()) {
    const { deadlines = {} } = config;
    const sends = (channel: string) => endOf(channel, process, channels);
    const compiled = processContracts({ declaredName, name, process, deadlines, sends }, context);
    lines.push(compiled.lines);
    contracts.push(...compiled.contracts);
  }
  const timed = timedChannels(config, channels, expansion);
  contracts.push(
    ...channelContracts(timed, (process) => heartbeatOf(lines[process]!), context),
    ...pathContracts(config, timed, expansion, context),
  );
  const pulses = expansion.processes.map(({ declaredName }, process) =>
    pulsePlan(lines[process]!, { process, declaredName, config, contracts })
  );
  return { contracts, pulses, safeMode: safeModePlan(config, expansion, issues) };
}

/** Gives processes their final numbers. */
export function withNumbers(
  contracts: readonly ContractPlan[],
  number: (process: ProcessIndex) => ProcessIndex,
): ContractPlan[] {
  return contracts.map((contract) => ({ ...contract, process: number(contract.process) }));
}

/** Where a process sends on a channel. */
function endOf(
  name: string,
  process: ProcessIndex,
  channels: readonly ChannelPlan[],
): ChannelIndex | null {
  const at = channels.findIndex((channel) =>
    channel.name === name && channel.from.processes.includes(process)
  );
  return at === -1 ? null : at;
}

/** The line of a heartbeat that is stamped; null: there is none. */
function heartbeatOf(lines: readonly PulseLinePlan[]): number | null {
  const at = lines.findIndex(({ kind }) => kind === "heartbeat");
  return at === -1 ? null : at;
}

function pulsePlan(
  lines: readonly PulseLinePlan[],
  { process, declaredName, config, contracts }: {
    readonly process: ProcessIndex;
    readonly declaredName: string;
    readonly config: Config;
    readonly contracts: readonly ContractPlan[];
  },
): PulsePlan | null {
  if (lines.length === 0) return null;
  const stamps = lines.some((line) => line.kind !== "heartbeat" || line.by === "client");
  return {
    fd: stamps ? pulseNumber(declaredName, config) : null,
    bytes: pulseBytes(pulseLinesOf(contracts, process)),
    lines,
  };
}

/** The program's descriptor of its stamps: behind its ports, and its gate. */
function pulseNumber(declaredName: string, config: Config): number {
  const gate = gateNumber(declaredName, config);
  return gate === null ? numberBehindPorts(config, declaredName) : gate + 1;
}

function safeModePlan(
  { safeMode }: Config,
  { byDeclaredName }: Expansion,
  issues: Issues,
): SafeModePlan | null {
  if (safeMode === undefined) return null;
  const processes = safeMode.start.flatMap((name) => byDeclaredName.get(name) ?? []);
  if (processes.length === 0) {
    issues.error(
      ["safeMode", "start"],
      "nothing would run: the active profiles leave all of it out",
      "name a process without profiles",
    );
  }
  return { processes };
}
