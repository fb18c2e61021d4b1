/**
 * What a process is told of its end of a mailbox: how it is used, and by which descriptors. Owns
 * the type alone; in COX_LINKS it is the key `mailbox` of a link (docs/links.md).
 * Must not know: who reads it.
 */
import type { MailboxShape } from "./layout.ts";

/** One end of a mailbox. JSON-safe. */
export type MailboxLink = MailboxProducerLink | MailboxConsumerLink;

interface MailboxLinkBase {
  readonly shape: MailboxShape;
  /** What samples are made of, in the normal form of schema.ts; absent: plain bytes. */
  readonly schema?: string;
  /** How a thread waits that may block. */
  readonly waiting: "spin" | "park" | "spin-then-park";
  /** Longest spin before it parks; -1: the client's own choice, by the number of cores. */
  readonly spinNs: number;
  /** Loans and samples are copies that are empty once they were given back: finds late uses. */
  readonly checked: boolean;
  /** The samples' segment; to a sealed Deno program -1: it has the memory itself. */
  readonly samplesFd: number;
  /** The producer's: each consumer's page, in their order. A consumer's: its own. -1 as above. */
  readonly pageFds: readonly number[];
  /** The producer's: write ends, in the consumers' order. A consumer's: its own read end. */
  readonly doorbellFds: readonly number[];
}

/** The producer's end. */
export interface MailboxProducerLink extends MailboxLinkBase {
  readonly role: "producer";
  /** `keepAll`: how long a loan waits for a consumer that is behind; 0: it fails at once. */
  readonly blockNs: number;
}

/** A consumer's end. */
export interface MailboxConsumerLink extends MailboxLinkBase {
  readonly role: "consumer";
  /** Which of the mailbox's consumers it is, from 0. */
  readonly number: number;
  /** `keepLast`: where it goes on when it has fallen behind. */
  readonly behind: "oldest" | "newest";
  /** Where a new instance begins: after the last that was released, or at the newest. */
  readonly from: "resume" | "newest";
  /** A sample that is older at its receipt is given back and counted; 0: none is too old. */
  readonly lifespanNs: number;
  /** A sample whose stamp is older at its receipt is counted as late; 0: none is. */
  readonly latencyNs: number;
  /** By path that ends here: one whose origin is older at its receipt is counted as late for it. */
  readonly pathLimitsNs: readonly number[];
}
