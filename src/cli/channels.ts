/** `cox channels`. */
import type { ControlClient } from "../control/client.ts";
import { ControlConnectionError } from "../control/client.ts";
import type { ChannelFigures, ChannelsReport } from "../control/channels_report.ts";
import { nearestName } from "../config/did_you_mean.ts";
import { channelLines } from "./channel_table.ts";
import type { CommandContext } from "./command.ts";
import { connect } from "./connect.ts";
import { EXIT, UserError } from "./exit_codes.ts";
import { parseInterval } from "./interval.ts";
import { Redraw } from "./redraw.ts";

export async function run(context: CommandContext): Promise<number> {
  const { options } = context;
  const everyMs = parseInterval(options.value("interval"), options.flag("watch"));
  using client = await connect(context);
  const show = shower(context);
  if (everyMs === null) {
    show(await figuresOf(client, options.operands));
    return EXIT.ok;
  }
  for (;;) {
    const calledMs = performance.now();
    try {
      show(await figuresOf(client, options.operands));
    } catch (error) {
      // The crew has ended: there is nothing left to watch.
      if (error instanceof ControlConnectionError) return EXIT.ok;
      throw error;
    }
    const tookMs = performance.now() - calledMs;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, everyMs - tookMs)));
  }
}

/** One way to show one set of figures after the other. */
function shower({ options, io, color }: CommandContext): (report: ChannelsReport) => void {
  const isWatch = options.flag("watch");
  if (options.flag("json")) {
    // Of a series each is one line.
    const indent = isWatch ? 0 : 2;
    return (report) => io.out(JSON.stringify(report, null, indent) + "\n");
  }
  if (isWatch && io.stdoutIsTerminal) {
    const redraw = new Redraw(io);
    return ({ channels }) => {
      const size = io.terminalSize();
      redraw.show(
        channelLines(inView(channels, size?.rows ?? Infinity), {
          color,
          columns: size?.columns ?? null,
        }),
        size,
      );
    };
  }
  let isFirst = true;
  return ({ channels }) => {
    const columns = io.terminalSize()?.columns ?? null;
    const text = channelLines(channels, { color, columns }).join("\n");
    io.out(`${isFirst ? "" : "\n"}${text}\n`);
    isFirst = false;
  };
}

/** Where not all fit, those that stand still come first, then those that somebody waits for. */
function inView(channels: readonly ChannelFigures[], rows: number): readonly ChannelFigures[] {
  // The head, and the line of the cursor.
  if (channels.length + 2 <= rows) return channels;
  const urgency = ({ standsForMs, waits }: ChannelFigures) =>
    (standsForMs > 0 ? 2 : 0) + (waits?.side === "producer" ? 1 : 0);
  return channels.toSorted((a, b) => urgency(b) - urgency(a));
}

/** @throws {UserError} a name that is no channel's and no process's. */
async function figuresOf(
  client: ControlClient,
  names: readonly string[],
): Promise<ChannelsReport> {
  const report = await client.call("channels", {});
  const { channels } = report;
  const known = new Set(channels.flatMap(namesOf));
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined) {
    const nearest = nearestName(unknown, [...known]);
    const fix = nearest === null ? "see `cox channels`" : `did you mean "${nearest}"?`;
    throw new UserError(`There is no channel "${unknown}", nor a process that has one; ${fix}`);
  }
  if (names.length === 0) return report;
  const isNamed = (channel: ChannelFigures) =>
    namesOf(channel).some((name) => names.includes(name));
  return { ...report, channels: channels.filter(isNamed) };
}

/** Of the channel, and of the processes at its ends. */
function namesOf({ channel, from, to }: ChannelFigures): string[] {
  const processOf = (end: string) =>
    end.slice(0, end.includes(".") ? end.lastIndexOf(".") : end.length);
  return [channel, processOf(from), processOf(to)];
}
