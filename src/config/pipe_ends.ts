/**
 * The ends of a pipe as written, one or several, in one form. Owns where each of them stands.
 * Must not know: what an endpoint is, what may be on which side.
 */
import type { ConsumerConfig, PipeConfig } from "./config.ts";

/** A producer. */
export interface ProducerEnd {
  /** `"process.port"`. */
  readonly text: string;
  /** Keys that lead to it from the channel: `["from"]`, `["from", 0]`. */
  readonly key: readonly (string | number)[];
}

/** A consumer. */
export interface ConsumerEnd {
  /** `"process.port"`. */
  readonly text: string;
  /** Keys that lead to its endpoint from the channel: `["to"]`, `["to", 0]`, `["to", 0, "port"]`. */
  readonly key: readonly (string | number)[];
  /** What is its own; empty where an endpoint stands alone. */
  readonly own: Omit<ConsumerConfig, "port">;
}

/** The producers of a pipe, in order. */
export function producersOf({ from }: PipeConfig): readonly ProducerEnd[] {
  if (typeof from === "string") return [{ text: from, key: ["from"] }];
  return from.map((text, at) => ({ text, key: ["from", at] }));
}

/** The consumers of a pipe, in order. */
export function consumersOf({ to }: PipeConfig): readonly ConsumerEnd[] {
  if (typeof to === "string") return [{ text: to, key: ["to"], own: {} }];
  return to.map((consumer, at) => {
    if (typeof consumer === "string") return { text: consumer, key: ["to", at], own: {} };
    const { port, ...own } = consumer;
    return { text: port, key: ["to", at, "port"], own };
  });
}
