/**
 * What a command may touch of the outside besides files: output, environment, colours.
 * A parameter, so that tests can look. Must not know: any command.
 */

/** One invocation's surroundings. */
export interface CliIo {
  out(text: string): void;
  err(text: string): void;
  env(name: string): string | undefined;
  /** Whether stdout is a terminal. */
  readonly stdoutIsTerminal: boolean;
  /** Of stdout's terminal; null: there is none, or it does not tell. */
  terminalSize(): TerminalSize | null;
  /** Absolute. */
  readonly cwd: string;
}

/** In characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** The reader of stdout has gone: nothing is left to say. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

/** The real surroundings. */
export function systemIo(): CliIo {
  return {
    out: (text) => writeAll(Deno.stdout, text),
    err: (text) => writeAll(Deno.stderr, text),
    env: (name) => Deno.env.get(name),
    stdoutIsTerminal: Deno.stdout.isTerminal(),
    terminalSize,
    cwd: Deno.cwd(),
  };
}

function terminalSize(): TerminalSize | null {
  if (!Deno.stdout.isTerminal()) return null;
  const { columns, rows } = Deno.consoleSize();
  // A terminal that nobody has told its size has none.
  return columns > 0 && rows > 0 ? { columns, rows } : null;
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
    throw error;
  }
}
