/**
 * What the front end tells the supervisor besides the plan: the JSON of its one argument or,
 * when it was started ahead of the plan, of the line that says "go". Must not know: the
 * command line.
 */

/** Options of one run; the plan is in `<runDir>/plan.json`. */
export interface SupervisorOptions {
  /** Absolute run directory. */
  readonly runDir: string;
  /** Descriptor that holds the run directory's lock. */
  readonly lockFd: number;
  /** The guard: our parent. */
  readonly guardPid: number;
  /** Shut down after this long; null: run until told. */
  readonly forNs: number | null;
  /** Absolute path for the summary; null: none. */
  readonly summaryPath: string | null;
  /** Colour on the terminal. */
  readonly color: boolean;
  /** The crew's cgroup; null where none can be made. */
  readonly cgroupDir: string | null;
}

/**
 * Parses the supervisor's argument.
 *
 * @throws {TypeError} when it is not what the front end writes: our bug, not the user's.
 */
export function parseSupervisorOptions(text: string): SupervisorOptions {
  const value = JSON.parse(text) as SupervisorOptions;
  const good = typeof value.runDir === "string" && value.runDir.startsWith("/") &&
    Number.isInteger(value.lockFd) && Number.isInteger(value.guardPid) &&
    (value.forNs === null || Number.isSafeInteger(value.forNs)) &&
    (value.summaryPath === null || typeof value.summaryPath === "string") &&
    typeof value.color === "boolean" &&
    (value.cgroupDir === null || typeof value.cgroupDir === "string");
  if (!good) throw new TypeError(`Malformed supervisor options: ${text}`);
  return value;
}
