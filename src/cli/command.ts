/** What a command's file exports. Types only. */
import type { ParsedOptions } from "./command_spec.ts";
import type { CliIo } from "./io.ts";

/** What a command is given. */
export interface CommandContext {
  readonly options: ParsedOptions;
  readonly io: CliIo;
  /** Whether to colour stdout. */
  readonly color: boolean;
  /** Shown with --verbose alone. */
  readonly log: (message: string) => void;
}

/** One command. */
export interface CommandModule {
  /** @returns the exit code. */
  run(context: CommandContext): Promise<number>;
}
