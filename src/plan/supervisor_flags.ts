/**
 * The least that the supervisor needs from the runtime, flag by flag with the reason. Owns the
 * list, which `cox permissions` prints and the start of the supervisor uses.
 * Must not know: how the supervisor is started.
 */
import { parentDirectory } from "./paths.ts";

/** One flag, and why it is needed. */
export interface ExplainedFlag {
  readonly flag: string;
  readonly why: string;
}

/** Where the supervisor works. */
export interface SupervisorPaths {
  /** Absolute path of cox itself. */
  readonly coxDir: string;
  /** Absolute. */
  readonly runDir: string;
  /** Absolute path of the summary file; null: none. */
  readonly summaryPath: string | null;
}

/**
 * Lists the supervisor's permissions.
 *
 * @param paths Where it works; no path may contain a comma.
 * @returns In a fixed order.
 */
export function supervisorPermissions(paths: SupervisorPaths): ExplainedFlag[] {
  const { coxDir, runDir, summaryPath } = paths;
  // The summary is written beside its place and renamed into it.
  const summaryFolder = summaryPath === null ? [] : [parentDirectory(summaryPath)];
  const folders = [runDir, notifyDirectory(runDir), ...summaryFolder];
  return [
    {
      flag: "--allow-ffi",
      why: "posix_spawn, pipes, sockets, pidfd, epoll, /proc and cgroups through libc; " +
        "pointers cannot be had with a scoped grant. It amounts to full trust",
    },
    {
      flag: `--allow-read=${[...folders, `${coxDir}/${MODULES}`].join(",")}`,
      why: "the plan, the event file, the socket; the modules of the monitor's thread",
    },
    { flag: `--allow-write=${folders.join(",")}`, why: "events, the control socket, the summary" },
    { flag: "--allow-sys=uid", why: "who it is, to know its equals on the control socket" },
  ];
}

/** What a Worker imports is read by the program and not by the runtime: it takes a permission. */
const MODULES = "src";

/** Where the notify sockets of other users' processes lie: they cannot enter the run directory. */
export function notifyDirectory(runDir: string): string {
  return `${runDir}.notify`;
}

/**
 * A young generation of 1 MiB: with V8's own 16 MiB, a crash loop of 1,000 restarts a second keeps
 * 100 MiB of garbage, and is no faster for it. And the means to collect it when the start is over.
 * Each thread collects alone: one that waits for helpers, which have no priority, waits for the CPU
 * with them, and the monitor must not.
 */
const V8_FLAGS = "--v8-flags=--max-semi-space-size=1,--expose-gc,--single-threaded-gc";

/**
 * The supervisor's command-line flags before its module.
 *
 * @param paths Where it works.
 */
export function supervisorFlags(paths: SupervisorPaths): string[] {
  return ["--no-prompt", "--no-config", "--cached-only", "--no-lock", V8_FLAGS]
    .concat(supervisorPermissions(paths).map(({ flag }) => flag));
}
