/** `cox ps`. */
import type { CommandContext } from "./command.ts";
import { connect } from "./connect.ts";
import { EXIT } from "./exit_codes.ts";
import { formatProcessTable } from "./process_table.ts";

export async function run(context: CommandContext): Promise<number> {
  const { options, io, color } = context;
  using client = await connect(context);
  const snapshot = await client.call("snapshot", {});
  if (options.flag("json")) {
    io.out(JSON.stringify(snapshot, null, 2) + "\n");
    return EXIT.ok;
  }
  const processes = options.flag("all")
    ? { ...snapshot.system, ...snapshot.processes }
    : snapshot.processes;
  io.out(formatProcessTable(processes, { color, nowMs: Date.now() }) + "\n");
  return EXIT.ok;
}
