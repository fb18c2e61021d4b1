/**
 * What the conformance suite needs to know of a mechanism. A mechanism joins the suite with one
 * file of its own that calls `channelSuite()`; a test that it cannot meet by its nature is
 * switched by a property here, never by its name in the suite.
 */
import type { Channel, ChannelEnd } from "../../src/channel/channel.ts";
import type { LinkDescription } from "../../src/plan/preload.ts";

/** A mechanism under test. */
export interface Mechanism {
  /** For the tests' names. */
  readonly name: string;
  readonly kind: LinkDescription["kind"];
  readonly producerEnd: ChannelEnd;
  readonly consumerEnd: ChannelEnd;
  /**
   * False: a side that is still up when the other has finally ended and starts anew is on the
   * old connection, and joins the new one at its own next start. @default true
   */
  readonly rejoins?: boolean;
  /** Makes a channel as the supervisor would; the suite disposes of it. */
  open(options?: { readonly capacityBytes?: number }): Channel;
}
