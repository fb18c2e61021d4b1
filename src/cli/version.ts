/** `cox version`: this cox, its runtime, and the supervisor if one runs. */
import { coxInstallation } from "../plan/probe/cox_installation.ts";
import { NoSupervisorError } from "../control/client.ts";
import type { CommandContext } from "./command.ts";
import { connect } from "./connect.ts";
import { EXIT, UserError } from "./exit_codes.ts";

export async function run(context: CommandContext): Promise<number> {
  const supervisor = await askSupervisor(context);
  const { io, options } = context;
  if (options.flag("json")) {
    const versions = { cox: coxInstallation().version, deno: Deno.version.deno, supervisor };
    io.out(JSON.stringify(versions, null, 2) + "\n");
    return EXIT.ok;
  }
  io.out(`cox ${coxInstallation().version}\ndeno ${Deno.version.deno}\n`);
  if (supervisor !== null) io.out(`supervisor ${supervisor.cox}, pid ${supervisor.pid}\n`);
  return EXIT.ok;
}

async function askSupervisor(
  context: CommandContext,
): Promise<{ readonly cox: string; readonly pid: number } | null> {
  try {
    using client = await connect(context);
    return await client.call("version", {});
  } catch (error) {
    // Without a configuration or a supervisor there are still our own versions to tell.
    const asked = context.options.value("config") !== null ||
      context.options.value("run-dir") !== null;
    if (error instanceof NoSupervisorError || (error instanceof UserError && !asked)) return null;
    throw error;
  }
}
