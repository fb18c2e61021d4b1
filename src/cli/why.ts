/** `cox why`. */
import type { EventRecord } from "../audit/event_record.ts";
import { nearestName } from "../config/did_you_mean.ts";
import type { ControlClient } from "../control/client.ts";
import type { CommandContext } from "./command.ts";
import { connect } from "./connect.ts";
import { EXIT, UserError } from "./exit_codes.ts";
import { whyLines } from "./why_story.ts";

export async function run(context: CommandContext): Promise<number> {
  const { options, io } = context;
  const [name = ""] = options.operands;
  using client = await connect(context);
  const process = await processOf(client, name);
  const { events } = await client.call("events", {});
  for (const line of whyLines(events as readonly EventRecord[], process, name)) io.out(`${line}\n`);
  return EXIT.ok;
}

/** A process, or who keeps a contract. @throws {UserError} neither. */
async function processOf(client: ControlClient, name: string): Promise<string> {
  const { processes, deadlines } = await client.call("snapshot", {});
  if (name in processes) return name;
  const contract = deadlines[name];
  if (contract !== undefined) return contract.process;
  const nearest = nearestName(name, [...Object.keys(processes), ...Object.keys(deadlines)]);
  const fix = nearest === null ? "see `cox ps` and `cox deadlines`" : `did you mean "${nearest}"?`;
  throw new UserError(`There is no process or contract "${name}"; ${fix}`);
}
