/** `cox events`. */
import type { EventRecord } from "../audit/event_record.ts";
import { formatEventLine } from "../audit/format_event.ts";
import { terminalText } from "../system/terminal_text.ts";
import type { CommandContext } from "./command.ts";
import { connect } from "./connect.ts";
import { EXIT, UserError } from "./exit_codes.ts";

export async function run(context: CommandContext): Promise<number> {
  const { options, io } = context;
  const since = parseSince(options.value("since"));
  const follow = options.flag("follow");
  const show = options.flag("json")
    ? (record: EventRecord) => io.out(JSON.stringify(record) + "\n")
    : (record: EventRecord) => io.out(terminalText(formatEventLine(record), false) + "\n");
  using client = await connect(context);
  const { events } = await client.call("events", { since, follow });
  for (const record of events as readonly EventRecord[]) show(record);
  if (follow) { for await (const record of client.events()) show(record); }
  return EXIT.ok;
}

function parseSince(text: string | null): number {
  if (text === null) return 1;
  const since = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(since)) {
    throw new UserError(`Option --since must be a sequence number, is "${text}"`);
  }
  return since;
}
