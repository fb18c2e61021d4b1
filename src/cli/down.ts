/** `cox down`: asks for the shutdown and waits until guard and supervisor are gone. */
import { processStat } from "../process/tree.ts";
import type { CommandContext } from "./command.ts";
import { connect } from "./connect.ts";
import { EXIT } from "./exit_codes.ts";

/** Looking this often costs nothing to speak of and adds little to the wait. */
const LOOK_EVERY_MS = 5;

export async function run(context: CommandContext): Promise<number> {
  const { options, io, log } = context;
  using client = await connect(context);
  const { guardPid, config } = await client.call("snapshot", {});
  const guard = processStat(guardPid);
  await client.call("shutdown", {});
  if (options.flag("no-wait")) {
    io.out(`${config}: shutdown accepted\n`);
    return EXIT.ok;
  }
  log(`waiting for the supervisor to close its connection`);
  await client.closed;
  log(`waiting for guard ${guardPid} to have cleaned up`);
  if (guard !== null) await waitForEnd(guardPid, guard.startTicks);
  io.out(`${config}: down\n`);
  return EXIT.ok;
}

/** Pid and start time name a process for ever; a zombie has ended. */
async function waitForEnd(pid: number, startTicks: number): Promise<void> {
  for (;;) {
    const stat = processStat(pid);
    if (stat === null || stat.startTicks !== startTicks || stat.state === "Z") return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
