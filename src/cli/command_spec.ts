/**
 * What a command accepts, as data: parsing, help and the reference are made from it.
 * Types only. Must not know: any command.
 */

/** One option of a command. */
export interface OptionSpec {
  /** Without its dashes. */
  readonly name: string;
  /** One letter, without its dash. */
  readonly short?: string;
  /** Name of its value in the help; absent: it has none. */
  readonly value?: string;
  readonly repeatable?: boolean;
  /** One sentence without a full stop. */
  readonly text: string;
}

/** One command. */
export interface CommandSpec {
  readonly name: string;
  /** One sentence without a full stop, for the overview. */
  readonly summary: string;
  /** Its arguments as the help shows them: `NAME…`; empty: none. */
  readonly operands: string;
  readonly operandsMin: number;
  /** null: any number. */
  readonly operandsMax: number | null;
  /** What one needs to know besides. */
  readonly text: string;
  readonly options: readonly OptionSpec[];
  readonly example: { readonly line: string; readonly text: string };
}

/** A command line that fits its specification. */
export interface ParsedOptions {
  readonly operands: readonly string[];
  flag(name: string): boolean;
  /** The value of an option, or null. */
  value(name: string): string | null;
  /** All values of a repeatable option. */
  values(name: string): readonly string[];
}
