/** The options of `cox up`, checked before anything is started or written. */
import { parseDurationNs } from "../config/units.ts";
import type { CommandContext } from "./command.ts";
import { SystemRefusal, UserError } from "./exit_codes.ts";
import { absolutePath } from "./locate.ts";

/** What keeps hold of the crew. */
export type Containment = "auto" | "cgroup" | "guard" | "pidns";

/** Checked. */
export interface UpOptions {
  /** null: until told to stop. */
  readonly forNs: number | null;
  /** Show the figures of time contracts so often; null: not at all. */
  readonly liveNs: number | null;
  /** Absolute; null: no summary. */
  readonly summaryPath: string | null;
  readonly containment: Containment;
}

/**
 * Checks the options of `cox up`.
 *
 * @throws {UserError} a value that is no duration, no place for a summary, no way to contain.
 * @throws {SystemRefusal} the summary could not be written.
 */
export function parseUpOptions({ options, io }: CommandContext): UpOptions {
  const summary = options.value("summary");
  return {
    forNs: parseDuration("for", options.value("for")),
    liveNs: parseDuration("live", options.value("live")),
    summaryPath: summary === null ? null : checkSummary(absolutePath(summary, io.cwd)),
    containment: parseContainment(options.value("contain")),
  };
}

function parseDuration(option: string, text: string | null): number | null {
  if (text === null) return null;
  let ns: number;
  try {
    ns = parseDurationNs(text);
  } catch (error) {
    throw new UserError(`Option --${option}: ${(error as Error).message}`);
  }
  if (ns <= 0) throw new UserError(`Option --${option} must be more than nothing, is "${text}"`);
  return ns;
}

function parseContainment(text: string | null): Containment {
  switch (text) {
    case null:
      return "auto";
    case "auto":
    case "cgroup":
    case "guard":
    case "pidns":
      return text;
  }
  throw new UserError(`Option --contain must be auto, cgroup, pidns or guard, is "${text}"`);
}

/** Tries it: to find out at the end of a long run that the folder is read-only is too late. */
function checkSummary(path: string): string {
  if (/[,\n]/.test(path)) {
    throw new UserError(`The summary's path must have no comma or newline in it, is ${path}`);
  }
  if (isDirectory(path)) throw new UserError(`The summary ${path} must be a file, is a folder`);
  const trial = `${path}.${Deno.pid}.tmp`;
  try {
    Deno.writeTextFileSync(trial, "", { createNew: true, mode: 0o600 });
    Deno.removeSync(trial);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new UserError(`The summary ${path} has no folder to be written to`);
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new SystemRefusal(`The summary ${path} cannot be written: ${reason}`, { cause: error });
  }
  return path;
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
