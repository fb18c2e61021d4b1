/**
 * Checks channels: that endpoints exist, that each port is used once, and that nothing else
 * needs a port that is wired. Owns the grammar of an endpoint. Must not know: groups.
 */
import type { Config, ConfigIssue } from "./config.ts";
import { DEFAULTS, LIMITS } from "./defaults.ts";
import { isSlip, nearestName } from "./did_you_mean.ts";
import { errorAt, type IssuePath, show } from "./issue.ts";
import { checkName, isProcess, unknownName } from "./names.ts";

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
  return [...issues, ...checkPortCounts(users), ...checkWatchedOutput(config, users)];
}

/** Which of the three streams that every process has can be on which side of a pipe. */
const STANDARD_PORTS = { from: ["stdout", "stderr"], to: ["stdin"] } as const;

function checkEndpoint(
  config: Config,
  options: { text: string; end: "from" | "to"; path: IssuePath },
): ConfigIssue[] {
  const { text, end, path } = options;
  const ports: readonly string[] = STANDARD_PORTS[end];
  const endpoint = parseEndpoint(text);
  if (endpoint === null) {
    const form = [...ports, "port"].map((port) => `"name.${port}"`).join(" or ");
    const fix = isProcess(config, text) ? `"${text}.${ports[0]}"` : null;
    return [errorAt(path, `"${end}" must be ${form}, is ${show(text)}`, fix)];
  }
  const issues: ConfigIssue[] = [];
  if (!isProcess(config, endpoint.process)) {
    issues.push(unknownName(config, { name: endpoint.process, path }));
  }
  return ports.includes(endpoint.port) ? issues : [...issues, ...checkPort(endpoint, options)];
}

function checkPort(
  { process, port }: Endpoint,
  options: { text: string; end: "from" | "to"; path: IssuePath },
): ConfigIssue[] {
  const { text, end, path } = options;
  const ports = STANDARD_PORTS[end];
  const others: readonly string[] = STANDARD_PORTS[end === "from" ? "to" : "from"];
  if (others.includes(port)) {
    const what = end === "from" ? "an output" : "an input";
    return [
      errorAt(path, `"${end}" must be ${what}, is ${show(text)}`, `"${process}.${ports[0]}"`),
    ];
  }
  // A slip would make a port of its own, and the stream would silently stay unwired.
  const meant = Object.values(STANDARD_PORTS).flat().find((name) => isSlip(port, name));
  if (meant !== undefined || /^std/i.test(port)) {
    return [errorAt(
      path,
      `a port that begins with "std" or nearly does must be a standard stream, is ${show(text)}`,
      `"${process}.${nearestName(port, ports) ?? ports[0]}", or another name`,
    )];
  }
  return checkName(port, "a port name", path);
}

function checkPortCounts(users: ReadonlyMap<string, string>): ConfigIssue[] {
  const counts = new Map<string, number>();
  const issues: ConfigIssue[] = [];
  for (const [text, channel] of users) {
    const { process, port } = parseEndpoint(text)!;
    if (/^std(in|out|err)$/.test(port)) continue;
    const count = (counts.get(process) ?? 0) + 1;
    counts.set(process, count);
    if (count !== LIMITS.portsMax + 1) continue;
    issues.push(errorAt(
      ["channels", channel],
      `"${process}" must have at most ${LIMITS.portsMax} ports besides the standard streams`,
    ));
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
