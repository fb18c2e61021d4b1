/**
 * Parses a command line against its specification: strictly, so that a typo is an error and
 * not a default. Pure. Must not know: what a command does.
 */
import { parseArgs } from "@std/cli/parse-args";
import { nearestName } from "../config/did_you_mean.ts";
import type { CommandSpec, OptionSpec, ParsedOptions } from "./command_spec.ts";
import { COMMANDS, GLOBAL_OPTIONS } from "./commands.ts";
import { UserError } from "./exit_codes.ts";

/** A command line, understood. */
export interface ParsedCommandLine {
  /** null: none was named. */
  readonly command: CommandSpec | null;
  readonly options: ParsedOptions;
}

/**
 * Finds the command and its options.
 *
 * @param args without the program's name.
 * @throws {UserError} an unknown command or option, a missing or unexpected value, too few
 * or too many operands.
 */
export function parseCommandLine(args: readonly string[]): ParsedCommandLine {
  const at = commandIndex(args);
  const before = parseOptions(args.slice(0, at), GLOBAL_OPTIONS, "cox help");
  const name = args[at];
  if (name === undefined) return { command: null, options: before };
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) throw unknownCommand(name);
  const hint = `cox ${name} --help`;
  const specs = [...GLOBAL_OPTIONS, ...command.options];
  const after = parseOptions(args.slice(at + 1), specs, hint);
  const options = merge(before, after, hint);
  if (!options.flag("help")) checkOperands(command, options.operands, hint);
  return { command, options };
}

/**
 * Finds a command for `cox help NAME`.
 *
 * @throws {UserError} when there is none of that name.
 */
export function commandNamed(name: string): CommandSpec {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) throw unknownCommand(name);
  return command;
}

/** Where the command's name is: what comes first and is neither option nor value of one. */
function commandIndex(args: readonly string[]): number {
  let at = 0;
  for (; at < args.length; at++) {
    const arg = args[at] ?? "";
    if (!arg.startsWith("-")) break;
    const valued = GLOBAL_OPTIONS.some(({ name, value }) =>
      value !== undefined && arg === `--${name}`
    );
    if (valued && !(args[at + 1] ?? "-").startsWith("-")) at++;
  }
  return at;
}

interface OptionValues extends ParsedOptions {
  readonly byName: ReadonlyMap<string, readonly string[]>;
  readonly flags: ReadonlySet<string>;
}

/** @param hint the command that shows what there is. */
function parseOptions(
  args: readonly string[],
  specs: readonly OptionSpec[],
  hint: string,
): OptionValues {
  const flags = specs.filter(({ value }) => value === undefined);
  const valued = specs.filter(({ value }) => value !== undefined);
  const alias: Record<string, string> = {};
  for (const { name, short } of specs) if (short !== undefined) alias[short] = name;
  const parsed = parseArgs(args, {
    boolean: flags.map(({ name }) => name),
    // Everything is collected: a value that is given twice must not vanish.
    collect: valued.map(({ name }) => name),
    string: ["_", ...valued.map(({ name }) => name)],
    alias,
    unknown: (arg, key) => {
      if (key === undefined) return true;
      throw unknownOption(arg, specs, hint);
    },
  });
  const byName = new Map<string, readonly string[]>();
  for (const spec of valued) byName.set(spec.name, valuesOf(spec, parsed[spec.name], hint));
  for (const arg of args) {
    if (arg === "--") break;
    const flag = flags.find(({ name }) => arg.startsWith(`--${name}=`));
    if (flag !== undefined) {
      throw new UserError(`Option --${flag.name} takes no value; see \`${hint}\``);
    }
  }
  return optionsOf({
    operands: parsed._.map(String),
    byName,
    flags: new Set(flags.map(({ name }) => name).filter((name) => parsed[name] === true)),
  });
}

function optionsOf(
  parts: Pick<OptionValues, "operands" | "byName" | "flags">,
): OptionValues {
  return {
    ...parts,
    flag: (name) => parts.flags.has(name),
    value: (name) => parts.byName.get(name)?.[0] ?? null,
    values: (name) => parts.byName.get(name) ?? [],
  };
}

function valuesOf(spec: OptionSpec, given: unknown, hint: string): readonly string[] {
  const values = (given as readonly unknown[] | undefined ?? []).map(String);
  if (values.includes("")) {
    throw new UserError(
      `Option --${spec.name} needs a value: --${spec.name} ${spec.value}; see \`${hint}\``,
    );
  }
  if (values.length > 1 && spec.repeatable !== true) {
    throw new UserError(`Option --${spec.name} is given ${values.length} times, must be once`);
  }
  return values;
}

/** A global option may stand before the command or after it, but not in both places. */
function merge(before: OptionValues, after: OptionValues, hint: string): OptionValues {
  const byName = new Map(after.byName);
  for (const [name, values] of before.byName) {
    if (values.length === 0) continue;
    if ((byName.get(name) ?? []).length > 0) {
      throw new UserError(`Option --${name} is given twice; see \`${hint}\``);
    }
    byName.set(name, values);
  }
  return optionsOf({
    operands: after.operands,
    byName,
    flags: new Set([...before.flags, ...after.flags]),
  });
}

function checkOperands(command: CommandSpec, operands: readonly string[], hint: string): void {
  const { operandsMin, operandsMax } = command;
  if (operands.length >= operandsMin && operands.length <= (operandsMax ?? Infinity)) return;
  const usage = command.operands === "" ? "no operands" : command.operands;
  const given = operands.length === 0 ? "none" : operands.map((text) => `"${text}"`).join(", ");
  throw new UserError(`cox ${command.name} takes ${usage}, was given ${given}; see \`${hint}\``);
}

function unknownCommand(name: string): UserError {
  const nearest = nearestName(name, COMMANDS.map((command) => command.name));
  const fix = nearest === null ? "see `cox help`" : `did you mean \`cox ${nearest}\`?`;
  return new UserError(`There is no command "${name}"; ${fix}`);
}

function unknownOption(arg: string, specs: readonly OptionSpec[], hint: string): UserError {
  const option = arg.split("=")[0] ?? arg;
  const nearest = nearestName(option.replace(/^-+/, ""), specs.map(({ name }) => name));
  const named = COMMANDS.find(({ name }) => option === `--${name}`);
  const fix = nearest !== null
    ? `did you mean --${nearest}?`
    : named !== undefined
    ? `did you mean \`cox ${named.name}\`?`
    : `see \`${hint}\``;
  return new UserError(`There is no option ${option} here; ${fix}`);
}
