/**
 * Runs a configuration of the examples as its text says, until what it is to show has been seen:
 * how long that takes is the machine's affair. Must not know: what it is to show.
 */
import { coxCommand, eventually } from "../../support/crew.ts";

/** What it has left. */
export interface ExampleEnd {
  readonly code: number;
  /** All that it has written to stdout. */
  readonly text: string;
  readonly errors: string;
}

/**
 * Starts `cox up`, and stops it with SIGTERM when its output is enough.
 *
 * @param args More arguments for `cox up`.
 * @throws {Error} with what was seen, when it is not enough within the watchdog's time.
 */
export async function runExample(
  config: string,
  args: readonly string[],
  isEnough: (text: string) => boolean,
): Promise<ExampleEnd> {
  const [command = "", ...rest] = coxCommand(["up", "--config", config, ...args]);
  const child = new Deno.Command(command, {
    args: rest,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const seen = ["", ""];
  const gathered = [child.stdout, child.stderr].map(async (stream, at) => {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) seen[at] += part;
  });
  let hasEnded = false;
  const status = child.status.then((value) => {
    hasEnded = true;
    return value;
  });
  try {
    await eventually("it has shown enough", () => hasEnded || isEnough(seen[0]!));
  } catch (error) {
    throw new Error(seen.join("\n"), { cause: error });
  } finally {
    if (!hasEnded) child.kill("SIGTERM");
    await Promise.all([status, ...gathered]);
  }
  return { code: (await status).code, text: seen[0]!, errors: seen[1]! };
}
