/** Writes the summary of a run, whole or not at all. Must not know: how it came about. */
import type { CrewSnapshot, Summary } from "../control/protocol.ts";

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
    events: snapshot.events,
  };
  const temporary = `${path}.${Deno.pid}.tmp`;
  Deno.writeTextFileSync(temporary, JSON.stringify(summary, null, 2) + "\n");
  Deno.renameSync(temporary, path);
}
