/** `cox timeline`. */
import { parseDurationNs } from "../config/units.ts";
import type { CommandContext } from "./command.ts";
import { connect } from "./connect.ts";
import { EXIT, UserError } from "./exit_codes.ts";
import { timelineSvg } from "./timeline_svg.ts";

const SECONDS_MAX = 3600;

export async function run(context: CommandContext): Promise<number> {
  const { options, io } = context;
  const path = options.value("svg");
  if (path === null) throw new UserError("Option --svg FILE is needed: the timeline is a picture");
  const seconds = parseSeconds(options.value("last"));
  using client = await connect(context);
  const { config } = await client.call("snapshot", {});
  const report = await client.call("stamps", { seconds });
  await Deno.writeTextFile(path, timelineSvg(report, config));
  io.out(`${path}: ${report.processes.length} processes, the last ${seconds} s\n`);
  return EXIT.ok;
}

function parseSeconds(text: string | null): number {
  if (text === null) return 5;
  let seconds: number;
  try {
    seconds = Math.ceil(parseDurationNs(text) / 1e9);
  } catch (error) {
    throw new UserError(`Option --last: ${(error as Error).message}`);
  }
  if (seconds >= 1 && seconds <= SECONDS_MAX) return seconds;
  throw new UserError(`Option --last must be 1s to 1h, is "${text}"`);
}
