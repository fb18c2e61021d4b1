/**
 * The supervisor's entry: takes its place under the guard and runs the crew of the plan.
 * Started by the front end, ahead of the plan, or by the guard; never by hand. Must not know: the configuration, the command
 * line.
 */
import { SystemError } from "../os/errno.ts";
import { setCloseOnExec } from "../os/pipe.ts";
import { setUmask } from "../os/umask.ts";
import { becomeSessionLeader } from "../process/guard.ts";
import { awaitGo, exitWith } from "./ahead.ts";
import { AHEAD_ARGUMENT, parseSupervisorOptions } from "./options.ts";
import { SupervisorRun } from "./supervisor_run.ts";

/** Exit code of our own bug. */
const BUG_EXIT_CODE = 101;
/** Exit code of the system's refusal: no descriptors, no memory. */
const REFUSED_EXIT_CODE = 111;

if (import.meta.main) {
  const argument = Deno.args[0] ?? "";
  const text = argument === AHEAD_ARGUMENT ? awaitGo() : argument;
  // The configuration was refused: there is nothing to run, and the front end has said why.
  if (text === null) Deno.exit(0);
  const options = parseSupervisorOptions(text);
  // Away from the terminal's foreground group: Ctrl-C reaches the guard alone, and once.
  becomeSessionLeader();
  // The guard passed it on by inheritance; nobody else is to have it.
  setCloseOnExec(options.lockFd, true);
  setUmask(0o077);
  let run: SupervisorRun | null = null;
  endOnBug(() => run?.killAll());
  try {
    run = new SupervisorRun(options);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    console.error(`cox: the crew cannot be started: ${error.message}`);
    exitWith(REFUSED_EXIT_CODE);
  }
  await run.start();
}

/** Our bug: no decision of ours can be trusted any more; end what we started, and say so. */
function endOnBug(killAll: () => void): void {
  const end = (error: unknown) => {
    console.error("cox: this is a bug in cox; the crew is ended.");
    console.error(error instanceof Error ? error.stack : error);
    killAll();
    exitWith(BUG_EXIT_CODE);
  };
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    end(event.error);
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    end(event.reason);
  });
}
