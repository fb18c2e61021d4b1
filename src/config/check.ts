/**
 * Checks what the schema cannot: how the parts of a configuration fit together. Owns the list
 * of checks. Must not know: zod, files, the machine.
 */
import { checkAfter } from "./check_after.ts";
import { checkChannelDeadlines, checkPaths } from "./check_channel_deadlines.ts";
import { checkChannels } from "./check_channels.ts";
import { checkDebuggerSignal } from "./check_debugger_signal.ts";
import { checkDeadlines } from "./check_deadlines.ts";
import { checkGroups } from "./check_groups.ts";
import { checkMachine } from "./check_machine.ts";
import { checkNames } from "./check_names.ts";
import { checkProcess } from "./check_process.ts";
import type { Config, ConfigIssue } from "./config.ts";

/**
 * Runs every check.
 *
 * @param config A configuration of the right shape.
 * @returns All issues, in the order of the keys.
 */
export function checkConfig(config: Config): ConfigIssue[] {
  return [
    ...checkNames(config),
    ...Object.entries(config.processes).flatMap(([name, process]) =>
      checkProcess(process, ["processes", name])
    ),
    ...checkAfter(config),
    ...checkGroups(config),
    ...checkChannels(config),
    ...checkDeadlines(config),
    ...checkChannelDeadlines(config),
    ...checkPaths(config),
    ...checkDebuggerSignal(config),
    ...checkMachine(config),
  ];
}
