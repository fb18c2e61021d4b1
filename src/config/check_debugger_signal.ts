/**
 * Checks who is sent SIGUSR1: at it the runtime opens its debugger, to everybody on the machine, so
 * that the supervisor starts programs of the runtime with this signal blocked. One that waits for
 * it waits for ever. Must not know: how it is blocked (src/process/spawn.ts).
 */
import type { ChannelConfig, Config, ConfigIssue } from "./config.ts";
import { parseEndpoint } from "./endpoint.ts";
import { errorAt, type IssuePath, warningAt } from "./issue.ts";

const DEBUGGER_SIGNAL = "SIGUSR1";
const FIX = "use SIGUSR2";

/**
 * Finds SIGUSR1 where a program of the runtime's would be sent it: an error as the signal that asks
 * it to end, a warning elsewhere, where it may be meant for the other side of a channel.
 *
 * @param config A configuration of the right shape.
 * @returns All issues.
 */
export function checkDebuggerSignal(config: Config): ConfigIssue[] {
  const isDeno = (name: string) =>
    Object.hasOwn(config.processes, name) && config.processes[name]!.run.kind === "deno";
  const issues: ConfigIssue[] = [];
  for (const [name, { stop, deadlines }] of Object.entries(config.processes)) {
    if (!isDeno(name)) continue;
    const path = ["processes", name];
    if (stop?.signal === DEBUGGER_SIGNAL) {
      issues.push(errorAt([...path, "stop", "signal"], unheardBy(name), FIX));
    }
    for (const found of signalsIn(deadlines, [...path, "deadlines"])) {
      issues.push(warningAt(found, unheardBy(name), FIX));
    }
  }
  for (const [name, channel] of Object.entries(config.channels ?? {})) {
    const deaf = processesOf(channel).find(isDeno);
    if (deaf === undefined) continue;
    for (const found of signalsIn(channel, ["channels", name])) {
      issues.push(warningAt(found, unheardBy(deaf), FIX));
    }
  }
  return issues;
}

function unheardBy(name: string): string {
  return `"${name}" never hears ${DEBUGGER_SIGNAL}: it would open the debugger of the runtime, ` +
    "and is blocked";
}

/** Paths of every `{ signal: "SIGUSR1" }` in a value. */
function signalsIn(value: unknown, path: IssuePath): IssuePath[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => {
    const here = [...path, Array.isArray(value) ? Number(key) : key];
    if (key === "signal" && part === DEBUGGER_SIGNAL) return [here];
    return signalsIn(part, here);
  });
}

/** The processes that an endpoint anywhere in a channel names. */
function processesOf(channel: ChannelConfig): string[] {
  const texts = (value: unknown): string[] => {
    if (typeof value === "string") return [value];
    return typeof value === "object" && value !== null ? Object.values(value).flatMap(texts) : [];
  };
  return texts(channel).flatMap((text) => parseEndpoint(text)?.process ?? []);
}
