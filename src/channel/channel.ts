/**
 * What every wiring mechanism offers to the supervisor. Owns the interface alone;
 * one folder per mechanism implements it, and one conformance suite tests them all.
 * Must not know: processes, the core, any mechanism.
 */

/** Which end of a channel a process holds. */
export type ChannelEnd = "read" | "write";

/** Declared wiring between processes, made once and held by the supervisor. */
export interface Channel extends Disposable {
  readonly name: string;
  /**
   * Opens this end anew for one instance: a description of its own, so that flags
   * which the instance sets on it (O_NONBLOCK) reach nobody else.
   *
   * @returns a close-on-exec descriptor; the caller closes it after the spawn.
   * @throws {SystemError} when the kernel refuses; when this end was let go.
   */
  openEnd(end: ChannelEnd): number;
  /** Every producer has finally ended: lets go of the held write end. Idempotent. */
  endProducer(): void;
  /** Every consumer has finally ended: lets go of the held read end. Idempotent. */
  endConsumer(): void;
  /** A side that had finally ended starts again: makes what was let go anew. Idempotent. */
  reopen(): void;
  /** Bytes written and not yet read; 0 when nothing is held to measure it by. */
  fillBytes(): number;
  /** The capacity that the kernel granted, bytes. */
  readonly capacityBytes: number;
}
