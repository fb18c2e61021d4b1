/**
 * Diagnostics of the front end, with `--verbose` alone: loaded only then. The supervisor
 * has its event log instead. Must not know: any command.
 */
import { configureSync, getLogger, type LogRecord } from "@logtape/logtape";
import type { CliIo } from "./io.ts";

/**
 * Sets up the logger.
 *
 * @returns writes one line to stderr, with the time since the process began.
 */
export function openLog(io: CliIo): (message: string) => void {
  configureSync({
    reset: true,
    sinks: { stderr: (record: LogRecord) => io.err(formatRecord(record)) },
    loggers: [
      { category: ["cox"], lowestLevel: "debug", sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
  const logger = getLogger(["cox"]);
  return (message) => logger.debug("{message}", { message });
}

function formatRecord(record: LogRecord): string {
  const text = record.message.map(String).join("");
  return `cox: ${Math.round(performance.now())} ms: ${text}\n`;
}
