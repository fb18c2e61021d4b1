/** `cox restart`. */
import type { CommandContext } from "./command.ts";
import { requestProcesses } from "./process_request.ts";

export function run(context: CommandContext): Promise<number> {
  return requestProcesses(context, "restart", "restarted");
}
