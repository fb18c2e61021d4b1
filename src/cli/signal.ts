/** `cox signal`. */
import type { CommandContext } from "./command.ts";
import { connect } from "./connect.ts";
import { printOutcomes } from "./process_request.ts";

export async function run(context: CommandContext): Promise<number> {
  const [name = "", signal = ""] = context.options.operands;
  using client = await connect(context);
  const { outcomes } = await client.call("signal", { name, signal: signal.toUpperCase() });
  return printOutcomes(context, outcomes, "sent");
}
