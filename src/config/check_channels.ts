/**
 * Checks channels: that endpoints exist, that each port is used once, and that nothing else
 * needs a port that is wired. Owns the grammar of an endpoint. Must not know: groups.
 */
import { checkPipe } from "./check_pipes.ts";
import { checkMailbox } from "./check_mailbox.ts";
import { checkServers, checkSocket } from "./check_sockets.ts";
import type { ChannelConfig, Config, ConfigIssue } from "./config.ts";
import { DEFAULTS, LIMITS } from "./defaults.ts";
import { isSlip, nearestName } from "./did_you_mean.ts";
import { errorAt, type IssuePath, show } from "./issue.ts";
import { type Endpoint, parseEndpoint } from "./endpoint.ts";
import { checkName, isProcess, unknownName } from "./names.ts";
import { consumersOf, mailboxConsumersOf, producersOf } from "./pipe_ends.ts";

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
    for (const { text, key, end } of endpointsOf(channel)) {
      const found = checkEndpoint(config, { text, end, path: [...path, ...key] });
      issues.push(...found);
      if (found.length > 0) continue;
      const user = users.get(text);
      users.set(text, user ?? name);
      if (user === undefined) continue;
      issues.push(errorAt(
        [...path, ...key],
        user === name
          ? `${show(text)} is listed twice`
          : `${show(text)} is used by channel "${user}" already`,
        user === name ? "remove it" : "a port has one channel",
      ));
    }
    if (channel.kind === "pipe") issues.push(...checkPipe(config, channel, path));
    else if (channel.kind === "mailbox") issues.push(...checkMailbox(config, channel, path));
    else issues.push(...checkSocket(config, channel, path));
  }
  return [
    ...issues,
    ...checkPortCounts(users),
    ...checkWatchedOutput(config, users),
    ...checkServers(config),
  ];
}

/** Which side of a pipe an endpoint is on; a socket's goes both ways. */
type End = "from" | "to" | "socket";

function endpointsOf(
  channel: ChannelConfig,
): { readonly text: string; readonly key: IssuePath; readonly end: End }[] {
  switch (channel.kind) {
    case "pipe":
      return [
        ...producersOf(channel).map(({ text, key }) => ({ text, key, end: "from" as const })),
        ...consumersOf(channel).map(({ text, key }) => ({ text, key, end: "to" as const })),
      ];
    case "pair":
      return channel.between.map((text, at) => ({ text, key: ["between", at], end: "socket" }));
    case "listen":
      return [{ text: channel.server, key: ["server"], end: "socket" }];
    case "mailbox":
      return [
        { text: channel.from, key: ["from"], end: "socket" },
        ...mailboxConsumersOf(channel).map(({ text, key }) => ({
          text,
          key,
          end: "socket" as const,
        })),
      ];
  }
}

/** Which of the three streams that every process has can be on which side of a channel. */
const STANDARD_PORTS = { from: ["stdout", "stderr"], to: ["stdin"], socket: [] } as const;
/** What an endpoint must be where a stream of the other side stands. */
const MUST_BE = { from: "an output", to: "an input", socket: "no standard stream" } as const;

function checkEndpoint(
  config: Config,
  options: { text: string; end: End; path: IssuePath },
): ConfigIssue[] {
  const { text, end, path } = options;
  const ports: readonly string[] = STANDARD_PORTS[end];
  const endpoint = parseEndpoint(text);
  if (endpoint === null) {
    const form = [...ports, "port"].map((port) => `"name.${port}"`).join(" or ");
    const fix = isProcess(config, text) ? `"${text}.${ports[0] ?? "port"}"` : null;
    return [errorAt(path, `${subject(path)} must be ${form}, is ${show(text)}`, fix)];
  }
  const issues: ConfigIssue[] = [];
  if (!isProcess(config, endpoint.process)) {
    issues.push(unknownName(config, { name: endpoint.process, path }));
  }
  return ports.includes(endpoint.port) ? issues : [...issues, ...checkPort(endpoint, options)];
}

function checkPort(
  { process, port }: Endpoint,
  options: { text: string; end: End; path: IssuePath },
): ConfigIssue[] {
  const { text, end, path } = options;
  const ports: readonly string[] = STANDARD_PORTS[end];
  const streams: readonly string[] = Object.values(STANDARD_PORTS).flat();
  if (streams.includes(port)) {
    return [errorAt(
      path,
      `${subject(path)} must be ${MUST_BE[end]}, is ${show(text)}`,
      `"${process}.${ports[0] ?? "port"}"`,
    )];
  }
  // A slip would make a port of its own, and the stream would silently stay unwired.
  const meant = streams.find((name) => isSlip(port, name));
  if (meant !== undefined || /^std/i.test(port)) {
    return [errorAt(
      path,
      `a port that begins with "std" or nearly does must be a standard stream, is ${show(text)}`,
      ports.length === 0
        ? "give the port another name"
        : `"${process}.${nearestName(port, ports) ?? ports[0]}", or another name`,
    )];
  }
  return checkName(port, "a port name", path);
}

/** The key that an issue about an endpoint is about. */
function subject(path: IssuePath): string {
  return JSON.stringify(path.findLast((key) => typeof key === "string"));
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
