/**
 * What goes into a mailbox's consumer and what comes out of it, as types. Must not know: how it is
 * done.
 */
import type { MailboxShape } from "../../channel/mailbox/layout.ts";
import type { StructFields, StructLayout } from "../../channel/mailbox/schema.ts";
import type { Sample } from "./sample.ts";
import type { Waiting } from "./spinning.ts";
import type { Doorbell } from "./wait_port.ts";

/** A sample that was lent: where it is, and what its header says. */
export interface LentSlot {
  sequence: number;
  slot: number;
  turn: number;
  /** How many were missed right before it. */
  missed: number;
  length: number;
  stampNs: number;
  originNs: number;
  epoch: number;
  crc: number;
}

/** What a look found. `busy`: it was overtaken again and again. */
export type Found = "sample" | "none" | "busy" | "ended" | "corrupt";

/** There is none. `held`: 256 are lent; give some back. */
export type NoSample = { readonly kind: "none" | "held" | "ended" } | Corrupt;

/** The memory is not what it should be. The link has ended: it is the same ever after. */
export interface Corrupt {
  readonly kind: "corrupt";
  /** What is wrong; the supervisor has it as well, and makes an event of it. */
  readonly fault: string;
}

/** Samples that were lent together; the object and its list are used again by the next call. */
export interface SampleBatch<F extends StructFields = never> {
  readonly kind: "batch";
  /** At least one, in their order. */
  readonly samples: Sample<F>[];
}

/** What a consumer maps. */
export interface ConsumerMemory {
  /** The samples' segment; reading is enough. */
  readonly samples: ArrayBuffer;
  /** Its own page. */
  readonly own: ArrayBuffer;
}

/** Options of a consumer. */
export interface ConsumerOptions {
  readonly shape: MailboxShape;
  /** Which of the mailbox's consumers this is, from 0. */
  readonly number: number;
  /** `keepLast`: where it goes on when it has fallen behind. @default "oldest" of those kept */
  readonly behind?: "oldest" | "newest";
  /** Where a new instance begins: after the last that was released, or at the newest. @default "newest" */
  readonly from?: "resume" | "newest";
  /** A sample that is older at its receipt is given back and counted. @default 0: none is too old */
  readonly lifespanNs?: number;
  /** A sample whose stamp is older at its receipt is counted as late. @default 0: none is */
  readonly latencyNs?: number;
  /** By path: a sample whose origin is older at its receipt is late for it. @default none */
  readonly pathLimitsNs?: readonly number[];
  /** How `receive()` waits. @default "spin-then-park" */
  readonly waiting?: Waiting;
  /** Longest spin before it parks. @default 20,000 */
  readonly spinNs?: number;
  /** Each sample is a copy that is empty after its release: finds uses that come too late. */
  readonly checked?: boolean;
  /** What wakes `next()`. @default none: `next` is refused */
  readonly doorbell?: Doorbell;
  /** Called once, when the link has ended because the memory is corrupt. @default nothing */
  readonly onCorrupt?: () => void;
  /** What samples are made of, to lend them by fields; `shape` was compared with it. */
  readonly layout?: StructLayout;
}
