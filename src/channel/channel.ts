/**
 * What every wiring mechanism offers to the supervisor. Owns the interface alone;
 * one folder per mechanism implements it, and one conformance suite tests them all.
 * Must not know: processes, the core, any mechanism.
 */

/** Which end of a channel a process holds; a mechanism has some of these. */
export type ChannelEnd = "read" | "write" | "first" | "second" | "accept";

/** Declared wiring between processes, made once and held by the supervisor. */
export interface Channel extends Disposable {
  readonly name: string;
  /**
   * Opens this end for one instance. A pipe's is a description of its own, so that flags
   * which the instance sets on it (O_NONBLOCK) reach nobody else; a socket has one
   * description, whose flags are cleared.
   *
   * @param instance its number; from 1.
   * @returns a close-on-exec descriptor; the caller closes it after the spawn.
   * @throws {SystemError} when the kernel refuses; when this end was let go.
   * @throws {Error} when the mechanism has no such end: our bug.
   */
  openEnd(end: ChannelEnd, instance: number): number;
  /** Every producer has finally ended: lets go of the held write end. Idempotent. */
  endProducer(): void;
  /** Every consumer has finally ended: lets go of the held read end. Idempotent. */
  endConsumer(): void;
  /** A side that had finally ended starts again: makes what was let go anew. Idempotent. */
  reopen(): void;
  /** Bytes written and not yet read; 0 when nothing is held to measure it by. */
  fillBytes(): number;
  /** The capacity that the kernel granted, bytes; 0 where bytes are not what fills it. */
  readonly capacityBytes: number;
  /** True while its other end can be reached at all: an address may not have been bound. */
  readonly isOpen: boolean;
}
