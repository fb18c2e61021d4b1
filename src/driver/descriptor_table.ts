/**
 * Opens what a plan's descriptor table names, for one spawn. Every source is a
 * descriptor of the supervisor's that is closed again right after the spawn.
 * Must not know: spawning, readiness, the core.
 */
import type { Channel } from "../channel/channel.ts";
import { closeFd, createPipe, reopenPipe } from "../os/pipe.ts";
import type { ProcessIndex, ProcessPlan } from "../plan/plan.ts";
import type { Captures } from "./captures.ts";
import type { LogLink } from "./log_link.ts";

/** What the table's entries refer to. */
export interface DescriptorSources {
  readonly nullFd: number;
  readonly channels: readonly Channel[];
  readonly captures: Captures;
  readonly logLink: LogLink;
}

/** An opened table. */
export interface OpenTable {
  /** `fd` in the child is a duplicate of `source` here. */
  readonly entries: readonly { readonly fd: number; readonly source: number }[];
  /** Read end of the instance's notification pipe, non-blocking; null without one. */
  readonly notifyReadFd: number | null;
  /** Closes what was opened for the spawn (not `notifyReadFd`). */
  close(): void;
}

/**
 * Opens the descriptor table of `process`.
 *
 * @throws {SystemError} when a descriptor cannot be made; nothing is left open then.
 */
export function openDescriptorTable(
  process: ProcessPlan,
  index: ProcessIndex,
  sources: DescriptorSources,
): OpenTable {
  const opened: number[] = [];
  const entries: { fd: number; source: number }[] = [];
  let notifyReadFd: number | null = null;
  const close = () => {
    for (const fd of opened.splice(0)) closeFd(fd);
  };
  const own = (fd: number): number => {
    opened.push(fd);
    return fd;
  };
  try {
    let logEnds: { commandsFd: number; reportsFd: number } | null = null;
    const openLogEnds = () => {
      if (logEnds === null) {
        logEnds = sources.logLink.open();
        own(logEnds.commandsFd);
        own(logEnds.reportsFd);
      }
      return logEnds;
    };
    for (const descriptor of process.descriptors) {
      switch (descriptor.kind) {
        case "null":
          entries.push({ fd: descriptor.fd, source: sources.nullFd });
          break;
        case "terminal":
          entries.push({ fd: descriptor.fd, source: descriptor.stream });
          break;
        case "log": {
          const source = own(sources.captures.openWriteEnd(index, descriptor.stream));
          entries.push({ fd: descriptor.fd, source });
          break;
        }
        case "channel": {
          const channel = sources.channels[descriptor.channel];
          if (channel === undefined) throw new Error(`No channel ${descriptor.channel}`);
          entries.push({ fd: descriptor.fd, source: own(channel.openEnd(descriptor.end)) });
          break;
        }
        case "notify": {
          const pipe = createPipe();
          own(pipe.readFd);
          entries.push({ fd: descriptor.fd, source: own(pipe.writeFd) });
          notifyReadFd = reopenPipe(pipe.readFd, "read", { nonBlocking: true });
          break;
        }
        case "log-commands":
          entries.push({ fd: descriptor.fd, source: openLogEnds().commandsFd });
          break;
        case "log-reports":
          entries.push({ fd: descriptor.fd, source: openLogEnds().reportsFd });
          break;
        case "log-capture": {
          const read = own(sources.captures.openReadEnd(descriptor.process, descriptor.stream));
          entries.push({ fd: descriptor.fd, source: read });
          break;
        }
      }
    }
  } catch (error) {
    close();
    if (notifyReadFd !== null) closeFd(notifyReadFd);
    throw error;
  }
  return { entries, notifyReadFd, close };
}
