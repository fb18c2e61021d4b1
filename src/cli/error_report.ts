/**
 * Turns an error into a message on stderr and an exit code. Must not know: any command.
 */
import { ControlError } from "../control/control_error.ts";
import { RPC_ERROR } from "../control/protocol.ts";
import { nearestName } from "../config/did_you_mean.ts";
import { EXIT } from "./exit_codes.ts";
import type { CliIo } from "./io.ts";

/**
 * By name and not by class: to import the classes would load the system bindings for
 * commands that never touch them.
 */
const EXIT_BY_NAME: Readonly<Record<string, number>> = {
  UserError: EXIT.user,
  NoSupervisorError: EXIT.user,
  UnitError: EXIT.user,
  SystemRefusal: EXIT.refused,
  SystemError: EXIT.refused,
  RunDirError: EXIT.refused,
  ControlConnectionError: EXIT.refused,
};

/**
 * Reports an error.
 *
 * @returns the exit code that goes with it.
 */
export function reportError(error: unknown, io: CliIo): number {
  if (error instanceof ControlError) return reportControlError(error, io);
  const known = error instanceof Error ? EXIT_BY_NAME[error.name] : undefined;
  if (known !== undefined) {
    io.err(`cox: ${(error as Error).message}\n`);
    return known;
  }
  const detail = error instanceof Error ? error.stack ?? error.message : String(error);
  io.err(`cox: This is a bug in cox. Please report it with what follows.\n${detail}\n`);
  return EXIT.bug;
}

function reportControlError(error: ControlError, io: CliIo): number {
  switch (error.code) {
    case RPC_ERROR.unknownName:
      io.err(`cox: ${error.message}${suggestion(error)}\n`);
      return EXIT.user;
    case RPC_ERROR.invalidParams:
      io.err(`cox: ${error.message}\n`);
      return EXIT.user;
    case RPC_ERROR.forbidden:
    case RPC_ERROR.limit:
      io.err(`cox: the supervisor refused: ${error.message}\n`);
      return EXIT.refused;
    default:
      io.err(`cox: This is a bug in cox: the supervisor answered: ${error.message}\n`);
      return EXIT.bug;
  }
}

/** The supervisor says which names it knows. */
function suggestion(error: ControlError): string {
  const known = (error.data as { known?: unknown } | undefined)?.known;
  const wanted = /"(.*)"/.exec(error.message)?.[1];
  if (!Array.isArray(known) || wanted === undefined) return "";
  const names = known.filter((name) => typeof name === "string");
  const nearest = nearestName(wanted, names);
  if (nearest !== null) return `; did you mean "${nearest}"?`;
  return names.length === 0 ? "" : `; there are ${names.slice(0, 20).join(", ")}`;
}
