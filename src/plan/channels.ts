/**
 * Channels: from `"sampler.stdout"` to processes and descriptors. Owns which port can be on
 * which side, and the rule that a port has one use. Must not know: how ports are numbered,
 * descriptor tables as a whole.
 */
import type { Config, MailboxConfig, PipeConfig } from "../config/config.ts";
import { DEFAULTS } from "../config/defaults.ts";
import { consumersOf, mailboxConsumersOf, producersOf } from "../config/pipe_ends.ts";
import { parseSizeBytes } from "../config/units.ts";
import { pathsEndingAt } from "./channel_contracts.ts";
import type { Expansion } from "./expand.ts";
import type { Facts } from "./facts.ts";
import type { Issues } from "./issues.ts";
import { checkDirectories, listenPlan } from "./listen.ts";
import { checkAddresses } from "./listen_addresses.ts";
import { checkMemory, mailboxPlan } from "./mailbox.ts";
import type { ChannelPlan, PortPlan, RelayedPlan } from "./plan.ts";
import { endpointsOf, portName, portNumbers } from "./ports.ts";
import { relayedPlan } from "./relayed.ts";
import { stallPlan } from "./stall.ts";

/** Standard streams that cannot be on a side of a channel; any other port can. */
const NOT_ON_SIDE = {
  from: ["stdin"],
  to: ["stdout", "stderr"],
  socket: ["stdin", "stdout", "stderr"],
} as const;
const STANDARD_ON_SIDE = { from: "stdout", to: "stdin", socket: "socket" } as const;

/** The channels, and those pipes among them that `@relay` joins. */
export interface Wires {
  /** A relayed pipe has a leg here for each of its ends. */
  readonly channels: readonly ChannelPlan[];
  readonly relayed: readonly RelayedPlan[];
}

/**
 * Compiles the channels; indices in ports are into the expansion.
 *
 * A channel whose processes the profiles leave out on both sides is left out too; on one side
 * only it is an error. Of a list those are left out that the profiles leave out. All replicas of
 * a process share its end, but for a producer's on a relayed pipe.
 *
 * @param config The configuration.
 * @param facts Where the project is, and who its processes can be.
 * @param expansion What exists.
 * @param issues Receives unknown endpoints and ports used twice.
 */
export function channelPlans(
  config: Config,
  facts: Facts,
  expansion: Expansion,
  issues: Issues,
): Wires {
  const channels: ChannelPlan[] = [];
  const relayed: RelayedPlan[] = [];
  const usedBy = new Map<string, string>();
  const numbers = portNumbers(config);
  for (const [name, channel] of Object.entries(config.channels ?? {})) {
    const ends = endpointsOf(channel);
    if (ends.every((end) => isLeftOut(end, config, expansion))) continue;
    const context = { name, config, expansion, numbers, usedBy, issues };
    switch (channel.kind) {
      case "pipe": {
        if (channel.framing === undefined) channels.push(...pipePlans(channel, context));
        else relay(channel, channel.framing, context, facts, { channels, relayed });
        break;
      }
      case "pair": {
        const from = port(channel.between[0], "socket", ["between", 0], context);
        const to = port(channel.between[1], "socket", ["between", 1], context);
        if (from === null || to === null) continue;
        const type = channel.type ?? DEFAULTS.pair.type;
        const ends = channel.ends ?? (type === "datagram" ? "hold" : DEFAULTS.pair.ends);
        channels.push({ kind: "pair", name, from, to, type, ends });
        break;
      }
      case "listen": {
        const to = port(channel.server, "socket", ["server"], context);
        if (to === null) continue;
        const plan = listenPlan({ name, channel, to, config, facts, expansion }, issues);
        if (plan !== null) channels.push(plan);
        break;
      }
      case "mailbox":
        channels.push(...mailboxPlans(channel, context));
    }
  }
  checkDirectories(channels, facts, issues);
  checkAddresses(channels, issues);
  checkMemory(channels, facts.memory, issues);
  return { channels, relayed };
}

/** A direct pipe: nothing after an issue. */
function pipePlans(channel: PipeConfig, context: PortContext): ChannelPlan[] {
  const [producer, ...producers] = producersOf(channel);
  const [consumer, ...consumers] = consumersOf(channel);
  if (producer === undefined || consumer === undefined) return [];
  if (producers.length + consumers.length > 0) {
    throw new TypeError(`channel "${context.name}" has several ends and no framing`);
  }
  const from = port(producer.text, "from", producer.key, context);
  const to = port(consumer.text, "to", consumer.key, context);
  if (from === null || to === null) return [];
  return [{
    kind: "pipe",
    name: context.name,
    from,
    to,
    capacityBytes: channel.capacity === undefined ? 0 : parseSizeBytes(channel.capacity),
    producerEnds: channel.producerEnds ?? DEFAULTS.pipe.producerEnds,
    consumerEnds: channel.consumerEnds ?? DEFAULTS.pipe.consumerEnds,
    stall: stallPlan(channel.stall),
  }];
}

/** A mailbox: nothing after an issue. */
function mailboxPlans(channel: MailboxConfig, context: PortContext): ChannelPlan[] {
  const from = port(channel.from, "socket", ["from"], context);
  const to = present(mailboxConsumersOf(channel), context).map(({ text, key, own }) => ({
    port: port(text, "socket", key, context),
    own,
    pathLimitsNs: pathsEndingAt(context.config, context.name, portName(text).process)
      .map(({ missNs }) => missNs),
  }));
  const consumers = to.flatMap(({ port, ...rest }) => port === null ? [] : [{ port, ...rest }]);
  if (from === null || consumers.length === 0) return [];
  return [mailboxPlan({ name: context.name, channel, from, to: consumers })];
}

/** Adds a relayed pipe and its legs, or an issue. */
function relay(
  channel: PipeConfig,
  framing: RelayedPlan["framing"],
  context: PortContext,
  facts: Facts,
  wires: { readonly channels: ChannelPlan[]; readonly relayed: RelayedPlan[] },
): void {
  const { name, issues } = context;
  const from = present(producersOf(channel), context)
    .map(({ text, key }) => port(text, "from", key, context));
  const to = present(consumersOf(channel), context).map(({ text, key, own }) => ({
    port: port(text, "to", key, context),
    own,
  }));
  const producers = from.filter((end) => end !== null);
  const consumers = to.flatMap(({ port, own }) => port === null ? [] : [{ port, own }]);
  if (producers.length === 0 || consumers.length === 0) return;
  const legsBefore = wires.channels.filter(({ kind }) => kind === "leg").length;
  const { plan, legs } = relayedPlan({
    name,
    channel,
    framing,
    from: producers,
    to: consumers,
    relayed: wires.relayed.length,
    firstChannel: wires.channels.length,
    firstSlot: legsBefore,
    pipeBytesMax: facts.pipeBytesMax,
  }, issues);
  wires.relayed.push(plan);
  wires.channels.push(...legs);
}

/**
 * The ends that the profiles leave in; all of them where none is left in, so that the first one
 * is reported.
 */
function present<End extends { readonly text: string }>(
  ends: readonly End[],
  { config, expansion }: PortContext,
): readonly End[] {
  const left = ends.filter(({ text }) => !isLeftOut(text, config, expansion));
  return left.length > 0 ? left : ends.slice(0, 1);
}

function isLeftOut(end: string, config: Config, expansion: Expansion): boolean {
  const { process } = portName(end);
  const declared = Object.hasOwn(config.processes, process);
  return declared && !expansion.byDeclaredName.has(process);
}

interface PortContext {
  /** Of the channel. */
  readonly name: string;
  readonly config: Config;
  readonly expansion: Expansion;
  readonly numbers: ReadonlyMap<string, number>;
  /** Channels by the endpoints that they have taken. */
  readonly usedBy: Map<string, string>;
  readonly issues: Issues;
}

function port(
  text: string,
  side: keyof typeof NOT_ON_SIDE,
  key: readonly (string | number)[],
  context: PortContext,
): PortPlan | null {
  const { name, expansion, numbers, usedBy, issues } = context;
  const path = ["channels", name, ...key];
  const other = usedBy.get(text);
  if (other === undefined) usedBy.set(text, name);
  else {
    issues.error(
      path,
      `${text} is already wired by channel "${other}"`,
      "a port can be on one channel only",
    );
  }
  const { process, port } = portName(text);
  const processes = expansion.byDeclaredName.get(process);
  if (processes === undefined) {
    issues.error(
      path,
      `"${process}" is not declared, or the active profiles leave it out`,
      "give the processes of a channel the same profiles",
    );
    return null;
  }
  const refused: readonly string[] = NOT_ON_SIDE[side];
  if (refused.includes(port)) {
    const use = side === "socket" ? "a socket can be on" : PIPE_USE[side];
    issues.error(
      path,
      `"${text}" is no port that ${use}`,
      `write "${process}.${STANDARD_ON_SIDE[side]}", or a port of another name`,
    );
    return null;
  }
  return { processes, port, fd: numbers.get(text)! };
}

const PIPE_USE = { from: "a pipe can read", to: "a pipe can feed" } as const;
