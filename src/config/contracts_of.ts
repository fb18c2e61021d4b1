/**
 * Every time contract of a configuration, wherever it stands. Must not know: what one is about.
 */
import type { Config, ContractConfig } from "./config.ts";
import { consumersOf } from "./pipe_ends.ts";

/** Every contract of a configuration. */
export function contractsOf(config: Config): ContractConfig[] {
  const ofProcesses = Object.values(config.processes).flatMap(({ deadlines = {} }) => {
    const { ready, heartbeat, run, stop, cycles = {}, checkpoints = {} } = deadlines;
    return [ready, heartbeat, run, stop, ...Object.values(cycles), ...Object.values(checkpoints)];
  });
  const ofChannels = Object.values(config.channels ?? {}).flatMap((channel) => {
    if (channel.kind !== "pipe" && channel.kind !== "mailbox") return [];
    return [channel, ...consumersOf(channel).map(({ own }) => own)]
      .flatMap(({ deadline, latency, liveliness }) => [deadline, latency, liveliness]);
  });
  return [...ofProcesses, ...ofChannels, ...Object.values(config.paths ?? {})]
    .filter((contract) => contract !== undefined);
}
