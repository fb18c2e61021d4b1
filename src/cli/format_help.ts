/**
 * Help texts, made from the commands' specifications. Pure. Must not know: colours, what a
 * command does.
 */
import type { CommandSpec, OptionSpec } from "./command_spec.ts";
import { COMMANDS, GLOBAL_OPTIONS } from "./commands.ts";

const WIDTH = 96;

/** `cox help`. */
export function formatOverview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  return [
    "cox: starts, wires, times and restarts a crew of processes.",
    "",
    "Usage: cox [OPTIONS] COMMAND [ARGUMENTS]",
    "",
    "Commands:",
    ...COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    "Options of every command:",
    ...formatOptions(GLOBAL_OPTIONS),
    "",
    "Exit codes: 0 fine, 100 your mistake, 101 a bug in cox, 111 the system refused or the crew",
    "failed. `cox help COMMAND` says more.",
    "",
  ].join("\n");
}

/** `cox help COMMAND`. */
export function formatCommandHelp(command: CommandSpec): string {
  const lines = [`${command.summary}.`, "", `Usage: ${usageOf(command)}`];
  if (command.text !== "") lines.push("", ...wrap(command.text, 0));
  if (command.options.length > 0) lines.push("", "Options:", ...formatOptions(command.options));
  lines.push("", "Options of every command:", ...formatOptions(GLOBAL_OPTIONS));
  lines.push("", "Example:", `  ${command.example.line}`);
  if (command.example.text !== "") lines.push(...wrap(command.example.text, 4));
  return lines.join("\n") + "\n";
}

/** `cox up [OPTIONS]`, `cox signal [OPTIONS] NAME SIGNAL`. */
export function usageOf(command: CommandSpec): string {
  return `cox ${command.name} [OPTIONS]${command.operands === "" ? "" : ` ${command.operands}`}`;
}

/** `-f, --follow`, `--for DURATION`. */
export function formatOptionName(option: OptionSpec): string {
  const short = option.short === undefined ? "" : `-${option.short}, `;
  return `${short}--${option.name}${option.value === undefined ? "" : ` ${option.value}`}`;
}

function formatOptions(options: readonly OptionSpec[]): string[] {
  const names = options.map(formatOptionName);
  const width = Math.max(...names.map((name) => name.length));
  return options.flatMap((option, index) => {
    const [first = "", ...rest] = wrap(`${option.text}.`, width + 4);
    return [`  ${(names[index] ?? "").padEnd(width)}  ${first.trimStart()}`, ...rest];
  });
}

function wrap(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(" ".repeat(indent) + line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, " ".repeat(indent) + line];
}
