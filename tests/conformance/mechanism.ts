/**
 * What the conformance suite needs to know of a mechanism. A mechanism joins the suite with one
 * file of its own that calls `channelSuite()`; a test that it cannot meet by its nature is
 * switched by a property here, never by its name in the suite.
 */
import type { Channel, ChannelEnd } from "../../src/channel/channel.ts";
import type { LinkDescription } from "../../src/plan/preload.ts";

/** A producer's instance, as a test plays it. None of its calls waits. */
export interface TestProducer {
  send(text: string): "sent" | "full" | "closed";
  close(): void;
}

/** A consumer's instance, as a test plays it. */
export interface TestConsumer {
  /** All that is there, joined; `ended`: nothing will come after it. */
  take(): { readonly text: string; readonly ended: boolean };
  close(): void;
}

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
  /**
   * How instances of both sides are played where descriptors alone are not what is read and
   * written. @default the ends' descriptors
   */
  readonly players?: {
    producer(channel: Channel): TestProducer;
    consumer(channel: Channel): TestConsumer;
  };
  /** The descriptors that an instance of each side is handed. @default one for an end */
  handed?(channel: Channel): number[];
  /** The producer sees that the consumers have finally ended. @default true */
  readonly seesConsumersEnd?: boolean;
  /** Makes a channel as the supervisor would; the suite disposes of it. */
  open(options?: OpenOptions): Channel;
  /** Waits until what was done to the channel has had its effect. @default at once */
  settle?(channel: Channel): Promise<void>;
}
