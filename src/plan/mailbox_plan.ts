/**
 * A mailbox, compiled: data types, part of the Plan. Must not know: how it is compiled, how its
 * memory is made.
 */
import type { MailboxShape } from "../channel/mailbox/layout.ts";
import type { PortPlan } from "./plan.ts";

/** Samples in shared memory, which the supervisor makes and holds. */
export interface MailboxPlan {
  readonly kind: "mailbox";
  readonly name: string;
  /** The producer: one process. From its descriptor on are all those of its end. */
  readonly from: PortPlan;
  /** The processes of all consumers; port and descriptor are the first one's. */
  readonly to: PortPlan;
  readonly shape: MailboxShape;
  /** What samples are made of, in the normal form; null: plain bytes. */
  readonly schema: string | null;
  /** `blockNs`: how long it waits for a consumer that is behind; 0: not at all. */
  readonly producer: MailboxUsePlan & { readonly blockNs: number };
  /** In the order of their numbers. */
  readonly consumers: readonly MailboxConsumerPlan[];
  /** As asked for: where the machine refuses there is a warning. */
  readonly lock: boolean;
  readonly hugePages: boolean;
}

/** How a process uses its end of a mailbox. */
export interface MailboxUsePlan {
  readonly waiting: "spin" | "park" | "spin-then-park";
  /** Longest spin before it parks; -1: the client's own choice. */
  readonly spinNs: number;
  readonly checked: boolean;
}

/** A consumer of a mailbox. */
export interface MailboxConsumerPlan extends MailboxUsePlan {
  /** One process. */
  readonly port: PortPlan;
  readonly behind: "oldest" | "newest";
  readonly from: "resume" | "newest";
  /** A sample that is older at its receipt is not delivered; 0: none is too old. */
  readonly lifespanNs: number;
  /** The limit of its latency contract; 0: it has none. */
  readonly latencyNs: number;
  /** The limits of the paths that end here. */
  readonly pathLimitsNs: readonly number[];
}
