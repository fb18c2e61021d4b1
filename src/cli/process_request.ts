/** What `start`, `stop`, `restart` and `signal` share: asking, and showing the outcomes. */
import type { RequestResult } from "../control/protocol.ts";
import type { CommandContext } from "./command.ts";
import { connect } from "./connect.ts";
import { EXIT } from "./exit_codes.ts";

type Outcome = RequestResult["outcomes"][number];

/**
 * Asks for all names at once, so that an unknown one keeps the others from being touched, and
 * prints one line a process.
 *
 * @param done what an accepted request has led to: `started`.
 * @returns 111 when any of them was denied or failed.
 */
export async function requestProcesses(
  context: CommandContext,
  op: "start" | "stop" | "restart",
  done: string,
): Promise<number> {
  const wait = !context.options.flag("no-wait");
  using client = await connect(context);
  const name = context.options.operands;
  // A stop may take as long as the process's own timeout: the supervisor bounds it.
  const { outcomes } = await client.call(op, { name, wait }, { timeoutMs: wait ? null : 10_000 });
  return printOutcomes(context, outcomes, wait ? done : "accepted");
}

/** Prints outcomes. @returns the exit code that they call for. */
export function printOutcomes(
  { io }: CommandContext,
  outcomes: readonly Outcome[],
  done: string,
): number {
  let exit: number = EXIT.ok;
  for (const { process, kind, reason } of outcomes) {
    const because = reason === null ? "" : `: ${reason}`;
    if (kind === "accepted") io.out(`${process}: ${done}\n`);
    else if (kind === "ignored") io.out(`${process}: nothing to do${because}\n`);
    else {
      io.err(`${process}: ${kind}${because}\n`);
      exit = EXIT.refused;
    }
  }
  return exit;
}
