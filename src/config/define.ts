/**
 * What a configuration file writes: constructors that return plain data, and types that know
 * the declared names, so that an editor marks an endpoint, a member or a dependency that does
 * not exist. Loaded into the evaluation of every configuration: imports types alone.
 * Must not know: the schema, the checks, zod.
 */
import type {
  CommandRun,
  Config,
  DenoPermissions,
  DenoRun,
  Duration,
  HistoryConfig,
  ListenConfig,
  MailboxConfig,
  MailboxConsumerConfig,
  Overflow,
  PairConfig,
  PipeConfig,
  ProcessConfig,
  QueueConfig,
  TaskRun,
} from "./config.ts";
import type {
  ChannelDeadlinesInput,
  DeadlinesInput,
  PathInput,
  SchedulingInput,
  SupervisorInput,
} from "./define_deadlines.ts";
import type { SIGNAL_NAMES } from "./signals.ts";

export type * from "./define_deadlines.ts";

/** A signal by name: `"SIGTERM"`. */
export type KnownSignal = typeof SIGNAL_NAMES[number];

/** Readiness: each way with the keys that belong to it. */
export type ReadyInput =
  | { readonly by: "started" }
  | { readonly by: "notify"; readonly within?: Duration }
  | { readonly by: "fd"; readonly fd: number; readonly within?: Duration }
  | {
    readonly by: "line";
    readonly pattern: string;
    readonly stream?: "stdout" | "stderr";
    readonly within?: Duration;
  };

/** A process whose `after` may name the processes `P`, and its heartbeat the channels `C`. */
export type ProcessInput<P extends string, C extends string = string> =
  & Omit<ProcessConfig, "after" | "deadlines" | "ready" | "scheduling" | "stop">
  & {
    readonly deadlines?: DeadlinesInput<C>;
    readonly scheduling?: SchedulingInput;
    readonly after?: { readonly [K in P]?: "started" | "ready" | "completed" };
    readonly ready?: ReadyInput;
    readonly stop?: {
      readonly signal?: KnownSignal;
      readonly timeout?: Duration;
      readonly scope?: "process" | "group" | "process-then-group";
    };
  };

/** A group that remembers the names of its members. */
export interface GroupInput<M extends string> {
  readonly members: readonly M[];
  readonly strategy?: "one_for_one" | "one_for_all" | "rest_for_one";
  readonly intensity?: number;
  readonly period?: Duration;
}

/** An endpoint that a pipe can read: any port but `stdin`. */
export type OutputPort<T extends string> = T extends `${string}.stdin` ? never : T;
/** An endpoint that a pipe can feed: any port but `stdout` and `stderr`. */
export type InputPort<T extends string> = T extends `${string}.${"stdout" | "stderr"}` ? never : T;

/** Keys of a pipe without `framing`. */
type DirectPipeKeys = "kind" | "capacity" | "producerEnds" | "consumerEnds";

/** What may happen when a consumer stalls. */
export interface StallInput<Action> {
  readonly after: Duration;
  readonly action: Action | readonly Action[];
}
/** Actions that any pipe can take. */
export type DirectStallAction = "event" | "warn" | "restart" | { readonly signal: KnownSignal };
/** Those of a pipe with `framing`. */
export type RelayedStallAction = DirectStallAction | { readonly overflow: Overflow };

/** A pipe that remembers its endpoints. */
export interface PipeInput<From extends string, To extends string>
  extends Pick<PipeConfig, DirectPipeKeys> {
  readonly from: From;
  readonly to: To;
  readonly stall?: StallInput<DirectStallAction>;
}

/** A consumer with a policy of its own, which remembers its endpoint. */
export interface ConsumerInput<To extends string> extends QueueConfig, ChannelDeadlinesInput {
  readonly port: To;
}

/** A pipe with `framing` that remembers its endpoints. */
export interface RelayedPipeInput<From extends string, To extends string>
  extends
    Omit<PipeConfig, "from" | "to" | "framing" | "stall" | keyof ChannelDeadlinesInput>,
    ChannelDeadlinesInput {
  readonly framing: NonNullable<PipeConfig["framing"]>;
  readonly from: From | readonly From[];
  readonly to: To | readonly (To | ConsumerInput<To>)[];
  readonly stall?: StallInput<RelayedStallAction>;
}

/** An endpoint, or several. */
type Producers = string | readonly string[];
/** An endpoint, or several, each of which may have a policy of its own. */
type Consumers = string | readonly (string | ConsumerInput<string>)[];
/** The endpoints in any of these forms. */
type PortsOf<T> = T extends string ? T
  : T extends readonly (infer Item)[] ? PortsOf<Item>
  : T extends { readonly port: infer Port extends string } ? Port
  : never;
/** The same with `never` where the endpoint is none that a pipe can read. */
type OutputPorts<T> = T extends string ? OutputPort<T>
  : { readonly [At in keyof T]: T[At] extends string ? OutputPort<T[At]> : never };
/** The same with `never` where the endpoint is none that a pipe can feed. */
type InputPorts<T> = T extends string ? InputPort<T>
  : { readonly [At in keyof T]: InputItem<T[At]> };
type InputItem<T> = T extends string ? InputPort<T>
  : T extends { readonly port: infer Port extends string } ?
      & ConsumerInput<InputPort<Port>>
      & { readonly [Key in Exclude<keyof T, keyof ConsumerInput<string>>]: never }
  : never;

/** A pair that remembers its endpoints. */
export interface PairInput<Port extends string> extends Omit<PairConfig, "between"> {
  readonly between: readonly [Port, Port];
}

/** A listener that remembers its server and its clients. */
export interface ListenInput<Server extends string, Client extends string>
  extends Omit<ListenConfig, "server" | "clients"> {
  readonly server: Server;
  readonly clients: "anyone" | readonly Client[];
}

/** An endpoint that a socket can be on: any port but the standard streams. */
export type SocketPort<T extends string> = T extends `${string}.${"stdin" | "stdout" | "stderr"}`
  ? never
  : T;

/** A mailbox that remembers its endpoints. */
export interface MailboxInput<From extends string, To extends string>
  extends Omit<MailboxConfig, "from" | "to" | keyof ChannelDeadlinesInput>, ChannelDeadlinesInput {
  readonly from: From;
  readonly to: To | readonly (To | MailboxConsumerInput<To>)[];
}

/** A consumer of a mailbox with ways of its own, which remembers its endpoint. */
export interface MailboxConsumerInput<To extends string>
  extends Omit<MailboxConsumerConfig, keyof ChannelDeadlinesInput>, ChannelDeadlinesInput {
  readonly port: To;
}

/** An endpoint, or several, each of which may have ways of its own. */
type MailboxConsumers = string | readonly (string | MailboxConsumerInput<string>)[];
/** The same with `never` where the endpoint is a standard stream. */
type SocketPorts<T> = T extends string ? SocketPort<T>
  : { readonly [At in keyof T]: SocketItem<T[At]> };
type SocketItem<T> = T extends string ? SocketPort<T>
  : T extends { readonly port: infer Port extends string } ?
      & MailboxConsumerInput<SocketPort<Port>>
      & { readonly [Key in Exclude<keyof T, keyof MailboxConsumerInput<string>>]: never }
  : never;

/** The wiring of one channel, over the declared processes `P`. */
export type ChannelInput<P extends string> =
  | PipeInput<`${P}.${string}`, `${P}.${string}`>
  | RelayedPipeInput<`${P}.${string}`, `${P}.${string}`>
  | PairInput<`${P}.${string}`>
  | ListenInput<`${P}.${string}`, P>
  | MailboxInput<`${P}.${string}`, `${P}.${string}`>;

/** The whole file, over the declared processes `P`, groups `G` and channels `C`. */
export interface ConfigInput<P extends string, G extends string, C extends string = string> {
  readonly name: string;
  readonly processes: { readonly [K in P]: ProcessInput<NoInfer<P>, NoInfer<C>> };
  readonly groups?: { readonly [K in G]: GroupInput<NoInfer<P | G>> };
  readonly channels?: { readonly [K in C]: ChannelInput<NoInfer<P>> };
  readonly paths?: { readonly [name: string]: PathInput<NoInfer<P>, NoInfer<C>> };
  readonly safeMode?: { readonly start: readonly NoInfer<P>[] };
  readonly supervisor?: SupervisorInput;
  readonly intensity?: number;
  readonly period?: Duration;
}

/**
 * Declares a crew. Does nothing at run time but hand the data on; its types check that every
 * channel endpoint, group member, `after`, path and heartbeat names something that is declared.
 *
 * @param config The crew: processes, and the groups and channels over them.
 * @returns The same data.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * const config = defineConfig({
 *   name: "hello",
 *   processes: { greeter: { run: command(["echo", "hello"]) } },
 * });
 * assertEquals(config.name, "hello");
 * ```
 */
export function defineConfig<
  const P extends string,
  const G extends string = never,
  const C extends string = never,
>(config: ConfigInput<P, G, C>): Config {
  return config as unknown as Config;
}

/**
 * Runs a Deno program in its own sandbox.
 *
 * @param path Module, relative to the configuration; `file:`, `npm:`, `jsr:` and `https:`
 *   specifiers are accepted too.
 * @param options `permissions`: scoped lists, none by default; `args`: the program's arguments.
 * @returns The declaration, for `run`.
 */
export function deno(
  path: string,
  options: { readonly permissions?: DenoPermissions; readonly args?: readonly string[] } = {},
): DenoRun {
  return { ...options, kind: "deno", path };
}

/**
 * Runs a task of the project's deno.json with `deno task`, in no sandbox of Deno's.
 *
 * @param name Name of the task.
 * @param options `args`: appended to the task's command line.
 * @returns The declaration, for `run`.
 */
export function task(name: string, options: { readonly args?: readonly string[] } = {}): TaskRun {
  return { ...options, kind: "task", name };
}

/**
 * Runs any program. No shell is involved unless the first word names one.
 *
 * @param argv The program, looked up in PATH unless it has a slash, and its arguments.
 * @returns The declaration, for `run` and `finish.run`.
 */
export function command(argv: readonly [string, ...string[]]): CommandRun {
  return { kind: "command", argv };
}

/**
 * Groups processes and other groups under one restart strategy and budget, as an Erlang/OTP
 * supervisor does.
 *
 * @param members Names of processes and groups in start order.
 * @param options `strategy`, and the budget `intensity` restarts within `period`.
 * @returns The declaration, for `groups`.
 */
export function group<const M extends string>(
  members: readonly M[],
  options: Omit<GroupInput<M>, "members"> = {},
): GroupInput<M> {
  return { ...options, members };
}

/**
 * Wires an output of one process to an input of another through one kernel pipe.
 *
 * A port other than `stdin`, `stdout` and `stderr` is a descriptor that the process gets for it:
 * the program finds it by its name with `connect()` of `coxswain/child`, or in COX_LINKS.
 *
 * @param options `from`: `"name.stdout"`, `"name.stderr"` or `"name.port"`; `to`: `"name.stdin"`
 *   or `"name.port"`; `capacity`, and what the other end sees when one has finally ended.
 * @returns The declaration, for `channels`.
 */
export function pipe<const From extends string, const To extends string>(
  options:
    & Omit<PipeInput<From, To>, "kind" | "from" | "to">
    & { readonly from: OutputPort<From>; readonly to: InputPort<To>; readonly framing?: never },
): PipeInput<NoInfer<From>, NoInfer<To>>;
/**
 * Wires outputs of processes to inputs of others through `@relay`, which keeps messages whole:
 * those of several producers do not mix, each consumer gets all of them, and where one is too
 * slow the policy says which are dropped.
 *
 * @param options `framing`: what a message is; `from`: an endpoint or a list of them; `to`: an
 *   endpoint, or a list of endpoints and of `{ port, overflow, highWater, lifespan }`;
 *   `maxMessage`, `onMalformed`, `overflow`, `highWater`, `lifespan`, `rate`, and what a direct
 *   pipe has.
 * @returns The declaration, for `channels`.
 */
export function pipe<const From extends Producers, const To extends Consumers>(
  options:
    & Omit<RelayedPipeInput<string, string>, "kind" | "from" | "to">
    & { readonly from: From & OutputPorts<From>; readonly to: To & InputPorts<To> },
): RelayedPipeInput<PortsOf<From>, PortsOf<To>>;
export function pipe(options: object): unknown {
  return { ...options, kind: "pipe" };
}

/**
 * Joins two processes by a pair of connected sockets: both read and write, and no path leads
 * there.
 *
 * @param options `between`: `"name.port"` of both; `type`: `"stream"`, or `"seqpacket"` and
 *   `"datagram"`, which keep messages whole; `ends`: what one sees when the other has finally
 *   ended.
 * @returns The declaration, for `channels`.
 */
export function socket<const A extends string, const B extends string>(
  options:
    & Omit<PairConfig, "kind" | "between">
    & { readonly between: readonly [SocketPort<A>, SocketPort<B>] },
): PairInput<A | B> {
  const between = options.between as readonly [A, B];
  return { ...options, between, kind: "pair" };
}

/**
 * Listens for a server: cox binds the address and holds the socket, the server inherits it.
 * Connections that are made while the server is down wait for its next start.
 *
 * @param options `server`: `"name.port"`; `unix` or `tcp`: the address; `clients`: who may
 *   connect, `"anyone"` or names of processes; `backlog`, `lazy`.
 * @returns The declaration, for `channels`.
 */
export function listen<const Server extends string, const Client extends string = never>(
  options:
    & Omit<ListenConfig, "kind" | "server" | "clients">
    & { readonly server: SocketPort<Server>; readonly clients: "anyone" | readonly Client[] },
): ListenInput<Server, Client> {
  const { server } = options as { server: Server };
  return { ...options, server, kind: "listen" };
}

/**
 * Hands samples from one process to others through shared memory: no copy, and no system call
 * unless somebody sleeps. A Deno program that has an end of one is sealed: the memory is mapped
 * before its first line, and the permission that this takes is given up again.
 *
 * @param options `from`: `"name.port"`; `to`: `"name.port"`, or a list of endpoints and of
 *   `{ port, wait, spin, behind, resume, lifespan, checked }`; `sampleBytes` or `schema`;
 *   `slots`, `history`, and what is done when a consumer is behind.
 * @returns The declaration, for `channels`.
 *
 * @example
 * ```ts
 * import { keepLast, mailbox } from "coxswain";
 * import { assertEquals } from "@std/assert";
 *
 * const samples = mailbox({
 *   from: "sampler.samples",
 *   to: ["detector.samples", { port: "panel.samples", behind: "newest" }],
 *   sampleBytes: "64KiB",
 *   slots: 16,
 *   history: keepLast(8),
 * });
 * assertEquals(samples.kind, "mailbox");
 * ```
 */
export function mailbox<const From extends string, const To extends MailboxConsumers>(
  options:
    & Omit<MailboxInput<string, string>, "kind" | "from" | "to">
    & { readonly from: SocketPort<From>; readonly to: To & SocketPorts<To> },
): MailboxInput<From, PortsOf<To>> {
  return { ...options, kind: "mailbox" } as unknown as MailboxInput<From, PortsOf<To>>;
}

/** Of a mailbox: every consumer gets every sample, and the slowest holds the producer back. */
export const keepAll = "keepAll";

/**
 * Of a mailbox: the producer never waits; a consumer can rely on the newest `samples`, and is told
 * how many it missed.
 *
 * @param samples 1 to one less than `slots`: the rest is room to write into.
 * @returns The value of `history`.
 */
export function keepLast(samples: number): HistoryConfig {
  return { keepLast: samples };
}
