/** `cox deadlines`. */
import { ControlConnectionError } from "../control/client.ts";
import type { ControlClient } from "../control/client.ts";
import type { DeadlineSnapshots } from "../control/deadline_report.ts";
import { nearestName } from "../config/did_you_mean.ts";
import type { CommandContext } from "./command.ts";
import { connect } from "./connect.ts";
import { deadlineLines, type Rates, ratesOf } from "./deadline_table.ts";
import { EXIT, UserError } from "./exit_codes.ts";
import { parseInterval } from "./interval.ts";
import { Redraw } from "./redraw.ts";

/** Between the two looks that a rate takes, where nobody watches. */
const RATE_MS = 250;

export async function run(context: CommandContext): Promise<number> {
  const { options, io } = context;
  const everyMs = parseInterval(options.value("interval"), options.flag("watch"));
  using client = await connect(context);
  let before = await deadlinesOf(client, options.operands);
  let beforeMs = performance.now();
  if (options.flag("json") && everyMs === null) {
    io.out(JSON.stringify({ deadlines: before }, null, 2) + "\n");
    return EXIT.ok;
  }
  const show = shower(context);
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, everyMs ?? RATE_MS));
    try {
      const now = await deadlinesOf(client, options.operands);
      const nowMs = performance.now();
      show(now, ratesOf(before, now, nowMs - beforeMs));
      [before, beforeMs] = [now, nowMs];
    } catch (error) {
      // The crew has ended: there is nothing left to watch.
      if (error instanceof ControlConnectionError) return EXIT.ok;
      throw error;
    }
    if (everyMs === null) return EXIT.ok;
  }
}

type Show = (deadlines: DeadlineSnapshots, rates: Rates) => void;

function shower({ options, io, color }: CommandContext): Show {
  if (options.flag("json")) return (deadlines) => io.out(JSON.stringify({ deadlines }) + "\n");
  const columns = () => io.terminalSize()?.columns ?? null;
  if (options.flag("watch") && io.stdoutIsTerminal) {
    const redraw = new Redraw(io);
    return (deadlines, rates) =>
      redraw.show(
        deadlineLines(deadlines, { rates, color, columns: columns() }),
        io.terminalSize(),
      );
  }
  let isFirst = true;
  return (deadlines, rates) => {
    const text = deadlineLines(deadlines, { rates, color, columns: columns() }).join("\n");
    io.out(`${isFirst ? "" : "\n"}${text}\n`);
    isFirst = false;
  };
}

/** @throws {UserError} a name that is no contract's and no process's. */
async function deadlinesOf(
  client: ControlClient,
  names: readonly string[],
): Promise<DeadlineSnapshots> {
  const { deadlines } = await client.call("deadlines", {});
  const entries = Object.entries(deadlines);
  const known = new Set(entries.flatMap(([name, { process }]) => [name, process]));
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined) {
    const nearest = nearestName(unknown, [...known]);
    const fix = nearest === null ? "see `cox deadlines`" : `did you mean "${nearest}"?`;
    throw new UserError(`There is no contract "${unknown}", nor a process that has one; ${fix}`);
  }
  if (names.length === 0) return deadlines;
  return Object.fromEntries(
    entries.filter(([name, { process }]) => names.includes(name) || names.includes(process)),
  );
}
