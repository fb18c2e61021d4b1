/**
 * Starts the supervisor ahead of its plan and gives it the word, or takes it back. Loading the
 * runtime and our modules takes it as long as the configuration takes us: on two cores, half of
 * the wait is saved. Must not know: what is in the plan.
 */
import { closeFd, createPipe, writeFd } from "../os/pipe.ts";
import { sendSignal } from "../os/signals.ts";
import { AHEAD_ARGUMENT, GO_FD, STATUS_FD, type SupervisorOptions } from "../driver/options.ts";
import { reap } from "../process/reap.ts";
import { spawnProcess } from "../process/spawn.ts";
import { SystemRefusal } from "./exit_codes.ts";

const SIGKILL = 9;

/** What to start. */
export interface AheadRequest {
  /** The command line up to the supervisor's one argument; absolute path first. */
  readonly argv: readonly string[];
  readonly env: readonly (readonly [name: string, value: string])[];
  /** Passed on under the same number. */
  readonly lockFd: number;
}

/** A supervisor that waits for its plan. Our child, in a session of its own. */
export interface SupervisorAhead {
  readonly pid: number;
  /** Tells its exit status, as a line. */
  readonly statusFd: number;
  /**
   * Tells it to begin.
   *
   * @throws {SystemRefusal} when it has ended already.
   */
  go(options: SupervisorOptions): void;
  /** Ends it and waits until it is gone: nothing came of it. */
  abandon(): Promise<void>;
}

/**
 * Starts a supervisor.
 *
 * @throws {SystemRefusal} when it cannot be started.
 */
export function startSupervisorAhead({ argv, env, lockFd }: AheadRequest): SupervisorAhead {
  const go = createPipe();
  const status = createPipe();
  const spawned = spawnProcess({
    executable: argv[0]!,
    argv: [...argv, AHEAD_ARGUMENT],
    cwd: Deno.cwd(),
    env,
    umask: 0o077,
    // Whoever is in its debugger has all that the crew's processes may do, and foreign functions.
    noDebugger: true,
    descriptors: [
      ...[0, 1, 2].map((fd) => ({ fd, source: fd })),
      { fd: GO_FD, source: go.readFd },
      { fd: STATUS_FD, source: status.writeFd },
      { fd: lockFd, source: lockFd },
    ],
  });
  closeFd(go.readFd);
  closeFd(status.writeFd);
  if (spawned.kind === "failed") {
    throw new SystemRefusal(`Cannot start the supervisor: ${spawned.errno} ${spawned.path}`);
  }
  const { pid } = spawned;
  return {
    pid,
    statusFd: status.readFd,
    go(options) {
      const bytes = new TextEncoder().encode(JSON.stringify(options) + "\n");
      if (writeFd(go.writeFd, bytes) !== bytes.length) {
        throw new SystemRefusal("The supervisor ended before it could begin");
      }
    },
    async abandon() {
      sendSignal(pid, SIGKILL);
      while (reap(pid).kind === "running") await new Promise((resolve) => setTimeout(resolve, 1));
    },
  };
}
