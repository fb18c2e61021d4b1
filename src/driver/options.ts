/**
 * What the front end tells the supervisor besides the plan: the JSON of its one argument or,
 * when it was started ahead of the plan, of the line that says "go". Must not know: the
 * command line.
 */

/** The argument in the place of the options, of a supervisor that is started ahead. */
export const AHEAD_ARGUMENT = "ahead";
/** Descriptor on which the options come then. */
export const GO_FD = 3;
/** Descriptor on which the exit status is told. */
export const STATUS_FD = 4;

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
  /** Show the figures of time contracts so often; null: not at all. */
  readonly liveNs: number | null;
  /** Absolute path for the summary; null: none. */
  readonly summaryPath: string | null;
  /** Colour on the terminal. */
  readonly color: boolean;
  /** The crew's cgroup; null where none can be made. */
  readonly cgroupDir: string | null;
  /** Why there is none although one was wanted; null when there is, or none was. */
  readonly cgroupProblem: string | null;
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
    (value.liveNs === null || Number.isSafeInteger(value.liveNs)) &&
    (value.summaryPath === null || typeof value.summaryPath === "string") &&
    typeof value.color === "boolean" &&
    (value.cgroupDir === null || typeof value.cgroupDir === "string") &&
    (value.cgroupProblem === null || typeof value.cgroupProblem === "string");
  if (!good) throw new TypeError(`Malformed supervisor options: ${text}`);
  return value;
}
