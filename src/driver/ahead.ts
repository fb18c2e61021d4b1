/**
 * The supervisor started ahead of its plan: the front end starts it while it still checks the
 * configuration, so that the runtime and our modules are loaded by the time there is a plan.
 * Owns the two descriptors between them. Must not know: the guard, what is run.
 *
 * ```
 *  front end ──go pipe: one line, the options──► supervisor, waiting
 *  guard (what the front end becomes) ◄──status pipe: one line, the exit status── supervisor
 * ```
 */
import { closeFd, readFd, setCloseOnExec, writeFd } from "../os/pipe.ts";
import { GO_FD, STATUS_FD } from "./options.ts";

let statusFd: number | null = null;

/**
 * Waits for "go". Blocks: nothing else is to be done before.
 *
 * @returns the options, as JSON; null when the front end has ended without a plan.
 */
export function awaitGo(): string | null {
  setCloseOnExec(GO_FD, true);
  setCloseOnExec(STATUS_FD, true);
  statusFd = STATUS_FD;
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(4096);
  let text = "";
  while (!text.includes("\n")) {
    const count = readFd(GO_FD, chunk);
    if (count === "would-block" || count === 0) return null;
    text += decoder.decode(chunk.subarray(0, count), { stream: true });
  }
  closeFd(GO_FD);
  return text.slice(0, text.indexOf("\n"));
}

/**
 * Ends the supervisor, and tells the guard its status where the guard cannot wait for it.
 *
 * @returns never.
 */
export function exitWith(code: number): never {
  if (statusFd !== null) writeFd(statusFd, new TextEncoder().encode(`${code}\n`));
  Deno.exit(code);
}
