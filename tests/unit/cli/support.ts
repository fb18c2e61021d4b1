/** Runs a command in this process and gathers what it writes. Not a test. */
import { main } from "../../../src/cli/dispatch.ts";
import type { CliIo } from "../../../src/cli/io.ts";

export interface CliResult {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `cox` with these arguments. */
export async function runCli(
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly stdoutIsTerminal?: boolean;
    readonly out?: (text: string) => void;
  } = {},
): Promise<CliResult> {
  let out = "";
  let err = "";
  const io: CliIo = {
    out: options.out ?? ((text) => void (out += text)),
    err: (text) => void (err += text),
    env: (name) => options.env?.[name],
    stdoutIsTerminal: options.stdoutIsTerminal ?? false,
    terminalSize: () => null,
    cwd: options.cwd ?? "/",
  };
  return { exit: await main(args, io), out, err };
}
