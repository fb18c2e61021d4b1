/**
 * Channels: from `"sampler.stdout"` to processes and descriptors. Owns the ports' numbers and
 * the rule that a port has one use. Must not know: descriptor tables as a whole.
 */
import type { ChannelConfig, Config } from "../config/config.ts";
import { DEFAULTS } from "../config/defaults.ts";
import { parseSizeBytes } from "../config/units.ts";
import type { Expansion } from "./expand.ts";
import type { Issues } from "./issues.ts";
import type { ChannelPlan, PortPlan } from "./plan.ts";

/** Descriptor of each port that a pipe can be on. */
const SOURCES: Readonly<Record<string, number>> = { stdout: 1, stderr: 2 };
const SINKS: Readonly<Record<string, number>> = { stdin: 0 };

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
  for (const [name, channel] of Object.entries(config.channels ?? {})) {
    const from = endpoint(channel.from, SOURCES);
    const to = endpoint(channel.to, SINKS);
    if (isLeftOut(from, config, expansion) && isLeftOut(to, config, expansion)) continue;
    const fromPort = port(channel, name, "from", expansion, issues);
    const toPort = port(channel, name, "to", expansion, issues);
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

interface Endpoint {
  readonly process: string;
  readonly port: string;
  /** null: there is no such port on this side. */
  readonly fd: number | null;
}

function endpoint(text: string, ports: Readonly<Record<string, number>>): Endpoint {
  const dot = text.lastIndexOf(".");
  const port = text.slice(dot + 1);
  const fd = Object.hasOwn(ports, port) ? ports[port]! : null;
  return { process: text.slice(0, Math.max(dot, 0)), port, fd };
}

function isLeftOut(end: Endpoint, config: Config, expansion: Expansion): boolean {
  const declared = Object.hasOwn(config.processes, end.process);
  return declared && !expansion.byDeclaredName.has(end.process);
}

function port(
  channel: ChannelConfig,
  name: string,
  side: "from" | "to",
  expansion: Expansion,
  issues: Issues,
): PortPlan | null {
  const ports = side === "from" ? SOURCES : SINKS;
  const end = endpoint(channel[side], ports);
  const processes = expansion.byDeclaredName.get(end.process);
  if (processes === undefined) {
    issues.error(
      ["channels", name, side],
      `"${end.process}" is not declared, or the active profiles leave it out`,
      "give both processes of a channel the same profiles",
    );
    return null;
  }
  if (end.fd === null) {
    issues.error(
      ["channels", name, side],
      `"${channel[side]}" has no port that a pipe can ${side === "from" ? "read" : "feed"}`,
      `write "${end.process}.${Object.keys(ports).join(`" or "${end.process}.`)}"`,
    );
    return null;
  }
  return { processes, port: end.port, fd: end.fd };
}
