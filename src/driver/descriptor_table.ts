/**
 * Opens what a plan's descriptor table names, for one spawn. Every source is a
 * descriptor of the supervisor's that is closed again right after the spawn.
 * Must not know: spawning, readiness, the core.
 */
import type { Channel } from "../channel/channel.ts";
import { MailboxChannel } from "../channel/mailbox/mailbox_channel.ts";
import type { RelayLink } from "../channel/relay/relay_link.ts";
import { closeFd, createPipe, reopenPipe } from "../os/pipe.ts";
import { createSocketPair, makeNonBlocking } from "../os/socket.ts";
import type { DescriptorPlan, ProcessIndex, ProcessPlan } from "../plan/plan.ts";
import type { Captures } from "./captures.ts";
import type { LogLink, LogLinkEnds } from "./log_link.ts";

/** What the table's entries refer to. */
export interface DescriptorSources {
  readonly nullFd: number;
  readonly channels: readonly Channel[];
  readonly captures: Captures;
  readonly logLink: LogLink;
  /** null in a crew without relayed pipes. */
  readonly relay: RelaySources | null;
  /** null in a crew that has no contract to stamp for. */
  readonly pulses: PulseSources | null;
}

/** The memories in which processes are stamped. */
export interface PulseSources {
  /** The descriptor of a process's, held here; it closes on exec. */
  fdOf(process: ProcessIndex): number;
}

/** What `@relay` is handed. */
export interface RelaySources {
  readonly link: RelayLink;
  readonly countersFd: number;
}

/** An opened table. */
export interface OpenTable {
  /** `fd` in the child is a duplicate of `source` here. */
  readonly entries: readonly { readonly fd: number; readonly source: number }[];
  /** Read end of the instance's notification pipe, non-blocking; null without one. */
  readonly notifyReadFd: number | null;
  /** Our end of the instance's gate, non-blocking; null without one. */
  readonly gateFd: number | null;
  /** Closes what was opened for the spawn (not `notifyReadFd` and `gateFd`). */
  close(): void;
}

/**
 * Opens the descriptor table of `process`.
 *
 * @param of The process's index and the number of the new instance.
 * @throws {SystemError} when a descriptor cannot be made; nothing is left open then.
 */
export function openDescriptorTable(
  process: ProcessPlan,
  of: { readonly index: ProcessIndex; readonly number: number },
  sources: DescriptorSources,
): OpenTable {
  const table = new TableBuilder(of.index, of.number, sources);
  try {
    const entries = process.descriptors.map((descriptor) => ({
      fd: descriptor.fd,
      source: table.open(descriptor),
    }));
    const { notifyReadFd, gateFd } = table;
    return { entries, notifyReadFd, gateFd, close: () => table.close() };
  } catch (error) {
    table.close();
    if (table.notifyReadFd !== null) closeFd(table.notifyReadFd);
    if (table.gateFd !== null) closeFd(table.gateFd);
    throw error;
  }
}

/** Opens one entry after the other and remembers what to close. */
class TableBuilder {
  readonly #index: ProcessIndex;
  readonly #instance: number;
  readonly #sources: DescriptorSources;
  readonly #opened: number[] = [];
  #logEnds: LogLinkEnds | null = null;
  notifyReadFd: number | null = null;
  gateFd: number | null = null;

  constructor(index: ProcessIndex, instance: number, sources: DescriptorSources) {
    this.#index = index;
    this.#instance = instance;
    this.#sources = sources;
  }

  /** @returns the descriptor here that the child's is to be a duplicate of. */
  open(descriptor: DescriptorPlan): number {
    const { nullFd, captures } = this.#sources;
    switch (descriptor.kind) {
      case "null":
        return nullFd;
      case "terminal":
        return descriptor.stream;
      case "log":
        return this.#own(captures.openWriteEnd(this.#index, descriptor.stream));
      case "channel":
        return this.#own(
          this.#channel(descriptor.channel).openEnd(descriptor.end, this.#instance),
        );
      case "mailbox":
        return this.#own(this.#mailbox(descriptor.channel).openPart(descriptor));
      case "notify":
        return this.#openNotify();
      case "gate":
        return this.#openGate();
      case "log-commands":
        return this.#openLogEnds().commandsFd;
      case "log-reports":
        return this.#openLogEnds().reportsFd;
      case "log-capture":
        return this.#own(captures.openReadEnd(descriptor.process, descriptor.stream));
      case "relay-link":
        return this.#own(this.#relay().link.open());
      case "relay-counters":
        return this.#relay().countersFd;
      case "pulse":
        return this.#pulses().fdOf(this.#index);
    }
  }

  close(): void {
    for (const fd of this.#opened.splice(0)) closeFd(fd);
  }

  #openNotify(): number {
    const pipe = createPipe();
    this.#own(pipe.readFd);
    this.#own(pipe.writeFd);
    this.notifyReadFd = reopenPipe(pipe.readFd, "read", { nonBlocking: true });
    return pipe.writeFd;
  }

  #openGate(): number {
    const [ours, theirs] = createSocketPair("stream");
    this.#own(theirs);
    makeNonBlocking(ours);
    this.gateFd = ours;
    return theirs;
  }

  #openLogEnds(): LogLinkEnds {
    if (this.#logEnds === null) {
      this.#logEnds = this.#sources.logLink.open();
      this.#own(this.#logEnds.commandsFd);
      this.#own(this.#logEnds.reportsFd);
    }
    return this.#logEnds;
  }

  #relay(): RelaySources {
    const { relay } = this.#sources;
    if (relay === null) throw new Error("No @relay in this crew");
    return relay;
  }

  #pulses(): PulseSources {
    const { pulses } = this.#sources;
    if (pulses === null) throw new Error("No memory for stamps in this crew");
    return pulses;
  }

  #channel(index: number): Channel {
    const channel = this.#sources.channels[index];
    if (channel === undefined) throw new Error(`No channel ${index} in the plan`);
    return channel;
  }

  #mailbox(index: number): MailboxChannel {
    const channel = this.#channel(index);
    if (!(channel instanceof MailboxChannel)) throw new Error(`Channel ${index} is no mailbox`);
    return channel;
  }

  #own(fd: number): number {
    this.#opened.push(fd);
    return fd;
  }
}
