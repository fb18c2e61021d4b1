/**
 * Mailboxes for tests and benches: their segments as shared memory or as plain buffers, and the
 * ports of clients over the C library. In a crew the supervisor makes the one and the preload the
 * other. Must not know: what is tested.
 */
import {
  BELL,
  CONSUMER_BELL,
  CONSUMER_BYTES,
  type MailboxShape,
  segmentBytes,
  writeHeader,
} from "../../src/channel/mailbox/layout.ts";
import type { ConsumerPort, ProducerPort } from "../../src/child/mailbox/wait_port.ts";
import { openFutex, wordPointer } from "../../src/os/futex.ts";
import { createSharedMemory } from "../../src/os/shared_memory.ts";

/** A shape with what a test says in place of the rest. */
export function shapeWith(changes: Partial<MailboxShape> = {}): MailboxShape {
  const history = changes.history ?? "keepLast";
  return {
    slots: 8,
    sampleBytes: 64,
    history,
    keep: history === "keepLast" ? 4 : 0,
    consumers: 1,
    checksum: "none",
    schemaHash: [0, 0],
    ...changes,
  };
}

/** Segments of this process alone. */
export function plainMailbox(shape: MailboxShape) {
  const samples = new ArrayBuffer(segmentBytes(shape));
  const consumers = Array.from({ length: shape.consumers }, () => new ArrayBuffer(CONSUMER_BYTES));
  writeHeader(new Int32Array(samples), shape);
  for (const page of consumers) new Int32Array(page)[192 / 4] = 1;
  return { samples, consumers };
}

/** Segments that can be handed on. */
export function sharedMailbox(shape: MailboxShape) {
  const samples = createSharedMemory("samples", segmentBytes(shape));
  const consumers = Array.from(
    { length: shape.consumers },
    () => createSharedMemory("consumer", CONSUMER_BYTES),
  );
  writeHeader(new Int32Array(samples.buffer), shape);
  for (const { buffer } of consumers) new Int32Array(buffer)[192 / 4] = 1;
  return { samples, consumers };
}

/** A port that neither sleeps nor wakes: for a single thread. Time goes by 1 ns a call. */
export function idlePort(): ConsumerPort & ProducerPort & { readonly rings: number[] } {
  let nowNs = 1000;
  const rings: number[] = [];
  return {
    rings,
    waitForBell: () => nowNs += 1e6,
    waitForConsumer: () => nowNs += 1e6,
    wakeProducer: () => {},
    wakeConsumers: () => {},
    ring: (consumer) => rings.push(consumer),
    nowNs: () => nowNs++,
  };
}

/** A consumer's port over mapped memory. */
export function consumerPort(samples: ArrayBuffer, own: ArrayBuffer): ConsumerPort {
  const { wait, wake, nowNs } = openFutex();
  const bell = wordPointer(samples, BELL * 4);
  const ownBell = wordPointer(own, CONSUMER_BELL * 4);
  return {
    waitForBell: (seen, timeoutNs) => wait(bell, seen, timeoutNs),
    wakeProducer: () => wake(ownBell),
    nowNs,
  };
}

/** A producer's port over mapped memory. @param doorbells write ends that do not block */
export function producerPort(
  samples: ArrayBuffer,
  consumers: readonly ArrayBuffer[],
  doorbells: readonly number[] = [],
): ProducerPort {
  const { wait, wake, ring, nowNs } = openFutex();
  const bell = wordPointer(samples, BELL * 4);
  const bells = consumers.map((page) => wordPointer(page, CONSUMER_BELL * 4));
  return {
    waitForConsumer: (consumer, seen, timeoutNs) => wait(bells[consumer]!, seen, timeoutNs),
    wakeConsumers: () => wake(bell),
    ring: (consumer) => ring(doorbells[consumer]!),
    nowNs,
  };
}
