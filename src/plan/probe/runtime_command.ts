/**
 * Runs the runtime's own subcommands (`info`, `cache`) and returns what they print.
 * Must not know: what is asked.
 */

/** A finished subcommand. */
export interface CommandOutput {
  readonly success: boolean;
  readonly stdout: string;
  /** Without colours. */
  readonly stderr: string;
}

/** How to run it. */
export interface CommandOptions {
  readonly denoPath: string;
  /** Complete environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Aborting ends the subcommand with SIGTERM. */
  readonly signal?: AbortSignal;
}

/**
 * Runs `deno ARGS` in the root directory, so that no configuration file is near.
 *
 * @param args Arguments.
 * @param options How.
 */
export async function runtimeCommand(
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandOutput> {
  const output = await new Deno.Command(options.denoPath, {
    args: [...args],
    cwd: "/",
    clearEnv: true,
    env: { ...options.environment, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  }).output();
  const decoder = new TextDecoder();
  return {
    success: output.success,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

/**
 * The reason in what a failed subcommand printed: its `error:` lines as one line, without a
 * place in a module that we made up.
 *
 * @param stderr Standard error of the subcommand.
 */
export function failureText(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim());
  const start = lines.findIndex((line) => line.startsWith("error:"));
  const end = lines.findIndex((line, at) => at > start && line === "");
  const part = lines.slice(Math.max(start, 0), end === -1 ? undefined : end);
  return part.filter((line) => line !== "").join(" ").replace(/^error: /, "")
    .replaceAll(/ +at data:\S+/g, "");
}
