/**
 * A system process: what all of them have in common. Must not know: which there are, what any of
 * them does.
 */
import type { Duration } from "../config/config.ts";
import { denoRunCommand } from "./deno_command.ts";
import { buildEnvironment } from "./environment.ts";
import type { Facts } from "./facts.ts";
import type { DescriptorPlan, ProcessPlan } from "./plan.ts";
import { restartPlan, umaskPlan } from "./policies.ts";

/**
 * A young generation of 2 MiB: at 150 MB of output a second `@log` keeps 20 MiB of memory, with
 * V8's own 16 MiB over 80 MiB, and is no faster for it. And the means to pack the heap.
 */
const V8_FLAGS = ["--max-semi-space-size=2", "--expose-gc"];

/** What one of them has of its own. */
export interface SystemProgram {
  /** Begins with `@`. */
  readonly name: string;
  /** Module, relative to the folder of cox. */
  readonly module: string;
  /** `--allow-…` flags. */
  readonly permissionFlags: readonly string[];
  readonly descriptors: readonly DescriptorPlan[];
  /** Delays between restarts. @default as of every process */
  readonly backoff?: { readonly initial: Duration; readonly max: Duration };
}

/**
 * Builds the plan of a system process.
 *
 * @param program What it runs.
 * @param facts Where cox and the runtime are.
 */
export function systemProcess(program: SystemProgram, facts: Facts): ProcessPlan {
  const { name, backoff } = program;
  const argv = denoRunCommand({
    denoPath: facts.denoPath,
    // It imports neither packages nor bare names, so that nothing needs to be resolved.
    importMap: null,
    lockPath: null,
    preload: null,
    v8Flags: V8_FLAGS,
    permissionFlags: program.permissionFlags,
    program: `${facts.cox.dir}/${program.module}`,
    args: [],
  });
  const environment = buildEnvironment({
    own: facts.environment,
    declared: undefined,
    files: [],
    user: null,
    denoDir: facts.denoDir,
  });
  return {
    name,
    declaredName: name,
    system: true,
    kind: "deno",
    argv,
    executable: facts.denoPath,
    cwd: "/",
    env: environment.entries,
    umask: umaskPlan("0077"),
    uid: null,
    gid: null,
    descriptors: program.descriptors,
    after: [],
    ready: { by: "started" },
    restart: restartPlan({ policy: "permanent", ...(backoff === undefined ? {} : { backoff }) }),
    stop: { signal: 15, signalName: "SIGTERM", timeoutNs: 2_000_000_000, scope: "process" },
    finish: null,
    critical: false,
    group: 0,
    pulse: null,
    scheduling: null,
  };
}
