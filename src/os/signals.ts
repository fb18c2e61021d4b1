/**
 * Signals by name and number, and sending them. Owns the table of asm-generic/signal.h.
 * Must not know: why a signal is sent.
 */
import { lastErrno, SystemError } from "./errno.ts";
import { libc } from "./libc.ts";

/** From 1 on. */
const NAMES = (
  "SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 " +
  "SIGPIPE SIGALRM SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG " +
  "SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR SIGSYS"
).split(" ");

/** Other names in use for the same numbers. */
const ALIASES: Readonly<Record<string, number>> = { SIGIOT: 6, SIGPOLL: 29, SIGCLD: 17 };

/** glibc keeps 32 and 33 to itself. */
const REALTIME_FIRST = 34;
const SIGNAL_MAX = 64;
const ESRCH = 3;

/**
 * The number of a signal.
 *
 * @param name `SIGTERM` …, `SIG34` … `SIG64` for real-time signals.
 * @returns undefined for an unknown name.
 */
export function signalNumber(name: string): number | undefined {
  const index = NAMES.indexOf(name);
  if (index >= 0) return index + 1;
  const alias = ALIASES[name];
  if (alias !== undefined) return alias;
  const digits = /^SIG([1-9][0-9])$/.exec(name)?.[1];
  const number = Number(digits ?? NaN);
  return number >= REALTIME_FIRST && number <= SIGNAL_MAX ? number : undefined;
}

/** The name of a signal; `SIG34` where it has none. */
export function signalName(signo: number): string {
  return NAMES[signo - 1] ?? `SIG${signo}`;
}

/**
 * Sends a signal to a process, or to a process group when `pid` is negative.
 *
 * @param signo 1 … 64; 0 only asks whether the receiver exists.
 * @returns "gone" when there is no such process or group. A zombie still is "sent".
 * @throws {SystemError} when it is not allowed (EPERM) or `signo` is invalid (EINVAL).
 * @throws {RangeError} for pid 0 and -1, which would reach ourselves or everyone.
 */
export function sendSignal(pid: number, signo: number): "sent" | "gone" {
  if (!Number.isInteger(pid) || pid === 0 || pid === -1) {
    throw new RangeError(`Cannot send a signal to ${pid}: a pid or a negative group is needed`);
  }
  if (libc().kill(pid, signo) === 0) return "sent";
  const errno = lastErrno();
  if (errno === ESRCH) return "gone";
  throw new SystemError("kill", errno);
}
