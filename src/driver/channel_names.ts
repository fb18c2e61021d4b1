/** How the ends of a channel are called. Pure. Must not know: who is told. */
import type { ChannelIndex, Plan, PortPlan } from "../plan/plan.ts";

/** Both ends of a channel: `sampler.stdout`; on the side of `@relay` that name alone. */
export function endpointText(
  plan: Plan,
  channel: ChannelIndex,
): { readonly from: string; readonly to: string } {
  const found = plan.channels[channel];
  if (found === undefined) throw new Error(`No channel ${channel} in the plan`);
  return { from: portText(plan, found.from), to: portText(plan, found.to) };
}

/** One end, by the process's name in the configuration; a leg's by that of the replica. */
export function portText(plan: Plan, port: PortPlan): string {
  const [first] = port.processes;
  const process = first === undefined ? undefined : plan.processes[first];
  if (process === undefined) return "?";
  if (process.system) return process.name;
  const name = port.processes.length === 1 ? process.name : process.declaredName;
  return `${name}.${port.port}`;
}
