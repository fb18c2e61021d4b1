/**
 * Checks channels: that endpoints exist, that each port is used once, and that nothing else
 * needs a port that is wired. Owns the grammar of an endpoint. Must not know: groups.
 */
import type { Config, ConfigIssue } from "./config.ts";
import { DEFAULTS } from "./defaults.ts";
import { nearestName } from "./did_you_mean.ts";
import { errorAt, type IssuePath, show } from "./issue.ts";
import { isProcess, unknownName } from "./names.ts";

/** One end of a channel as written: `"sampler.stdout"`. */
export interface Endpoint {
  readonly process: string;
  readonly port: string;
}

/**
 * Takes an endpoint apart.
 *
 * @param text `"process.port"`.
 * @returns Both parts, or null if it is not of that form.
 */
export function parseEndpoint(text: string): Endpoint | null {
  const match = /^([^.]+)\.([^.]+)$/.exec(text);
  return match === null ? null : { process: match[1]!, port: match[2]! };
}

/**
 * Checks every channel.
 *
 * @param config A configuration of the right shape.
 * @returns All issues.
 */
export function checkChannels(config: Config): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const users = new Map<string, string>();
  for (const [name, channel] of Object.entries(config.channels ?? {})) {
    const path = ["channels", name];
    for (const end of ["from", "to"] as const) {
      const text = channel[end];
      const found = checkEndpoint(config, { text, end, path: [...path, end] });
      issues.push(...found);
      if (found.length > 0) continue;
      const user = users.get(text);
      users.set(text, user ?? name);
      if (user === undefined) continue;
      issues.push(errorAt(
        [...path, end],
        `${show(text)} is used by channel "${user}" already`,
        "a port has one channel",
      ));
    }
    const from = parseEndpoint(channel.from);
    const to = parseEndpoint(channel.to);
    if (from !== null && to !== null && from.process === to.process) {
      issues.push(errorAt(
        [...path, "to"],
        `"${from.process}" would feed itself, and wait for itself when the pipe is full`,
        "wire it to another process",
      ));
    }
  }
  return [...issues, ...checkWatchedOutput(config, users)];
}

function checkEndpoint(
  config: Config,
  options: { text: string; end: "from" | "to"; path: IssuePath },
): ConfigIssue[] {
  const { text, end, path } = options;
  const ports = end === "from" ? ["stdout", "stderr"] : ["stdin"];
  const form = ports.map((port) => `"name.${port}"`).join(" or ");
  const endpoint = parseEndpoint(text);
  if (endpoint === null) {
    const fix = isProcess(config, text) ? `"${text}.${ports[0]}"` : null;
    return [errorAt(path, `"${end}" must be ${form}, is ${show(text)}`, fix)];
  }
  const issues: ConfigIssue[] = [];
  if (!isProcess(config, endpoint.process)) {
    issues.push(unknownName(config, { name: endpoint.process, path }));
  }
  if (!ports.includes(endpoint.port)) {
    const fix = JSON.stringify(
      `${endpoint.process}.${nearestName(endpoint.port, ports) ?? ports[0]}`,
    );
    issues.push(errorAt(path, `"${end}" must be ${form}, is ${show(text)}`, fix));
  }
  return issues;
}

/** Output that goes into a pipe never passes cox, so cox cannot look for a line in it. */
function checkWatchedOutput(config: Config, users: ReadonlyMap<string, string>): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  for (const [name, { ready }] of Object.entries(config.processes)) {
    if (ready?.by !== "line") continue;
    const stream = ready.stream ?? DEFAULTS.ready.stream;
    const user = users.get(`${name}.${stream}`);
    if (user === undefined) continue;
    const other = stream === "stdout" ? "stderr" : "stdout";
    issues.push(errorAt(
      ["processes", name, "ready", ready.stream === undefined ? "by" : "stream"],
      `${stream} goes into channel "${user}", past cox: no line of it can be seen`,
      `write the line to ${other} and set stream to "${other}", or use another way to be ready`,
    ));
  }
  return issues;
}
