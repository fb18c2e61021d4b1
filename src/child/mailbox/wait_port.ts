/**
 * What a mailbox needs of the kernel, as an interface: whoever maps the memory provides it.
 * Must not know: how it is done, what is in the memory.
 */

/** A consumer's calls; none of them throws. */
export interface ConsumerPort {
  /**
   * Sleeps while the mailbox's bell is `seen`, until somebody wakes those who sleep on it. May
   * return early for any reason.
   *
   * @param timeoutNs above 0; Infinity for none.
   */
  waitForBell(seen: number, timeoutNs: number): void;
  /** Wakes the producer, if it sleeps on this consumer's bell. */
  wakeProducer(): void;
  /** CLOCK_MONOTONIC, nanoseconds. */
  nowNs(): number;
}

/** The producer's calls; none of them throws. */
export interface ProducerPort {
  /** Sleeps while the bell of consumer number `consumer` is `seen`, as `waitForBell` does. */
  waitForConsumer(consumer: number, seen: number, timeoutNs: number): void;
  /** Wakes all consumers that sleep on the mailbox's bell. */
  wakeConsumers(): void;
  /** Writes a byte to this consumer's doorbell; what does not fit is not needed. */
  ring(consumer: number): void;
  /** CLOCK_MONOTONIC, nanoseconds. */
  nowNs(): number;
}

/** How a consumer that waits on an event loop hears of samples. */
export interface Doorbell {
  /**
   * Waits for a byte and takes all that are there.
   *
   * @param signal ends the wait early; the promise is then fulfilled all the same.
   */
  rung(signal: AbortSignal | null): Promise<void>;
  /** Lets go of it. Idempotent. */
  close(): void;
}
