/**
 * The Plan: a configuration compiled to what will run. Owns the data types only.
 *
 * Frozen, complete (no optional fields), JSON-safe: the command line writes it to
 * `<runDir>/plan.json` and the supervisor reads nothing else. Integer nanoseconds
 * and bytes; processes, groups and channels refer to each other by index.
 * Must not know: how it is compiled, how it is executed.
 */

import type {
  ContractPlan,
  PulsePlan,
  SafeModePlan,
  SchedulingPlan,
  SupervisorPlan,
} from "./contract.ts";

import type { ListenPlan } from "./listen_plan.ts";
import type { MailboxPlan } from "./mailbox_plan.ts";

export type { ListenPlan, TcpListenPlan, UnixListenPlan } from "./listen_plan.ts";
export type { MailboxConsumerPlan, MailboxPlan, MailboxUsePlan } from "./mailbox_plan.ts";

/** Index into {@link Plan.processes}. */
export type ProcessIndex = number;
/** Index into {@link Plan.groups}; group 0 is the root. */
export type GroupIndex = number;
/** Index into {@link Plan.channels}. */
export type ChannelIndex = number;

/** What will run: the whole crew. */
export interface Plan {
  readonly planVersion: 1;
  /** Version of cox that compiled it; the supervisor refuses another. */
  readonly cox: string;
  /** `name` of the configuration. */
  readonly name: string;
  /** Absolute path of the configuration file. */
  readonly configPath: string;
  /** Directory of the configuration file: relative paths resolve against it. */
  readonly projectDir: string;
  /** Absolute run directory (0700): socket, lock, plan, events, notify sockets. */
  readonly runDir: string;
  /**
   * In start order: dependencies before dependents (a topological order that keeps
   * declaration order among the independent). System processes (`@log`) come first.
   */
  readonly processes: readonly ProcessPlan[];
  /** Parents before children; `groups[0]` is the root and always exists. */
  readonly groups: readonly GroupPlan[];
  readonly channels: readonly ChannelPlan[];
  /** Pipes whose messages `@relay` moves; their ends are legs among `channels`. */
  readonly relayed: readonly RelayedPlan[];
  /** What must happen when, in any order. */
  readonly contracts: readonly ContractPlan[];
  /** null: no contract asks for it. */
  readonly safeMode: SafeModePlan | null;
  readonly supervisor: SupervisorPlan;
  readonly limits: SupervisorLimits;
}

/** One process of the crew (one replica of it). */
export interface ProcessPlan {
  /** Unique: the declared name, or `name-1` … `name-n` when `replicas` > 1. */
  readonly name: string;
  /** The name in the configuration; equal to `name` without replicas. */
  readonly declaredName: string;
  /** True for our own processes, whose names begin with `@`. */
  readonly system: boolean;
  readonly kind: "deno" | "task" | "command";
  /** The whole exec chain; `argv[0]` is `executable`. Never a shell of ours. */
  readonly argv: readonly string[];
  /** Absolute path that is exec'd first. */
  readonly executable: string;
  /** Absolute. */
  readonly cwd: string;
  /** Complete environment, sorted by name; instance variables (COX_INSTANCE,
   * NOTIFY_SOCKET, …) are added by the supervisor at each spawn. */
  readonly env: readonly (readonly [name: string, value: string])[];
  /** 0 … 0o777; the supervisor's own default is 0o022. */
  readonly umask: number;
  /** User that the process will run as (for socket ownership); null: ours. */
  readonly uid: number | null;
  readonly gid: number | null;
  /** What each descriptor of the child is. Descriptors not listed are closed. */
  readonly descriptors: readonly DescriptorPlan[];
  readonly after: readonly Dependency[];
  readonly ready: ReadyPlan;
  readonly restart: RestartPlan;
  readonly stop: StopPlan;
  readonly finish: FinishPlan | null;
  /** Its final failure stops the crew with exit 111. */
  readonly critical: boolean;
  readonly group: GroupIndex;
  /** null: nothing of it is stamped. */
  readonly pulse: PulsePlan | null;
  /** As asked for; the exec chain in `argv` does it. null: as it is. */
  readonly scheduling: SchedulingPlan | null;
}

/** Wait for `process` to satisfy `condition` before starting. */
export interface Dependency {
  readonly process: ProcessIndex;
  readonly condition: "started" | "ready" | "completed";
}

/** One entry of a child's descriptor table. */
export type DescriptorPlan =
  | { readonly fd: number; readonly kind: "null" }
  /** Output captured for `@log`; stream decides the prefix. */
  | { readonly fd: number; readonly kind: "log"; readonly stream: "stdout" | "stderr" }
  /** The supervisor's own stdout (1) or stderr (2); `@log` alone. */
  | { readonly fd: number; readonly kind: "terminal"; readonly stream: 1 | 2 }
  | {
    readonly fd: number;
    readonly kind: "channel";
    readonly channel: ChannelIndex;
    /** Of a pipe: read, write; of a pair: first, second; of a listener: accept. */
    readonly end: "read" | "write" | "first" | "second" | "accept";
  }
  | {
    readonly fd: number;
    readonly kind: "mailbox";
    readonly channel: ChannelIndex;
    /** Memory: the samples, a consumer's page. doorbell: a pipe of a consumer's. */
    readonly part: "samples" | "page" | "doorbell";
    /** Which consumer's, from 0; -1: the samples are nobody's own. */
    readonly consumer: number;
    /** Of memory, write is both. Of a doorbell, the end. */
    readonly access: "read" | "write";
  }
  /** A pipe per instance to the supervisor, in sd_notify's text format. */
  | { readonly fd: number; readonly kind: "notify" }
  /** A stream socket per instance to the supervisor: asks who connects to a listener. */
  | { readonly fd: number; readonly kind: "gate" }
  /** The memory in which it stamps its signs of life, cycles and steps. */
  | { readonly fd: number; readonly kind: "pulse" }
  /** `@log` alone: commands from, reports to the supervisor, captured outputs. */
  | { readonly fd: number; readonly kind: "log-commands" }
  | { readonly fd: number; readonly kind: "log-reports" }
  /** `@relay` alone: a seqpacket socket to the supervisor, and the memory of its counters. */
  | { readonly fd: number; readonly kind: "relay-link" }
  | { readonly fd: number; readonly kind: "relay-counters" }
  | {
    readonly fd: number;
    readonly kind: "log-capture";
    readonly process: ProcessIndex;
    readonly stream: "stdout" | "stderr";
  };

/** How readiness is known. `withinNs` runs from the spawn; 0 means no limit. */
export type ReadyPlan =
  | { readonly by: "started" }
  /** sd_notify: NOTIFY_SOCKET, or the `notify` descriptor of a Deno child. */
  | { readonly by: "notify"; readonly withinNs: number }
  /** s6: a newline on this descriptor. */
  | { readonly by: "fd"; readonly fd: number; readonly withinNs: number }
  /** An ECMAScript regular expression (flag u) on a line of output. */
  | {
    readonly by: "line";
    readonly stream: "stdout" | "stderr";
    readonly pattern: string;
    readonly withinNs: number;
  };

/** OTP restart types, and the delay before each further restart. */
export interface RestartPlan {
  /** permanent: always; transient: unless it ended well; temporary: never. */
  readonly policy: "permanent" | "transient" | "temporary";
  /** Exit codes that count as ending well, besides being stopped by us. */
  readonly successCodes: readonly number[];
  readonly backoff: {
    readonly initialNs: number;
    readonly factor: number;
    readonly maxNs: number;
    /** 0 … 1: the delay is multiplied by a uniform draw from [1-jitter, 1+jitter]. */
    readonly jitter: number;
    /** Healthy (ready) for this long: the next restart is immediate again. */
    readonly resetAfterNs: number;
  };
}

/** How an instance is stopped. */
export interface StopPlan {
  /** Number and name, so that nobody converts twice. */
  readonly signal: number;
  readonly signalName: string;
  /** From the signal to KILL of everything; 0: KILL at once. */
  readonly timeoutNs: number;
  /** Who gets `signal`. KILL always goes to the group and all descendants. */
  readonly scope: "process" | "group" | "process-then-group";
}

/** A program that runs after each exit, told the reason in its environment. */
export interface FinishPlan {
  readonly argv: readonly string[];
  readonly executable: string;
  readonly timeoutNs: number;
}

/** A supervisor in OTP's sense: a strategy and a restart budget over members. */
export interface GroupPlan {
  /** The root's is `""`. */
  readonly name: string;
  /** null for the root alone. */
  readonly parent: GroupIndex | null;
  readonly strategy: "one_for_one" | "one_for_all" | "rest_for_one";
  /**
   * More than this many restarts within `periodNs` and the group gives up.
   * null (possible for the root alone): its own processes restart without limit,
   * and a child group that gives up ends the crew.
   */
  readonly intensity: number | null;
  readonly periodNs: number;
  /** In start order; what `rest_for_one` calls "the rest". */
  readonly members: readonly GroupMember[];
}

/** A process or a nested group. */
export type GroupMember =
  | { readonly kind: "process"; readonly process: ProcessIndex }
  | { readonly kind: "group"; readonly group: GroupIndex };

/**
 * Declared wiring. Whatever the mechanism: when every process of `from` has finally ended its
 * producers have, when every one of `to` has its consumers have.
 */
export type ChannelPlan = PipePlan | PairPlan | ListenPlan | LegPlan | MailboxPlan;

/** One kernel pipe; no byte passes through the supervisor. */
export interface PipePlan {
  readonly kind: "pipe";
  readonly name: string;
  readonly from: PortPlan;
  readonly to: PortPlan;
  /** F_SETPIPE_SZ; 0 leaves the kernel's default (64 KiB). */
  readonly capacityBytes: number;
  /** eof: the consumer sees the end when the producer has finally ended. */
  readonly producerEnds: "hold" | "eof";
  /** epipe: the producer sees EPIPE when the consumer has finally ended. */
  readonly consumerEnds: "hold" | "epipe";
  readonly stall: StallPlan | null;
}

/**
 * What happens when a consumer has taken nothing for `afterNs` although something waits for it:
 * all of the actions, in this order, once for each such time.
 */
export interface StallPlan {
  /** More than 0. */
  readonly afterNs: number;
  /** At least one. */
  readonly actions: readonly StallAction[];
}

/** The slow side is who keeps the others waiting: the consumer, or whom it waits for itself. */
export type StallAction =
  | { readonly kind: "event" }
  | { readonly kind: "warn" }
  /** To the slow side's process. */
  | { readonly kind: "signal"; readonly signal: number; readonly signalName: string }
  /** Of the slow side. */
  | { readonly kind: "restart" }
  /** Of a relayed pipe alone: holds until the consumer has recovered. */
  | { readonly kind: "overflow"; readonly overflow: Overflow };

/** Index into {@link Plan.relayed}. */
export type RelayedIndex = number;

/** What becomes of a message that finds no room, or comes faster than it may. */
export type Overflow = "block" | "drop-oldest" | "drop-newest" | "fail";

/** A pipe whose messages are seen: `@relay` takes them from its in-legs and fills its out-legs. */
export interface RelayedPlan {
  readonly name: string;
  /**
   * lines: UTF-8, each ended by a line feed. ndjson: lines that are JSON. frames: a length
   * (u32, big-endian) and as many bytes.
   */
  readonly framing: "lines" | "ndjson" | "frames";
  /** Largest message, bytes, without its line feed or length. */
  readonly maxMessageBytes: number;
  /** What becomes of the sender of a malformed or oversized message: end its link. */
  readonly onMalformed: "drop" | "end";
  /** Of each producer; null: no limit. */
  readonly rate: RatePlan | null;
  /** One for each producing process, replicas included; indices of legs. */
  readonly inLegs: readonly ChannelIndex[];
  /** One for each consumer; indices of legs. */
  readonly outLegs: readonly ChannelIndex[];
  /** Of each consumer by itself. */
  readonly stall: StallPlan | null;
}

/** A token bucket for messages and one for bytes. */
export interface RatePlan {
  /** 0: no limit. */
  readonly messagesPerSecond: number;
  readonly messagesBurst: number;
  /** 0: no limit. */
  readonly bytesPerSecond: number;
  /** At least the largest message. */
  readonly bytesBurst: number;
  /** drop-oldest is no answer here: what came first has been let through. */
  readonly overflow: Exclude<Overflow, "drop-oldest">;
}

/**
 * One end of a relayed pipe: between one process and `@relay`, a kernel pipe of its own for
 * each instance of that process, so that no message is cut by the death of its writer or reader.
 */
export interface LegPlan {
  readonly kind: "leg";
  /** Of the relayed pipe: its legs share it. */
  readonly name: string;
  readonly relayed: RelayedIndex;
  /** in: from a producer to `@relay`; out: from `@relay` to a consumer. */
  readonly direction: "in" | "out";
  /** Its record in the counters: unique over all legs of the plan, from 0. */
  readonly slot: number;
  /** On `@relay`'s side `fd` is -1: pipes are handed over while it runs. */
  readonly from: PortPlan;
  readonly to: PortPlan;
  /** F_SETPIPE_SZ of each of its pipes; fitted to the largest message. */
  readonly capacityBytes: number;
  readonly producerEnds: "hold" | "eof";
  readonly consumerEnds: "hold" | "epipe";
  /** Of an out-leg; null on an in-leg. */
  readonly queue: QueuePlan | null;
}

/** What `@relay` keeps for one consumer. */
export interface QueuePlan {
  readonly overflow: Overflow;
  /** High-water marks: full when either is reached. */
  readonly messagesMax: number;
  /** At least one largest message. */
  readonly bytesMax: number;
  /** A message that waited longer than this in `@relay` is not delivered; 0: no limit. */
  readonly lifespanNs: number;
}

/** Two sockets that are connected to each other, one for each side; both directions. */
export interface PairPlan {
  readonly kind: "pair";
  readonly name: string;
  /** Holds the first socket; one process, without replicas. */
  readonly from: PortPlan;
  /** Holds the second. */
  readonly to: PortPlan;
  readonly type: "stream" | "seqpacket" | "datagram";
  /** eof: one side sees the end when the other has finally ended. Never with datagrams. */
  readonly ends: "hold" | "eof";
}

/** One end of a channel: a descriptor of a process (all replicas share it). */
export interface PortPlan {
  readonly processes: readonly ProcessIndex[];
  /** `stdin` | `stdout` | … as written. */
  readonly port: string;
  readonly fd: number;
}

/** Every queue and buffer of the supervisor has its maximum here. */
export interface SupervisorLimits {
  readonly eventsKeptMax: number;
  readonly requestBytesMax: number;
  readonly requestTimeoutNs: number;
  readonly controlConnectionsMax: number;
  readonly notifyMessageBytesMax: number;
  /** The event file is rotated once at this size. */
  readonly eventFileBytesMax: number;
}
