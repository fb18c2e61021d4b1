/**
 * What can be wrong with a mailbox, as errors for the start and for the caller's own mistakes.
 * While it runs a fault is an outcome and no exception. Must not know: how it was found.
 */

/**
 * Memory that is not the mailbox that it should be, found when it was opened: the two sides
 * disagree, or somebody has written where nobody may.
 */
export class MailboxError extends Error {
  override readonly name = "MailboxError";
  /** `slots must be 8, is 9`. */
  readonly fault: string;

  /** @param fault What is wrong. */
  constructor(fault: string) {
    super(`Cannot open the mailbox: ${fault}`);
    this.fault = fault;
  }
}

/** A sample or a loan was used after it was given back. */
export class ReleasedError extends Error {
  override readonly name = "ReleasedError";

  /** @param what "sample 7". */
  constructor(what: string) {
    super(`Cannot use ${what}: it was given back, and its memory may hold another by now`);
  }
}
