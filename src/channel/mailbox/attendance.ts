/**
 * The supervisor's part in a mailbox: what it writes when an instance begins or has ended, and in
 * which order. Each word here is the supervisor's alone, or that of somebody who has ended.
 * Must not know: processes, how the memory came to be mapped.
 */
import {
  ARMED,
  ATTACHED,
  ATTACHED_EPOCH,
  BELL,
  CONSUMER_BELL,
  EPOCH,
  STATE,
  STATE_ENDED,
  STATE_OPEN,
} from "./layout.ts";

/** Words of shared memory, atomically. */
export interface AtomicWords {
  load(word: number): number;
  store(word: number, value: number): void;
}

/** Before a producer instance starts. */
export function producerStarts(samples: AtomicWords): void {
  samples.store(EPOCH, (samples.load(EPOCH) + 1) | 0);
  samples.store(STATE, STATE_OPEN);
}

/**
 * When a producer instance has ended. It can have published and not woken, so the supervisor does:
 * whoever sleeps looks again.
 *
 * @param final whether none will follow: consumers are told that they have reached the end.
 * @param wake wakes those that sleep on the mailbox's bell.
 */
export function producerEnded(samples: AtomicWords, final: boolean, wake: () => void): void {
  if (final) samples.store(STATE, STATE_ENDED);
  samples.store(BELL, (samples.load(BELL) + 1) | 0);
  wake();
}

/** Before a consumer instance starts: from now on a `keepAll` producer waits for it. */
export function consumerStarts(consumer: AtomicWords): void {
  consumer.store(ATTACHED_EPOCH, (consumer.load(ATTACHED_EPOCH) + 1) | 0);
  consumer.store(ATTACHED, 1);
}

/**
 * When a consumer instance has ended that the producer shall not wait for any more.
 *
 * @param wake wakes the producer, if it sleeps on this consumer's bell.
 */
export function consumerEnded(consumer: AtomicWords, wake: () => void): void {
  consumer.store(ATTACHED, 0);
  // It can have been killed while it waited: nobody has to wake it. The count stays.
  consumer.store(ARMED, consumer.load(ARMED) & ~3);
  consumer.store(CONSUMER_BELL, (consumer.load(CONSUMER_BELL) + 1) | 0);
  wake();
}
