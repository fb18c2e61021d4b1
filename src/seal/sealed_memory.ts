/**
 * The memory of a sealed program, twice as types: what its preload is told to map, and what it
 * leaves for the program. Owns the shapes of both. Must not know: what is in the memory.
 */

/** What the preload is told. JSON-safe: it is part of its text. */
export interface MemoryRequest {
  /** Inherited descriptors of shared memory; closed after they were mapped. */
  readonly segments: readonly SegmentRequest[];
  readonly mailboxes: readonly (ProducerRequest | ConsumerRequest)[];
  /** Index of the segment of deadlines; null: there is none. */
  readonly pulse: number | null;
  /** Descriptors that no program that this one starts is to inherit. */
  readonly closeOnExec: readonly number[];
  /** It is to make no symbolic links: they lead out of a folder that it may read and write. */
  readonly refusesSymlinks: boolean;
}

/** One piece of shared memory. */
export interface SegmentRequest {
  readonly fd: number;
  /** All of it, as the plan has it; the mapping is as long. */
  readonly bytes: number;
  readonly access: "read" | "read-write";
  /** For messages: `the samples of "frames"`. */
  readonly what: string;
}

/** The producer of a mailbox. Segments are named by index, places in them in bytes. */
export interface ProducerRequest {
  readonly role: "producer";
  /** This process's name for its end. */
  readonly port: string;
  readonly samples: number;
  /** In the order of the consumers' numbers. */
  readonly consumers: readonly number[];
  /** Where in the samples those sleep who wait for one. */
  readonly bellOffset: number;
  /** Where in a consumer's page the producer sleeps. */
  readonly consumerBellOffset: number;
  /** Write ends, one for each consumer. */
  readonly doorbellFds: readonly number[];
}

/** A consumer of a mailbox. */
export interface ConsumerRequest {
  readonly role: "consumer";
  readonly port: string;
  readonly samples: number;
  readonly own: number;
  readonly bellOffset: number;
  readonly consumerBellOffset: number;
}

/**
 * What a sealed program finds at `globalThis[Symbol.for("coxswain.links")].memory`; frozen. The
 * calls take numbers alone, look at nothing that the program can change, and never throw: what is
 * no valid number does nothing.
 */
export interface SealedMemory {
  /** CLOCK_MONOTONIC, nanoseconds; costs about 30 ns. */
  nowNs(): number;
  /** Sleeps until CLOCK_MONOTONIC is `atNs`, the whole thread; returns early at a signal. */
  sleepUntil(atNs: number): void;
  /** One for each mailbox that this process is on, by the names of its ports. */
  readonly mailboxes: readonly (SealedProducer | SealedConsumer)[];
  /** Deadlines: a page for this process alone, read and written; null: there are none. */
  readonly pulse: { readonly buffer: ArrayBuffer } | null;
}

/** The producer's memory of a mailbox. */
export interface SealedProducer {
  readonly role: "producer";
  readonly port: string;
  /** The samples' segment, read and written. */
  readonly samples: ArrayBuffer;
  /** Each consumer's page, read only: a write to one ends the process. */
  readonly consumers: readonly ArrayBuffer[];
  /** What `ProducerPort` of src/child/mailbox/wait_port.ts says. */
  readonly calls: {
    waitForConsumer(consumer: number, seen: number, timeoutNs: number): void;
    wakeConsumers(): void;
    ring(consumer: number): void;
    nowNs(): number;
  };
}

/** A consumer's memory of a mailbox. */
export interface SealedConsumer {
  readonly role: "consumer";
  readonly port: string;
  /** The samples' segment, read only: a write to it ends the process. */
  readonly samples: ArrayBuffer;
  /** Its own page, read and written. */
  readonly own: ArrayBuffer;
  /** What `ConsumerPort` of src/child/mailbox/wait_port.ts says. */
  readonly calls: {
    waitForBell(seen: number, timeoutNs: number): void;
    wakeProducer(): void;
    nowNs(): number;
  };
}
