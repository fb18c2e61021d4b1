/**
 * The Config: what the user wrote, as data, units as written. Owns the types only.
 * `define.ts` builds it with checked names, `schema.ts` validates it at run time,
 * `plan/compile.ts` turns it into a Plan. Must not know: any of these.
 */

import type { Struct } from "../channel/mailbox/schema.ts";
import type {
  ChannelDeadlinesConfig,
  DeadlinesConfig,
  PathConfig,
  SafeModeConfig,
  SchedulingConfig,
  SupervisorConfig,
} from "./deadline_config.ts";

export type * from "./deadline_config.ts";

/** `"250ms"`, `"3s"`, `"2m"`, `"1h"`, `"50us"`; a decimal fraction is allowed (`"1.5s"`). */
export type Duration = `${number}${"us" | "ms" | "s" | "m" | "h"}`;
/** `"512B"`, `"64KiB"`, `"10MiB"`, `"1GiB"`; powers of 1024, whole bytes. */
export type Size = `${number}${"B" | "KiB" | "MiB" | "GiB"}`;

/** Grants for a Deno program: scoped lists, never `true`. Paths relative to the config. */
export interface DenoPermissions {
  readonly read?: readonly string[];
  readonly write?: readonly string[];
  readonly net?: readonly string[];
  readonly env?: readonly string[];
  readonly sys?: readonly string[];
  readonly run?: readonly string[];
  readonly ffi?: readonly string[];
  readonly import?: readonly string[];
}

/** What to execute. */
export type Run = DenoRun | TaskRun | CommandRun;
/** A Deno program in its own sandbox. */
export interface DenoRun {
  readonly kind: "deno";
  /** Path (relative to the config) of a module; `file:`, `npm:`, `jsr:`, `https:` are accepted too. */
  readonly path: string;
  readonly permissions?: DenoPermissions;
  readonly args?: readonly string[];
}
/** A task of deno.json. */
export interface TaskRun {
  readonly kind: "task";
  readonly name: string;
  readonly args?: readonly string[];
}
/** Any program. */
export interface CommandRun {
  readonly kind: "command";
  readonly argv: readonly string[];
}

/** A signal by name. */
export type SignalName = `SIG${string}`;

/** How readiness is known; which keys belong to which `by` is checked at run time. */
export interface ReadyConfig {
  readonly by: "started" | "notify" | "fd" | "line";
  /** by "fd": the descriptor, 3 … 63. */
  readonly fd?: number;
  /** by "line": regular expression and stream. */
  readonly pattern?: string;
  readonly stream?: "stdout" | "stderr";
  readonly within?: Duration;
}

/** One process. */
export interface ProcessConfig {
  readonly run: Run;
  readonly cwd?: string;
  /** A value, `true`: passed through from cox's own environment, `false`: not even if in the default list. */
  readonly env?: Readonly<Record<string, string | boolean>>;
  readonly envFiles?: readonly string[];
  readonly user?: string | number;
  readonly group?: string | number;
  /** Octal text: `"0027"`. */
  readonly umask?: string;
  readonly after?: Readonly<Record<string, "started" | "ready" | "completed">>;
  readonly ready?: ReadyConfig;
  readonly restart?: {
    readonly policy?: "permanent" | "transient" | "temporary";
    readonly successCodes?: readonly number[];
    readonly backoff?: {
      readonly initial?: Duration;
      readonly factor?: number;
      readonly max?: Duration;
      readonly jitter?: number;
      readonly resetAfter?: Duration;
    };
  };
  readonly stop?: {
    readonly signal?: SignalName;
    readonly timeout?: Duration;
    readonly scope?: "process" | "group" | "process-then-group";
  };
  /** Soft and hard together, or `[soft, hard]`; `"unlimited"` allowed. */
  readonly limits?: {
    readonly nofile?: LimitValue<number>;
    readonly nproc?: LimitValue<number>;
    readonly as?: LimitValue<Size>;
    readonly fsize?: LimitValue<Size>;
    readonly core?: LimitValue<Size>;
    readonly memlock?: LimitValue<Size>;
    /** CPU seconds. */
    readonly cpu?: LimitValue<Duration>;
  };
  /** -20 … 19. */
  readonly nice?: number;
  readonly scheduling?: SchedulingConfig;
  readonly deadlines?: DeadlinesConfig;
  readonly finish?: { readonly run: CommandRun; readonly timeout?: Duration };
  readonly replicas?: number;
  readonly profiles?: readonly string[];
  readonly critical?: boolean;
}
/** Soft and hard limit together, or `[soft, hard]`. */
export type LimitValue<T> = T | "unlimited" | readonly [T | "unlimited", T | "unlimited"];

/** Processes and groups under one restart strategy and budget. */
export interface GroupConfig {
  /** Processes and groups, in order. */
  readonly members: readonly string[];
  readonly strategy?: "one_for_one" | "one_for_all" | "rest_for_one";
  readonly intensity?: number;
  readonly period?: Duration;
}

/** The wiring of one channel; later kinds join the union. */
export type ChannelConfig = PipeConfig | PairConfig | ListenConfig | MailboxConfig;
/** One kernel pipe; or, with `framing`, one to and from each of its processes, joined by `@relay`. */
export interface PipeConfig extends RelayConfig {
  readonly kind: "pipe";
  /** `"process.stdout"`, `"process.stderr"` or a port of another name; with `framing` several. */
  readonly from: string | readonly string[];
  /** `"process.stdin"` or a port of another name; with `framing` several. */
  readonly to: string | readonly (string | ConsumerConfig)[];
  readonly capacity?: Size;
  readonly producerEnds?: "hold" | "eof";
  readonly consumerEnds?: "hold" | "epipe";
  readonly stall?: StallConfig;
}
/** What a pipe can be told when messages are told apart. */
export interface RelayConfig extends QueueConfig, ChannelDeadlinesConfig {
  readonly framing?: "lines" | "ndjson" | "frames";
  /** Without its line feed or length. */
  readonly maxMessage?: Size;
  readonly onMalformed?: "drop" | "end";
  readonly rate?: RateConfig;
}
/** What is kept for a consumer. */
export interface QueueConfig {
  readonly overflow?: Overflow;
  readonly highWater?: { readonly messages?: number; readonly bytes?: Size };
  /** A message that has waited longer is not delivered. */
  readonly lifespan?: Duration;
}
/** A consumer with a policy of its own; what it leaves out is the channel's. */
export interface ConsumerConfig extends QueueConfig, ChannelDeadlinesConfig {
  /** `"process.stdin"` or a port of another name. */
  readonly port: string;
}
/** What becomes of a message for which there is no room. */
export type Overflow = "block" | "drop-oldest" | "drop-newest" | "fail";
/** How fast each producer may send. */
export interface RateConfig {
  /** A second. */
  readonly messages?: number;
  /** A second. */
  readonly bytes?: Size;
  /** At once. */
  readonly burst?: { readonly messages?: number; readonly bytes?: Size };
  readonly overflow?: Exclude<Overflow, "drop-oldest">;
}
/** What happens when a consumer takes nothing although something waits for it. */
export interface StallConfig {
  readonly after: Duration;
  readonly action: StallActionConfig | readonly StallActionConfig[];
}
/** A word, or an object with one of the keys. */
export type StallActionConfig =
  | "event"
  | "warn"
  | "restart"
  | { readonly signal?: SignalName; readonly overflow?: Overflow };

/** Two sockets that are connected to each other. */
export interface PairConfig {
  readonly kind: "pair";
  /** `"process.port"` twice; both read and write. */
  readonly between: readonly [string, string];
  readonly type?: "stream" | "seqpacket" | "datagram";
  readonly ends?: "hold" | "eof";
}
/** A listening socket that cox holds for its server. */
export interface ListenConfig {
  readonly kind: "listen";
  /** `"process.port"`. */
  readonly server: string;
  readonly unix?: UnixConfig;
  readonly tcp?: TcpConfig;
  readonly backlog?: number;
  readonly clients: "anyone" | readonly string[];
  readonly access?: "directory" | "credentials";
  readonly limits?: ConnectionLimits;
  readonly lazy?: boolean;
}
/** What each instance of a server takes of its listener. */
export interface ConnectionLimits {
  /** Accepted and not yet closed. */
  readonly connections?: number;
  readonly perSecond?: number;
}
/** A path to listen on. */
export interface UnixConfig {
  readonly path: string;
  /** Octal text: `"0660"`. */
  readonly mode?: string;
  readonly owner?: string | number;
  readonly group?: string | number;
}
/** A port to listen on. */
export interface TcpConfig {
  readonly port: number;
  /** An address in digits. */
  readonly host?: string;
}

/** Samples in shared memory, from one process to others. */
export interface MailboxConfig extends MailboxUse, ChannelDeadlinesConfig {
  readonly kind: "mailbox";
  /** `"process.port"`. */
  readonly from: string;
  /** `"process.port"`, or several. */
  readonly to: string | readonly (string | MailboxConsumerConfig)[];
  /** The largest sample; follows from `schema` where there is one. */
  readonly sampleBytes?: Size;
  readonly schema?: Struct;
  readonly slots?: number;
  readonly history?: HistoryConfig;
  /** `keepAll`: what a producer does that a consumer holds back. */
  readonly overflow?: "block" | "fail";
  readonly blockFor?: Duration;
  readonly behind?: "oldest" | "newest";
  readonly resume?: "newest" | "where-it-was";
  /** A sample that is older when its turn comes is not delivered. */
  readonly lifespan?: Duration;
  readonly checksum?: "none" | "crc32c";
  readonly lock?: boolean;
  readonly hugePages?: boolean;
}
/** How a process uses its end of a mailbox. */
export interface MailboxUse {
  readonly wait?: "spin" | "park" | "spin-then-park";
  readonly spin?: Duration;
  readonly checked?: boolean;
}
/** A consumer with ways of its own; what it leaves out is the channel's. */
export interface MailboxConsumerConfig extends MailboxUse, ChannelDeadlinesConfig {
  /** `"process.port"`. */
  readonly port: string;
  readonly behind?: "oldest" | "newest";
  readonly resume?: "newest" | "where-it-was";
  /** A sample that is older when its turn comes is not delivered. */
  readonly lifespan?: Duration;
}
/** What a consumer may rely on: all samples, or so many of the newest. */
export type HistoryConfig = "keepAll" | { readonly keepLast: number };

/** The whole file. */
export interface Config {
  readonly name: string;
  readonly processes: Readonly<Record<string, ProcessConfig>>;
  readonly groups?: Readonly<Record<string, GroupConfig>>;
  readonly channels?: Readonly<Record<string, ChannelConfig>>;
  readonly paths?: Readonly<Record<string, PathConfig>>;
  readonly safeMode?: SafeModeConfig;
  readonly supervisor?: SupervisorConfig;
  /** Budget of the root group; absent: no limit for its own processes. */
  readonly intensity?: number;
  readonly period?: Duration;
}

/** One thing wrong with a config. */
export interface ConfigIssue {
  readonly severity: "error" | "warning";
  /** `["processes", "sampler", "restart", "polcy"]` */
  readonly path: readonly (string | number)[];
  /** One sentence: which rule is broken, with the value. */
  readonly message: string;
  /** What to write instead, where it is known: `did you mean "restart"?` */
  readonly fix: string | null;
}
