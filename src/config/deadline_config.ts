/**
 * Time contracts and scheduling as the user wrote them: a part of the Config. Owns the types
 * only. Must not know: how they are checked, compiled, kept.
 */
import type { CommandRun, Duration, SignalName } from "./config.ts";

/** What is done about a miss besides recording it. */
export type DeadlineActionConfig =
  | "warn"
  | "restart"
  | "stop"
  | "fail-group"
  | "safe-mode"
  | DeadlineActionObject;
/** A signal, or a program; which keys go together is checked at run time. */
export interface DeadlineActionObject {
  readonly signal?: SignalName;
  readonly run?: CommandRun;
  /** Of `run`. */
  readonly timeout?: Duration;
}

/** What every contract can be told. */
export interface ContractConfig {
  readonly miss?: DeadlineActionConfig | readonly DeadlineActionConfig[];
  /** Weakly hard: so many misses in any so many in a row. */
  readonly tolerate?: { readonly misses: number; readonly in: number };
  readonly broken?: DeadlineActionConfig | readonly DeadlineActionConfig[];
  readonly recoverAfter?: number;
  readonly critical?: boolean;
}
/** A longest time, and one that is warned of before it. */
export interface LimitContractConfig extends ContractConfig {
  readonly within: Duration;
  readonly warn?: Duration;
}
/** From one moment in the life of an instance to another. */
export interface SpanContractConfig extends ContractConfig {
  readonly within?: Duration;
  readonly warn?: Duration;
}
/** Longest silence. */
export interface HeartbeatConfig extends LimitContractConfig {
  readonly by?: "client" | "notify" | "output" | { readonly channel: string };
}
/** A periodic job, named by the program. */
export interface CycleConfig extends ContractConfig {
  readonly period: Duration;
  readonly budget?: Duration;
  /** Of the budget. */
  readonly warn?: Duration;
  readonly offset?: Duration;
  /** How late a start may be. */
  readonly late?: Duration;
}
/** The order of a program's steps. */
export interface CheckpointsConfig extends ContractConfig {
  readonly steps: readonly (string | StepConfig)[];
  /** From each step to the next one. */
  readonly within?: Duration;
  /** 0 … 1. */
  readonly warnAt?: number;
}
/** A step with a time of its own to the next one. */
export interface StepConfig {
  readonly name: string;
  readonly within?: Duration;
}

/** Time contracts of a process. */
export interface DeadlinesConfig {
  readonly ready?: SpanContractConfig;
  readonly heartbeat?: HeartbeatConfig;
  readonly run?: SpanContractConfig;
  readonly stop?: SpanContractConfig;
  readonly cycles?: Readonly<Record<string, CycleConfig>>;
  readonly checkpoints?: Readonly<Record<string, CheckpointsConfig>>;
}

/** Time contracts of a channel whose messages are told apart, and of one of its consumers. */
export interface ChannelDeadlinesConfig {
  /** Longest gap between two samples. */
  readonly deadline?: LimitContractConfig;
  /** From the source's stamp to receipt. */
  readonly latency?: LimitContractConfig;
  /** The producer shows that it lives, with samples or without. */
  readonly liveliness?: LimitContractConfig;
}

/** End to end, over several channels. */
export interface PathConfig extends LimitContractConfig {
  /** Names of channels, in order. */
  readonly through: readonly string[];
  /** A process: which consumer of the last channel. */
  readonly to?: string;
}

/** What runs when a contract asks for the safe mode. */
export interface SafeModeConfig {
  /** Names of processes. */
  readonly start: readonly string[];
}

/** How a process is scheduled; which keys belong to which `policy` is checked at run time. */
export interface SchedulingConfig {
  readonly policy?: "fifo" | "rr" | "batch" | "idle" | "deadline";
  /** fifo, rr: 1 … 99. */
  readonly priority?: number;
  /** deadline. */
  readonly runtime?: Duration;
  readonly deadline?: Duration;
  readonly period?: Duration;
  readonly cpus?: readonly number[];
  readonly io?: IoClassConfig;
  /** -1000 … 1000. */
  readonly oomScore?: number;
  readonly timerSlack?: Duration;
}
/** Order among those who want the disk. */
export interface IoClassConfig {
  readonly class: "idle" | "best-effort" | "realtime";
  /** 0 … 7; not of idle. */
  readonly level?: number;
}

/** What is set up for the supervisor itself. */
export interface SupervisorConfig {
  /** Of the thread that watches the contracts. */
  readonly scheduling?: MonitorSchedulingConfig;
  readonly watchdog?: WatchdogConfig;
}
/** How the thread that watches the contracts is scheduled. */
export interface MonitorSchedulingConfig extends Pick<SchedulingConfig, "priority" | "cpus"> {
  readonly policy?: Exclude<SchedulingConfig["policy"], "deadline" | undefined>;
  /** The code of the supervisor. */
  readonly lockMemory?: boolean;
}
/** A hardware watchdog. */
export interface WatchdogConfig {
  readonly device?: string;
  readonly timeout?: Duration;
}
