/**
 * Becoming the guard, and living under it. The front end turns itself into the guard by
 * `execve`: same pid, but without the memory of what it has loaded. The supervisor leaves
 * the terminal to the guard and hears of its death.
 * Must not know: the plan, what runs.
 */
import { cString, stringTables } from "../os/c_string.ts";
import { checked, lastErrno, SystemError } from "../os/errno.ts";
import {
  CLOSE_RANGE_CLOEXEC,
  libc,
  PR_SET_CHILD_SUBREAPER,
  PR_SET_PDEATHSIG,
  SIG_DFL,
  SIG_SETMASK,
  SIGSET_BYTES,
  SYS_CLOSE_RANGE,
} from "../os/libc.ts";
import { setCloseOnExec } from "../os/pipe.ts";
import { signalNumber } from "../os/signals.ts";

/** What the guard is to run and to clean up. */
export interface GuardRequest {
  readonly supervisor: GuardedSupervisor;
  /** The whole environment of guard and supervisor. */
  readonly env: readonly (readonly [name: string, value: string])[];
  /** Stays open in guard and supervisor, so that the run directory is theirs. */
  readonly lockFd: number;
  readonly runDir: string;
  /** The crew's cgroup, "pidns" for a PID namespace, null for neither. */
  readonly hold: string | null;
}

/** The supervisor: a command line to start, or a child that was started already. */
export type GuardedSupervisor =
  /** The program first: an absolute path, or a name on the PATH of `env`. */
  | { readonly kind: "start"; readonly argv: readonly string[] }
  /** It tells its exit status, as a line, into the pipe whose read end is `statusFd`. */
  | { readonly kind: "adopt"; readonly pid: number; readonly statusFd: number };

/** Where the guard reads the status of an adopted supervisor: a shell takes one digit. */
const STATUS_FD = 8;
/** Nobody sends this one by accident, and Deno can listen to it. */
const PARENT_DEATH_SIGNAL = "SIGPWR";
/** Runs the guard's script. */
export const GUARD_SHELL = "/bin/sh";

/** The guard is a shell script, and descriptors 0 … 9 are a shell's to use. */
export const LOCK_FD_MIN = 10;

/** The shell could not trap what it inherits as ignored (POSIX, `trap`); nohup's HUP stays. */
const RESET_SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGCHLD"];

/**
 * Replaces this program by the guard, which starts or adopts the supervisor.
 *
 * Descriptors above 2 do not survive, but for the lock and an adopted supervisor's status.
 *
 * @returns never.
 * @throws {SystemError} when there is no shell to execute, or the script is not a file.
 */
export function becomeGuard(request: GuardRequest): never {
  const { supervisor, env, lockFd, runDir, hold } = request;
  if (lockFd < LOCK_FD_MIN) throw new RangeError(`lockFd must be at least ${LOCK_FD_MIN}`);
  const argv = [GUARD_SHELL, ...guardArguments(runDir, hold, supervisor)];
  const strings = stringTables(argv, env.map(([name, value]) => `${name}=${value}`));
  const shell = cString(GUARD_SHELL);
  becomeSubreaper();
  // Rust opens everything close-on-exec, but what we inherited need not be.
  const closed = libc().syscall(SYS_CLOSE_RANGE, 3n, 0xffff_ffffn, CLOSE_RANGE_CLOEXEC);
  checked(Number(closed), "close_range");
  setCloseOnExec(lockFd, false);
  // The copy is not close-on-exec, whatever the original is (dup2(2)).
  if (supervisor.kind === "adopt") checked(libc().dup2(supervisor.statusFd, STATUS_FD), "dup2");
  for (const name of RESET_SIGNALS) libc().signal(signalNumber(name)!, SIG_DFL);
  libc().pthread_sigmask(SIG_SETMASK, new Uint8Array(SIGSET_BYTES), null);
  libc().execve(shell, strings.tables[0]!, strings.tables[1]!);
  throw new SystemError("execve", lastErrno(), GUARD_SHELL);
}

/**
 * Makes orphans below us our children: now, and after `execve`. A supervisor that was started
 * ahead must not be told to begin before this: what gets away first would get away for good.
 */
export function becomeSubreaper(): void {
  checked(libc().prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n), "prctl(PR_SET_CHILD_SUBREAPER)");
}

/** The script and its arguments. */
export function guardArguments(
  runDir: string,
  hold: string | null,
  supervisor: GuardedSupervisor,
): string[] {
  const who = supervisor.kind === "start" ? supervisor.argv : [String(supervisor.pid)];
  return [guardScriptPath(), runDir, hold ?? "-", supervisor.kind, ...who];
}

/** Where the guard's script lies. */
export function guardScriptPath(): string {
  const url = new URL("./guard.sh", import.meta.url);
  if (url.protocol !== "file:") {
    throw new Error(`Cannot run the guard from ${url.href}: a shell needs a file`);
  }
  return decodeURIComponent(url.pathname);
}

/**
 * Makes the supervisor leader of a session of its own, unless it is: a Ctrl-C at the terminal
 * then reaches the guard alone, which passes it on, once.
 *
 * @throws {SystemError} EPERM when it leads a process group of another session.
 */
export function becomeSessionLeader(): void {
  if (libc().getsid(0) === Deno.pid) return;
  checked(libc().setsid(), "setsid");
}

/**
 * Asks the kernel to tell when the guard has died, and calls `onLost` then, once; at once
 * when it has died already.
 *
 * @param guardPid our parent as the front end knew it.
 * @returns stops listening.
 */
export function armParentDeath(guardPid: number, onLost: () => void): () => void {
  let told = false;
  const check = () => {
    // A signal alone proves nothing: anybody may send it.
    if (told || libc().getppid() === guardPid) return;
    told = true;
    onLost();
  };
  Deno.addSignalListener(PARENT_DEATH_SIGNAL, check);
  const signo = BigInt(signalNumber(PARENT_DEATH_SIGNAL)!);
  checked(libc().prctl(PR_SET_PDEATHSIG, signo, 0n, 0n, 0n), "prctl(PR_SET_PDEATHSIG)");
  // The guard may have died before the kernel was asked.
  queueMicrotask(check);
  return () => Deno.removeSignalListener(PARENT_DEATH_SIGNAL, check);
}
