/**
 * A PID namespace around the supervisor and all that it starts: when its first process ends,
 * the kernel kills everything in it, whatever it has become. Owns the command line that makes
 * one. Must not know: what runs inside.
 *
 * ```
 *  guard ─► unshare ─► guard, as pid 1 ─► supervisor ─► …
 *  outside              inside
 * ```
 *
 * Each of the three to the left takes what is to its right along: the guard by the parent
 * death signal of `unshare`, which survives its exec chain; `unshare` by --kill-child; the
 * inner guard as the namespace's init.
 */
import { GUARD_SHELL, guardArguments } from "./guard.ts";

/** What the inner guard is to its children: the first process of its namespace. */
export const INIT_PID = 1;

const UNSHARE = ["unshare", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc"];

/** What the guard is told in the place of a cgroup: its signals go to the guard inside. */
export const PID_NAMESPACE = "pidns";

/**
 * The command line that runs `supervisorArgv` under a guard of its own in a new namespace.
 *
 * `setsid` keeps the terminal's signals from `unshare`, which would end everything at once.
 * The shell between makes sure that the guard had not died before the kernel was asked to
 * tell of its death. The programs are looked for on the PATH.
 *
 * @param guardPid the guard outside.
 */
export function inPidNamespace(
  guardPid: number,
  runDir: string,
  supervisorArgv: readonly string[],
): string[] {
  return [
    ...["setpriv", "--pdeathsig", "KILL"],
    ...[GUARD_SHELL, "-c", '[ "$PPID" = "$0" ] && exec "$@"', String(guardPid)],
    "setsid",
    ...UNSHARE,
    GUARD_SHELL,
    ...guardArguments(runDir, null, { kind: "start", argv: supervisorArgv }),
  ];
}

/** Starts and ends a namespace. @returns why that does not work here; null when it does. */
export async function pidNamespaceProblem(): Promise<string | null> {
  // The same chain as in earnest, so that a missing program shows here.
  const [program = "", ...args] = ["setpriv", "--pdeathsig", "KILL", "setsid", ...UNSHARE, "true"];
  try {
    const { success, stderr } = await new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    if (success) return null;
    const reason = new TextDecoder().decode(stderr).trim().split("\n")[0] ?? "";
    return reason === "" ? "unshare failed" : reason;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
