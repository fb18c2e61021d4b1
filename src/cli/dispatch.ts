/**
 * From arguments to an exit code: finds the command, loads its file alone, and turns every
 * error into a text and a code. Must not know: what a command does.
 */
import type { CommandContext, CommandModule } from "./command.ts";
import type { ParsedOptions } from "./command_spec.ts";
import { reportError } from "./error_report.ts";
import { EXIT } from "./exit_codes.ts";
import { formatCommandHelp, formatOverview } from "./format_help.ts";
import { type CliIo, OutputClosed, systemIo } from "./io.ts";
import { parseCommandLine } from "./parse_command.ts";

/** Loaded when needed: `cox ps` must not pay for the schema. */
const MODULES: Readonly<Record<string, () => Promise<CommandModule>>> = {
  up: () => import("./up.ts"),
  run: () => import("./run.ts"),
  down: () => import("./down.ts"),
  ps: () => import("./ps.ts"),
  channels: () => import("./channels.ts"),
  deadlines: () => import("./deadlines.ts"),
  why: () => import("./why.ts"),
  timeline: () => import("./timeline.ts"),
  trace: () => import("./trace.ts"),
  events: () => import("./events.ts"),
  start: () => import("./start.ts"),
  stop: () => import("./stop.ts"),
  restart: () => import("./restart.ts"),
  signal: () => import("./signal.ts"),
  check: () => import("./check.ts"),
  graph: () => import("./graph.ts"),
  permissions: () => import("./permissions.ts"),
  schema: () => import("./schema.ts"),
  doctor: () => import("./doctor.ts"),
  version: () => import("./version.ts"),
  help: () => import("./help.ts"),
};

/**
 * Runs one command.
 *
 * @param args without the program's name.
 * @param io where it reads and writes. @default the real surroundings
 * @returns the exit code: see `EXIT`. Never throws; `up` does not return when it succeeds.
 */
export async function main(args: readonly string[], io: CliIo = systemIo()): Promise<number> {
  try {
    return await dispatch(args, io);
  } catch (error) {
    // `cox events | head -1`: what was wanted was read.
    if (error instanceof OutputClosed) return EXIT.ok;
    return reportError(error, io);
  }
}

async function dispatch(args: readonly string[], io: CliIo): Promise<number> {
  const { command, options } = parseCommandLine(args);
  if (command === null) {
    io.out(formatOverview());
    return options.flag("help") ? EXIT.ok : EXIT.user;
  }
  if (options.flag("help")) {
    io.out(formatCommandHelp(command));
    return EXIT.ok;
  }
  const load = MODULES[command.name];
  if (load === undefined) throw new Error(`Command ${command.name} has no module`);
  const module = await load();
  return await module.run(await makeContext(options, io));
}

async function makeContext(options: ParsedOptions, io: CliIo): Promise<CommandContext> {
  const color = !options.flag("no-color") && (io.env("NO_COLOR") ?? "") === "" &&
    io.env("TERM") !== "dumb" && io.stdoutIsTerminal;
  if (!options.flag("verbose")) return { options, io, color, log: () => {} };
  const { openLog } = await import("./logging.ts");
  return { options, io, color, log: openLog(io) };
}
