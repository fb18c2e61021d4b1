/**
 * A mailbox as the supervisor holds it: memory that outlives every instance, a doorbell for each
 * consumer, and the supervisor's own words in it.
 *
 * ```
 *  producer ──samples rw──┐                           ┌──samples r──► consumer n
 *           ──pages r─────┤ memfds, doorbell pipes    ├──its page rw─►
 *           ──doorbells w─┘ made once, held here      └──its doorbell r─►
 * ```
 *
 * No path leads to the memory and nobody can resize it. Its mode is 0600: a consumer's descriptor
 * was opened for reading, and a program of another user, or in the runtime's sandbox, cannot open
 * it again for writing. Each instance gets a doorbell's end as a description of its own.
 * Must not know: processes, restarts, what is in a sample.
 */
import {
  type FutexCalls,
  mapReadOnly,
  openFutex,
  reopenReadOnly,
  wordPointer,
} from "../../os/futex.ts";
import { SystemError } from "../../os/errno.ts";
import {
  closeFd,
  createPipe,
  type PipeEnds,
  reopenPipe,
  writeFd as writeTo,
} from "../../os/pipe.ts";
import { createSharedMemory, lockSharedMemory, type SharedMemory } from "../../os/shared_memory.ts";
import { duplicateFd } from "../../os/socket.ts";
import type { DescriptorPlan, MailboxPlan } from "../../plan/plan.ts";
import type { Channel } from "../channel.ts";
import {
  type AtomicWords,
  consumerEnded,
  consumerStarts,
  producerEnded,
  producerStarts,
} from "./attendance.ts";
import {
  type ConsumerFigures,
  consumerFigures,
  faultOf,
  type ProducerFigures,
  producerFigures,
} from "./figures.ts";
import {
  BELL,
  CONSUMER_BELL,
  CONSUMER_BYTES,
  HEADER_BYTES,
  segmentBytes,
  writeHeader,
} from "./layout.ts";

type Part = Extract<DescriptorPlan, { kind: "mailbox" }>;

/** The kernel's smallest pipe: a doorbell holds bytes that say no more than one would. */
const DOORBELL_BYTES = 4096;

/** One for all mailboxes: it takes memory. */
let futex: FutexCalls | null = null;

/** A {@link Channel} over shared memory. */
export class MailboxChannel implements Channel {
  readonly name: string;
  readonly capacityBytes: number;
  readonly plan: MailboxPlan;
  /** What was asked for and could not be had. */
  readonly warnings: readonly string[];
  readonly #samples: SharedMemory;
  readonly #pages: readonly SharedMemory[];
  readonly #doorbells: readonly PipeEnds[];
  readonly #sampleWords: Words;
  readonly #pageWords: readonly Words[];
  #isOpen = true;

  /**
   * Takes the memory, all of it.
   *
   * @throws {SystemError} ENOMEM, ENOSPC, EFBIG: it cannot be had; EMFILE, ENFILE.
   */
  constructor(plan: MailboxPlan) {
    this.name = plan.name;
    this.plan = plan;
    this.capacityBytes = segmentBytes(plan.shape);
    const warnings: string[] = [];
    this.#samples = makeSamples(plan, warnings);
    writeHeader(new Int32Array(this.#samples.buffer), plan.shape);
    this.#pages = plan.consumers.map(() => createSharedMemory(`page ${plan.name}`, CONSUMER_BYTES));
    this.#doorbells = plan.consumers.map(createDoorbell);
    this.#sampleWords = new Words(this.#samples.buffer);
    this.#pageWords = this.#pages.map(({ buffer }) => new Words(buffer));
    this.warnings = warnings;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  openEnd(): number {
    throw new Error(`Mailbox "${this.name}" has parts and no ends`);
  }

  /**
   * Opens a part for one instance.
   *
   * @returns a close-on-exec descriptor; the caller closes it after the spawn.
   * @throws {SystemError} EMFILE, ENFILE.
   */
  openPart({ part, consumer, access }: Part): number {
    if (part === "doorbell") {
      const { readFd, writeFd } = this.#doorbells[consumer]!;
      // A producer must never wait for a consumer that takes no bytes.
      return access === "read"
        ? reopenPipe(readFd, "read")
        : reopenPipe(writeFd, "write", { nonBlocking: true });
    }
    const { fd } = part === "samples" ? this.#samples : this.#pages[consumer]!;
    return access === "read" ? reopenReadOnly(fd) : duplicateFd(fd);
  }

  /** Before a producer instance starts. */
  producerStarts(): void {
    producerStarts(this.#sampleWords);
  }

  /** A producer instance has ended; another may follow. */
  producerEnded(): void {
    producerEnded(this.#sampleWords, false, () => this.#wakeConsumers());
  }

  /** Before an instance of a consumer starts. */
  consumerStarts(consumer: number): void {
    consumerStarts(this.#pageWords[consumer]!);
  }

  /** An instance of a consumer has ended: the producer does not wait for it any more. */
  consumerEnded(consumer: number): void {
    const page = this.#pages[consumer]!;
    consumerEnded(this.#pageWords[consumer]!, () => this.#wake(page, CONSUMER_BELL));
  }

  /** Consumers are told that they have reached the end. */
  endProducer(): void {
    producerEnded(this.#sampleWords, true, () => this.#wakeConsumers());
  }

  /** Nothing: each instance was let go of at its end. */
  endConsumer(): void {}

  /** Nothing: the memory was never let go of, and a producer that starts opens it again. */
  reopen(): void {}

  /** Bytes are not what fills it. */
  fillBytes(): number {
    return 0;
  }

  /** What the memory says of the producer now. */
  producer(): ProducerFigures {
    return producerFigures(this.#samples.buffer);
  }

  /** What the memory says of a consumer now. */
  consumer(consumer: number): ConsumerFigures {
    return consumerFigures(this.#pages[consumer]!.buffer, this.producer().published);
  }

  /**
   * All of the memory, the samples too, mapped for reading and for good.
   *
   * @throws {SystemError} ENOMEM.
   */
  mapForWatching(): { readonly samples: ArrayBuffer; readonly pages: readonly ArrayBuffer[] } {
    const samples = mapReadOnly(this.#samples.fd, segmentBytes(this.plan.shape));
    return { samples, pages: this.#pages.map(({ buffer }) => buffer) };
  }

  /** Which instance of a consumer found the memory corrupt, and how; null: none. */
  faultOf(consumer: number): { readonly instance: number; readonly text: string } | null {
    return faultOf(this.#pages[consumer]!.buffer);
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const { fd } of [this.#samples, ...this.#pages]) closeFd(fd);
    for (const { readFd, writeFd } of this.#doorbells) {
      closeFd(readFd);
      closeFd(writeFd);
    }
  }

  /** On the bell and at their doorbells: the last producer can have died before it rang. */
  #wakeConsumers(): void {
    this.#wake(this.#samples, BELL);
    for (const { writeFd } of this.#doorbells) writeTo(writeFd, new Uint8Array(1));
  }

  #wake({ buffer }: SharedMemory, word: number): void {
    futex ??= openFutex();
    futex.wake(wordPointer(buffer, word * 4));
  }
}

/** A pipe that the supervisor can write to without ever waiting: a full one has rung enough. */
function createDoorbell(): PipeEnds {
  const { readFd, writeFd } = createPipe({ capacityBytes: DOORBELL_BYTES });
  const ringing = reopenPipe(writeFd, "write", { nonBlocking: true });
  closeFd(writeFd);
  return { readFd, writeFd: ringing };
}

/** Of the samples the supervisor needs the first page alone. */
function makeSamples(plan: MailboxPlan, warnings: string[]): SharedMemory {
  const bytes = segmentBytes(plan.shape);
  const name = `samples ${plan.name}`;
  let samples: SharedMemory | null = null;
  if (plan.hugePages) {
    try {
      samples = createSharedMemory(name, bytes, { mappedBytes: HEADER_BYTES, hugePages: true });
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      warnings.push(
        `Mailbox "${plan.name}" lies in ordinary pages: the machine has not enough huge ones ` +
          `set aside (vm.nr_hugepages; ${error.message})`,
      );
    }
  }
  samples ??= createSharedMemory(name, bytes, { mappedBytes: HEADER_BYTES });
  if (!plan.lock) return samples;
  try {
    lockSharedMemory(samples.fd, bytes);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    warnings.push(
      `Mailbox "${plan.name}" can be swapped out: its memory cannot be locked ` +
        `(RLIMIT_MEMLOCK; ${error.message})`,
    );
  }
  return samples;
}

class Words implements AtomicWords {
  readonly #words: Int32Array;

  constructor(buffer: ArrayBuffer) {
    this.#words = new Int32Array(buffer);
  }

  load(word: number): number {
    return Atomics.load(this.#words, word);
  }

  store(word: number, value: number): void {
    Atomics.store(this.#words, word, value);
  }
}
