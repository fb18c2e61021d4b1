/** Connects a command to the running supervisor. Must not know: what is asked of it. */
import { connectControl, type ControlClient } from "../control/client.ts";
import type { CommandContext } from "./command.ts";
import { locateRunDir } from "./locate.ts";

/**
 * Connects to the supervisor of `--run-dir`, `--config` or the configuration found here.
 *
 * @throws {NoSupervisorError} none is running.
 */
export async function connect(context: CommandContext): Promise<ControlClient> {
  const runDir = await locateRunDir(context);
  context.log(`connecting to ${runDir}/control.sock`);
  return await connectControl(`${runDir}/control.sock`, { label: runDir });
}
