/**
 * What the conformance suite needs to know of a mechanism. A mechanism joins the suite with one
 * file of its own that calls `channelSuite()`; a test that it cannot meet by its nature is
 * switched by a property here, never by its name in the suite.
 */
import type { Channel, ChannelEnd } from "../../src/channel/channel.ts";
import type { LinkDescription } from "../../src/plan/preload.ts";

/** What a test wants of a channel. */
export interface OpenOptions {
  /** @default the kernel's */
  readonly capacityBytes?: number;
  /** Of what will be in it, for a mechanism that looks. @default {"lines"} */
  readonly framing?: "lines" | "ndjson" | "frames";
}

/** A mechanism under test. */
export interface Mechanism {
  /** For the tests' names. */
  readonly name: string;
  readonly kind: LinkDescription["kind"];
  readonly producerEnd: ChannelEnd;
  readonly consumerEnd: ChannelEnd;
  /**
   * False: a side that is still up when the other has finally ended and starts anew is on the
   * old connection, and joins the new one at its own next start. "never": so is one that was
   * started when the other had finally ended. @default true
   */
  readonly rejoins?: boolean | "never";
  /** Bytes are what fills it, and it holds exactly its capacity. @default true */
  readonly isExact?: boolean;
  /** It tells messages apart: whole ones arrive, whenever somebody dies. @default false */
  readonly keepsMessages?: boolean;
  /** Makes a channel as the supervisor would; the suite disposes of it. */
  open(options?: OpenOptions): Channel;
  /** Waits until what was done to the channel has had its effect. @default at once */
  settle?(channel: Channel): Promise<void>;
}
