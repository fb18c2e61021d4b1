/**
 * Command lines of the runtime's children: which flags, in which order. Owns nothing else.
 * Must not know: what a permission means (`permissions.ts`), users, limits.
 */

/** A program in the runtime's sandbox. */
export interface DenoProgram {
  readonly denoPath: string;
  /** Path or data: URL of the import map; null: the program needs none. */
  readonly importMap: string | null;
  /** Frozen lock file; null: there is none, or nothing remote to lock. */
  readonly lockPath: string | null;
  /** `data:` URL of the preload; null: none. */
  readonly preload: string | null;
  /** Flags of V8. @default none */
  readonly v8Flags?: readonly string[];
  /** `--allow-…` flags. */
  readonly permissionFlags: readonly string[];
  /** Absolute path or URL. */
  readonly program: string;
  readonly args: readonly string[];
}

/**
 * The command line of a sandboxed program.
 *
 * @param program What to run.
 * @returns argv; `argv[0]` is `denoPath`.
 */
export function denoRunCommand(program: DenoProgram): string[] {
  return [
    program.denoPath,
    "run",
    // A permission that is not granted is refused, never asked for on a terminal.
    "--no-prompt",
    // A deno.json beside the program could redirect imports, the preload's included.
    "--no-config",
    "--cached-only",
    ...(program.lockPath === null ? ["--no-lock"] : [`--lock=${program.lockPath}`, "--frozen"]),
    ...(program.importMap === null ? [] : [`--import-map=${program.importMap}`]),
    ...(program.preload === null ? [] : [`--preload=${program.preload}`]),
    ...(program.v8Flags === undefined ? [] : [`--v8-flags=${program.v8Flags.join(",")}`]),
    ...program.permissionFlags,
    program.program,
    ...program.args,
  ];
}

/** A task of the project's deno.json: its text runs in the runtime's own shell, unsandboxed. */
export interface DenoTask {
  readonly denoPath: string;
  /** deno.json or deno.jsonc. */
  readonly configPath: string;
  readonly cwd: string;
  readonly name: string;
  readonly args: readonly string[];
}

/**
 * The command line of a task.
 *
 * @param task What to run.
 * @returns argv; `argv[0]` is `denoPath`.
 */
export function denoTaskCommand(task: DenoTask): string[] {
  return [
    task.denoPath,
    "task",
    "--quiet",
    `--config=${task.configPath}`,
    `--cwd=${task.cwd}`,
    task.name,
    ...task.args,
  ];
}
