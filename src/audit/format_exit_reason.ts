/** An exit reason in words. Pure. Must not know: where it is shown. */
import type { ExitReason, KillCause } from "../core/exit_reason.ts";

const CAUSE_TEXT: Readonly<Record<KillCause, string>> = {
  "stop": "stopped",
  "stop-timeout": "killed: outlived its stop timeout",
  "ready-timeout": "killed: not ready in time",
  "group": "stopped with its group",
  "restart": "stopped for a restart",
  "deadline": "missed its deadline",
  "guard-lost": "stopped: the guard was lost",
};

/** As in `code 3`, `SIGSEGV, core dumped`, `SIGTERM (stopped)`. */
export function formatExitReason(reason: ExitReason): string {
  switch (reason.kind) {
    case "code":
      return `code ${reason.code}${formatCause(reason.cause)}`;
    case "signal":
      return reason.signal + (reason.coreDumped ? ", core dumped" : "") +
        formatCause(reason.cause);
    case "outOfMemory":
      return `${reason.signal}, out of memory`;
    case "spawnFailed":
      return `not started: ${reason.errno} on ${reason.path}`;
  }
}

function formatCause(cause: KillCause | null): string {
  return cause === null ? "" : ` (${CAUSE_TEXT[cause]})`;
}
