/**
 * The events of a stall: a consumer that takes nothing although something waits for it. Data only.
 * Must not know: how it was found, what is done.
 */

/** Who keeps the others waiting. */
export interface SlowSide {
  readonly process: string;
  /**
   * running: it works, and does not take. suspended: a signal has stopped it. restarting: wanted
   * up and not up yet. down: it is not to run now. rated: it sends faster than it may, and is made to
   * wait by that.
   */
  readonly condition: "running" | "suspended" | "restarting" | "down" | "rated";
  /** The channels from the stalled one to the one that this process does not drain. */
  readonly through: readonly string[];
}

/** One end to another of the channel that stands still: `sampler.stdout`. */
interface StalledChannel {
  readonly channel: string;
  readonly from: string;
  readonly to: string;
  /** What the rule says, in its order: `event`, `warn`, `restart`, `signal SIGUSR1`, … */
  readonly actions: readonly string[];
}

/** The rule's time has passed, and nothing was taken. */
export interface StallEvent extends StalledChannel {
  readonly event: "stall";
  readonly forMs: number;
  /** What waits in it, of how much. */
  readonly fill: number;
  readonly capacity: number;
  readonly unit: "bytes" | "messages";
  /** Delivered from a queue of messages and not read; null: there is no queue. */
  readonly unreadBytes: number | null;
  /** Empty: those of `cycle` wait for each other. */
  readonly slow: readonly SlowSide[];
  readonly cycle: readonly string[];
}

/** It has flowed again for as long as the rule's time. */
export interface StallEndedEvent extends StalledChannel {
  readonly event: "stallEnded";
  /** From the last that was taken before the stall to the first after it. */
  readonly forMs: number;
  /** Who was slow when it began. */
  readonly slow: readonly string[];
}
