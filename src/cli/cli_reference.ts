/**
 * docs/cli.md, made from the same data as the help. To write it anew:
 *
 *     deno run src/cli/cli_reference.ts > docs/cli.md
 */
import type { CommandSpec, OptionSpec } from "./command_spec.ts";
import { COMMANDS, GLOBAL_OPTIONS } from "./commands.ts";
import { formatOptionName, usageOf } from "./format_help.ts";

/** The whole text of docs/cli.md. */
export function cliReference(): string {
  return [
    "# The `cox` command",
    "",
    "<!-- Made by `deno run src/cli/cli_reference.ts`: do not edit. -->",
    "",
    "| Command | Effect |",
    "| --- | --- |",
    ...COMMANDS.map(({ name, summary }) => `| [\`cox ${name}\`](#cox-${name}) | ${summary} |`),
    "",
    "## Options of every command",
    "",
    ...options(GLOBAL_OPTIONS),
    "",
    "## Exit codes",
    "",
    "| Code | Meaning |",
    "| --- | --- |",
    "| 0 | Fine |",
    "| 100 | Your mistake: arguments, configuration, no supervisor to talk to |",
    "| 101 | A bug in cox |",
    "| 111 | The system refused, or the crew failed |",
    "",
    ...COMMANDS.flatMap(section),
  ].join("\n");
}

function section(command: CommandSpec): string[] {
  const { summary, text, example } = command;
  return [
    `## cox ${command.name}`,
    "",
    `${summary}.${text === "" ? "" : ` ${text}`}`,
    "",
    "```sh",
    usageOf(command),
    "```",
    "",
    ...(command.options.length > 0 ? [...options(command.options), ""] : []),
    `Example${example.text === "" ? ":" : ` — ${example.text}`}`,
    "",
    "```sh",
    example.line,
    "```",
    "",
  ];
}

function options(specs: readonly OptionSpec[]): string[] {
  return [
    "| Option | Meaning |",
    "| --- | --- |",
    ...specs.map((spec) => `| \`${formatOptionName(spec)}\` | ${spec.text} |`),
  ];
}

if (import.meta.main) console.log(cliReference().trimEnd());
