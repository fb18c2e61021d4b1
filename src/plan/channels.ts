/**
 * Channels: from `"sampler.stdout"` to processes and descriptors. Owns which port can be on
 * which side, and the rule that a port has one use. Must not know: how ports are numbered,
 * descriptor tables as a whole.
 */
import type { ChannelConfig, Config } from "../config/config.ts";
import { DEFAULTS } from "../config/defaults.ts";
import { parseSizeBytes } from "../config/units.ts";
import type { Expansion } from "./expand.ts";
import type { Issues } from "./issues.ts";
import type { ChannelPlan, PortPlan } from "./plan.ts";
import { portName, portNumbers } from "./ports.ts";

/** Standard streams that cannot be on a side of a pipe; any other port can. */
const NOT_ON_SIDE = { from: ["stdin"], to: ["stdout", "stderr"] } as const;

/**
 * Compiles the channels; indices in ports are into the expansion.
 *
 * A channel whose processes the profiles leave out on both sides is left out too; on one side
 * only it is an error. All replicas of a process share its end.
 *
 * @param config The configuration.
 * @param expansion What exists.
 * @param issues Receives unknown endpoints and ports used twice.
 */
export function channelPlans(config: Config, expansion: Expansion, issues: Issues): ChannelPlan[] {
  const plans: ChannelPlan[] = [];
  const usedBy = new Map<string, string>();
  const numbers = portNumbers(config);
  for (const [name, channel] of Object.entries(config.channels ?? {})) {
    const ends = [channel.from, channel.to];
    if (ends.every((end) => isLeftOut(end, config, expansion))) continue;
    const fromPort = port(channel, name, "from", { expansion, numbers, issues });
    const toPort = port(channel, name, "to", { expansion, numbers, issues });
    for (const side of ["from", "to"] as const) {
      const other = usedBy.get(channel[side]);
      if (other === undefined) usedBy.set(channel[side], name);
      else {
        issues.error(
          ["channels", name, side],
          `${channel[side]} is already wired by channel "${other}"`,
          "a port can be on one channel only",
        );
      }
    }
    if (fromPort === null || toPort === null) continue;
    plans.push({
      kind: "pipe",
      name,
      from: fromPort,
      to: toPort,
      capacityBytes: channel.capacity === undefined ? 0 : parseSizeBytes(channel.capacity),
      producerEnds: channel.producerEnds ?? DEFAULTS.pipe.producerEnds,
      consumerEnds: channel.consumerEnds ?? DEFAULTS.pipe.consumerEnds,
    });
  }
  return plans;
}

function isLeftOut(end: string, config: Config, expansion: Expansion): boolean {
  const { process } = portName(end);
  const declared = Object.hasOwn(config.processes, process);
  return declared && !expansion.byDeclaredName.has(process);
}

interface PortContext {
  readonly expansion: Expansion;
  readonly numbers: ReadonlyMap<string, number>;
  readonly issues: Issues;
}

function port(
  channel: ChannelConfig,
  name: string,
  side: "from" | "to",
  context: PortContext,
): PortPlan | null {
  const { expansion, numbers, issues } = context;
  const { process, port } = portName(channel[side]);
  const processes = expansion.byDeclaredName.get(process);
  if (processes === undefined) {
    issues.error(
      ["channels", name, side],
      `"${process}" is not declared, or the active profiles leave it out`,
      "give both processes of a channel the same profiles",
    );
    return null;
  }
  const refused: readonly string[] = NOT_ON_SIDE[side];
  if (refused.includes(port)) {
    const standard = side === "from" ? "stdout" : "stdin";
    issues.error(
      ["channels", name, side],
      `"${channel[side]}" is no port that a pipe can ${side === "from" ? "read" : "feed"}`,
      `write "${process}.${standard}", or a port of another name`,
    );
    return null;
  }
  return { processes, port, fd: numbers.get(channel[side])! };
}
