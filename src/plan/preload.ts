/**
 * The module that runs before a supervised program and tells it its links. Owns its text.
 * It is static per process (part of the plan's argv) and has no imports, so that no import map
 * and no file can redirect it. Of a program that is given memory it is the seal as well
 * (`src/seal`). Must not know: what reads it (`coxswain/child`).
 */
import type { MailboxLink } from "../channel/mailbox/mailbox_link.ts";
import type { PulsePlan } from "./contract.ts";
import { sealText } from "../seal/seal_text.ts";
import type { MemoryRequest } from "../seal/sealed_memory.ts";

/** One end of a channel, as the program sees it; the same in the preload and in COX_LINKS. */
export interface LinkDescription {
  /** Name of the channel. */
  readonly name: string;
  /** This process's own name for its end: `stdin`, `stdout`, `stderr`, `frames` … */
  readonly port: string;
  readonly kind: "pipe" | "pair" | "listen" | "mailbox";
  /** `both`: a pair; `accept`: a listener; `connect`: a listener that it is a client of. */
  readonly direction: "read" | "write" | "both" | "accept" | "connect";
  /** Of a pair: whether messages stay whole. */
  readonly type?: "stream" | "seqpacket" | "datagram";
  /** Of a listener: the supervisor says of each connection whether it is a declared client's. */
  readonly checked?: true;
  /** To a client of a listener: where to connect. */
  readonly path?: string;
  /** Of a pipe: what a message is, where `@relay` tells messages apart. */
  readonly framing?: "lines" | "ndjson" | "frames";
  /** Of a mailbox: what it is, how it is used, and its descriptors. */
  readonly mailbox?: MailboxLink;
  /** -1: none; a client connects by itself, a sealed program has the memory. */
  readonly fd: number;
  readonly limits: {
    /** What the kernel was asked to hold; it rounds up to a power of two of pages. 0: its own. */
    readonly capacityBytes: number;
    /** With `framing`: the largest message, without its line feed or length. */
    readonly maxMessageBytes?: number;
    /** Of a listener: connections that may wait; the kernel cuts it to net.core.somaxconn. */
    readonly backlog?: number;
    /** Of a listener: how many the program may hold open at once. */
    readonly connections?: number;
    /** Of a listener: how many the program is given a second. */
    readonly perSecond?: number;
  };
}

/** What the program is told. */
export interface LinksDescription {
  /** Name of the process (of the replica). */
  readonly process: string;
  /** Descriptor for readiness messages in sd_notify's format; null: none. */
  readonly notifyFd: number | null;
  /** Descriptor on which a server asks about its connections; null: none. */
  readonly gateFd: number | null;
  readonly links: readonly LinkDescription[];
  /** Memory to map before the program begins; null: none, and no permission to do so. */
  readonly memory: MemoryRequest | null;
}

/** The variable that tells the same to a program of any language. */
export const LINKS_VARIABLE = "COX_LINKS";

/**
 * The value of COX_LINKS: `{ "version": 1, "process": NAME, "links": […] }`, and for a program
 * that is to stamp what it does `"pulse": { "fd": NUMBER, "bytes": NUMBER }`.
 *
 * @param process Name of the process (of the replica).
 * @param links Its links.
 * @param pulse What it is to stamp on; null: nothing, or it has it already.
 * @returns JSON in one line.
 */
export function linksText(
  process: string,
  links: readonly LinkDescription[],
  pulse: PulsePlan | null,
): string {
  const told = pulse === null || pulse.fd === null
    ? {}
    : { pulse: { fd: pulse.fd, bytes: pulse.bytes } };
  return JSON.stringify({ version: 1, process, links, ...told });
}

/**
 * Generates the module as a `data:` URL.
 *
 * It defines `globalThis[Symbol.for("coxswain.links")]`, frozen all the way down, which the
 * program can neither replace nor delete:
 * `{ version: 1, process, notifyFd, gateFd, links, memory }`.
 *
 * @param description What to tell the program.
 * @returns `data:text/javascript,…`, percent-encoded.
 * @throws {URIError} If a name holds half a surrogate pair.
 */
export function preloadSource(description: LinksDescription): string {
  const { process, notifyFd, gateFd, links, memory } = description;
  const value = { version: 1, process, notifyFd, gateFd, links };
  // The text goes through JSON.parse rather than into the source as a literal: a literal's
  // "__proto__" key would set a prototype.
  const source = [
    memory === null ? "const memory=null;" : sealText(memory),
    "const freeze=(v)=>{if(typeof v==='object'&&v!==null||typeof v==='function')",
    "Object.values(v).forEach(freeze);return Object.freeze(v)};",
    "Object.defineProperty(globalThis,Symbol.for('coxswain.links'),{value:",
    `freeze({...JSON.parse(${JSON.stringify(JSON.stringify(value))}),memory}),`,
    "writable:false,configurable:false,enumerable:false});",
  ].join("");
  return `data:text/javascript,${encodeURIComponent(source)}`;
}
