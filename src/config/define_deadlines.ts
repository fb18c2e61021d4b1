/**
 * Time contracts and scheduling as `define.ts` takes them: each way with the keys that belong to
 * it, and names that are declared. Types alone. Must not know: the schema, the checks.
 */
import type {
  ChannelDeadlinesConfig,
  CheckpointsConfig,
  CommandRun,
  ContractConfig,
  CycleConfig,
  Duration,
  HeartbeatConfig,
  LimitContractConfig,
  MonitorSchedulingConfig,
  PathConfig,
  SchedulingConfig,
  SpanContractConfig,
  SupervisorConfig,
} from "./config.ts";
import type { KnownSignal } from "./define.ts";

/** What is done about a miss besides recording it. */
export type MissActionInput =
  | "warn"
  | "restart"
  | "stop"
  | "fail-group"
  | "safe-mode"
  | { readonly signal: KnownSignal }
  | { readonly run: CommandRun; readonly timeout?: Duration };

/** A contract with actions that exist. */
export type ContractInput<Contract extends ContractConfig> =
  & Omit<Contract, "miss" | "broken">
  & {
    readonly miss?: MissActionInput | readonly MissActionInput[];
    readonly broken?: MissActionInput | readonly MissActionInput[];
  };

/** Time contracts of a process, over the declared channels `C`. */
export interface DeadlinesInput<C extends string> {
  readonly ready?: ContractInput<SpanContractConfig>;
  readonly heartbeat?: ContractInput<Omit<HeartbeatConfig, "by">> & {
    readonly by?: "client" | "notify" | "output" | { readonly channel: C };
  };
  readonly run?: ContractInput<SpanContractConfig>;
  readonly stop?: ContractInput<SpanContractConfig>;
  readonly cycles?: Readonly<Record<string, ContractInput<CycleConfig>>>;
  readonly checkpoints?: Readonly<Record<string, ContractInput<CheckpointsConfig>>>;
}

/** Time contracts of a channel, or of one of its consumers. */
export type ChannelDeadlinesInput = {
  readonly [Key in keyof ChannelDeadlinesConfig]: ContractInput<LimitContractConfig>;
};

/** A path over the declared channels `C` to one of the processes `P`. */
export type PathInput<P extends string, C extends string> =
  & ContractInput<Omit<PathConfig, "through" | "to">>
  & { readonly through: readonly C[]; readonly to?: P };

/** Scheduling policies of a thread: each with the keys that belong to it. */
export type ThreadPolicyInput =
  | { readonly policy?: never }
  | { readonly policy: "fifo" | "rr"; readonly priority: number }
  | { readonly policy: "batch" | "idle" };

/** Scheduling policies of a process. */
export type PolicyInput =
  | ThreadPolicyInput
  | {
    readonly policy: "deadline";
    readonly runtime: Duration;
    readonly deadline?: Duration;
    readonly period: Duration;
    readonly cpus?: never;
  };

type PolicyKeys = "policy" | "priority" | "runtime" | "deadline" | "period";

/** How a process is scheduled. */
export type SchedulingInput = Omit<SchedulingConfig, PolicyKeys> & PolicyInput;

/** What is set up for the supervisor itself. */
export interface SupervisorInput extends Omit<SupervisorConfig, "scheduling"> {
  readonly scheduling?: Pick<MonitorSchedulingConfig, "cpus" | "lockMemory"> & ThreadPolicyInput;
}
