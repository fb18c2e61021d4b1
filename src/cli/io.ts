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
  /** Absolute. */
  readonly cwd: string;
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
    cwd: Deno.cwd(),
  };
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
