/**
 * Descriptor numbers of ports. Owns which number each port of a process has:
 *
 *   0 stdin   1 stdout   2 stderr   3 readiness   4 … further ports, in order of declaration
 *
 * A number depends on the configuration alone: a channel that the profiles leave out keeps its
 * own, so that switching a profile moves no other. Must not know: what is on a port.
 */
import type { Config } from "../config/config.ts";

/** The ports that every process has. */
const STANDARD_PORTS: Readonly<Record<string, number>> = { stdin: 0, stdout: 1, stderr: 2 };

/** 3 is for readiness. */
const FIRST_PORT_FD = 4;

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
  const numbers = new Map<string, number>();
  const nextOf = new Map<string, number>();
  for (const channel of Object.values(config.channels ?? {})) {
    for (const text of [channel.from, channel.to]) {
      if (numbers.has(text)) continue;
      const { process, port } = portName(text);
      if (Object.hasOwn(STANDARD_PORTS, port)) {
        numbers.set(text, STANDARD_PORTS[port]!);
        continue;
      }
      const readyFd = readyFdOf(config, process);
      let fd = nextOf.get(process) ?? FIRST_PORT_FD;
      if (fd === readyFd) fd++;
      numbers.set(text, fd);
      nextOf.set(process, fd + 1);
    }
  }
  return numbers;
}

/** The descriptor that `ready: { by: "fd", fd }` takes. */
function readyFdOf(config: Config, name: string): number | null {
  if (!Object.hasOwn(config.processes, name)) return null;
  const { ready } = config.processes[name]!;
  return ready?.by === "fd" ? ready.fd ?? null : null;
}
