/**
 * Checks pairs and listeners: what the keys of one mean together, and who may hold its ends.
 * Must not know: ports in general (`check_channels.ts`), users and paths of the machine.
 */
import type { Config, ConfigIssue, ListenConfig, PairConfig } from "./config.ts";
import { parseEndpoint } from "./endpoint.ts";
import { errorAt, type IssuePath, show } from "./issue.ts";
import { isProcess, unknownName } from "./names.ts";

const OCTET = "(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])";
const IPV4 = new RegExp(`^(?:${OCTET}\\.){3}${OCTET}$`);

/**
 * Checks one channel of sockets.
 *
 * @param config A configuration of the right shape.
 * @param channel The channel.
 * @param path Where it stands.
 * @returns All issues.
 */
export function checkSocket(
  config: Config,
  channel: PairConfig | ListenConfig,
  path: IssuePath,
): ConfigIssue[] {
  return channel.kind === "pair" ? checkPair(config, channel, path) : [
    ...checkAddress(channel, path),
    ...checkClients(config, channel, path),
    ...checkOurClient(config, channel, path),
  ];
}

function checkPair(config: Config, channel: PairConfig, path: IssuePath): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const [first, second] = channel.between.map(parseEndpoint);
  if (first && second && first.process === second.process) {
    issues.push(errorAt(
      [...path, "between", 1],
      `both ends would belong to "${first.process}"`,
      "wire it to another process",
    ));
  }
  for (const [at, end] of [first, second].entries()) {
    if (!end || (processOf(config, end.process)?.replicas ?? 1) <= 1) continue;
    issues.push(errorAt(
      [...path, "between", at],
      `a pair joins two processes, and "${end.process}" has replicas`,
      "use listen(), or declare the processes one by one",
    ));
  }
  if (channel.type === "datagram" && channel.ends === "eof") {
    issues.push(errorAt(
      [...path, "ends"],
      "datagrams have no end that the other side could see",
      'use type "seqpacket", or ends "hold"',
    ));
  }
  return issues;
}

function checkAddress(channel: ListenConfig, path: IssuePath): ConfigIssue[] {
  const { unix, tcp } = channel;
  if ((unix === undefined) === (tcp === undefined)) {
    return [errorAt(path, 'a listener must have one of "unix" and "tcp"', null)];
  }
  if (unix?.path.endsWith("/")) {
    return [errorAt([...path, "unix", "path"], `must name a file, is ${show(unix.path)}`)];
  }
  const host = tcp?.host;
  if (host === undefined) return [];
  if (!isIpAddress(host)) {
    const message = `"host" must be an address in digits, is ${show(host)}`;
    return [errorAt([...path, "tcp", "host"], message, '"127.0.0.1" or "::1"')];
  }
  if (isLoopback(host)) return [];
  return [{
    severity: "warning",
    path: [...path, "tcp", "host"],
    message: `other machines can connect to ${host}: nothing here asks who they are`,
    fix: "leave host out to listen on 127.0.0.1 alone",
  }];
}

function isIpAddress(text: string): boolean {
  return IPV4.test(text) || (text.includes(":") && URL.canParse(`http://[${text}]/`));
}

function isLoopback(text: string): boolean {
  if (!text.includes(":")) return text.startsWith("127.");
  return new URL(`http://[${text}]/`).hostname === "[::1]";
}

function checkClients(config: Config, channel: ListenConfig, path: IssuePath): ConfigIssue[] {
  const { clients, tcp, unix } = channel;
  if (clients === "anyone") return [];
  const issues: ConfigIssue[] = [];
  if (tcp !== undefined) {
    issues.push(errorAt(
      [...path, "clients"],
      "every program on this machine can connect to a TCP port",
      'use unix, or clients: "anyone"',
    ));
  }
  if (unix?.group !== undefined) {
    issues.push(errorAt(
      [...path, "unix", "group"],
      "with declared clients the group is the channel's own",
      "remove it",
    ));
  }
  for (const [at, name] of clients.entries()) {
    const place = [...path, "clients", at];
    if (!isProcess(config, name)) issues.push(unknownName(config, { name, path: place }));
    else if (clients.indexOf(name) !== at) {
      issues.push(errorAt(place, `"${name}" is listed twice`, "remove it"));
    }
  }
  return issues;
}

/** Keys that only `coxswain/child` in the server can keep. */
function checkOurClient(config: Config, channel: ListenConfig, path: IssuePath): ConfigIssue[] {
  const { access, clients, limits } = channel;
  const issues: ConfigIssue[] = [];
  if (access !== undefined && clients === "anyone") {
    issues.push(errorAt(
      [...path, "access"],
      'with clients: "anyone" there is nobody to tell from others',
      "remove it, or name the clients",
    ));
  }
  if (limits !== undefined && Object.keys(limits).length === 0) {
    issues.push(errorAt(
      [...path, "limits"],
      'must have one of "connections" and "perSecond"',
      "remove it",
    ));
  }
  const server = parseEndpoint(channel.server)?.process ?? "";
  const run = processOf(config, server)?.run.kind;
  if (run === undefined || run === "deno") return issues;
  if (access === "credentials") {
    issues.push(errorAt(
      [...path, "access"],
      `"${server}" is no deno() program: it accepts by itself, before anybody could be checked`,
      'use access "directory", and give each client a user of its own',
    ));
  }
  if (limits !== undefined) {
    issues.push(errorAt(
      [...path, "limits"],
      `"${server}" is no deno() program: it accepts by itself, and nothing here can count`,
      'use "backlog", and the limits that the program has',
    ));
  }
  return issues;
}

/**
 * Checks the processes that inherit listeners.
 *
 * @param config A configuration of the right shape.
 * @returns All issues.
 */
export function checkServers(config: Config): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  for (const [name, channels] of listenersByServer(config)) {
    const process = processOf(config, name);
    if (process === undefined) continue;
    const first = channels[0]!;
    const path: IssuePath = ["channels", first.name];
    if (process.run.kind === "task") {
      issues.push(errorAt(
        [...path, "server"],
        `"${name}" runs a task: the programs of a task do not inherit sockets`,
        "run the program itself, by deno() or command()",
      ));
    }
    const fd = process.ready?.by === "fd" ? process.ready.fd : undefined;
    if (process.run.kind === "command" && fd !== undefined && fd < 3 + channels.length) {
      issues.push(errorAt(
        ["processes", name, "ready", "fd"],
        `descriptors 3 to ${2 + channels.length} are the listening sockets of "${name}"`,
        `fd: ${3 + channels.length}`,
      ));
    }
    const other = channels.find(({ lazy }) => lazy !== first.lazy);
    if (other !== undefined) {
      issues.push(errorAt(
        ["channels", other.name, "lazy"],
        `"${name}" is started by a connection to one of its listeners and not to another`,
        "make all of them lazy, or none",
      ));
    }
    if (first.lazy) issues.push(...checkWaiting(config, name));
  }
  return issues;
}

/** What waits for a lazy server would start with the first connection, or never. */
function checkWaiting(config: Config, server: string): ConfigIssue[] {
  return Object.entries(config.processes).flatMap(([name, { after }]) =>
    Object.hasOwn(after ?? {}, server)
      ? [errorAt(
        ["processes", name, "after", server],
        `"${server}" is started by its first connection: nothing can wait for that`,
        "remove it: a connection waits for the server by itself",
      )]
      : []
  );
}

function listenersByServer(config: Config): Map<string, { name: string; lazy: boolean }[]> {
  const servers = new Map<string, { name: string; lazy: boolean }[]>();
  for (const [name, channel] of Object.entries(config.channels ?? {})) {
    if (channel.kind !== "listen") continue;
    const server = parseEndpoint(channel.server)?.process;
    if (server === undefined) continue;
    const list = servers.get(server) ?? [];
    list.push({ name, lazy: channel.lazy ?? false });
    servers.set(server, list);
  }
  return servers;
}

function processOf(config: Config, name: string): Config["processes"][string] | undefined {
  return isProcess(config, name) ? config.processes[name] : undefined;
}
