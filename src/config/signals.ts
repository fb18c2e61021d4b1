/**
 * The names of the signals that a configuration may use (signal(7), x86-64 and arm64).
 * Must not know: their numbers, which belong to the plan.
 */

/** Every standard signal that can be sent to a process. */
export const SIGNAL_NAMES = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGILL",
  "SIGTRAP",
  "SIGABRT",
  "SIGBUS",
  "SIGFPE",
  "SIGKILL",
  "SIGUSR1",
  "SIGSEGV",
  "SIGUSR2",
  "SIGPIPE",
  "SIGALRM",
  "SIGTERM",
  "SIGSTKFLT",
  "SIGCHLD",
  "SIGCONT",
  "SIGSTOP",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGURG",
  "SIGXCPU",
  "SIGXFSZ",
  "SIGVTALRM",
  "SIGPROF",
  "SIGWINCH",
  "SIGIO",
  "SIGPWR",
  "SIGSYS",
] as const;

/** Signals that suspend a process: it would outlive every stop until KILL. */
export const SUSPENDING_SIGNALS: readonly string[] = ["SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU"];
