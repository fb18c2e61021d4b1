/**
 * The time contracts of channels and of paths over them. Owns which end of a channel each is
 * seen at, and what it is called. Must not know: contracts of processes.
 */
import type {
  ChannelDeadlinesConfig,
  Config,
  LimitContractConfig,
  MailboxConfig,
  PathConfig,
  PipeConfig,
} from "../config/config.ts";
import { consumersOf } from "../config/pipe_ends.ts";
import { contractBase, type ContractContext, type Owner, thresholds } from "./contract_base.ts";
import type { ContractPlan, PathContract } from "./contract.ts";
import type { Expansion } from "./expand.ts";
import type { IssuePath } from "./issues.ts";
import type { ChannelIndex, ChannelPlan, PortPlan, ProcessIndex } from "./plan.ts";
import { portName } from "./ports.ts";

/** One end of a channel whose samples can be timed. */
interface TimedEnd {
  readonly channel: ChannelIndex;
  readonly process: ProcessIndex;
  /** Of a consumer: as the name of a contract has it. */
  readonly label: string;
}
interface TimedConsumer extends TimedEnd {
  /** From 0. */
  readonly number: number;
  readonly own: ChannelDeadlinesConfig;
  readonly path: IssuePath;
}
/** The ends of one channel that exist. */
export interface TimedChannel {
  readonly name: string;
  readonly config: ChannelDeadlinesConfig;
  readonly producers: readonly TimedEnd[];
  readonly consumers: readonly TimedConsumer[];
}

/** Channels whose samples can be timed, in order of declaration. */
export function timedChannels(
  config: Config,
  channels: readonly ChannelPlan[],
  expansion: Expansion,
): TimedChannel[] {
  return Object.entries(config.channels ?? {}).flatMap(([name, channel]) => {
    if (channel.kind !== "pipe" && channel.kind !== "mailbox") return [];
    const wanted = channel.kind === "mailbox"
      ? mailboxEnds(name, channels, expansion)
      : legEnds(name, channels, expansion);
    if (wanted.producers.length === 0) return [];
    const consumers = timedConsumers(name, channel, wanted.consumers, expansion);
    return [{ name, config: channel, producers: wanted.producers, consumers }];
  });
}

/**
 * Compiles the contracts of channels.
 *
 * @param timed The channels.
 * @param heartbeatOf The line on which a process shows that it lives; null: it has none.
 * @param context Receives programs that are not installed.
 */
export function channelContracts(
  timed: readonly TimedChannel[],
  heartbeatOf: (process: ProcessIndex) => number | null,
  context: ContractContext,
): ContractPlan[] {
  return timed.flatMap((channel) => [
    ...gapContracts(channel, context),
    ...latencyContracts(channel, context),
    ...livelinessContracts(channel, heartbeatOf, context),
  ]);
}

function gapContracts(
  { name, config, producers, consumers }: TimedChannel,
  context: ContractContext,
) {
  const contract = (
    given: LimitContractConfig,
    owner: Owner,
    end: TimedEnd,
    number: number | null,
  ) =>
    ({
      ...contractBase(given, owner, context),
      kind: "gap",
      channel: end.channel,
      consumer: number,
      ...thresholds(given),
    }) as const;
  const offered = config.deadline;
  return [
    ...(offered === undefined
      ? []
      : producers.map((end) =>
        contract(offered, producerOwner(name, "gap", end, producers), end, null)
      )),
    ...consumers.flatMap((end) => {
      const requested = end.own.deadline;
      if (requested === undefined) return [];
      const blamed = producers[0]!.process;
      return [contract(requested, consumerOwner(name, "gap", end, blamed), end, end.number)];
    }),
  ];
}

function latencyContracts({ name, config, consumers }: TimedChannel, context: ContractContext) {
  return consumers.flatMap((end) => {
    const given = end.own.latency ?? config.latency;
    if (given === undefined) return [];
    const owner = consumerOwner(name, "latency", end, end.process);
    const path = end.own.latency === undefined ? ["channels", name, "latency"] : owner.path;
    return [
      {
        ...contractBase(given, { ...owner, path }, context),
        kind: "latency",
        channel: end.channel,
        consumer: end.number,
        ...thresholds(given),
      } as const,
    ];
  });
}

function livelinessContracts(
  { name, config, producers, consumers }: TimedChannel,
  heartbeatOf: (process: ProcessIndex) => number | null,
  context: ContractContext,
) {
  const contract = (
    given: LimitContractConfig,
    owner: Owner,
    end: { readonly channel: ChannelIndex; readonly number: number | null },
  ) =>
    ({
      ...contractBase(given, owner, context),
      kind: "liveliness",
      channel: end.channel,
      consumer: end.number,
      line: heartbeatOf(owner.process),
      ...thresholds(given),
    }) as const;
  const offered = config.liveliness;
  return [
    ...(offered === undefined
      ? []
      : producers.map((end) =>
        contract(offered, producerOwner(name, "liveliness", end, producers), {
          ...end,
          number: null,
        })
      )),
    ...consumers.flatMap((end) => {
      const requested = end.own.liveliness;
      if (requested === undefined) return [];
      const blamed = producers[0]!.process;
      return [contract(requested, consumerOwner(name, "liveliness", end, blamed), end)];
    }),
  ];
}

/** Keys of contracts by what they are called within a name. */
const KEYS = { gap: "deadline", latency: "latency", liveliness: "liveliness" } as const;

function producerOwner(
  channel: string,
  kind: keyof typeof KEYS,
  { process, label }: TimedEnd,
  producers: readonly TimedEnd[],
): Owner {
  return {
    name: `${channel}.${kind}${producers.length > 1 ? `:${label}` : ""}`,
    process,
    path: ["channels", channel, KEYS[kind]],
  };
}

function consumerOwner(
  channel: string,
  kind: keyof typeof KEYS,
  { label, path }: Pick<TimedConsumer, "label" | "path">,
  process: ProcessIndex,
): Owner {
  return { name: `${channel}.${kind}@${label}`, process, path: [...path, KEYS[kind]] };
}

/** The ends of a channel, consumers as they are numbered. */
interface Ends {
  readonly producers: readonly TimedEnd[];
  readonly consumers: readonly { readonly channel: ChannelIndex; readonly port: PortPlan }[];
}

/** None of a pipe whose messages are not told apart. */
function legEnds(
  name: string,
  channels: readonly ChannelPlan[],
  { processes }: Expansion,
): Ends {
  const producers: TimedEnd[] = [];
  const consumers: Ends["consumers"][number][] = [];
  for (const [channel, plan] of channels.entries()) {
    if (plan.kind !== "leg" || plan.name !== name) continue;
    if (plan.direction === "out") consumers.push({ channel, port: plan.to });
    else {
      const process = plan.from.processes[0]!;
      producers.push({ channel, process, label: processes[process]!.name });
    }
  }
  return { producers: distinct(producers, channels), consumers };
}

function mailboxEnds(
  name: string,
  channels: readonly ChannelPlan[],
  { processes }: Expansion,
): Ends {
  const channel = channels.findIndex((plan) => plan.kind === "mailbox" && plan.name === name);
  const plan = channels[channel];
  if (plan?.kind !== "mailbox") return { producers: [], consumers: [] };
  const process = plan.from.processes[0]!;
  return {
    producers: [{ channel, process, label: processes[process]!.name }],
    consumers: plan.consumers.map(({ port }) => ({ channel, port })),
  };
}

function timedConsumers(
  name: string,
  config: PipeConfig | MailboxConfig,
  ends: Ends["consumers"],
  { processes }: Expansion,
): TimedConsumer[] {
  const declared = consumersOf(config);
  return ends.map(({ channel, port: { processes: holders, port } }, number) => {
    const process = holders[0]!;
    const { name: label, declaredName } = processes[process]!;
    const shared = ends.filter((other) => other.port.processes[0] === process).length > 1;
    const { key, own } = declared.find(({ text }) => {
      const end = portName(text);
      return end.process === declaredName && end.port === port;
    })!;
    return {
      channel,
      process,
      label: shared ? `${label}.${port}` : label,
      number,
      own,
      path: ["channels", name, ...key.slice(0, 2)],
    };
  });
}

/** A process with two ends on one channel is told apart by its ports. */
function distinct(producers: readonly TimedEnd[], channels: readonly ChannelPlan[]): TimedEnd[] {
  return producers.map((end) => {
    const shared = producers.filter(({ process }) => process === end.process).length > 1;
    const { port } = channels[end.channel]!.from;
    return shared ? { ...end, label: `${end.label}.${port}` } : end;
  });
}

/**
 * Compiles the paths. One over channels or processes that the profiles leave out is not watched,
 * which is warned of.
 *
 * @param config The configuration.
 * @param timed Its channels.
 * @param expansion What exists.
 * @param context Receives the warnings.
 */
export function pathContracts(
  config: Config,
  timed: readonly TimedChannel[],
  expansion: Expansion,
  context: ContractContext,
): PathContract[] {
  return Object.entries(config.paths ?? {}).flatMap(([name, path]) => {
    const way = wayOf(path, timed, expansion);
    if (way === null) {
      context.issues.warning(
        ["paths", name],
        "it is not watched: the active profiles leave a part of it out",
      );
      return [];
    }
    const last = way.at(-1)!;
    const owner = { name: `path.${name}`, process: last.process, path: ["paths", name] };
    return [{
      ...contractBase(path, owner, context),
      kind: "path",
      channels: way.map(({ channel }) => channel),
      consumer: last.number,
      number: pathsEndingAt(
        config,
        path.through.at(-1)!,
        expansion.processes[last.process]!.declaredName,
      )
        .findIndex((other) => other.name === name),
      ...thresholds(path),
    }];
  });
}

/**
 * The paths that end at one consumer, in the order of their declaration: by it that one knows them.
 *
 * @param channel The name of the last channel.
 * @param process The declared name of its consumer.
 */
export function pathsEndingAt(
  config: Config,
  channel: string,
  process: string,
): { readonly name: string; readonly missNs: number }[] {
  return Object.entries(config.paths ?? {}).flatMap(([name, path]) =>
    path.through.at(-1) === channel && (path.to === undefined || path.to === process)
      ? [{ name, missNs: thresholds(path).missNs }]
      : []
  );
}

/** The consumer of each channel that carries it on, the last one's the end; null: there is none. */
function wayOf(
  { through, to }: PathConfig,
  timed: readonly TimedChannel[],
  { processes }: Expansion,
): TimedConsumer[] | null {
  const way: TimedConsumer[] = [];
  const declared = (process: ProcessIndex) => processes[process]!.declaredName;
  for (const [at, name] of through.entries()) {
    const channel = timed.find((each) => each.name === name);
    const next = timed.find((each) => each.name === through[at + 1]);
    const carries = ({ process }: TimedConsumer) =>
      at === through.length - 1
        ? to === undefined || declared(process) === to
        : next?.producers.some((producer) => producer.process === process) === true;
    const found = channel?.consumers.find(carries);
    if (found === undefined) return null;
    way.push(found);
  }
  return way;
}
