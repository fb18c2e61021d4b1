/**
 * Descriptor numbers of ports. Owns which number each port of a process has:
 *
 *   0 stdin   1 stdout   2 stderr   3 readiness   4 … further ports, in order of declaration
 *
 * A port of a mailbox takes several in a row, of which it has the first.
 * The listening sockets of a program that is no Deno program begin at 3, one after the other,
 * as sd_listen_fds(3) wants it: it has no readiness descriptor there. Its other ports follow.
 *
 * A number depends on the configuration alone: a channel that the profiles leave out keeps its
 * own, so that switching a profile moves no other. Must not know: what is on a port.
 */
import type { ChannelConfig, Config } from "../config/config.ts";
import { mailboxPortWidth } from "./mailbox_ends.ts";
import { consumersOf, mailboxConsumersOf, producersOf } from "../config/pipe_ends.ts";

/** The ports that every process has. */
const STANDARD_PORTS: Readonly<Record<string, number>> = { stdin: 0, stdout: 1, stderr: 2 };

/** 3 is for readiness. */
const FIRST_PORT_FD = 4;
/** SD_LISTEN_FDS_START. */
const FIRST_LISTEN_FD = 3;

/** A port as declared: `"sampler.frames"`, taken apart. */
export interface PortName {
  readonly process: string;
  readonly port: string;
}

/**
 * Takes an endpoint apart.
 *
 * @param text `"process.port"`.
 * @returns Both parts; without a dot, a process without a name.
 */
export function portName(text: string): PortName {
  const dot = text.lastIndexOf(".");
  return { process: text.slice(0, Math.max(dot, 0)), port: text.slice(dot + 1) };
}

/**
 * Numbers the ports of all processes.
 *
 * @param config A configuration that has passed its checks.
 * @returns Descriptors by endpoint as written.
 */
export function portNumbers(config: Config): ReadonlyMap<string, number> {
  const numbers = listenNumbers(config);
  const nextOf = new Map<string, number>();
  for (const [text, fd] of numbers) {
    const { process } = portName(text);
    nextOf.set(process, Math.max(nextOf.get(process) ?? FIRST_PORT_FD, fd + 1));
  }
  for (const channel of Object.values(config.channels ?? {})) {
    for (const text of endpointsOf(channel)) {
      if (numbers.has(text)) continue;
      const width = portWidth(channel, text);
      const { process, port } = portName(text);
      if (Object.hasOwn(STANDARD_PORTS, port)) {
        numbers.set(text, STANDARD_PORTS[port]!);
        continue;
      }
      const readyFd = readyFdOf(config, process);
      let fd = nextOf.get(process) ?? FIRST_PORT_FD;
      if (readyFd !== null && fd <= readyFd && readyFd < fd + width) fd = readyFd + 1;
      numbers.set(text, fd);
      nextOf.set(process, fd + width);
    }
  }
  return numbers;
}

/**
 * The number of a further descriptor of a process, behind all its ports.
 *
 * @param config A configuration that has passed its checks.
 * @param process Its declared name.
 */
export function numberBehindPorts(config: Config, process: string): number {
  let next = FIRST_PORT_FD;
  const numbers = portNumbers(config);
  for (const channel of Object.values(config.channels ?? {})) {
    for (const text of endpointsOf(channel)) {
      if (portName(text).process !== process) continue;
      next = Math.max(next, numbers.get(text)! + portWidth(channel, text));
    }
  }
  return next === readyFdOf(config, process) ? next + 1 : next;
}

function portWidth(channel: ChannelConfig, text: string): number {
  return channel.kind === "mailbox" ? mailboxPortWidth(channel, text) : 1;
}

/** The endpoints of a channel as written. */
export function endpointsOf(channel: ChannelConfig): readonly string[] {
  switch (channel.kind) {
    case "pipe":
      return [...producersOf(channel), ...consumersOf(channel)].map(({ text }) => text);
    case "pair":
      return channel.between;
    case "listen":
      return [channel.server];
    case "mailbox":
      return [channel.from, ...mailboxConsumersOf(channel).map(({ text }) => text)];
  }
}

/** Listening sockets of the programs that get them as sd_listen_fds(3) says. */
function listenNumbers(config: Config): Map<string, number> {
  const numbers = new Map<string, number>();
  const nextOf = new Map<string, number>();
  for (const channel of Object.values(config.channels ?? {})) {
    if (channel.kind !== "listen" || numbers.has(channel.server)) continue;
    const { process } = portName(channel.server);
    if (!Object.hasOwn(config.processes, process)) continue;
    if (config.processes[process]!.run.kind === "deno") continue;
    const fd = nextOf.get(process) ?? FIRST_LISTEN_FD;
    numbers.set(channel.server, fd);
    nextOf.set(process, fd + 1);
  }
  return numbers;
}

/** The descriptor that `ready: { by: "fd", fd }` takes. */
function readyFdOf(config: Config, name: string): number | null {
  if (!Object.hasOwn(config.processes, name)) return null;
  const { ready } = config.processes[name]!;
  return ready?.by === "fd" ? ready.fd ?? null : null;
}
