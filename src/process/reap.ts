/**
 * Collects one ended child: its exit status and the CPU time it used. Only ever asks for a
 * pid that we spawned: waiting for "any child" would steal statuses from Deno's own.
 * Must not know: why it ended, beyond what the kernel says.
 */
import type { ExitReason } from "../core/exit_reason.ts";
import { errnoName, lastErrno, SystemError } from "../os/errno.ts";
import { libc, RUSAGE_BYTES, WNOHANG } from "../os/libc.ts";
import { signalName } from "../os/signals.ts";

/** What `reap` found. */
export type ReapResult =
  | { readonly kind: "running" }
  | {
    readonly kind: "exited";
    /** `cause` is null: the core knows why it was killed. */
    readonly reason: ExitReason;
    /** User and system time of the process and the descendants it waited for. */
    readonly cpuMs: number;
  };

/** The code of an exit whose status somebody else took: no process can return it. */
export const STATUS_LOST_CODE = -1;

const SIGKILL = 9;

/** What `wait4` writes; read at once. */
const status = new Int32Array(1);
const usage = new Uint8Array(RUSAGE_BYTES);
const usageView = new DataView(usage.buffer);

/**
 * Collects a child if it has ended; never waits.
 *
 * When its status is gone (ECHILD: another part of the program waited for it, or SIGCHLD
 * is ignored), it is reported as an exit with {@link STATUS_LOST_CODE}: a bad one.
 *
 * @param options.oomKilled asked after a KILL: whether the kernel's out-of-memory killer
 * sent it. @default never
 * @throws {SystemError} for any other refusal: our bug.
 */
export function reap(
  pid: number,
  options: { readonly oomKilled?: () => boolean } = {},
): ReapResult {
  const waited = libc().wait4(pid, status, WNOHANG, usage);
  if (waited === 0) return { kind: "running" };
  if (waited < 0) {
    const errno = lastErrno();
    if (errnoName(errno) !== "ECHILD") throw new SystemError("wait4", errno);
    return {
      kind: "exited",
      reason: { kind: "code", code: STATUS_LOST_CODE, cause: null },
      cpuMs: 0,
    };
  }
  const reason = exitReason(status[0]!);
  const killed = reason.kind === "signal" && reason.signal === signalName(SIGKILL);
  return {
    kind: "exited",
    reason: killed && options.oomKilled?.() === true
      ? { kind: "outOfMemory", signal: "SIGKILL" }
      : reason,
    cpuMs: cpuMs(),
  };
}

/**
 * Reads a wait status as sys/wait.h does.
 *
 * ```
 *  bits 15…8: exit code   bit 7: core dumped   bits 6…0: signal, 0 for an exit
 * ```
 */
export function exitReason(status: number): ExitReason {
  const signal = status & 0x7f;
  if (signal === 0) return { kind: "code", code: (status >> 8) & 0xff, cause: null };
  return {
    kind: "signal",
    signal: signalName(signal),
    coreDumped: (status & 0x80) !== 0,
    cause: null,
  };
}

/** `struct rusage` begins with the user and the system time, as seconds and microseconds. */
function cpuMs(): number {
  const at = (offset: number) => Number(usageView.getBigInt64(offset, true));
  return (at(0) + at(16)) * 1000 + (at(8) + at(24)) / 1000;
}
