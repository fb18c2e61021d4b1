/**
 * Channels: from `"sampler.stdout"` to processes and descriptors. Owns which port can be on
 * which side, and the rule that a port has one use. Must not know: how ports are numbered,
 * descriptor tables as a whole.
 */
import type { Config } from "../config/config.ts";
import { DEFAULTS } from "../config/defaults.ts";
import { parseSizeBytes } from "../config/units.ts";
import type { Expansion } from "./expand.ts";
import type { Facts } from "./facts.ts";
import type { Issues } from "./issues.ts";
import { checkDirectories, listenPlan } from "./listen.ts";
import { checkAddresses } from "./listen_addresses.ts";
import type { ChannelPlan, PortPlan } from "./plan.ts";
import { endpointsOf, portName, portNumbers } from "./ports.ts";

/** Standard streams that cannot be on a side of a channel; any other port can. */
const NOT_ON_SIDE = {
  from: ["stdin"],
  to: ["stdout", "stderr"],
  socket: ["stdin", "stdout", "stderr"],
} as const;
const STANDARD_ON_SIDE = { from: "stdout", to: "stdin", socket: "socket" } as const;

/**
 * Compiles the channels; indices in ports are into the expansion.
 *
 * A channel whose processes the profiles leave out on both sides is left out too; on one side
 * only it is an error. All replicas of a process share its end.
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
): ChannelPlan[] {
  const plans: ChannelPlan[] = [];
  const usedBy = new Map<string, string>();
  const numbers = portNumbers(config);
  for (const [name, channel] of Object.entries(config.channels ?? {})) {
    const ends = endpointsOf(channel);
    if (ends.every((end) => isLeftOut(end, config, expansion))) continue;
    const context = { name, expansion, numbers, usedBy, issues };
    switch (channel.kind) {
      case "pipe": {
        const from = port(channel.from, "from", ["from"], context);
        const to = port(channel.to, "to", ["to"], context);
        if (from === null || to === null) continue;
        plans.push({
          kind: "pipe",
          name,
          from,
          to,
          capacityBytes: channel.capacity === undefined ? 0 : parseSizeBytes(channel.capacity),
          producerEnds: channel.producerEnds ?? DEFAULTS.pipe.producerEnds,
          consumerEnds: channel.consumerEnds ?? DEFAULTS.pipe.consumerEnds,
          stall: null,
        });
        break;
      }
      case "pair": {
        const from = port(channel.between[0], "socket", ["between", 0], context);
        const to = port(channel.between[1], "socket", ["between", 1], context);
        if (from === null || to === null) continue;
        const type = channel.type ?? DEFAULTS.pair.type;
        const ends = channel.ends ?? (type === "datagram" ? "hold" : DEFAULTS.pair.ends);
        plans.push({ kind: "pair", name, from, to, type, ends });
        break;
      }
      case "listen": {
        const to = port(channel.server, "socket", ["server"], context);
        if (to === null) continue;
        const plan = listenPlan({ name, channel, to, config, facts, expansion }, issues);
        if (plan !== null) plans.push(plan);
      }
    }
  }
  checkDirectories(plans, facts, issues);
  checkAddresses(plans, issues);
  return plans;
}

function isLeftOut(end: string, config: Config, expansion: Expansion): boolean {
  const { process } = portName(end);
  const declared = Object.hasOwn(config.processes, process);
  return declared && !expansion.byDeclaredName.has(process);
}

interface PortContext {
  /** Of the channel. */
  readonly name: string;
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
      "give both processes of a channel the same profiles",
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
