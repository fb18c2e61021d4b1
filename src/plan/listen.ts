/**
 * Listeners: from an address and its clients as declared to what the supervisor binds, and who
 * gets in. Owns who may connect. Must not know: descriptors, how an address is bound.
 *
 * With declared clients the directory of the path is the channel's own: nobody enters it but
 * root, cox, and whoever has the channel's group, a number that no group of the machine has.
 */
import type { Config, ListenConfig } from "../config/config.ts";
import { DEFAULTS, LIMITS } from "../config/defaults.ts";
import type { Expansion } from "./expand.ts";
import type { Facts } from "./facts.ts";
import { identityOfFile, resolveIdentity } from "./identity.ts";
import { Issues } from "./issues.ts";
import { isWithin, parentDirectory, resolvePath } from "./paths.ts";
import type { ChannelPlan, ListenPlan, PortPlan, UnixListenPlan } from "./plan.ts";
import { numberBehindPorts, portName } from "./ports.ts";

/** Above what account tools, systemd and container runtimes give away; 28 bits of room. */
const GROUP_MIN = 0x7000_0000;
const GROUP_MASK = 0x0fff_ffff;
/** For its owner and its group; for its owner alone. */
const DIRECTORY_MODES = { shared: 0o750, private: 0o700 } as const;

/** A listener as declared, and what it depends on. */
export interface ListenRequest {
  readonly name: string;
  readonly channel: ListenConfig;
  /** The server's port. */
  readonly to: PortPlan;
  readonly config: Config;
  readonly facts: Facts;
  readonly expansion: Expansion;
}

/**
 * Compiles a listener.
 *
 * @param request What is declared.
 * @param issues Receives unknown owners and groups, and a warning about trusted clients.
 * @returns null after an error.
 */
export function listenPlan(request: ListenRequest, issues: Issues): ListenPlan | null {
  const { name, channel, to, config, expansion } = request;
  const clients = channel.clients === "anyone" ? [] : channel.clients;
  const address = channel.tcp === undefined
    ? unixPlan(request, issues)
    : { kind: "tcp", host: DEFAULTS.listen.host, ...channel.tcp } as const;
  if (address === null) return null;
  return {
    kind: "listen",
    name,
    from: {
      processes: clients.flatMap((client) => expansion.byDeclaredName.get(client) ?? []),
      port: "",
      fd: -1,
    },
    to,
    address,
    clients: channel.clients === "anyone" ? "anyone" : "declared",
    checked: isChecked(channel, config),
    connectionsMax: channel.limits?.connections ?? 0,
    connectionsPerSecond: channel.limits?.perSecond ?? 0,
    backlog: channel.backlog ?? DEFAULTS.listen.backlog,
    lazy: channel.lazy ?? DEFAULTS.listen.lazy,
  };
}

/**
 * Refuses a directory that is not one channel's own where it has to be: its mode would shut
 * others out.
 *
 * @param plans All channels.
 * @param facts Where the project and the run directory are.
 * @param issues Receives the errors.
 */
export function checkDirectories(
  plans: readonly ChannelPlan[],
  facts: Facts,
  issues: Issues,
): void {
  const listeners = plans.flatMap((plan) =>
    plan.kind === "listen" && plan.address.kind === "unix"
      ? [{ name: plan.name, address: plan.address, at: parentDirectory(plan.address.path) }]
      : []
  );
  for (const { name, address, at } of listeners) {
    if (address.directory === null) continue;
    const other = listeners.find((each) => each.name !== name && isWithin(each.at, at));
    const what = other !== undefined
      ? `the socket of channel "${other.name}"`
      : isWithin(facts.projectDir, at)
      ? "the project"
      : isWithin(facts.runDir, at)
      ? "the run directory"
      : null;
    if (what === null) continue;
    issues.error(
      ["channels", name, "unix", "path"],
      `with declared clients its directory is the channel's own, and ${at} also holds ${what}`,
      `path: "./${name}/socket"`,
    );
  }
}

/**
 * Whether each connection to a listener is looked at: its server is a program with our client,
 * and nothing says that the directory is to be enough.
 *
 * @param channel The listener as declared.
 * @param config The configuration.
 */
export function isChecked(channel: ListenConfig, config: Config): boolean {
  if (channel.clients === "anyone") return false;
  if (channel.access !== undefined) return channel.access === "credentials";
  return serverKind(channel, config) === "deno";
}

/**
 * The descriptor on which a server speaks with the supervisor about its connections.
 *
 * @param name Its declared name.
 * @param config The configuration.
 * @returns null for a process that has nothing to ask or tell.
 */
export function gateNumber(name: string, config: Config): number | null {
  const speaks = Object.values(config.channels ?? {}).some((channel) =>
    channel.kind === "listen" && portName(channel.server).process === name &&
    serverKind(channel, config) === "deno" &&
    (isChecked(channel, config) || channel.limits !== undefined)
  );
  return speaks ? numberBehindPorts(config, name) : null;
}

function serverKind(channel: ListenConfig, config: Config): string | undefined {
  const { process } = portName(channel.server);
  if (!Object.hasOwn(config.processes, process)) return undefined;
  return config.processes[process]!.run.kind;
}

/**
 * The groups that a process gets for the listeners that it is a declared client of.
 *
 * @param name Its declared name.
 * @param config The configuration.
 * @param facts Who cox is; what groups exist.
 */
export function clientGroups(name: string, config: Config, facts: Facts): number[] {
  if (!hasOwnUser(name, config, facts)) return [];
  return Object.entries(config.channels ?? {}).flatMap(([channel, declared]) => {
    if (declared.kind !== "listen" || declared.unix === undefined) return [];
    if (declared.clients === "anyone" || !declared.clients.includes(name)) return [];
    return [channelGroup(channel, facts)];
  });
}

/**
 * The paths that a process connects to as a declared client, where it may be granted them. A
 * grant to connect is one to write: who runs as cox's user could put a server of its own there,
 * which the directory keeps others from.
 *
 * @param name Its declared name.
 * @param config The configuration.
 * @param facts Who cox is, and where the project is.
 */
export function clientPaths(name: string, config: Config, facts: Facts): string[] {
  if (!hasOwnUser(name, config, facts)) return [];
  return Object.values(config.channels ?? {}).flatMap((channel) =>
    channel.kind === "listen" && channel.unix !== undefined && channel.clients !== "anyone" &&
      channel.clients.includes(name)
      ? [resolvePath(facts.projectDir, channel.unix.path)]
      : []
  );
}

function unixPlan(request: ListenRequest, issues: Issues): UnixListenPlan | null {
  const { name, channel, facts } = request;
  const unix = channel.unix!;
  const path = resolvePath(facts.projectDir, unix.path);
  const place = ["channels", name, "unix"];
  const bytes = new TextEncoder().encode(path).length;
  if (bytes > LIMITS.socketPathBytesMax) {
    issues.error(
      [...place, "path"],
      `the path of a socket must be at most ${LIMITS.socketPathBytesMax} bytes, ${path} has ${bytes}`,
      "choose a shorter one",
    );
    return null;
  }
  const owner = identityOfFile(unix, place, facts, issues);
  if (owner === null) return null;
  if (channel.clients === "anyone") {
    const mode = parseInt(unix.mode ?? DEFAULTS.listen.mode, 8);
    return { kind: "unix", path, mode, ...owner, directory: null };
  }
  const gid = closedGroup(request, channel.clients, issues);
  const mode = parseInt(unix.mode ?? DEFAULTS.listen.clientsMode, 8);
  const directoryMode = gid === null ? DIRECTORY_MODES.private : DIRECTORY_MODES.shared;
  const directory = { mode: directoryMode, gid };
  return { kind: "unix", path, mode, uid: owner.uid, gid, directory };
}

/** @returns The channel's group; null where no client could make use of it. */
function closedGroup(
  { name, channel, config, facts, expansion }: ListenRequest,
  clients: readonly string[],
  issues: Issues,
): number | null {
  const active = clients.filter((client) => expansion.byDeclaredName.has(client));
  const trusted = active.filter((client) => !hasOwnUser(client, config, facts));
  for (const [at, client] of clients.entries()) {
    if (!trusted.includes(client) || config.processes[client]?.run.kind !== "deno") continue;
    issues.warning(
      ["channels", name, "clients", at],
      `"${client}" runs as cox's user, and so is not granted the path: it could put a server of ` +
        "its own there",
      "give it a `user`, or a pair of sockets (`socket()`) in place of the listener",
    );
  }
  if (trusted.length > 0 && !isChecked(channel, config)) {
    const names = trusted.map((client) => `"${client}"`).join(", ");
    issues.warning(
      ["channels", name, "clients"],
      `the clients are trusted, not checked: ${names} run${
        trusted.length === 1 ? "s" : ""
      } as the same user as cox, as may others that can connect then`,
      "give each client a user of its own",
    );
  }
  return trusted.length < active.length ? channelGroup(name, facts) : null;
}

function hasOwnUser(name: string, config: Config, facts: Facts): boolean {
  const process = config.processes[name];
  if (process === undefined) return false;
  // What is wrong with it is reported where the process is compiled.
  const identity = resolveIdentity(process, name, facts, new Issues());
  return identity !== null && identity.uid !== facts.uid;
}

/** The same for every run of a configuration: FNV-1a over where it runs and the channel's name. */
function channelGroup(name: string, facts: Facts): number {
  let hash = 0x811c_9dc5;
  for (const byte of new TextEncoder().encode(`${facts.runDir}\0${name}`)) {
    hash = Math.imul(hash ^ byte, 0x0100_0193) >>> 0;
  }
  const taken = new Set(facts.groups.map(({ gid }) => gid));
  let gid = GROUP_MIN + (hash & GROUP_MASK);
  while (taken.has(gid)) gid = GROUP_MIN + ((gid + 1) & GROUP_MASK);
  return gid;
}
