/** Writes the summary of a run, whole or not at all. Must not know: how it came about. */
import type { CrewSnapshot, Summary } from "../control/protocol.ts";

/** The system's refusal. */
const REFUSED_EXIT_CODE = 111;

/**
 * Writes the summary that was asked for.
 *
 * @returns the exit code: a summary that was not written is a failure, and is said on stderr.
 */
export function summarise(path: string, snapshot: CrewSnapshot, code: number): number {
  try {
    writeSummary(path, snapshot, code);
    return code;
  } catch (error) {
    console.error(`cox: the summary was not written: ${(error as Error).message}`);
    return code === 0 ? REFUSED_EXIT_CODE : code;
  }
}

/**
 * Writes `path` by way of a temporary file beside it, so that a reader never sees half.
 *
 * @throws {Error} when the folder cannot be written.
 */
export function writeSummary(path: string, snapshot: CrewSnapshot, exit: number): void {
  const summary: Summary = {
    cox: snapshot.cox,
    config: snapshot.config,
    exit,
    processes: snapshot.processes,
    system: snapshot.system,
    channels: snapshot.channels,
    deadlines: snapshot.deadlines,
    events: snapshot.events,
  };
  const temporary = `${path}.${Deno.pid}.tmp`;
  Deno.writeTextFileSync(temporary, JSON.stringify(summary, null, 2) + "\n");
  Deno.renameSync(temporary, path);
}
