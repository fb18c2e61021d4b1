/**
 * Exit codes, and the errors that carry them. Must not know: any command.
 */

/** What `cox` exits with. */
export const EXIT = {
  /** Fine. */
  ok: 0,
  /** The user's mistake: arguments, configuration, no supervisor. */
  user: 100,
  /** Our bug. */
  bug: 101,
  /** The system's refusal, or a crew that failed. */
  refused: 111,
} as const;

/** The user's mistake: shown without a stack, exit 100. */
export class UserError extends Error {
  override readonly name = "UserError";
}

/** The system's refusal: shown without a stack, exit 111. */
export class SystemRefusal extends Error {
  override readonly name = "SystemRefusal";
}
