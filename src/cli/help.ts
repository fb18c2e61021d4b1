/** `cox help`. */
import type { CommandContext } from "./command.ts";
import { EXIT } from "./exit_codes.ts";
import { formatCommandHelp, formatOverview } from "./format_help.ts";
import { commandNamed } from "./parse_command.ts";

export function run({ options, io }: CommandContext): Promise<number> {
  const [name] = options.operands;
  io.out(name === undefined ? formatOverview() : formatCommandHelp(commandNamed(name)));
  return Promise.resolve(EXIT.ok);
}
