/**
 * The memory that a process is handed: what the preload of a sandboxed program maps, and which of
 * its descriptors no program that it starts inherits. A program with memory is *sealed*
 * (src/seal), and so is one that has links and may start programs, or is to make no symbolic
 * links: that takes system calls as well. Must not know: what is in the memory.
 */
import type { Run } from "../config/config.ts";
import type { MemoryRequest, SegmentRequest } from "../seal/sealed_memory.ts";
import type { PulsePlan } from "./contract.ts";
import { sealedEnd, sealedLink } from "./mailbox_ends.ts";
import type { DescriptorPlan, ProcessPlan } from "./plan.ts";
import type { LinkDescription } from "./preload.ts";
import type { Handed } from "./program.ts";

/** What a process has. */
export interface MemoryParts {
  /** As to a program that maps the memory itself. */
  readonly links: readonly LinkDescription[];
  /** null: nothing of it is stamped. */
  readonly pulse: PulsePlan | null;
  /** All of its descriptors. */
  readonly descriptors: readonly DescriptorPlan[];
  /** It may start programs, to which its links are not to go. */
  readonly startsPrograms: boolean;
  /** It is to make no symbolic links. */
  readonly refusesSymlinks: boolean;
}

/**
 * Whether a process has links to keep from the programs that it may start. One that may call
 * foreign functions itself keeps that right, which the seal would take from it, and its links go on.
 */
export function startsPrograms(run: Run): boolean {
  if (run.kind !== "deno") return false;
  const { run: programs = [], ffi = [] } = run.permissions ?? {};
  return programs.length > 0 && ffi.length === 0;
}

/**
 * What a process is told. A sandboxed program has its memory before it begins, and the descriptors
 * of it no more.
 *
 * @param kind What runs it.
 * @param parts What it has.
 */
export function handedTo(kind: ProcessPlan["kind"], parts: MemoryParts): Handed {
  const memory = kind === "deno" ? memoryRequest(parts) : null;
  const { links } = parts;
  return memory === null ? { links, memory } : { links: links.map(sealedLink), memory };
}

/** What is to be mapped; null when there is nothing: the program needs no seal. */
function memoryRequest(
  { links, pulse, descriptors, startsPrograms, refusesSymlinks }: MemoryParts,
): MemoryRequest | null {
  const segments: SegmentRequest[] = [];
  const mailboxes: MemoryRequest["mailboxes"][number][] = [];
  for (const link of links) {
    const { mailbox } = link;
    if (mailbox === undefined) continue;
    const end = sealedEnd({ ...link, mailbox }, segments.length);
    segments.push(...end.segments);
    mailboxes.push(end.mailbox);
  }
  let pulseAt: number | null = null;
  if (pulse !== null && pulse.fd !== null) {
    pulseAt = segments.length;
    const { fd, bytes } = pulse;
    segments.push({ fd, bytes, access: "read-write", what: "the memory of deadlines" });
  }
  const mapped = new Set(segments.map(({ fd }) => fd));
  // The standard streams stay as they are: they are what a child is given.
  const closeOnExec = descriptors.map(({ fd }) => fd).filter((fd) => fd > 2 && !mapped.has(fd));
  const keepsLinks = startsPrograms && closeOnExec.length > 0;
  if (segments.length === 0 && !keepsLinks && !refusesSymlinks) return null;
  return { segments, mailboxes, pulse: pulseAt, closeOnExec, refusesSymlinks };
}
